using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Weft.Crypto.Sea;

/// <summary>SEA's encryption: AES-256-GCM with a 15-byte nonce, under SHA-256 of a passphrase and a salt.</summary>
/// <remarks>
/// The hash is quick, so a passphrase that a person made up must go through <see cref="SeaWork"/> first, as accounts
/// do. Nothing binds a ciphertext to its place. Source: docs/spec/crypto.md, section 5.
/// </remarks>
public static class SeaCipher
{
    /// <summary>Bytes of the salt.</summary>
    public const int SaltLength = 9;

    /// <summary>Bytes of the nonce, which SEA calls iv.</summary>
    public const int NonceLength = 15;

    /// <summary>Bytes of the largest ciphertext that is opened: 16 MiB.</summary>
    public const int LengthMax = 16 * 1024 * 1024;

    private const int TagLength = 16;
    private const int SaltMax = 64;

    /// <summary>Encrypts into the text that SEA.encrypt gives: SEA{"ct":…,"iv":…,"s":…}.</summary>
    /// <param name="crypto">Does it.</param>
    /// <param name="plain">The UTF-8 of a text, or of the JSON of anything else.</param>
    /// <param name="passphrase">UTF-8: a shared secret, the text of an epriv, or any passphrase.</param>
    /// <param name="salt">9 random bytes.</param>
    /// <param name="nonce">15 random bytes.</param>
    public static string Encrypt(
        ICrypto crypto, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt,
        ReadOnlySpan<byte> nonce) => SeaText.Prefix + EncryptRaw(crypto, plain, passphrase, salt, nonce);

    /// <summary>Decrypts what SEA.encrypt made.</summary>
    /// <param name="crypto">Does it.</param>
    /// <param name="text">SEA{…}; the prefix may be missing, as in SEA's raw form.</param>
    /// <param name="passphrase">UTF-8.</param>
    /// <returns>The plain bytes, which the caller clears; null when anything is wrong.</returns>
    public static byte[]? Decrypt(ICrypto crypto, ReadOnlySpan<char> text, ReadOnlySpan<byte> passphrase) =>
        DecryptRaw(crypto, SeaText.ToJson(text), passphrase);

    internal static string EncryptRaw(
        ICrypto crypto, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt,
        ReadOnlySpan<byte> nonce)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        if (salt.Length != SaltLength || nonce.Length != NonceLength)
        {
            throw new ArgumentException("SEA takes a salt of 9 bytes and a nonce of 15.");
        }

        Span<byte> key = stackalloc byte[32];
        DeriveKey(crypto, passphrase, salt, key);
        byte[] cipher = new byte[plain.Length + TagLength];
        crypto.SealAesGcm(key, nonce, plain, default, cipher);
        CryptographicOperations.ZeroMemory(key);
        return $$"""{"ct":"{{Convert.ToBase64String(cipher)}}","iv":"{{Convert.ToBase64String(nonce)}}","s":"{{
            Convert.ToBase64String(salt)}}"}""";
    }

    internal static byte[]? DecryptRaw(ICrypto crypto, ReadOnlySpan<byte> json, ReadOnlySpan<byte> passphrase)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        if (!TryRead(json, out byte[]? cipher, out byte[]? nonce, out byte[]? salt))
        {
            return null;
        }

        Span<byte> key = stackalloc byte[32];
        DeriveKey(crypto, passphrase, salt, key);
        byte[] plain = new byte[cipher.Length - TagLength];
        bool opened = crypto.OpenAesGcm(key, nonce, cipher, default, plain);
        CryptographicOperations.ZeroMemory(key);
        return opened ? plain : null;
    }

    // The salt is taken as characters U+0000 to U+00FF behind the passphrase, and both are hashed as UTF-8.
    private static void DeriveKey(
        ICrypto crypto, ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Span<byte> key)
    {
        byte[] material = new byte[passphrase.Length + (salt.Length * 2)];
        passphrase.CopyTo(material);
        int at = passphrase.Length;
        foreach (byte unit in salt)
        {
            at += new Rune((char)unit).EncodeToUtf8(material.AsSpan(at));
        }

        crypto.Sha256(material.AsSpan(0, at), key);
        CryptographicOperations.ZeroMemory(material);
    }

    private static bool TryRead(
        ReadOnlySpan<byte> json,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out byte[]? cipher,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out byte[]? nonce,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out byte[]? salt)
    {
        cipher = null;
        nonce = null;
        salt = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isCipher = reader.ValueTextEquals("ct"u8);
                bool isNonce = reader.ValueTextEquals("iv"u8);
                bool isSalt = reader.ValueTextEquals("s"u8);
                reader.Read();
                if ((isCipher || isNonce || isSalt) && reader.TokenType == JsonTokenType.String)
                {
                    byte[]? bytes = SeaBase64.Decode(reader.GetString(), isCipher ? LengthMax : SaltMax);
                    cipher = isCipher ? bytes : cipher;
                    nonce = isNonce ? bytes : nonce;
                    salt = isSalt ? bytes : salt;
                }

                reader.Skip();
            }

            return !reader.Read() && cipher?.Length >= TagLength && nonce?.Length > 0 && salt is not null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false; // Not JSON, or text that is not UTF-8.
        }
    }
}
