using Weft.Storage.Sealing;

namespace Weft;

/// <summary>
/// Whether and with what the store is sealed on the disk: values, fields, souls, links and the journal. Section
/// "Weft:Encryption" of the configuration. Nothing set, the default: the store is plain.
/// </summary>
/// <remarks>
/// A store is encrypted from its first start or never. A lost passphrase or key file cannot be replaced. What is not
/// hidden (sizes, counts, times) is listed in docs/spec/storage.md.
/// </remarks>
public sealed class EncryptionOptions
{
    /// <summary>
    /// A file whose first line is the passphrase: 1 to 1,024 bytes. Each start spends a few tenths of a second on it.
    /// </summary>
    public string? PassphraseFile { get; set; }

    /// <summary>
    /// A file with a key: 32 random bytes, raw or as base64. Not together with <see cref="PassphraseFile"/>.
    /// </summary>
    public string? KeyFile { get; set; }

    /// <summary>
    /// The passphrase or key itself, given in code; it wins over the files. The caller disposes it after the start.
    /// </summary>
    public StoreSecret? Secret { get; set; }

    /// <summary>True when anything is set.</summary>
    public bool IsOn => Secret is not null || PassphraseFile is not null || KeyFile is not null;

    /// <summary>Reads the file that is named.</summary>
    /// <param name="own">True when the caller of this method is to dispose the secret.</param>
    internal StoreSecret? Read(out bool own)
    {
        own = Secret is null;
        return Secret
            ?? (KeyFile is not null ? StoreSecret.ReadKeyFile(KeyFile)
                : PassphraseFile is not null ? StoreSecret.ReadPassphraseFile(PassphraseFile)
                : null);
    }
}
