using System.Security.Cryptography;

namespace Weft.Crypto;

/// <summary>An Ed25519 identity: the public key, and a seed that nobody sees. Disposing clears the seed.</summary>
/// <remarks>Signing is safe from many threads; disposing waits for nobody.</remarks>
public sealed class Ed25519KeyPair : IDisposable
{
    /// <summary>Bytes of a seed.</summary>
    public const int SeedLength = 32;

    private readonly byte[] _seed = new byte[SeedLength];
    private volatile bool _disposed;

    /// <summary>Takes a copy of a seed.</summary>
    /// <param name="crypto">For the public key.</param>
    /// <param name="seed">32 bytes from a source fit for secrets. Clearing them is the caller's duty.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public Ed25519KeyPair(ICrypto crypto, ReadOnlySpan<byte> seed)
    {
        if (seed.Length != SeedLength)
        {
            throw new ArgumentException("An Ed25519 seed has 32 bytes.", nameof(seed));
        }

        seed.CopyTo(_seed);
        Span<byte> key = stackalloc byte[Ed25519PublicKey.Length];
        crypto.PublicKeyEd25519(_seed, key);
        PublicKey = new(key);
    }

    /// <summary>The public key.</summary>
    public Ed25519PublicKey PublicKey { get; }

    /// <summary>Signs.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="message">Any length.</param>
    /// <param name="signature">Takes 64 bytes.</param>
    /// <exception cref="ObjectDisposedException">The seed was cleared.</exception>
    public void Sign(ICrypto crypto, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        crypto.SignEd25519(_seed, message, signature);
    }

    /// <summary>Derives another secret from the seed, by HKDF-SHA-256; it tells nothing about the seed.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="purpose">Names the secret; another purpose gives an unrelated one.</param>
    /// <param name="secret">Takes up to 8,160 bytes. Clearing them is the caller's duty.</param>
    /// <exception cref="ObjectDisposedException">The seed was cleared.</exception>
    public void DeriveSecret(ICrypto crypto, ReadOnlySpan<byte> purpose, Span<byte> secret)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        crypto.HkdfSha256(_seed, [], purpose, secret);
    }

    /// <summary>Clears the seed.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_seed);
    }

    /// <summary>The public key; never the seed.</summary>
    public override string ToString() => $"key pair of {PublicKey}";
}
