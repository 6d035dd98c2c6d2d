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

    internal SeaSignature(string pub, byte[] text, byte[]? sorted, byte[] signature) =>
        (Pub, _text, _sorted, _signature) = (pub, text, sorted, signature);

    /// <summary>The key that must have signed, "x.y".</summary>
    public string Pub { get; }

    /// <summary>Reads what was signed, and the signature.</summary>
    /// <returns>Null when the signature is not the base64 of 64 bytes.</returns>
    internal static SeaSignature? TryRead(string pub, JsonElement said, JsonElement signature)
    {
        byte[] bytes = new byte[WriteProof.SignatureLength];
        if (signature.ValueKind != JsonValueKind.String || !TryDecode(signature.GetString()!, bytes))
        {
            return null;
        }

        return said.ValueKind == JsonValueKind.String
            ? new(pub, Encoding.UTF8.GetBytes(said.GetString()!), null, bytes)
            : new(pub, Rewrite(said, sorted: false), SortedOf(said), bytes);
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
    internal static byte[]? SortedOf(JsonElement said)
    {
        if (said.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
        {
            return null;
        }

        byte[] sorted = Rewrite(said, sorted: true);
        return sorted.AsSpan().SequenceEqual(Rewrite(said, sorted: false)) ? null : sorted;
    }

    internal static byte[] Rewrite(JsonElement said, bool sorted) =>
        ScriptJson.Rewrite(Encoding.UTF8.GetBytes(said.GetRawText()), sorted);

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
        && _signature.AsSpan().SequenceEqual(other._signature) && _text.AsSpan().SequenceEqual(other._text);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode(); // Seeded per process: a peer cannot choose texts that collide.
        hash.AddBytes(_signature);
        return hash.ToHashCode();
    }
}
