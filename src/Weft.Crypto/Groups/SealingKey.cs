using System.Buffers.Text;
using System.Security.Cryptography;

namespace Weft.Crypto;

/// <summary>
/// The X25519 key that others wrap group keys for: derived from the seed of an identity, and published by it in the
/// field <c>x25519</c> of its soul <c>weft:key/K</c>, signed, so that nobody can put his own in its place.
/// </summary>
/// <remarks>Source: docs/spec/groups.md, section 1.</remarks>
public static class SealingKey
{
    /// <summary>The field.</summary>
    public const string Field = "x25519";

    /// <summary>Bytes of the key.</summary>
    public const int Length = 32;

    /// <summary>What the soul begins with; the text of the identity's key follows.</summary>
    public const string SoulPrefix = "weft:key/";

    private const string TextPrefix = "wx1.";
    private const int SignatureLength = 64;

    private static readonly int TextLength = TextPrefix.Length + Base64Url.GetEncodedLength(Length + SignatureLength);

    private static ReadOnlySpan<byte> Domain => "weft/sealing-key/1\0"u8;

    private static ReadOnlySpan<byte> Purpose => "weft/x25519/1\0"u8;

    /// <summary>Where an identity publishes its key.</summary>
    public static string SoulOf(in Ed25519PublicKey identity) => $"{SoulPrefix}{identity}";

    /// <summary>The text to publish.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="identity">Whose key.</param>
    /// <param name="network">32 bytes.</param>
    public static string Publish(ICrypto crypto, Ed25519KeyPair identity, ReadOnlySpan<byte> network)
    {
        Span<byte> secret = stackalloc byte[Length];
        Span<byte> published = stackalloc byte[Length + SignatureLength];
        identity.DeriveSecret(crypto, Purpose, secret);
        crypto.PublicKeyX25519(secret, published[..Length]);
        CryptographicOperations.ZeroMemory(secret);
        identity.Sign(crypto, Message(identity.PublicKey, network, published[..Length]), published[Length..]);
        return TextPrefix + Base64Url.EncodeToString(published);
    }

    /// <summary>Reads what somebody published.</summary>
    /// <param name="text">A peer's text: nothing in it throws.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="identity">Who is said to have published it.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="key">Takes 32 bytes; cleared when false.</param>
    /// <returns>False when it is none, or not signed by the identity for the network.</returns>
    public static bool TryRead(
        ReadOnlySpan<char> text,
        ICrypto crypto,
        in Ed25519PublicKey identity,
        ReadOnlySpan<byte> network,
        Span<byte> key)
    {
        key.Clear();
        Span<byte> published = stackalloc byte[Length + SignatureLength];
        if (text.Length != TextLength || !text.StartsWith(TextPrefix, StringComparison.Ordinal)
            || !Base64Url.IsValid(text[TextPrefix.Length..])
            || !Base64Url.TryDecodeFromChars(text[TextPrefix.Length..], published, out int length)
            || length != published.Length
            || !crypto.VerifyEd25519(
                identity.Span, Message(identity, network, published[..Length]), published[Length..]))
        {
            return false;
        }

        published[..Length].CopyTo(key);
        return true;
    }

    /// <summary>The secret half: 32 bytes, to be cleared by the caller.</summary>
    internal static void DeriveSecret(ICrypto crypto, Ed25519KeyPair identity, Span<byte> secret) =>
        identity.DeriveSecret(crypto, Purpose, secret);

    private static byte[] Message(
        in Ed25519PublicKey identity, ReadOnlySpan<byte> network, ReadOnlySpan<byte> key) =>
        [.. Domain, .. network, .. identity.Span, .. key];
}
