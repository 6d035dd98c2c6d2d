using System.Buffers.Binary;
using Weft.Protocols.Gossip;

namespace Weft.Protocols.Topics;

/// <summary>
/// The place of a message in the order that all relays share: the author's time, then the hash. Messages of one time
/// lie in the order of their hashes.
/// </summary>
/// <param name="Stamp">Milliseconds since 1970 in the upper 48 bits, a counter in the lower 16; 0 for none.</param>
/// <param name="High">The upper half of the hash.</param>
/// <param name="Low">The lower half of the hash.</param>
public readonly record struct TopicPoint(ulong Stamp, UInt128 High = default, UInt128 Low = default)
    : IComparable<TopicPoint>
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = sizeof(ulong) + TopicRecord.HashLength;

    private const ulong MicrosecondsMin = 1_262_304_000_000_000; // 2010.
    private const ulong MicrosecondsMax = 4_102_444_800_000_000; // 2100.

    /// <summary>Behind every point.</summary>
    public static TopicPoint Max => new(ulong.MaxValue, UInt128.MaxValue, UInt128.MaxValue);

    /// <summary>The point of a message.</summary>
    /// <param name="stamp">Its stamp.</param>
    /// <param name="hash">32 bytes.</param>
    public static TopicPoint Of(ulong stamp, in GossipMessageId hash)
    {
        ReadOnlySpan<byte> bytes = hash.Span;
        return new(
            stamp, BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]));
    }

    /// <summary>
    /// When the author says it wrote: its time; of plain data the number, where that counts microseconds since 1970, as
    /// this project's do; else 0.
    /// </summary>
    public static ulong StampOf(GossipMessage message, in TopicRecord record)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (record.Time != 0)
        {
            return record.Time;
        }

        ulong number = message.Sequence;
        return number is > MicrosecondsMin and < MicrosecondsMax
            ? ((number / 1_000) << 16) | ((number % 1_000) << 6)
            : 0;
    }

    /// <summary>The stamp of a wall time.</summary>
    public static ulong StampOf(double wallMs) => (ulong)Math.Clamp(wallMs, 0, (1L << 47) - 1) << 16;

    /// <summary>Reads a point.</summary>
    /// <param name="bytes">At least <see cref="Length"/> of them.</param>
    public static TopicPoint Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt128BigEndian(bytes[24..]));

    /// <summary>Writes it.</summary>
    /// <param name="target">At least <see cref="Length"/> bytes.</param>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, Stamp);
        BinaryPrimitives.WriteUInt128BigEndian(target[8..], High);
        BinaryPrimitives.WriteUInt128BigEndian(target[24..], Low);
    }

    /// <summary>The hash.</summary>
    public GossipMessageId ToHash()
    {
        Span<byte> bytes = stackalloc byte[Length];
        Write(bytes);
        GossipMessageId.TryRead(bytes[sizeof(ulong)..], out GossipMessageId hash);
        return hash;
    }

    /// <inheritdoc/>
    public int CompareTo(TopicPoint other)
    {
        int order = Stamp.CompareTo(other.Stamp);
        order = order != 0 ? order : High.CompareTo(other.High);
        return order != 0 ? order : Low.CompareTo(other.Low);
    }

    /// <summary>True when the first lies before the second.</summary>
    public static bool operator <(TopicPoint left, TopicPoint right) => left.CompareTo(right) < 0;

    /// <summary>True when the first lies behind the second.</summary>
    public static bool operator >(TopicPoint left, TopicPoint right) => left.CompareTo(right) > 0;

    /// <summary>True unless the first lies behind the second.</summary>
    public static bool operator <=(TopicPoint left, TopicPoint right) => left.CompareTo(right) <= 0;

    /// <summary>True unless the first lies before the second.</summary>
    public static bool operator >=(TopicPoint left, TopicPoint right) => left.CompareTo(right) >= 0;
}
