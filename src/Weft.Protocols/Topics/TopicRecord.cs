using System.Buffers.Binary;
using Weft.Primitives;

namespace Weft.Protocols.Topics;

/// <summary>What a record of a topic is.</summary>
public enum TopicRecordKind
{
    /// <summary>One of a series; kept as long as the topic's retention says.</summary>
    Event = 0,

    /// <summary>The present value of a key: it takes the place of earlier ones.</summary>
    Latest = 1,

    /// <summary>The end of a key.</summary>
    Tombstone = 2,
}

/// <summary>
/// A record within the data of a gossip message: with a key, a link to the author's record before it, and a time.
/// Author,
/// number, topic and signature are those of the message, so that all of it is signed once.
/// </summary>
/// <remarks>
/// Data that does not begin with the four bytes of a record is an event without a key, a link or a time. Source:
/// docs/spec/topics.md.
/// </remarks>
public readonly ref struct TopicRecord
{
    /// <summary>Bytes of the longest key.</summary>
    public const int KeyMax = 1_024;

    /// <summary>Bytes of the link to the record before.</summary>
    public const int HashLength = 32;

    private const int IdTextMin = 40;
    private const int IdTextMax = 64;

    private const int FixedLength = 4 + 1 + HashLength + sizeof(ulong);

    private static ReadOnlySpan<byte> Magic => [0, (byte)'w', (byte)'r', 1];

    /// <summary>What it is.</summary>
    public TopicRecordKind Kind { get; private init; }

    /// <summary>
    /// The hash of the author's record before it in this topic; all zero when the author knows of none; empty for plain
    /// data.
    /// </summary>
    public ReadOnlySpan<byte> Previous { get; private init; }

    /// <summary>
    /// The author's time: milliseconds since 1970 in the upper 48 bits, a counter in the lower 16; 0 for none.
    /// </summary>
    public ulong Time { get; private init; }

    /// <summary>How long it should be kept, in seconds; 0 for as long as the topic's retention says.</summary>
    public ulong TtlSeconds { get; private init; }

    /// <summary>The key; empty for none.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>What it says.</summary>
    public ReadOnlySpan<byte> Payload { get; private init; }

    /// <summary>True when the author linked it to the one before.</summary>
    public bool HasPrevious => Previous.IndexOfAnyExcept((byte)0) >= 0;

    /// <summary>The milliseconds of <see cref="Time"/>.</summary>
    public double TimeMs => Time >> 16;

    /// <summary>Whose a key is: that of the peer whose id it begins with, before a slash; empty for everybody's.</summary>
    public static PeerId OwnerOf(ReadOnlySpan<byte> key)
    {
        int slash = key.IndexOf((byte)'/');
        if (slash is < IdTextMin or > IdTextMax)
        {
            return default;
        }

        Span<char> text = stackalloc char[IdTextMax];
        return System.Text.Ascii.ToUtf16(key[..slash], text, out int length) == System.Buffers.OperationStatus.Done
            && PeerId.TryParse(text[..length], out PeerId owner) ? owner : default;
    }

    /// <summary>True when data begins as a record; all other data is plain.</summary>
    public static bool IsRecord(ReadOnlySpan<byte> data) => data.StartsWith(Magic);

    /// <summary>Reads the data of a message.</summary>
    /// <returns>False when it begins as a record and is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> data, out TopicRecord record)
    {
        record = default;
        if (!data.StartsWith(Magic))
        {
            record = new() { Payload = data };
            return true;
        }

        if (data.Length < FixedLength || data[4] > (byte)TopicRecordKind.Tombstone)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = data[FixedLength..];
        if (Uvarint.Read(rest, out ulong ttl, out int used) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        rest = rest[used..];
        if (Uvarint.Read(rest, out ulong length, out used) != System.Buffers.OperationStatus.Done
            || length > KeyMax || length > (ulong)(rest.Length - used))
        {
            return false;
        }

        var kind = (TopicRecordKind)data[4];
        record = new()
        {
            Kind = kind,
            Previous = data.Slice(5, HashLength),
            Time = BinaryPrimitives.ReadUInt64BigEndian(data[(5 + HashLength)..]),
            TtlSeconds = ttl,
            Key = rest.Slice(used, (int)length),
            Payload = rest[(used + (int)length)..],
        };
        return kind == TopicRecordKind.Event || length > 0; // A value of a key has one.
    }

    /// <summary>Writes a record: the data of a message.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="previous">32 bytes, or none.</param>
    /// <param name="time">The author's time.</param>
    /// <param name="ttlSeconds">0 for none.</param>
    /// <param name="key">At most <see cref="KeyMax"/> bytes; at least one for a value of a key.</param>
    /// <param name="payload">What it says.</param>
    public static byte[] Write(
        TopicRecordKind kind, ReadOnlySpan<byte> previous, ulong time, ulong ttlSeconds, ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, KeyMax, nameof(key));
        if (previous.Length is not (0 or HashLength) || (kind != TopicRecordKind.Event && key.IsEmpty))
        {
            throw new ArgumentException("A link has 32 bytes or none, and a value of a key has a key.");
        }

        byte[] data = new byte[
            FixedLength + Uvarint.Length(ttlSeconds) + Uvarint.Length((ulong)key.Length) + key.Length + payload.Length];
        Magic.CopyTo(data);
        data[4] = (byte)kind;
        previous.CopyTo(data.AsSpan(5));
        BinaryPrimitives.WriteUInt64BigEndian(data.AsSpan(5 + HashLength), time);
        int at = FixedLength;
        at += Uvarint.Write(data.AsSpan(at), ttlSeconds);
        at += Uvarint.Write(data.AsSpan(at), (ulong)key.Length);
        key.CopyTo(data.AsSpan(at));
        payload.CopyTo(data.AsSpan(at + key.Length));
        return data;
    }
}
