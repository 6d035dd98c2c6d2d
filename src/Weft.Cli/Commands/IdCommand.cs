using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Crypto.Sea;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Keys: who the node is, and users of it. Secrets stay in files of their owner.</summary>
internal static class IdCommand
{
    private const string Cost = "Sealing and opening cost 600,000 rounds of PBKDF2-HMAC-SHA-256, about 0.2 s each.";

    private static readonly Argument<string?> Shown = new("name")
    {
        Description = "A user's key; the node's own when left out.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<string?> New = new("name")
    {
        Description = "1 to 64 of a to z, 0 to 9 and \"-\"; the node's own key, with --replace, when left out.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<string> Exported = new("name")
    {
        Description = "A user's key; \"node\" for the node's own.",
    };

    private static readonly Argument<string> Imported = new("file") { Description = "The key file.", HelpName = "FILE" };

    private static readonly Option<bool> Sea = new("--sea") { Description = "A pair of gun.js's SEA (P-256)." };

    private static readonly Option<bool> Replace = new("--replace")
    {
        Description = "Instead of the key that is there, which is set aside.",
    };

    private static readonly Option<string?> Output = new("--output", "-o")
    {
        Description = "The file to make, readable by its owner only. Default: stdout, unless that is a terminal.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> As = new("--as")
    {
        Description = "Its name here. Default: the name in the file.",
        HelpName = "NAME",
    };

    public static Command Build()
    {
        var show = new WeftCommand("show", "The public part of a key: peer id, key, addresses.")
        {
            Examples = ["weft id show --json", "weft id show alice"],
            Resources = ["GET /identity"],
        };
        show.Arguments.Add(Shown);
        show.Options.Add(IdKeys.PassphraseFromFile);
        show.Options.Add(IdKeys.KeyFile);
        show.Run(ShowAsync);
        var make = new WeftCommand("new", "Make a key in the data folder.")
        {
            Examples =
            [
                "weft id new alice", "weft id new alice --sea", "weft id new bob --passphrase-file FILE",
                "weft id new --replace",
            ],
            Remarks = "The node's own key is made by its first start. " + Cost,
        };
        make.Arguments.Add(New);
        make.Options.Add(Sea);
        make.Options.Add(Replace);
        make.Options.Add(IdKeys.PassphraseFromFile);
        make.Options.Add(IdKeys.KeyFile);
        make.Run(NewAsync);
        var export = new WeftCommand("export", "Copy a key file, as it is: sealed if it is sealed.")
        {
            Examples = ["weft id export node -o node-identity.json", "weft id export alice -o alice.key"],
        };
        export.Arguments.Add(Exported);
        export.Options.Add(Output);
        export.Run(ExportAsync);
        var import = new WeftCommand("import", "Take a key from a file of weft, or a SEA pair of gun.js.")
        {
            Examples = ["weft id import node-identity.json", "weft id import pair.json --as alice"],
            Remarks = "A passphrase opens the file and seals the copy. " + Cost,
        };
        import.Arguments.Add(Imported);
        import.Options.Add(As);
        import.Options.Add(Replace);
        import.Options.Add(IdKeys.PassphraseFromFile);
        import.Options.Add(IdKeys.KeyFile);
        import.Run(ImportAsync);
        var command = new WeftCommand("id", "Keys of this node and its users: show, new, export, import, rotate, recovery.")
        {
            Examples = ["weft id show", "weft id new alice"],
        };
        foreach (Command sub in (Command[])[show, make, export, import, IdRotateCommand.Build(), IdRecoveryCommand.Build()])
        {
            command.Subcommands.Add(sub);
        }

        command.Run(ShowAsync);
        return command;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string? name = context.Parse.GetResult(Shown) is null ? null : context.Value(Shown);
        if (name is not null and not IdentityFolder.NodeName)
        {
            return ShowUser(context, name);
        }

        bool asksNode = !context.Value(GlobalOptions.Offline)
            && (context.Settings.Text(GlobalOptions.Url, "url") is not null || IdKeys.IsRunning(context));
        if (asksNode)
        {
            WeftClient client = await context.ConnectAsync(cancellationToken);
            using JsonDocument answer = await client.GetAsync(WeftClient.Path("identity"), cancellationToken);
            IdKeys.Print(
                context, answer.RootElement.Text("peerId") ?? "", answer.RootElement.Text("key") ?? "",
                [.. answer.RootElement.Items("addresses").Select(address => address.GetString() ?? "")]);
            return ExitCode.Done;
        }

        // Without a node the file tells: nothing is opened, locked or made.
        if (!IdKeys.Folder(context).Has(IdentityFolder.NodeName))
        {
            throw new CliException(
                WeftError.Absent, $"there is no identity in {context.Settings.DataFolder}; the first weft up makes it");
        }

        return ShowUser(context, IdentityFolder.NodeName);
    }

    private static int ShowUser(CommandContext context, string name)
    {
        using OpenKeys open = IdKeys.Open(context, name);
        IdKeys.PrintUser(context, name, open.Keys);
        return ExitCode.Done;
    }

    private static Task<int> NewAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string name = context.Value(New) ?? IdentityFolder.NodeName;
        bool isNode = name == IdentityFolder.NodeName;
        IdentityFolder folder = IdKeys.Folder(context);
        if (isNode && (context.Value(Sea) || !context.Value(Replace)))
        {
            throw CliException.Usage(
                "name the key, or say --replace for a new key of the node itself, which is never one of SEA",
                "weft id new alice", "weft id new --replace");
        }

        CheckFree(context, folder, name);
        byte[] passphrase = IdKeys.PassphraseForNew(context);
        using var keys = new KeyFile();
        try
        {
            if (context.Value(Sea))
            {
                keys.Add(name, KeyGenerator.NewSeaPair(IdKeys.Crypto));
            }
            else
            {
                keys.Add(name, KeyGenerator.NewEd25519(IdKeys.Crypto));
            }

            Store(context, folder, name, keys, passphrase);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passphrase);
        }

        IdKeys.PrintUser(context, name, keys);
        return Task.FromResult(ExitCode.Done);
    }

    private static async Task<int> ExportAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string path = IdKeys.Folder(context).FileOf(context.Value(Exported)!);
        if (!File.Exists(path))
        {
            throw new CliException(WeftError.Absent, $"there is no key file {path}") { Try = ["weft id new NAME"] };
        }

        string? target = context.Value(Output);
        if (target is null && context.Output.IsTerminal)
        {
            throw CliException.Usage("a key is not shown on a terminal; name a file", "weft id export NAME -o FILE");
        }

        byte[] content = await File.ReadAllBytesAsync(path, cancellationToken);
        try
        {
            if (target is null)
            {
                await context.Output.Bytes.WriteAsync(content, cancellationToken);
                await context.Output.Bytes.FlushAsync(cancellationToken);
            }
            else if (File.Exists(target))
            {
                throw new CliException(WeftError.TargetNotEmpty, $"{target} exists; nothing was written");
            }
            else
            {
                OwnerFile.Replace(Path.GetFullPath(target), content);
            }

            bool isSealed = KeyFileCodec.Read(IdKeys.Crypto, content).Status == KeyFileStatus.PassphraseNeeded;
            context.Output.Note(isSealed
                ? "sealed: worth nothing without its passphrase"
                : "not sealed: whoever has this file is this key");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }

        return ExitCode.Done;
    }

    private static Task<int> ImportAsync(CommandContext context, CancellationToken cancellationToken)
    {
        IdentityFolder folder = IdKeys.Folder(context);
        string path = context.Value(Imported)!;
        string? wanted = context.Value(As);
        using OpenKeys open = ReadPair(path, wanted) is { } pair
            ? new OpenKeys(pair, [])
            : IdKeys.OpenFile(context, path);
        KeyFile read = open.Keys;
        byte[] passphrase = open.Passphrase.Length > 0 ? [.. open.Passphrase] : IdKeys.PassphraseForNew(context);
        try
        {
            string inFile = read.Names.Count == 1 ? read.Names.Single() : throw new CliException(
                WeftError.KeyUnreadable, $"{path} has {read.Names.Count} keys; a file to import has one");
            string name = wanted ?? inFile;
            if (name == IdentityFolder.NodeName && read.FindEd25519(inFile) is null)
            {
                throw new CliException(WeftError.KeyUnreadable, "the node's own key is an Ed25519 key, not one of SEA");
            }

            CheckFree(context, folder, name);
            using KeyFile kept = Renamed(read, inFile, name);
            Store(context, folder, name, kept, passphrase);
            IdKeys.PrintUser(context, name, kept);
            return Task.FromResult(ExitCode.Done);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passphrase);
        }
    }

    // A pair that gun.js wrote has no name.
    private static KeyFile? ReadPair(string path, string? name)
    {
        byte[] content = new byte[KeyFileCodec.FileMax + 1];
        try
        {
            using FileStream file = File.OpenRead(path);
            int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            if (SeaPair.TryParse(IdKeys.Crypto, content.AsSpan(0, length)) is not { } pair)
            {
                return null;
            }

            if (name is null)
            {
                pair.Dispose();
                throw CliException.Usage("a pair of gun.js has no name; give it one", $"weft id import {path} --as NAME");
            }

            var keys = new KeyFile();
            keys.Add(name, pair);
            return keys;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    private static KeyFile Renamed(KeyFile read, string from, string to)
    {
        var kept = new KeyFile();
        if (read.FindEd25519(from) is { } key)
        {
            Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
            key.CopySeedTo(seed);
            kept.Add(to, new Ed25519KeyPair(IdKeys.Crypto, seed));
            CryptographicOperations.ZeroMemory(seed);
        }
        else if (read.FindSea(from) is { } pair)
        {
            var secrets = new System.Buffers.ArrayBufferWriter<byte>(1_024);
            pair.WriteSecrets(secrets);
            kept.Add(to, SeaPair.TryParse(IdKeys.Crypto, secrets.WrittenSpan)!);
            secrets.Clear();
        }

        return kept;
    }

    private static void CheckFree(CommandContext context, IdentityFolder folder, string name)
    {
        bool isNode = name == IdentityFolder.NodeName;
        if (isNode && IdKeys.IsRunning(context))
        {
            throw new CliException(
                WeftError.FolderLocked, $"a node runs on {context.Settings.DataFolder}; stop it first")
            {
                Try = ["weft down"],
            };
        }

        if (folder.Has(name) && !context.Value(Replace))
        {
            throw new CliException(WeftError.TargetNotEmpty, $"there is a key \"{name}\" already: {folder.FileOf(name)}")
            {
                Try = ["choose another name", "say --replace; the old file is set aside"],
            };
        }
    }

    private static void Store(
        CommandContext context, IdentityFolder folder, string name, KeyFile keys, ReadOnlySpan<byte> passphrase)
    {
        if (folder.SetAside(name, context.Host.Time.GetUtcNow()) is { } aside)
        {
            context.Output.Note($"the old key is in {aside}");
        }

        folder.Write(name, keys, passphrase);
        context.Output.Note(
            passphrase.IsEmpty
                ? $"kept in {folder.FileOf(name)}, not sealed"
                : $"kept in {folder.FileOf(name)}, sealed");
    }
}
