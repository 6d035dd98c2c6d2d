using System.Text;
using System.Text.Json;
using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>
/// One signature of SEA to be verified: ECDSA P-256 over the SHA-256 of a text, hashed once more by ECDSA.
/// </summary>
public sealed class SeaSignature : SignatureCheck
{
    private readonly byte[] _text;
    private readonly byte[]? _sorted;
    private readonly byte[] _signature;

    internal SeaSignature(string pub, byte[] text, byte[]? sorted, byte[] signature, bool isShared = false) =>
        (Pub, _text, _sorted, _signature, IsShared) = (pub, text, sorted, signature, isShared);

    /// <summary>The key that must have signed, "x.y".</summary>
    public string Pub { get; }

    /// <inheritdoc/>
    /// <remarks>True for a certificate. A signed value is about one write, and a repeat of that is known by the merge.
    /// </remarks>
    public override bool IsShared { get; }

    /// <summary>Reads what was signed, and the signature, of a certificate.</summary>
    /// <returns>Null when the signature is not the base64 of 64 bytes.</returns>
    internal static SeaSignature? TryRead(string pub, JsonElement said, JsonElement signature)
    {
        byte[] bytes = new byte[WriteProof.SignatureLength];
        if (signature.ValueKind != JsonValueKind.String || !TryDecode(signature.GetString()!, bytes))
        {
            return null;
        }

        return said.ValueKind == JsonValueKind.String
            ? new(pub, Encoding.UTF8.GetBytes(said.GetString()!), null, bytes, isShared: true)
            : new(pub, Rewrite(said), SortedOf(said), bytes, isShared: true);
    }

    /// <summary>Decodes the base64 of a signature: 88 characters, padded, as SEA writes it.</summary>
    internal static bool TryDecode(string text, Span<byte> signature)
    {
        const int TextLength = 88;
        Span<char> back = stackalloc char[TextLength];
        return text.Length == TextLength
            && Convert.TryFromBase64String(text, signature, out int written) && written == WriteProof.SignatureLength
            && Convert.TryToBase64Chars(signature[..written], back, out _) && back.SequenceEqual(text); // One text only.
    }

    /// <summary>
    /// The text of a value as JavaScript writes it, with names of objects sorted; null where that is the same.
    /// </summary>
    internal static byte[]? SortedOf(JsonElement said) =>
        said.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? SortedOf(RawOf(said)) : null;

    /// <summary>The same for the JSON of an object or a list.</summary>
    internal static byte[]? SortedOf(ReadOnlySpan<byte> json)
    {
        byte[] sorted = ScriptJson.Rewrite(json, sorted: true);
        return sorted.AsSpan().SequenceEqual(ScriptJson.Rewrite(json)) ? null : sorted;
    }

    internal static byte[] Rewrite(JsonElement said) => ScriptJson.Rewrite(RawOf(said));

    private static byte[] RawOf(JsonElement said) => Encoding.UTF8.GetBytes(said.GetRawText());

    /// <inheritdoc/>
    /// <remarks>
    /// A browser signs objects with names in the order of insertion, a GUN server in sorted order; both verify here.
    /// </remarks>
    public override bool Verify(ICrypto crypto, ISeaKeys keys)
    {
        if (keys.Find(Pub) is not IP256PublicKey key)
        {
            return false;
        }

        Span<byte> hash = stackalloc byte[WriteProof.HashLength];
        crypto.Sha256(_text, hash);
        if (key.Verify(hash, _signature))
        {
            return true;
        }

        if (_sorted is null)
        {
            return false;
        }

        crypto.Sha256(_sorted, hash);
        return key.Verify(hash, _signature);
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SeaSignature other && Pub == other.Pub
        && _signature.AsSpan().SequenceEqual(other._signature) && _text.AsSpan().SequenceEqual(other._text)
        && (_sorted is null) == (other._sorted is null) && _sorted.AsSpan().SequenceEqual(other._sorted);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode(); // Seeded per process: a peer cannot choose texts that collide.
        hash.AddBytes(_signature);
        return hash.ToHashCode();
    }
}
