using System.Text;
using System.Text.Json;

namespace Weft.Crypto.Sea;

/// <summary>
/// SEA's signatures: ECDSA P-256 over SHA-256 of SHA-256 of the message, 64 bytes r then s, in base64.
/// </summary>
/// <remarks>
/// The message is bytes here: the UTF-8 of a text, or of what JavaScript's JSON.stringify makes of anything else.
/// Source: docs/spec/crypto.md, section 5.
/// </remarks>
public static class SeaSigned
{
    /// <summary>Bytes of a signature.</summary>
    public const int Length = 64;

    /// <summary>Characters of its base64.</summary>
    public const int TextLength = 88;

    /// <summary>Verifies.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="key">The signer's pub, imported.</param>
    /// <param name="message">What was signed.</param>
    /// <param name="signature">64 bytes; another length is false.</param>
    public static bool Verify(
        ICrypto crypto, IP256PublicKey key, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        ArgumentNullException.ThrowIfNull(key);
        if (signature.Length != Length)
        {
            return false;
        }

        Span<byte> digest = stackalloc byte[32];
        crypto.Sha256(message, digest);
        return key.Verify(digest, signature);
    }

    /// <summary>The base64 of a signature, as it stands in the graph.</summary>
    public static string Format(ReadOnlySpan<byte> signature) => Convert.ToBase64String(signature);

    /// <summary>Reads 88 characters of standard base64, in the one canonical form.</summary>
    /// <param name="text">The characters.</param>
    /// <param name="signature">Takes 64 bytes; cleared when false.</param>
    public static bool TryParse(ReadOnlySpan<char> text, Span<byte> signature) =>
        SeaBase64.TryDecode(text, signature[..Length]);

    /// <summary>Signs a value into the text that SEA.sign gives: SEA{"m":…,"s":"…"}.</summary>
    /// <param name="crypto">Signs.</param>
    /// <param name="pair">The signer.</param>
    /// <param name="json">The value as JavaScript's JSON.stringify writes it, in UTF-8.</param>
    /// <exception cref="ArgumentException">A text with half a surrogate pair in it.</exception>
    public static string Sign(ICrypto crypto, SeaPair pair, ReadOnlySpan<byte> json)
    {
        ArgumentNullException.ThrowIfNull(pair);
        if (!TryGetMessage(json, out ReadOnlySpan<byte> message))
        {
            throw new ArgumentException("A text with half a surrogate pair in it cannot be signed.", nameof(json));
        }

        Span<byte> signature = stackalloc byte[Length];
        pair.Sign(crypto, message, signature);
        return $$"""SEA{"m":{{Encoding.UTF8.GetString(json)}},"s":"{{Format(signature)}}"}""";
    }

    /// <summary>Opens what <see cref="Sign"/> or SEA.sign made.</summary>
    /// <param name="crypto">Verifies.</param>
    /// <param name="key">The signer's pub.</param>
    /// <param name="text">SEA{"m":…,"s":"…"}; the prefix may be missing, as in SEA's raw form.</param>
    /// <returns>The JSON of the value as it was signed, in UTF-8; null when anything is wrong.</returns>
    public static byte[]? Verify(ICrypto crypto, SeaPublicKey key, ReadOnlySpan<char> text)
    {
        byte[] json = SeaText.ToJson(text);
        Span<byte> signature = stackalloc byte[Length];
        if (!TryRead(json, out Range range, signature)
            || !TryGetMessage(json.AsSpan(range), out ReadOnlySpan<byte> message))
        {
            return null;
        }

        using IP256PublicKey? imported = key.Import(crypto);
        return imported is not null && Verify(crypto, imported, message, signature) ? json[range] : null;
    }

    // SEA hashes the characters of a text, not its JSON. Half a surrogate pair has no UTF-8 and is no value of Weft.
    private static bool TryGetMessage(ReadOnlySpan<byte> json, out ReadOnlySpan<byte> message)
    {
        message = json;
        if (json.IsEmpty || json[0] != (byte)'"')
        {
            return true;
        }

        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            byte[] characters = new byte[json.Length];
            message = characters.AsSpan(0, reader.CopyString(characters));
            return true;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static bool TryRead(ReadOnlySpan<byte> json, out Range value, Span<byte> signature)
    {
        value = default;
        int found = 0;
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isMessage = reader.ValueTextEquals("m"u8);
                bool isSignature = reader.ValueTextEquals("s"u8);
                reader.Read();
                int start = (int)reader.TokenStartIndex;
                if (isSignature && reader.TokenType == JsonTokenType.String && TryParse(reader.GetString(), signature))
                {
                    found |= 1;
                }

                reader.Skip();
                if (isMessage)
                {
                    value = start..(int)reader.BytesConsumed;
                    found |= 2;
                }
            }

            return found == 3 && !reader.Read();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false; // Not JSON, or text that is not UTF-8.
        }
    }
}
