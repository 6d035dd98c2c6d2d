using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Recovery keys: named in time, they name together who follows a key that is lost or stolen.</summary>
internal static class IdRecoveryCommand
{
    private const string Resource = "identity/recovery";
    private const int FileCharsMax = 65_536;

    private static readonly Option<int> Of = new("--of")
    {
        Description = "How many of the keys must agree.",
        HelpName = "M",
        Required = true,
    };

    private static readonly Argument<string[]> Keys = new("key")
    {
        Description = "1 to 16 keys of people you trust, as weft id show prints.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Argument<string?> Shown = new("key")
    {
        Description = "Any key; the node's own when left out.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<string> Old = new("oldkey") { Description = "The key that is lost or stolen." };

    private static readonly Argument<string> New = new("newkey") { Description = "The key that shall follow it." };

    private static readonly Option<string> At = new("--at")
    {
        Description =
            "From when on: milliseconds since 1970, or a time such as 2026-05-01T12:00:00Z. All sign the same.",
        HelpName = "STATE",
        Required = true,
    };

    private static readonly Option<string> With = new("--with")
    {
        Description = "Which recovery key of the data folder signs. Default: node.",
        HelpName = "NAME",
        DefaultValueFactory = _ => IdentityFolder.NodeName,
    };

    private static readonly Option<string[]> Signature = new("--signature")
    {
        Description = "File with lines that weft id recovery sign printed; may be repeated.",
        HelpName = "FILE",
        DefaultValueFactory = _ => [],
    };

    public static Command Build()
    {
        var set = new WeftCommand("set", "Name the recovery keys of the node's key, for good.")
        {
            Examples = ["weft id recovery set --of 2 KEY KEY KEY"],
            Resources = ["PUT /identity/recovery"],
            Remarks = "Do it when the key is new: the first list stays, and no later one takes its place.",
        };
        set.Arguments.Add(Keys);
        set.Options.Add(Of);
        set.Run(SetAsync);
        var show = new WeftCommand("show", "The recovery keys of a key, and who follows it.")
        {
            Examples = ["weft id recovery show", "weft id recovery show KEY"],
            Resources = ["GET /identity/recovery"],
        };
        show.Arguments.Add(Shown);
        show.Run(ShowAsync);
        var sign = new WeftCommand("sign", "Sign, with a recovery key, that a new key follows an old one.")
        {
            Examples =
            [
                "weft id recovery sign OLDKEY NEWKEY --at 2026-05-01T12:00:00Z > bob.sig",
                "weft id recovery sign OLDKEY NEWKEY --at 1777636800000 --with alice",
            ],
            Resources = ["GET /identity/recovery"],
            Remarks = "First ask, over another way than the one the request came by, whether the owner wants this. "
                + "One signature does nothing; as many as the old key asked for cannot be taken back.",
        };
        Add(sign, IdKeys.PassphraseFromFile, IdKeys.KeyFile, With);
        sign.Run(SignAsync);
        var claim = new WeftCommand("claim", "Put into force what enough recovery keys have signed. Anybody may.")
        {
            Examples = ["weft id recovery claim OLDKEY NEWKEY --at STATE --signature bob.sig --signature eve.sig"],
            Resources = ["POST /identity/recovery"],
            Remarks = "From the state on what belonged to the old key belongs to the new one, at every peer that has "
                + "the record, and what the old key signed since is dropped.",
        };
        Add(claim, Signature);
        claim.Run(ClaimAsync);
        var command = new WeftCommand("recovery", "Recovery keys, for the day a key is lost: set, show, sign, claim.")
        {
            Examples = ["weft id recovery show", "weft id recovery set --of 2 KEY KEY KEY"],
        };
        foreach (Command sub in (Command[])[set, show, sign, claim])
        {
            command.Subcommands.Add(sub);
        }

        command.Run(ShowAsync);
        return command;
    }

    private static void Add(WeftCommand command, params Option[] options)
    {
        command.Arguments.Add(Old);
        command.Arguments.Add(New);
        command.Options.Add(At);
        foreach (Option option in options)
        {
            command.Options.Add(option);
        }
    }

    private static async Task<int> SetAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string[] keys = [.. context.Value(Keys)!.Select(key => Key(key).ToString())];
        int needed = context.Value(Of);
        if (!await context.ConfirmAsync(
            $"Any {needed} of these {keys.Length} keys can take over the node's key, for good. Go on?",
            cancellationToken))
        {
            return ExitCode.Refused;
        }

        byte[] body = JsonBuild.Object(writer =>
        {
            writer.WriteNumber("m", needed);
            JsonBuild.Texts(writer, "keys", keys);
        });
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Put, WeftClient.Path(Resource), body, cancellationToken);
        Done(context, answer.RootElement, $"{needed} of {keys.Length}", "named");
        return ExitCode.Done;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string? key = context.Parse.GetResult(Shown) is null ? null : context.Value(Shown);
        using JsonDocument answer = await AskAsync(context, key is null ? null : Key(key), cancellationToken);
        JsonElement known = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(known);
            return ExitCode.Done;
        }

        context.Output.Cells("key", known.Text("key") ?? "");
        context.Output.Cells("owner now", known.Text("owner") ?? "nobody");
        if (known.Member("set") is { } set)
        {
            context.Output.Cells("must agree", set.Text("m") ?? "");
            foreach (JsonElement one in set.Items("keys"))
            {
                context.Output.Cells("recovery key", one.GetString() ?? "");
            }
        }
        else
        {
            context.Output.Note("no recovery keys are known here; when the key is lost, nobody follows it");
        }

        if (known.Member("recovered") is { } recovered)
        {
            context.Output.Cells("recovered by", recovered.Text("key") ?? "", When(recovered.Long("at")));
        }

        return ExitCode.Done;
    }

    private static async Task<int> SignAsync(CommandContext context, CancellationToken cancellationToken)
    {
        Ed25519PublicKey old = Key(context.Value(Old)!);
        Ed25519PublicKey next = Key(context.Value(New)!);
        long state = State(context);
        using JsonDocument answer = await AskAsync(context, old, cancellationToken);
        ICrypto crypto = PlatformCrypto.Create();
        byte[] network = new byte[32];
        (RecoverySet set, long since) = ReadSet(answer.RootElement, old, network, crypto);
        if (next == old || state < since || state > context.Host.Time.GetUtcNow().ToUnixTimeMilliseconds())
        {
            throw CliException.Usage(
                next == old ? "a key is not its own successor"
                : state < since ? $"{old} had no recovery keys before {When(since)}"
                : $"{When(state)} has not come yet; a key is recovered from a time on that has passed");
        }

        RecoverySignature signature = Sign(context, crypto, pair => set.Keys.Contains(pair.PublicKey)
            ? RecoverySignature.Make(crypto, pair, network, old, next, state)
            : throw new CliException(WeftError.NotOwner, $"{pair.PublicKey} is none of the recovery keys of {old}")
            {
                Try = [$"weft id recovery show {old}", "--with NAME names another key of the data folder"],
            });
        context.Output.Note(
            $"signed by {signature.Key}, one of {set.Keys.Count} recovery keys of which {set.Needed} must agree:");
        context.Output.Note($"  from {When(state)} (state {state}) on, everything of");
        context.Output.Note($"  {old} belongs to");
        context.Output.Note($"  {next}, and what the old key signs later is refused");
        if (answer.RootElement.Member("recovered")?.Text("key") is { } before)
        {
            context.Output.Note($"mind: its recovery keys agreed on {PlainText.OneLine(before)} before");
        }

        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("key", old.ToString());
                writer.WriteString("next", next.ToString());
                writer.WriteNumber("at", state);
                writer.WriteString("signature", signature.ToString());
                writer.WriteEndObject();
            });
        }
        else
        {
            context.Output.Line(signature.ToString());
        }

        return ExitCode.Done;
    }

    private static async Task<int> ClaimAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string old = Key(context.Value(Old)!).ToString();
        string next = Key(context.Value(New)!).ToString();
        long state = State(context);
        var signatures = new List<string>();
        foreach (string file in context.Value(Signature) ?? [])
        {
            signatures.AddRange(await ReadAsync(file, cancellationToken));
        }

        if (signatures.Count == 0)
        {
            throw CliException.Usage("name the signatures with --signature FILE", "weft id recovery sign --help");
        }

        byte[] body = JsonBuild.Object(writer =>
        {
            writer.WriteString("key", old);
            writer.WriteString("next", next);
            writer.WriteNumber("at", state);
            JsonBuild.Texts(writer, "signatures", signatures.Distinct());
        });
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path(Resource), body, cancellationToken);
        Done(context, answer.RootElement, next, "recovered");
        context.Output.Note($"follows {old} from {When(state)} on");
        return ExitCode.Done;
    }

    private static async Task<JsonDocument> AskAsync(
        CommandContext context, Ed25519PublicKey? key, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        return await client.GetAsync(WeftClient.Path(Resource, ("key", key?.ToString())), cancellationToken);
    }

    private static void Done(CommandContext context, JsonElement answer, string what, string done)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(answer);
        }
        else
        {
            context.Output.Cells(what, answer.Long("applied") > 0 ? done : $"was {done} before");
        }
    }

    // The node may be somebody else's: what it says about the old key counts as far as the old key signed it.
    private static (RecoverySet Set, long Since) ReadSet(
        JsonElement known, Ed25519PublicKey old, byte[] network, ICrypto crypto)
    {
        JsonElement stated = known.Member("set") ?? throw new CliException(
            WeftError.Absent, $"no recovery keys of {old} are known here")
        {
            Try = ["ask a node that has the key's data: --url URL"],
        };
        byte[] signature = new byte[64];
        long since = stated.Long("at");
        var keys = new List<Ed25519PublicKey>();
        foreach (JsonElement one in stated.Items("keys"))
        {
            keys.Add(Ed25519PublicKey.TryParse(one.GetString(), out Ed25519PublicKey key) ? key : default);
        }

        int needed = (int)stated.Long("m");
        bool isRead = Base64UrlText.TryDecode(known.Text("network"), network)
            && Base64UrlText.TryDecode(stated.Text("sig"), signature);
        var set = new RecoverySet(keys, needed, signature);
        return isRead && set.IsSignedBy(old, since, network, crypto)
            ? (set, since)
            : throw new CliException(
                WeftError.SignatureRefused, $"the recovery keys that the node states are not signed by {old}");
    }

    private static RecoverySignature Sign(
        CommandContext context, ICrypto crypto, Func<Ed25519KeyPair, RecoverySignature> sign)
    {
        string name = context.Value(With)!;
        using OpenKeys open = IdKeys.Open(context, name);
        return sign(open.Keys.FindEd25519(name) ?? throw new CliException(
            WeftError.KeyUnreadable, $"\"{name}\" is no Ed25519 key, and only those are recovery keys"));
    }

    private static async Task<List<string>> ReadAsync(string file, CancellationToken cancellationToken)
    {
        using StreamReader reader = File.OpenText(file);
        char[] text = new char[FileCharsMax];
        int length = await reader.ReadBlockAsync(text, cancellationToken);
        var lines = new List<string>();
        foreach (string line in new string(text, 0, length).Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line.Length > 0)
            {
                lines.Add(RecoverySignature.TryParse(line, out _)
                    ? line
                    : throw CliException.Usage($"{file} has a line that is no signature of weft id recovery sign"));
            }
        }

        return lines;
    }

    private static Ed25519PublicKey Key(string text) =>
        Ed25519PublicKey.TryParse(text, out Ed25519PublicKey key)
            ? key
            : throw CliException.Usage(
                $"\"{PlainText.OneLine(text)}\" is not a key: 43 characters, as weft id show prints");

    private static long State(CommandContext context)
    {
        string text = context.Value(At)!;
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long state) ? state
            : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, Utc, out DateTimeOffset time)
                ? time.ToUnixTimeMilliseconds()
            : throw CliException.Usage(
                $"\"{PlainText.OneLine(text)}\" is no time; write for example 2026-05-01T12:00:00Z",
                "milliseconds since 1970 are a time, too");
    }

    private static string When(long state) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(state, 0, 253_402_300_799_999))
            .ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
