using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Weft.Crypto;
using Weft.Graph;

namespace Weft.Protocols.Sync;

/// <summary>What stands for one field in a comparison: the hash of soul, field, state and value.</summary>
/// <remarks>
/// Proofs are no part of it: two replicas that agree on a value may hold different proofs of it, and must not compare as
/// unequal for ever. Source: docs/spec/sync.md, section 5.
/// </remarks>
public readonly record struct FieldHash(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>The part that travels: the first 16 bytes.</summary>
    public UInt128 Id => new(A, B);

    /// <summary>Hashes a field.</summary>
    public static FieldHash Of(ICrypto crypto, string soul, string field, double state, WeftValue value)
    {
        ReadOnlySpan<byte> json = value.Json;
        int length = (3 * sizeof(int)) + sizeof(double) + json.Length
            + Encoding.UTF8.GetMaxByteCount(soul.Length) + Encoding.UTF8.GetMaxByteCount(field.Length);
        byte[]? rented = length > 1_024 ? ArrayPool<byte>.Shared.Rent(length) : null;
        Span<byte> bytes = rented ?? stackalloc byte[1_024];
        int at = 0;
        Put(bytes, ref at, soul);
        Put(bytes, ref at, field);
        BinaryPrimitives.WriteDoubleBigEndian(bytes[at..], state == 0 ? 0 : state); // Zero has one form.
        at += sizeof(double);
        json.CopyTo(bytes[at..]);
        at += json.Length;
        Span<byte> hash = stackalloc byte[32];
        crypto.Sha256(bytes[..at], hash);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return new(
            BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(hash[16..]), BinaryPrimitives.ReadUInt64BigEndian(hash[24..]));
    }

    private static void Put(Span<byte> bytes, ref int at, string text)
    {
        int length = Encoding.UTF8.GetBytes(text, bytes[(at + sizeof(int))..]);
        BinaryPrimitives.WriteInt32BigEndian(bytes[at..], length);
        at += sizeof(int) + length;
    }
}

/// <summary>The sum of the fields of a range, modulo 2^256, and their count. The order of adding does not matter.</summary>
public readonly record struct RangeSum(ulong A, ulong B, ulong C, ulong D, long Count)
{
    /// <summary>Bytes of a <see cref="Fingerprint"/>.</summary>
    public const int FingerprintLength = 16;

    /// <summary>The sum with one more field.</summary>
    public RangeSum Plus(in FieldHash hash) => Plus(new RangeSum(hash.A, hash.B, hash.C, hash.D, 1));

    /// <summary>Two ranges together.</summary>
    public RangeSum Plus(in RangeSum other)
    {
        ulong d = D + other.D;
        ulong carry = d < D ? 1UL : 0;
        ulong c = Add(C, other.C, ref carry);
        ulong b = Add(B, other.B, ref carry);
        ulong a = Add(A, other.A, ref carry);
        return new(a, b, c, d, Count + other.Count);
    }

    /// <summary>16 bytes that are equal for equal ranges, and for no others that somebody could find.</summary>
    public UInt128 Fingerprint(ICrypto crypto)
    {
        Span<byte> bytes = stackalloc byte[40];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, A);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], B);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], C);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], D);
        BinaryPrimitives.WriteInt64BigEndian(bytes[32..], Count);
        Span<byte> hash = stackalloc byte[32];
        crypto.Sha256(bytes, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    private static ulong Add(ulong left, ulong right, ref ulong carry)
    {
        ulong sum = left + right;
        ulong over = sum < left ? 1UL : 0;
        ulong result = sum + carry;
        carry = over + (result < sum ? 1UL : 0);
        return result;
    }
}

/// <summary>One field in a comparison.</summary>
/// <param name="Key">Its place.</param>
/// <param name="Id">What stands for it.</param>
public readonly record struct RangeItem(SyncKey Key, UInt128 Id);

/// <summary>One part of a range.</summary>
/// <param name="To">Where it ends; this place is not in it.</param>
/// <param name="Sum">What is in it.</param>
public readonly record struct RangePart(SyncKey To, RangeSum Sum);
