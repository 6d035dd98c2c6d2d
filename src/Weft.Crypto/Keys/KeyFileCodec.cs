using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Weft.Crypto.Keys;

/// <summary>
/// Key files: JSON outside; inside the list of keys, plain or sealed with a passphrase by PBKDF2-HMAC-SHA-256 and
/// ChaCha20-Poly1305. Damaged bytes never throw.
/// </summary>
/// <remarks>
/// A checksum over everything else tells damage from a wrong passphrase; it protects against accidents alone, the seal
/// against people. Source: docs/spec/crypto.md, section 6.
/// </remarks>
public static class KeyFileCodec
{
    /// <summary>
    /// Rounds of PBKDF2 for a new file: about 0.2 s with .NET, more where the managed provider does it.
    /// </summary>
    public const int Rounds = 600_000;

    /// <summary>
    /// Rounds that are still done when a file asks for them: a file must not hold up a start for minutes.
    /// </summary>
    public const int RoundsMax = 10_000_000;

    /// <summary>Random bytes that <see cref="Seal"/> takes.</summary>
    public const int RandomLength = SaltLength + NonceLength;

    /// <summary>Bytes of the largest file that is looked at.</summary>
    public const int FileMax = 64 * 1024;

    internal const int Version = 1;

    private const int SaltLength = 16;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int SumLength = 8;

    /// <summary>Writes the keys openly: whoever reads the bytes has them. The caller clears the array.</summary>
    /// <param name="crypto">For the checksum.</param>
    /// <param name="keys">The keys.</param>
    public static byte[] Write(ICrypto crypto, KeyFile keys)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        using var list = new SecretBuffer();
        KeyList.Write(keys, list);
        using var file = new SecretBuffer();
        using (var writer = new Utf8JsonWriter(file, Indented))
        {
            Start(writer);
            writer.WritePropertyName("keys"u8);
            writer.WriteRawValue(list.Written);
            writer.WriteString("sum"u8, Sum(crypto, list.Written, []));
            writer.WriteEndObject();
        }

        return [.. file.Written, (byte)'\n'];
    }

    /// <summary>Writes the keys sealed with a passphrase.</summary>
    /// <param name="crypto">Does it; the rounds are what takes the time.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="passphrase">UTF-8, 1 byte and more; the caller clears it.</param>
    /// <param name="random">28 random bytes: 16 for the salt, 12 for the nonce.</param>
    /// <param name="rounds">1 to 10,000,000; the default unless a test is in a hurry.</param>
    public static byte[] Seal(
        ICrypto crypto, KeyFile keys, ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> random, int rounds = Rounds)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        ArgumentOutOfRangeException.ThrowIfZero(passphrase.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rounds, RoundsMax);
        ArgumentOutOfRangeException.ThrowIfNotEqual(random.Length, RandomLength);
        ReadOnlySpan<byte> salt = random[..SaltLength];
        ReadOnlySpan<byte> nonce = random[SaltLength..];
        using var list = new SecretBuffer();
        KeyList.Write(keys, list);
        byte[] data = new byte[list.Written.Length + TagLength];
        byte[] bound = Bound(rounds, salt, nonce);
        Span<byte> key = stackalloc byte[32];
        crypto.Pbkdf2Sha256(passphrase, salt, rounds, key);
        crypto.SealChaCha20Poly1305(key, nonce, list.Written, bound, data);
        CryptographicOperations.ZeroMemory(key);

        using var file = new SecretBuffer();
        using (var writer = new Utf8JsonWriter(file, Indented))
        {
            Start(writer);
            writer.WriteStartObject("sealed"u8);
            writer.WriteString("kdf"u8, "pbkdf2-hmac-sha256"u8);
            writer.WriteNumber("rounds"u8, rounds);
            writer.WriteString("salt"u8, Base64Url.EncodeToString(salt));
            writer.WriteString("cipher"u8, "chacha20-poly1305"u8);
            writer.WriteString("nonce"u8, Base64Url.EncodeToString(nonce));
            writer.WriteString("data"u8, Base64Url.EncodeToString(data));
            writer.WriteEndObject();
            writer.WriteString("sum"u8, Sum(crypto, data, bound));
            writer.WriteEndObject();
        }

        return [.. file.Written, (byte)'\n'];
    }

    /// <summary>Reads a key file, sealed or not.</summary>
    /// <param name="crypto">Does it; the rounds that the file names are what takes the time.</param>
    /// <param name="file">The bytes; the caller clears them.</param>
    /// <param name="passphrase">UTF-8; empty when there is none.</param>
    public static KeyFileRead Read(ICrypto crypto, ReadOnlySpan<byte> file, ReadOnlySpan<byte> passphrase = default)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        if (file.Length > FileMax)
        {
            return new(KeyFileStatus.NotAKeyFile, null, $"it has {file.Length} bytes, a key file at most {FileMax}");
        }

        KeyFileShape shape = KeyFileShape.Read(file);
        if (shape.Status != KeyFileStatus.Ok)
        {
            return new(shape.Status, null, shape.Problem);
        }

        return shape.IsSealed ? Open(crypto, shape, passphrase) : ReadOpen(crypto, file[shape.Keys], shape.Sum);
    }

    private static JsonWriterOptions Indented => new() { Indented = true };

    private static KeyFileRead ReadOpen(ICrypto crypto, ReadOnlySpan<byte> list, string sum)
    {
        // People format JSON; the sum is over the list as Weft itself writes it, and so is what is read.
        KeyFileRead read = KeyList.Read(crypto, list);
        if (read.Status != KeyFileStatus.Ok)
        {
            return read;
        }

        using var again = new SecretBuffer();
        KeyList.Write(read.Keys!, again);
        if (Sum(crypto, again.Written, []) == sum)
        {
            return read;
        }

        read.Keys!.Dispose();
        return KeyFileRead.Damaged("its checksum does not fit");
    }

    private static KeyFileRead Open(ICrypto crypto, in KeyFileShape shape, ReadOnlySpan<byte> passphrase)
    {
        byte[] data = shape.Data;
        if (shape.Rounds is < 1 or > RoundsMax || shape.Salt.Length != SaltLength || shape.Nonce.Length != NonceLength
            || data.Length < TagLength)
        {
            return KeyFileRead.Damaged("its seal has a part of another size");
        }

        byte[] bound = Bound(shape.Rounds, shape.Salt, shape.Nonce);
        if (Sum(crypto, data, bound) != shape.Sum)
        {
            return KeyFileRead.Damaged("its checksum does not fit");
        }

        if (passphrase.IsEmpty)
        {
            return new(KeyFileStatus.PassphraseNeeded, null, "it is sealed with a passphrase");
        }

        Span<byte> key = stackalloc byte[32];
        byte[] list = new byte[data.Length - TagLength];
        crypto.Pbkdf2Sha256(passphrase, shape.Salt, shape.Rounds, key);
        bool opened = crypto.OpenChaCha20Poly1305(key, shape.Nonce, data, bound, list);
        CryptographicOperations.ZeroMemory(key);
        KeyFileRead read = opened
            ? KeyList.Read(crypto, list)
            : new(KeyFileStatus.WrongPassphrase, null, "the file is whole, and this is not its passphrase");
        CryptographicOperations.ZeroMemory(list);
        return read;
    }

    private static void Start(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("weft"u8, "keys"u8);
        writer.WriteNumber("version"u8, Version);
    }

    // What the seal is bound to, so that nobody lowers the rounds or swaps the salt of a file he may write.
    private static byte[] Bound(int rounds, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> nonce) =>
    [
        .. "weft/keys/1\0"u8, .. Encoding.ASCII.GetBytes(rounds.ToString(CultureInfo.InvariantCulture)), 0,
        .. salt, .. nonce,
    ];

    private static string Sum(ICrypto crypto, ReadOnlySpan<byte> data, ReadOnlySpan<byte> bound)
    {
        byte[] all = [.. data, .. bound];
        Span<byte> digest = stackalloc byte[32];
        crypto.Sha256(all, digest);
        CryptographicOperations.ZeroMemory(all);
        return Base64Url.EncodeToString(digest[..SumLength]);
    }
}
