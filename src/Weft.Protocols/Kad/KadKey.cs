using System.Buffers.Binary;
using System.Numerics;
using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Protocols.Kad;

/// <summary>A place in the key space: the SHA-256 of a record's key or of a peer id. Distance is XOR.</summary>
/// <remarks>Source: libp2p specs, kad-dht/README.md, "Distance".</remarks>
public readonly struct KadKey : IEquatable<KadKey>, IComparable<KadKey>
{
    /// <summary>Bytes of a key.</summary>
    public const int Length = 32;

    /// <summary>Bits of a key.</summary>
    public const int Bits = 256;

    private readonly ulong _a; // The highest 64 bits.
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    /// <summary>Takes 32 bytes as they stand.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another length.</exception>
    public KadKey(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Length);
        _a = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _b = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
    }

    private KadKey(ulong a, ulong b, ulong c, ulong d) => (_a, _b, _c, _d) = (a, b, c, d);

    /// <summary>The number as a share of the whole space: 0 up to 1. Of a distance: how far that is.</summary>
    public double Share => _a / 18446744073709551616d;

    /// <summary>Zero bits at the start: 0 to 256.</summary>
    public int LeadingZeros =>
        _a != 0 ? BitOperations.LeadingZeroCount(_a)
        : _b != 0 ? 64 + BitOperations.LeadingZeroCount(_b)
        : _c != 0 ? 128 + BitOperations.LeadingZeroCount(_c)
        : 192 + BitOperations.LeadingZeroCount(_d);

    /// <summary>The place of a record's key.</summary>
    public static KadKey Of(ReadOnlySpan<byte> key, ICrypto crypto)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        Span<byte> digest = stackalloc byte[Length];
        crypto.Sha256(key, digest);
        return new(digest);
    }

    /// <summary>The place of a peer.</summary>
    public static KadKey Of(PeerId peer, ICrypto crypto) => Of(peer.Span, crypto);

    /// <summary>The distance to another place.</summary>
    public KadKey DistanceTo(in KadKey other) => new(_a ^ other._a, _b ^ other._b, _c ^ other._c, _d ^ other._d);

    /// <summary>How many bits two places have in common at the start: 0 to 256.</summary>
    public int CommonPrefix(in KadKey other) => DistanceTo(other).LeadingZeros;

    /// <summary>The first bits as a number.</summary>
    /// <param name="bits">1 to 32.</param>
    public uint Prefix(int bits) => (uint)(_a >> (64 - bits));

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, _a);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(target[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(target[24..], _d);
    }

    /// <inheritdoc/>
    public int CompareTo(KadKey other)
    {
        int order = _a.CompareTo(other._a);
        order = order != 0 ? order : _b.CompareTo(other._b);
        order = order != 0 ? order : _c.CompareTo(other._c);
        return order != 0 ? order : _d.CompareTo(other._d);
    }

    /// <inheritdoc/>
    public bool Equals(KadKey other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is KadKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_a, _b, _c, _d); // Seeded per process.

    /// <summary>64 hex digits.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>True when both are the same place.</summary>
    public static bool operator ==(KadKey left, KadKey right) => left.Equals(right);

    /// <summary>True when they are different places.</summary>
    public static bool operator !=(KadKey left, KadKey right) => !left.Equals(right);

    /// <summary>True when <paramref name="left"/> is the smaller number.</summary>
    public static bool operator <(KadKey left, KadKey right) => left.CompareTo(right) < 0;

    /// <summary>True when <paramref name="left"/> is the greater number.</summary>
    public static bool operator >(KadKey left, KadKey right) => left.CompareTo(right) > 0;

    /// <summary>True unless <paramref name="left"/> is the greater number.</summary>
    public static bool operator <=(KadKey left, KadKey right) => left.CompareTo(right) <= 0;

    /// <summary>True unless <paramref name="left"/> is the smaller number.</summary>
    public static bool operator >=(KadKey left, KadKey right) => left.CompareTo(right) >= 0;
}
