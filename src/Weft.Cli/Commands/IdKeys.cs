using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using Weft.Cli.App;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Crypto.Sea;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Cli.Commands;

/// <summary>A key file that was opened, and what opened it; both are cleared together.</summary>
/// <param name="Keys">The keys.</param>
/// <param name="Passphrase">Empty when the file was not sealed.</param>
internal sealed record OpenKeys(KeyFile Keys, byte[] Passphrase) : IDisposable
{
    /// <summary>Never a secret.</summary>
    public override string ToString() => Keys.ToString();

    public void Dispose()
    {
        Keys.Dispose();
        CryptographicOperations.ZeroMemory(Passphrase);
    }
}

/// <summary>
/// How commands open the keys of a data folder. What seals a key comes from a file or a question; in an encrypted folder
/// the folder's own secret seals the keys, too.
/// </summary>
internal static class IdKeys
{
    /// <summary>A file with the passphrase of a key.</summary>
    public static Option<string?> PassphraseFromFile { get; } = new("--passphrase-file")
    {
        Description = "File whose first line is the passphrase that seals the key; asked for when it is needed.",
        HelpName = "FILE",
    };

    /// <summary>The key file of an encrypted folder.</summary>
    public static Option<string?> KeyFile { get; } = new("--key-file")
    {
        Description = "File with the key of an encrypted folder, which seals the keys in it.",
        HelpName = "FILE",
    };

    public static ICrypto Crypto { get; } = PlatformCrypto.Create();

    public static IdentityFolder Folder(CommandContext context) => new(context.Settings.DataFolder, Crypto);

    /// <summary>Opens a key of the data folder.</summary>
    /// <exception cref="WeftException">Absent, KeyUnreadable, KeySealed.</exception>
    public static OpenKeys Open(CommandContext context, string name)
    {
        IdentityFolder folder = Folder(context);
        return Open(context, passphrase => folder.Read(name, passphrase));
    }

    /// <summary>Opens any key file.</summary>
    /// <exception cref="WeftException">Absent, KeyUnreadable, KeySealed.</exception>
    public static OpenKeys OpenFile(CommandContext context, string path)
    {
        IdentityFolder folder = Folder(context);
        return Open(context, passphrase => folder.ReadFile(path, passphrase));
    }

    /// <summary>What shall seal a new key of the data folder.</summary>
    /// <returns>The caller clears it; empty for none.</returns>
    /// <exception cref="CliException">The folder is encrypted, and nothing to seal the key with is named.</exception>
    public static byte[] PassphraseForNew(CommandContext context)
    {
        if (Named(context) is { } named)
        {
            return named;
        }

        if (StorageEngine.ReadKeyKind(context.Settings.DataFolder) == StoreKeyKind.None)
        {
            return [];
        }

        using StoreSecret? secret = StoreKeyOptions.FromFile(context);
        return secret is not null ? secret.ToPassphrase()
            : SecretPrompt.CanAsk(context) ? Typed(context, "New passphrase of the key", twice: true)
            : throw CliException.Usage(
                $"{context.Settings.DataFolder} is encrypted, so a key in it is sealed, too; name what seals it",
                "--passphrase-file FILE             a passphrase, that of the folder or another one",
                "--key-file FILE                    the key file of the folder");
    }

    // What a killed node left behind says that it runs; its lock does not.
    public static bool IsRunning(CommandContext context)
    {
        string file = Path.Combine(context.Settings.DataFolder, "lock");
        try
        {
            using var held = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            return false;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    public static void Print(CommandContext context, string peerId, string key, string[] addresses)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("peerId", peerId);
                writer.WriteString("key", key);
                writer.WriteStartArray("addresses");
                foreach (string address in addresses)
                {
                    writer.WriteStringValue(address);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            });
            return;
        }

        context.Output.Cells("peer id", peerId);
        context.Output.Cells("key", key);
        foreach (string address in addresses)
        {
            context.Output.Cells("address", address);
        }
    }

    public static void PrintUser(CommandContext context, string name, KeyFile keys)
    {
        if (keys.FindEd25519(name) is { } key)
        {
            Print(context, PeerId.FromEd25519(key.PublicKey.Span).ToString(), key.PublicKey.ToString(), []);
            return;
        }

        SeaPair pair = keys.FindSea(name) ?? throw new CliException(
            WeftError.KeyUnreadable, $"the key in the file has another name than \"{name}\"");
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("pub", pair.Pub.ToString());
                writer.WriteString("epub", pair.Epub.ToString());
                writer.WriteEndObject();
            });
            return;
        }

        context.Output.Cells("pub", pair.Pub.ToString());
        context.Output.Cells("epub", pair.Epub.ToString());
    }

    private static OpenKeys Open(CommandContext context, Func<byte[], KeyFile> read)
    {
        byte[] passphrase = Named(context) ?? [];
        try
        {
            return new OpenKeys(read(passphrase), passphrase);
        }
        catch (WeftException failure) when (failure.Error == WeftError.KeySealed && passphrase.Length == 0)
        {
            using StoreSecret? secret = StoreKeyOptions.FromFile(context);
            passphrase = secret is not null ? secret.ToPassphrase()
                : SecretPrompt.CanAsk(context) ? Typed(context, "Passphrase of the key", twice: false)
                : throw new CliException(failure.Error, failure.Message, failure)
                {
                    Try =
                    [
                        "--passphrase-file FILE             the passphrase of the key, or of the encrypted folder",
                        "--key-file FILE                    the key file of the encrypted folder",
                    ],
                };
            return new OpenKeys(read(passphrase), passphrase);
        }
    }

    private static byte[]? Named(CommandContext context)
    {
        string? passphrase = context.Value(PassphraseFromFile);
        string? key = context.Value(KeyFile);
        if (passphrase is not null && key is not null)
        {
            throw CliException.Usage("name a passphrase file or a key file, not both");
        }

        using StoreSecret? secret = key is null ? null : StoreSecret.ReadKeyFile(key);
        return secret?.ToPassphrase() ?? (passphrase is null ? null : PassphraseFile.Read(passphrase));
    }

    private static byte[] Typed(CommandContext context, string question, bool twice)
    {
        char[] typed = SecretPrompt.Ask(context, question, twice);
        try
        {
            return Encoding.UTF8.GetBytes(typed);
        }
        finally
        {
            Array.Clear(typed);
        }
    }
}
