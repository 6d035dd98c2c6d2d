using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Crypto;

/// <summary>Text that an identity seals for itself alone, for one field: <c>ws1.</c> and base64url.</summary>
/// <remarks>
/// The key is derived from the identity's seed, so that all devices that hold it read each other's notes.
/// Source: docs/spec/grants.md, section 5.
/// </remarks>
public static class OwnSeal
{
    /// <summary>Random bytes for one text.</summary>
    public const int SaltLength = 24;

    private const string TextPrefix = "ws1.";
    private const int TagLength = 16;
    private const int KeyLength = 32;
    private const int PlainBytesMax = 65_536;

    private static ReadOnlySpan<byte> Purpose => "weft/own/1\0"u8;

    private static ReadOnlySpan<byte> ZeroNonce => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Seals.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="identity">Whose note it is.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="soul">The node it is for.</param>
    /// <param name="field">The field it is for.</param>
    /// <param name="text">At most 64 KiB of UTF-8.</param>
    /// <param name="salt">24 random bytes, never used again.</param>
    /// <exception cref="ArgumentException">The text is too long, or the salt has another length.</exception>
    public static string Seal(
        ICrypto crypto,
        Ed25519KeyPair identity,
        ReadOnlySpan<byte> network,
        string soul,
        string field,
        string text,
        ReadOnlySpan<byte> salt)
    {
        byte[] plain = Encoding.UTF8.GetBytes(text);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(plain.Length, PlainBytesMax, nameof(text));
        ArgumentOutOfRangeException.ThrowIfNotEqual(salt.Length, SaltLength, nameof(salt));
        var record = new byte[SaltLength + plain.Length + TagLength];
        salt.CopyTo(record);
        Span<byte> key = stackalloc byte[KeyLength];
        DeriveKey(crypto, identity, salt, key);
        crypto.SealChaCha20Poly1305(key, ZeroNonce, plain, Bound(network, soul, field), record.AsSpan(SaltLength));
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(plain);
        return TextPrefix + Base64Url.EncodeToString(record);
    }

    /// <summary>Opens.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="identity">Whose note it is.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="soul">The node it was found in.</param>
    /// <param name="field">The field it was found in.</param>
    /// <param name="text">A peer's text: nothing in it throws.</param>
    /// <returns>Null when it is none of this identity's, was changed, or was moved.</returns>
    public static string? Open(
        ICrypto crypto,
        Ed25519KeyPair identity,
        ReadOnlySpan<byte> network,
        string soul,
        string field,
        ReadOnlySpan<char> text)
    {
        if (!text.StartsWith(TextPrefix, StringComparison.Ordinal)
            || !Base64Url.IsValid(text[TextPrefix.Length..], out int length)
            || length is < SaltLength + TagLength or > SaltLength + PlainBytesMax + TagLength)
        {
            return null;
        }

        byte[] record = Base64Url.DecodeFromChars(text[TextPrefix.Length..]);
        Span<byte> key = stackalloc byte[KeyLength];
        DeriveKey(crypto, identity, record.AsSpan(0, SaltLength), key);
        var plain = new byte[length - SaltLength - TagLength];
        bool opened = crypto.OpenChaCha20Poly1305(
            key, ZeroNonce, record.AsSpan(SaltLength), Bound(network, soul, field), plain);
        CryptographicOperations.ZeroMemory(key);
        return opened ? Encoding.UTF8.GetString(plain) : null;
    }

    private static void DeriveKey(
        ICrypto crypto, Ed25519KeyPair identity, ReadOnlySpan<byte> salt, Span<byte> key)
    {
        Span<byte> secret = stackalloc byte[KeyLength];
        identity.DeriveSecret(crypto, Purpose, secret);
        crypto.HkdfSha256(secret, salt, Purpose, key);
        CryptographicOperations.ZeroMemory(secret);
    }

    private static byte[] Bound(ReadOnlySpan<byte> network, string soul, string field)
    {
        byte[] name = Encoding.UTF8.GetBytes(soul);
        Span<byte> length = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(length, (uint)name.Length);
        return [.. Purpose, .. network, .. length, .. name, .. Encoding.UTF8.GetBytes(field)];
    }
}
