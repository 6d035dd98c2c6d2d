using System.Security.Cryptography;
using Weft.Crypto;

namespace Weft.Log;

/// <summary>The key that signs a log. Whoever has it can write; two writers with one key fork the log.</summary>
public sealed class LogKeyPair : IDisposable
{
    private readonly byte[] _seed;
    private bool _isDisposed;

    /// <summary>Takes a seed; randomness is the caller's affair.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="seed">32 bytes; copied, and cleared on dispose.</param>
    public LogKeyPair(ICrypto crypto, ReadOnlySpan<byte> seed)
    {
        Span<byte> publicKey = stackalloc byte[Hash32.Length];
        crypto.PublicKeyEd25519(seed, publicKey);
        _seed = seed.ToArray();
        PublicKey = new Hash32(publicKey);
    }

    /// <summary>The Ed25519 public key.</summary>
    public Hash32 PublicKey { get; }

    internal ReadOnlySpan<byte> Seed
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this); // A cleared seed would sign, and as nobody.
            return _seed;
        }
    }

    /// <summary>Clears the seed.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        CryptographicOperations.ZeroMemory(_seed);
    }

    /// <summary>The public key alone.</summary>
    public override string ToString() => $"(log key {PublicKey})";
}
