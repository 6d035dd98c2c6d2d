using System.CommandLine;
using Weft.Crypto;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Cli.App;

/// <summary>
/// How commands come by the key of an encrypted store: a file, or a question. Never a value on the command line.
/// </summary>
internal static class StoreKeyOptions
{
    /// <summary>Asks for a new store to be encrypted.</summary>
    public static Option<bool> Encrypt { get; } = new("--encrypt")
    {
        Description = "Seal the store and the keys on the disk; asks for a passphrase unless a file is named.",
    };

    /// <summary>A file with the passphrase.</summary>
    public static Option<string?> PassphraseFile { get; } = new("--passphrase-file")
    {
        Description = "File whose first line is the passphrase of the encrypted store.",
        HelpName = "FILE",
    };

    /// <summary>A file with the key.</summary>
    public static Option<string?> KeyFile { get; } = new("--key-file")
    {
        Description = "File with the key of the encrypted store: 32 bytes, raw or base64.",
        HelpName = "FILE",
    };

    /// <summary>A file with the passphrase of the node's key, where that is another one than the store's.</summary>
    public static Option<string?> IdentityPassphrase { get; } = new("--identity-passphrase-file")
    {
        Description = "File whose first line is the passphrase that seals the node's key; opening it costs about 0.2 s. "
            + "Default: the secret of an encrypted folder; none for a plain one.",
        HelpName = "FILE",
    };

    /// <summary>The key for a new store or an existing one, as <c>weft up</c> wants it.</summary>
    /// <returns>Null when the store is plain and shall be.</returns>
    public static StoreSecret? ForStart(CommandContext context, string folder)
    {
        StoreKeyKind kind = StorageEngine.ReadKeyKind(folder);
        bool wanted = context.Settings.Switch(Encrypt, "encrypt")
            || context.Value(PassphraseFile) is not null
            || context.Value(KeyFile) is not null;
        if (kind != StoreKeyKind.None)
        {
            return FromFile(context) ?? Ask(context, kind);
        }

        return !wanted ? null
            : FromFile(context)
                ?? (SecretPrompt.CanAsk(context)
                    ? AskForNew(context)
                    : throw CliException.Usage(
                        "--encrypt needs a passphrase, and nobody can type one here",
                        "weft up --encrypt --passphrase-file FILE", "weft up --encrypt --key-file FILE"));
    }

    /// <summary>The key of a folder or a backup that exists.</summary>
    /// <returns>Null for a plain one, and when nobody can tell it; the store then says what is needed.</returns>
    public static StoreSecret? ForExisting(CommandContext context, string path)
    {
        StoreKeyKind kind = StorageEngine.ReadKeyKind(path);
        if (kind == StoreKeyKind.None)
        {
            // A variable may be set for another store; a flag is meant for this one, and the store says it is plain.
            bool flagged = context.Value(PassphraseFile) is not null || context.Value(KeyFile) is not null;
            return flagged ? FromFile(context) : null;
        }

        return FromFile(context) ?? Ask(context, kind);
    }

    /// <summary>Asks a person for a new passphrase, twice.</summary>
    public static StoreSecret AskForNew(CommandContext context) =>
        Typed(context, "New passphrase of the store", twice: true);

    /// <summary>What the storage engine takes.</summary>
    public static StoreEncryption? Encryption(StoreSecret? secret) =>
        secret is null ? null : new StoreEncryption(PlatformCrypto.Create(), secret);

    private static StoreSecret? Ask(CommandContext context, StoreKeyKind kind) =>
        kind == StoreKeyKind.Passphrase && SecretPrompt.CanAsk(context)
            ? Typed(context, "Passphrase of the store", twice: false)
            : null;

    /// <summary>The secret in the file that a flag, a variable or the configuration names; null when none does.</summary>
    public static StoreSecret? FromFile(CommandContext context)
    {
        string? passphrase = context.Settings.Text(PassphraseFile, "passphrase-file");
        string? key = context.Settings.Text(KeyFile, "key-file");
        if (passphrase is not null && key is not null)
        {
            throw CliException.Usage("name a passphrase file or a key file, not both");
        }

        return passphrase is not null ? StoreSecret.ReadPassphraseFile(passphrase)
            : key is not null ? StoreSecret.ReadKeyFile(key)
            : null;
    }

    private static StoreSecret Typed(CommandContext context, string question, bool twice)
    {
        char[] typed = SecretPrompt.Ask(context, question, twice);
        try
        {
            return StoreSecret.FromPassphrase(typed);
        }
        finally
        {
            Array.Clear(typed);
        }
    }
}
