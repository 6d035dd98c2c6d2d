using System.Buffers;
using System.Buffers.Binary;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Kad;

namespace Weft.Node.Commits;

/// <summary>The bytes of a <see cref="RecordChange"/>, for the commit log and the disk tier of a store.</summary>
/// <remarks>
/// Flags (1 kept, 2 own), the length of what follows as a varint, the record in network form or, of a removed one, its
/// key; of a kept one then the two times as doubles, little-endian. Source: docs/spec/dht.md, "Record store".
/// </remarks>
public static class RecordChangeCodec
{
    private const byte KeptFlag = 1;
    private const byte OwnFlag = 2;
    private const int BytesMax = 1 << 20;

    /// <summary>Writes a change.</summary>
    public static void Write(IBufferWriter<byte> target, RecordChange change)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(change);
        bool isKept = !change.Record.IsEmpty;
        ReadOnlySpan<byte> body = isKept ? change.Record.Span : change.Key.Span;
        Span<byte> head = stackalloc byte[1 + Uvarint.BytesMax];
        head[0] = (byte)((isKept ? KeptFlag : 0) | (change.IsOwn ? OwnFlag : 0));
        target.Write(head[..(1 + Uvarint.Write(head[1..], (ulong)body.Length))]);
        target.Write(body);
        if (isKept)
        {
            Span<byte> times = stackalloc byte[2 * sizeof(double)];
            BinaryPrimitives.WriteDoubleLittleEndian(times, change.ExpiresMs);
            BinaryPrimitives.WriteDoubleLittleEndian(times[sizeof(double)..], change.ReceivedMs);
            target.Write(times);
        }
    }

    /// <summary>Reads a change.</summary>
    /// <param name="rest">The bytes; takes what is behind the change.</param>
    /// <param name="change">The change; null when it cannot be read.</param>
    /// <returns>False for other bytes.</returns>
    public static bool TryRead(ref ReadOnlySpan<byte> rest, out RecordChange? change)
    {
        change = null;
        if (rest.IsEmpty || rest[0] > (KeptFlag | OwnFlag)
            || Uvarint.Read(rest[1..], out ulong length, out int head) != OperationStatus.Done || length is 0 or > BytesMax
            || rest.Length - 1 - head < (int)length)
        {
            return false;
        }

        bool isOwn = (rest[0] & OwnFlag) != 0;
        bool isKept = (rest[0] & KeptFlag) != 0;
        ReadOnlySpan<byte> body = rest.Slice(1 + head, (int)length);
        ReadOnlySpan<byte> behind = rest[(1 + head + (int)length)..];
        if (!isKept)
        {
            change = new(body.ToArray(), default, 0, 0, isOwn);
            rest = behind;
            return true;
        }

        if (behind.Length < 2 * sizeof(double) || !KadRecord.TryRead(body, out KadRecord record, out _))
        {
            return false;
        }

        change = new(
            record.Key,
            record.Encoded,
            BinaryPrimitives.ReadDoubleLittleEndian(behind),
            BinaryPrimitives.ReadDoubleLittleEndian(behind[sizeof(double)..]),
            isOwn);
        rest = behind[(2 * sizeof(double))..];
        return true;
    }
}
