namespace Weft.Primitives;

/// <summary>
/// The name of a peer: the multihash of its public key, as libp2p has it. Text is base58: "12D3Koo…" or "Qm…".
/// </summary>
/// <remarks>
/// A short key stands in it whole (identity multihash), a long one as its SHA-256. The default value is no peer; its
/// text is empty. Source: libp2p specs, peer-ids/peer-ids.md.
/// </remarks>
public readonly struct PeerId : IEquatable<PeerId>, IComparable<PeerId>
{
    /// <summary>Bytes of the longest peer id.</summary>
    public const int LengthMax = 2 + InlineMax;

    /// <summary>Characters of the longest text that is looked at.</summary>
    public const int TextMax = 96;

    private const int InlineMax = 42;
    private const byte Identity = 0x00;
    private const byte Sha256 = 0x12;

    private readonly byte[]? _multihash;

    private PeerId(byte[] multihash) => _multihash = multihash;

    // Identity, 36 bytes; then the protobuf: type 1 is Ed25519, data of 32 bytes.
    private static ReadOnlySpan<byte> Ed25519Prefix => [Identity, 36, 0x08, 0x01, 0x12, 32];

    /// <summary>The multihash; empty for the default value.</summary>
    public ReadOnlySpan<byte> Span => _multihash;

    /// <summary>True for the default value, which names nobody.</summary>
    public bool IsEmpty => _multihash is null;

    /// <summary>The peer id of an Ed25519 key.</summary>
    /// <param name="publicKey">32 bytes.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public static PeerId FromEd25519(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey.Length != 32)
        {
            throw new ArgumentException("An Ed25519 public key has 32 bytes.", nameof(publicKey));
        }

        return new PeerId([.. Ed25519Prefix, .. publicKey]);
    }

    /// <summary>Takes a multihash as it stands on the wire.</summary>
    /// <returns>False when it is neither an identity multihash of 1 to 42 bytes nor a SHA-256.</returns>
    public static bool TryRead(ReadOnlySpan<byte> multihash, out PeerId peer)
    {
        bool fits = multihash.Length > 2 && multihash[1] == multihash.Length - 2
            && (multihash[0] == Identity ? multihash[1] <= InlineMax : multihash[0] == Sha256 && multihash[1] == 32);
        peer = fits ? new PeerId(multihash.ToArray()) : default;
        return fits;
    }

    /// <summary>Reads base58 ("12D3Koo…", "Qm…") or a CID of version 1 in base32 ("bafz…").</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out PeerId peer)
    {
        peer = default;
        if (text.Length is 0 or > TextMax)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[LengthMax + 2];
        if (text[0] != 'b')
        {
            return Base58.TryDecode(text, bytes, out int length) && TryRead(bytes[..length], out peer);
        }

        // A CID: version 1, codec "libp2p-key", then the multihash.
        return TryDecodeBase32(text[1..], bytes, out int written) && written > 2 && bytes[0] == 1 && bytes[1] == 0x72
            && TryRead(bytes[2..written], out peer);
    }

    /// <summary>The Ed25519 key that stands in the id; false when it is another kind, or only a hash.</summary>
    public bool TryGetEd25519(out ReadOnlySpan<byte> publicKey)
    {
        bool has = Span.Length == Ed25519Prefix.Length + 32 && Span.StartsWith(Ed25519Prefix);
        publicKey = has ? Span[Ed25519Prefix.Length..] : default;
        return has;
    }

    /// <inheritdoc/>
    public bool Equals(PeerId other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PeerId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode); // Seeded per process: a peer cannot choose ids that collide.
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public int CompareTo(PeerId other) => Span.SequenceCompareTo(other.Span);

    /// <summary>Base58.</summary>
    public override string ToString() => Base58.Encode(Span);

    /// <summary>True when both name the same peer.</summary>
    public static bool operator ==(PeerId left, PeerId right) => left.Equals(right);

    /// <summary>True when they name different peers.</summary>
    public static bool operator !=(PeerId left, PeerId right) => !left.Equals(right);

    private static bool TryDecodeBase32(ReadOnlySpan<char> text, Span<byte> target, out int written)
    {
        written = 0;
        int bits = 0;
        int held = 0;
        foreach (char next in text)
        {
            int value = next is >= 'a' and <= 'z' ? next - 'a' : next is >= '2' and <= '7' ? next - '2' + 26 : -1;
            if (value < 0)
            {
                return false;
            }

            held = ((held << 5) | value) & 0xfff;
            bits += 5;
            if (bits >= 8)
            {
                if (written == target.Length)
                {
                    return false;
                }

                bits -= 8;
                target[written++] = (byte)(held >> bits);
            }
        }

        return bits < 5 && (held & ((1 << bits) - 1)) == 0; // Bits to spare are zero: one form for one id.
    }
}
