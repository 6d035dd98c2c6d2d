using Weft.Crypto;

namespace Weft.Storage.Sealing;

/// <summary>Asks for a store that is sealed on the disk, and brings what opens it.</summary>
/// <param name="Crypto">The primitives.</param>
/// <param name="Secret">What opens the store. The caller disposes it after the store has been opened.</param>
public sealed record StoreEncryption(ICrypto Crypto, StoreSecret Secret);

/// <summary>What opens a store.</summary>
public enum StoreKeyKind
{
    /// <summary>Nothing: it is plain.</summary>
    None = 0,

    /// <summary>A passphrase.</summary>
    Passphrase,

    /// <summary>A key of 32 bytes.</summary>
    KeyFile,
}
