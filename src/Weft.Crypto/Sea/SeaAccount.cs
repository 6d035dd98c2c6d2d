using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Weft.Crypto.Sea;

/// <summary>
/// The "auth" field of a SEA user: the secrets of the pair, encrypted under a stretched passphrase, so that a user can
/// sign in from anywhere.
/// </summary>
/// <remarks>
/// Whoever reads the user's node can try passphrases at the cost of 100,000 rounds each: that is SEA's design.
/// Source: docs/spec/crypto.md, section 5.
/// </remarks>
public static class SeaAccount
{
    /// <summary>Characters a passphrase needs in gun.js.</summary>
    public const int PassphraseMin = 8;

    /// <summary>Characters of the salt of a new account.</summary>
    public const int SaltTextLength = 64;

    /// <summary>Random bytes that <see cref="Create"/> takes.</summary>
    public const int RandomLength = SaltTextLength + SeaCipher.SaltLength + SeaCipher.NonceLength;

    private const int SaltTextMax = 1_024;

    // The letters gun.js draws salts from; the salt is hashed as text, so any would do.
    private const string SaltAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXZabcdefghijklmnopqrstuvwxyz";

    /// <summary>Makes the text of the "auth" field: {"ek":{"ct","iv","s"},"s":salt}.</summary>
    /// <param name="crypto">Does it; some 20 to 200 ms.</param>
    /// <param name="pair">The user's keys.</param>
    /// <param name="passphrase">UTF-8; the caller clears it.</param>
    /// <param name="random">88 random bytes: 64 for the salt, 9 and 15 for the cipher.</param>
    public static string Create(ICrypto crypto, SeaPair pair, ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> random)
    {
        ArgumentNullException.ThrowIfNull(pair);
        if (random.Length != RandomLength)
        {
            throw new ArgumentException($"{RandomLength} random bytes are needed.", nameof(random));
        }

        Span<char> saltText = stackalloc char[SaltTextLength];
        for (int i = 0; i < saltText.Length; i++)
        {
            saltText[i] = SaltAlphabet[random[i] % SaltAlphabet.Length];
        }

        string salt = new(saltText);
        byte[] proof = SeaWork.Stretch(crypto, passphrase, Encoding.UTF8.GetBytes(salt));
        using var secrets = new SecretBuffer();
        Write(pair, secrets);
        string sealedSecrets = SeaCipher.EncryptRaw(
            crypto, secrets.Written, proof, random.Slice(SaltTextLength, SeaCipher.SaltLength),
            random[(SaltTextLength + SeaCipher.SaltLength)..]);
        CryptographicOperations.ZeroMemory(proof);
        return $$"""{"ek":{{sealedSecrets}},"s":"{{salt}}"}""";
    }

    /// <summary>Opens an "auth" field.</summary>
    /// <param name="crypto">Does it; some 20 to 200 ms.</param>
    /// <param name="auth">The text of the field, its signature already taken off.</param>
    /// <param name="passphrase">UTF-8; the caller clears it.</param>
    /// <param name="pub">The user it stands at: a pair of another user is refused.</param>
    /// <returns>Null when the passphrase is wrong or anything else is.</returns>
    public static SeaPair? Open(ICrypto crypto, string auth, ReadOnlySpan<byte> passphrase, SeaPublicKey pub)
    {
        byte[] json = SeaText.ToJson(auth);
        if (!TryRead(json, out Range sealedSecrets, out string salt))
        {
            return null;
        }

        byte[] proof = SeaWork.Stretch(crypto, passphrase, Encoding.UTF8.GetBytes(salt));
        byte[]? plain = SeaCipher.DecryptRaw(crypto, json.AsSpan(sealedSecrets), proof);
        Span<byte> secrets = stackalloc byte[2 * SeaPair.SecretLength];
        try
        {
            if (plain is null || !SeaPair.TryRead(plain, secrets, out _, out _))
            {
                return null;
            }

            SeaPair? pair = SeaPair.TryCreate(
                crypto, secrets[..SeaPair.SecretLength], secrets[SeaPair.SecretLength..]);
            if (pair is null || pair.Pub == pub)
            {
                return pair;
            }

            pair.Dispose();
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(proof);
            CryptographicOperations.ZeroMemory(plain);
            CryptographicOperations.ZeroMemory(secrets);
        }
    }

    private static void Write(SeaPair pair, SecretBuffer target)
    {
        Span<byte> secrets = stackalloc byte[2 * SeaPair.SecretLength];
        Span<byte> text = stackalloc byte[SeaPair.SecretTextLength];
        pair.CopySecretsTo(secrets[..SeaPair.SecretLength], secrets[SeaPair.SecretLength..]);
        using (var writer = new Utf8JsonWriter(target))
        {
            writer.WriteStartObject();
            Base64Url.EncodeToUtf8(secrets[..SeaPair.SecretLength], text);
            writer.WriteString("priv"u8, text);
            Base64Url.EncodeToUtf8(secrets[SeaPair.SecretLength..], text);
            writer.WriteString("epriv"u8, text);
            writer.WriteEndObject();
        }

        CryptographicOperations.ZeroMemory(secrets);
        CryptographicOperations.ZeroMemory(text);
    }

    private static bool TryRead(ReadOnlySpan<byte> json, out Range sealedSecrets, out string salt)
    {
        sealedSecrets = default;
        salt = "";
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isSealed = reader.ValueTextEquals("ek"u8);
                bool isSalt = reader.ValueTextEquals("s"u8);
                reader.Read();
                int start = (int)reader.TokenStartIndex;
                salt = isSalt && reader.TokenType == JsonTokenType.String ? reader.GetString()! : salt;
                reader.Skip();
                sealedSecrets = isSealed ? start..(int)reader.BytesConsumed : sealedSecrets;
            }

            return !reader.Read() && salt.Length is > 0 and <= SaltTextMax && !sealedSecrets.Equals(default);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false; // Not JSON, or text that is not UTF-8.
        }
    }
}
