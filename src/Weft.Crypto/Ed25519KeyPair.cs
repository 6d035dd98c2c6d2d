using System.Security.Cryptography;

namespace Weft.Crypto;

/// <summary>
/// An Ed25519 key that can sign. Holds the secret until disposed, then clears it; its text never shows it.
/// </summary>
/// <remarks>
/// Safe to use from many threads; disposing while another thread signs makes that signature fail or throw.
/// </remarks>
public sealed class Ed25519KeyPair : IDisposable
{
    /// <summary>Bytes of the secret.</summary>
    public const int SeedLength = 32;

    /// <summary>Bytes of a signature.</summary>
    public const int SignatureLength = 64;

    // Pinned, so that the collector leaves no second copy behind.
    private readonly byte[] _seed = GC.AllocateArray<byte>(SeedLength, pinned: true);
    private volatile bool _disposed;

    /// <summary>Takes a copy of a seed.</summary>
    /// <param name="crypto">Finds the public key.</param>
    /// <param name="seed">32 bytes from a source fit for secrets; the caller clears them.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public Ed25519KeyPair(ICrypto crypto, ReadOnlySpan<byte> seed)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        Span<byte> publicKey = stackalloc byte[Ed25519PublicKey.Length];
        crypto.PublicKeyEd25519(seed, publicKey);
        seed.CopyTo(_seed);
        PublicKey = new Ed25519PublicKey(publicKey);
    }

    /// <summary>The key others verify with.</summary>
    public Ed25519PublicKey PublicKey { get; }

    /// <summary>Signs.</summary>
    /// <param name="crypto">Does it.</param>
    /// <param name="message">Any length.</param>
    /// <param name="signature">Takes 64 bytes.</param>
    /// <exception cref="ObjectDisposedException">The secret is cleared.</exception>
    public void Sign(ICrypto crypto, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        ObjectDisposedException.ThrowIf(_disposed, this);
        crypto.SignEd25519(_seed, PublicKey, message, signature);
    }

    /// <summary>Derives another secret from the seed, by HKDF-SHA-256; it tells nothing about the seed.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="purpose">Names the secret; another purpose gives an unrelated one.</param>
    /// <param name="secret">Takes up to 8,160 bytes; the caller clears them.</param>
    /// <exception cref="ObjectDisposedException">The secret is cleared.</exception>
    public void DeriveSecret(ICrypto crypto, ReadOnlySpan<byte> purpose, Span<byte> secret)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        ObjectDisposedException.ThrowIf(_disposed, this);
        crypto.HkdfSha256(_seed, [], purpose, secret);
    }

    /// <summary>Copies the secret, to seal it in a file or to derive from it; the caller clears the copy.</summary>
    /// <param name="target">Takes 32 bytes.</param>
    /// <exception cref="ObjectDisposedException">The secret is cleared.</exception>
    public void CopySeedTo(Span<byte> target)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _seed.CopyTo(target);
    }

    /// <summary>Clears the secret.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_seed);
    }

    /// <summary>The public key; the secret never.</summary>
    public override string ToString() => $"Ed25519 key {PublicKey} (secret withheld)";
}
