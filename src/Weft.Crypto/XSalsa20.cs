using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Parameters;
using Weft.Crypto.Providers;

namespace Weft.Crypto;

/// <summary>
/// The XSalsa20 stream cipher: what Hypercore encrypts blocks with. It hides and does not authenticate: whoever uses it
/// needs a hash or a signature over the result.
/// </summary>
/// <remarks>BouncyCastle's engine on every platform. Source: D. J. Bernstein, "Extending the Salsa20 nonce"
/// (2011).</remarks>
public static class XSalsa20
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyLength = 32;

    /// <summary>Bytes of a nonce.</summary>
    public const int NonceLength = 24;

    /// <summary>Combines data with the key stream: the same call encrypts and decrypts.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">24 bytes, never used twice with a key for different data.</param>
    /// <param name="source">Any length.</param>
    /// <param name="target">Takes as many bytes; may be the same memory.</param>
    public static void Apply(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> source, Span<byte> target)
    {
        CryptoGuard.Exactly(key, KeyLength, nameof(key));
        CryptoGuard.Exactly(nonce, NonceLength, nameof(nonce));
        byte[] copy = key.ToArray();
        byte[] bytes = source.ToArray();
        var engine = new XSalsa20Engine();
        engine.Init(true, new ParametersWithIV(new KeyParameter(copy), nonce.ToArray()));
        engine.ProcessBytes(bytes, 0, bytes.Length, bytes, 0);
        bytes.CopyTo(target);
        engine.Reset();
        CryptographicOperations.ZeroMemory(copy);
        CryptographicOperations.ZeroMemory(bytes);
    }
}
