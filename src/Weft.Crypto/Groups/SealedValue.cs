using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Weft.Crypto;

/// <summary>
/// A private value as everybody sees it: <c>WEFT{"g":group,"e":epochs,"n":salt,"c":ciphertext}</c>. It opens only in
/// the network, node and field it was sealed for.
/// </summary>
/// <remarks>Source: docs/spec/groups.md, section 4.</remarks>
public sealed class SealedValue
{
    /// <summary>Random bytes for one value.</summary>
    public const int SaltLength = 24;

    /// <summary>Bytes of the longest value that can be sealed: its text then stays within 1 MiB.</summary>
    public const int PlainBytesMax = 750_000;

    private const string TextPrefix = "WEFT{";
    private const int TagLength = 16;
    private const int TextLengthMax = 1_048_576;

    private readonly byte[] _salt;
    private readonly byte[] _ciphertext;

    private SealedValue(GroupName group, string[] epochs, byte[] salt, byte[] ciphertext)
    {
        Group = group;
        Epochs = epochs;
        _salt = salt;
        _ciphertext = ciphertext;
    }

    /// <summary>For whom it is sealed.</summary>
    public GroupName Group { get; }

    /// <summary>Whose keys open it, all of them together: 1 to 8 names in order.</summary>
    public IReadOnlyList<string> Epochs { get; }

    private static ReadOnlySpan<byte> Domain => "weft/sealed/1\0"u8;

    private static ReadOnlySpan<byte> ZeroNonce => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Seals.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="group">For whom.</param>
    /// <param name="keys">The keys of all heads of the group: 1 to 8.</param>
    /// <param name="soul">The node it is for.</param>
    /// <param name="field">The field it is for.</param>
    /// <param name="plain">The value's JSON text, at most 750,000 bytes.</param>
    /// <param name="salt">24 random bytes, never used again.</param>
    /// <exception cref="ArgumentException">A bound above is broken.</exception>
    public static string Seal(
        ICrypto crypto,
        ReadOnlySpan<byte> network,
        GroupName group,
        IReadOnlyList<EpochKey> keys,
        string soul,
        string field,
        ReadOnlySpan<byte> plain,
        ReadOnlySpan<byte> salt)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(plain.Length, PlainBytesMax, nameof(plain));
        ArgumentOutOfRangeException.ThrowIfNotEqual(salt.Length, SaltLength, nameof(salt));
        if (keys.Count is 0 or > GroupState.HeadsMax)
        {
            throw new ArgumentException("A value is sealed with 1 to 8 keys.", nameof(keys));
        }

        EpochKey[] sorted = [.. keys.OrderBy(key => key.Epoch, StringComparer.Ordinal)];
        string[] epochs = [.. sorted.Select(key => key.Epoch)];
        var ciphertext = new byte[plain.Length + TagLength];
        Span<byte> key = stackalloc byte[GroupEpoch.KeyLength];
        DeriveKey(crypto, sorted, salt, key);
        crypto.SealChaCha20Poly1305(key, ZeroNonce, plain, Bound(network, group, epochs, soul, field), ciphertext);
        CryptographicOperations.ZeroMemory(key);
        return $"{TextPrefix}\"g\":\"{JsonEncodedText.Encode(group.Soul)}\",\"e\":\"{string.Join(' ', epochs)}\","
            + $"\"n\":\"{Base64Url.EncodeToString(salt)}\",\"c\":\"{Base64Url.EncodeToString(ciphertext)}\"}}";
    }

    /// <summary>True when a text has the form of a sealed value; that somebody can open it is not said.</summary>
    public static bool IsSealed(ReadOnlySpan<char> text) => TryParse(text, out _);

    /// <summary>Reads the form of a sealed value.</summary>
    /// <param name="text">A peer's text: nothing in it throws.</param>
    /// <param name="value">The parts, or null.</param>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out SealedValue? value)
    {
        value = null;
        if (text.Length > TextLengthMax || !text.StartsWith(TextPrefix, StringComparison.Ordinal))
        {
            return false;
        }

        byte[] json = Encoding.UTF8.GetBytes(text[(TextPrefix.Length - 1)..].ToArray());
        var parts = new string?[4];
        return TryReadParts(json, parts) && TryBuild(parts, out value);
    }

    /// <summary>Opens.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="keys">The keys of all of <see cref="Epochs"/>, in that order.</param>
    /// <param name="soul">The node it was found in.</param>
    /// <param name="field">The field it was found in.</param>
    /// <returns>The value's JSON text; null when it was changed, moved, or sealed with other keys.</returns>
    public byte[]? Open(
        ICrypto crypto, ReadOnlySpan<byte> network, IReadOnlyList<EpochKey> keys, string soul, string field)
    {
        if (!Epochs.SequenceEqual(keys.Select(key => key.Epoch)))
        {
            return null;
        }

        Span<byte> key = stackalloc byte[GroupEpoch.KeyLength];
        DeriveKey(crypto, keys, _salt, key);
        var plain = new byte[_ciphertext.Length - TagLength];
        bool opened = crypto.OpenChaCha20Poly1305(
            key, ZeroNonce, _ciphertext, Bound(network, Group, Epochs, soul, field), plain);
        CryptographicOperations.ZeroMemory(key);
        return opened ? plain : null;
    }

    /// <summary>One key of its own for each value: the salt is long enough to be random, so nothing repeats.</summary>
    private static void DeriveKey(
        ICrypto crypto, IReadOnlyList<EpochKey> keys, ReadOnlySpan<byte> salt, Span<byte> key)
    {
        Span<byte> secrets = stackalloc byte[GroupState.HeadsMax * GroupEpoch.KeyLength];
        for (int i = 0; i < keys.Count; i++)
        {
            keys[i].Key.CopyTo(secrets[(i * GroupEpoch.KeyLength)..]);
        }

        crypto.HkdfSha256(secrets[..(keys.Count * GroupEpoch.KeyLength)], salt, Domain, key);
        CryptographicOperations.ZeroMemory(secrets);
    }

    private static byte[] Bound(
        ReadOnlySpan<byte> network, GroupName group, IReadOnlyList<string> epochs, string soul, string field)
    {
        var bound = new List<byte>(512);
        bound.AddRange(Domain);
        bound.AddRange(network);
        Span<byte> length = stackalloc byte[sizeof(uint)];
        foreach (string part in new[] { group.Soul, string.Join(' ', epochs), soul, field })
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteUInt32BigEndian(length, (uint)utf8.Length);
            bound.AddRange(length);
            bound.AddRange(utf8);
        }

        return [.. bound];
    }

    /// <summary>Exactly the four members, each once, each a text.</summary>
    private static bool TryReadParts(ReadOnlySpan<byte> json, string?[] parts)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 1 });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                int part = reader.ValueTextEquals("g"u8) ? 0
                    : reader.ValueTextEquals("e"u8) ? 1
                    : reader.ValueTextEquals("n"u8) ? 2
                    : reader.ValueTextEquals("c"u8) ? 3 : -1;
                if (part < 0 || parts[part] is not null || !reader.Read() || reader.TokenType != JsonTokenType.String)
                {
                    return false;
                }

                parts[part] = reader.GetString();
            }

            return reader.TokenType == JsonTokenType.EndObject && !reader.Read();
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return false; // Not JSON, or text with half a surrogate pair.
        }
    }

    private static bool TryBuild(string?[] parts, [NotNullWhen(true)] out SealedValue? value)
    {
        value = null;
        if (parts is not [string soul, string names, string salt, string ciphertext]
            || !GroupName.TryParse(soul, out GroupName group)
            || names.Length > GroupState.HeadsMax * (GroupEpoch.NameLength + 1)
            || !Base64Url.IsValid(salt, out int saltLength) || saltLength != SaltLength
            || !Base64Url.IsValid(ciphertext, out int length) || length < TagLength)
        {
            return false;
        }

        string[] epochs = names.Split(' ');
        for (int i = 0; i < epochs.Length; i++)
        {
            if (!GroupEpoch.IsName(epochs[i]) || (i > 0 && string.CompareOrdinal(epochs[i - 1], epochs[i]) >= 0))
            {
                return false;
            }
        }

        value = epochs.Length > GroupState.HeadsMax
            ? null
            : new(group, epochs, Base64Url.DecodeFromChars(salt), Base64Url.DecodeFromChars(ciphertext));
        return value is not null;
    }
}
