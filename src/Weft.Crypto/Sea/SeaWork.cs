using System.Security.Cryptography;
using System.Text;

namespace Weft.Crypto.Sea;

/// <summary>
/// SEA.work: the slow hash that stands between a passphrase and a key, and the plain hash of content.
/// </summary>
/// <remarks>Source: docs/spec/crypto.md, section 5.</remarks>
public static class SeaWork
{
    /// <summary>Rounds of PBKDF2.</summary>
    public const int Rounds = 100_000;

    private const int DigestLength = 64;

    /// <summary>PBKDF2-HMAC-SHA-256, 100,000 rounds, 64 bytes, in base64.</summary>
    /// <param name="crypto">Does it; some 20 to 200 ms.</param>
    /// <param name="data">UTF-8 of the passphrase.</param>
    /// <param name="salt">UTF-8 of the salt.</param>
    /// <returns>88 bytes of ASCII, which the caller clears.</returns>
    public static byte[] Stretch(ICrypto crypto, ReadOnlySpan<byte> data, ReadOnlySpan<byte> salt)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        Span<byte> digest = stackalloc byte[DigestLength];
        crypto.Pbkdf2Sha256(data, salt, Rounds, digest);
        byte[] text = new byte[SeaSigned.TextLength];
        System.Buffers.Text.Base64.EncodeToUtf8(digest, text, out _, out _);
        CryptographicOperations.ZeroMemory(digest);
        return text;
    }

    /// <summary>SHA-256 in base64: the name of content in a content-addressed soul.</summary>
    /// <param name="crypto">Does it.</param>
    /// <param name="data">UTF-8 of a text, or of the JSON of anything else.</param>
    public static string Hash(ICrypto crypto, ReadOnlySpan<byte> data)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        Span<byte> digest = stackalloc byte[32];
        crypto.Sha256(data, digest);
        return Convert.ToBase64String(digest);
    }
}
