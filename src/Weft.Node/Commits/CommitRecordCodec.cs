using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Commits;

/// <summary>What stands at the head of a segment.</summary>
/// <param name="StoreId">The store it belongs to.</param>
/// <param name="Number">Its own number.</param>
/// <param name="FirstSequence">The first commit in it: one more than the last commit of the segment before.</param>
/// <param name="Salt">Starts the checksums of its records.</param>
/// <param name="Version">The format's version.</param>
public readonly record struct SegmentHeader(
    ulong StoreId, long Number, long FirstSequence, ulong Salt, uint Version = CommitRecordCodec.FormatVersion);

/// <summary>The commit log's bytes: segment headers, records and marks.</summary>
/// <remarks>
/// Source: docs/spec/storage.md. All numbers are little-endian. A segment is two copies of its header, then records:
/// <c>length u32 | crc u32 | sequence u64 | durable u64 | payload</c>. The checksum runs over the salt, the length, both
/// numbers and the payload. <c>durable</c> is the newest commit that was flushed when the record was written: it tells a
/// torn tail (never acknowledged) from damage (acknowledged). Length 0 ends the segment.
/// </remarks>
public static class CommitRecordCodec
{
    /// <summary>The version this code writes, and the newest it reads.</summary>
    public const uint FormatVersion = 1;

    /// <summary>Bytes before the first record.</summary>
    public const int SegmentHeaderBytes = 2 * HeaderCopyBytes;

    /// <summary>Bytes of a record before its payload.</summary>
    public const int RecordHeaderBytes = 24;

    /// <summary>Bytes of a whole mark.</summary>
    public const int MarkBytes = RecordHeaderBytes + 1;

    internal const int HeaderCopyBytes = 64;
    internal const byte BatchKind = 1;
    internal const byte MarkKind = 2;
    internal const byte SealedKind = 3;

    // Begins the changes of DHT records behind those of logs, which never begin so.
    private const byte RecordsMark = 0xFF;

    // Begins what is kept of the past, in the same place, and never begins a change of a log either.
    private const byte HistoryMark = 0xFE;
    private const string HistoryTag = "h";

    /// <summary>Bytes that a sealed payload is bound to: store, salt, sequence, durable.</summary>
    internal const int BoundBytes = 32;

    private static ReadOnlySpan<byte> Magic => "WEFTLOG\n"u8;

    /// <summary>Writes both copies of a header.</summary>
    public static void WriteSegmentHeader(IBufferWriter<byte> writer, in SegmentHeader header)
    {
        Span<byte> target = writer.GetSpan(SegmentHeaderBytes)[..SegmentHeaderBytes];
        target.Clear();
        Span<byte> copy = target[..HeaderCopyBytes];
        Magic.CopyTo(copy);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[8..], header.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(copy[16..], header.StoreId);
        BinaryPrimitives.WriteInt64LittleEndian(copy[24..], header.Number);
        BinaryPrimitives.WriteInt64LittleEndian(copy[32..], header.FirstSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(copy[40..], header.Salt);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[60..], Crc32C.Compute(copy[..60]));
        copy.CopyTo(target[HeaderCopyBytes..]);
        writer.Advance(SegmentHeaderBytes);
    }

    /// <summary>Reads a header; one good copy is enough.</summary>
    /// <param name="source">The start of a segment.</param>
    /// <param name="header">What it says.</param>
    /// <param name="copyDamaged">True when the other copy does not fit.</param>
    /// <returns>False when neither copy is good.</returns>
    public static bool TryReadSegmentHeader(
        ReadOnlySpan<byte> source, out SegmentHeader header, out bool copyDamaged)
    {
        bool first = TryReadCopy(source, out header);
        bool second = TryReadCopy(source.Length < HeaderCopyBytes ? [] : source[HeaderCopyBytes..], out SegmentHeader other);
        copyDamaged = first != second || (first && header != other);
        header = first ? header : other;
        return first || second;
    }

    /// <summary>Writes one record around an encoded batch.</summary>
    public static void WriteRecord(
        IBufferWriter<byte> writer, ReadOnlySpan<byte> payload, long sequence, long durable, ulong salt)
    {
        Span<byte> target = writer.GetSpan(RecordHeaderBytes + payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], durable);
        payload.CopyTo(target[RecordHeaderBytes..]);
        uint crc = RecordCrc(target, payload.Length, salt);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], crc);
        writer.Advance(RecordHeaderBytes + payload.Length);
    }

    /// <summary>Bytes of a whole record around an encoded batch.</summary>
    public static int RecordBytes(int payloadBytes, ICommitSeal? seal) =>
        RecordHeaderBytes + payloadBytes + (seal is null ? 0 : 1 + seal.OverheadBytes);

    /// <summary>
    /// Writes one record, with a seal around its payload: <c>3 | sealed bytes</c>, bound to the store, the segment and the
    /// numbers of the record, so that it fits nowhere else. Without a seal an ordinary record.
    /// </summary>
    public static void WriteRecord(
        IBufferWriter<byte> writer, ReadOnlySpan<byte> payload, long sequence, long durable, ulong salt, ulong storeId,
        ICommitSeal? seal)
    {
        if (seal is null)
        {
            WriteRecord(writer, payload, sequence, durable, salt);
            return;
        }

        int length = 1 + payload.Length + seal.OverheadBytes;
        Span<byte> target = writer.GetSpan(RecordHeaderBytes + length);
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)length);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], durable);
        target[RecordHeaderBytes] = SealedKind;
        Span<byte> bound = stackalloc byte[BoundBytes];
        Bind(bound, storeId, salt, sequence, durable);
        seal.Seal(payload, bound, target.Slice(RecordHeaderBytes + 1, length - 1));
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], RecordCrc(target, length, salt));
        writer.Advance(RecordHeaderBytes + length);
    }

    /// <summary>Writes a mark: "every commit up to here was flushed".</summary>
    public static void WriteMark(IBufferWriter<byte> writer, long durable, ulong salt) =>
        WriteRecord(writer, [MarkKind], durable, durable, salt);

    /// <summary>Encodes what a batch does.</summary>
    public static void EncodePayload(CommitBatch batch, IBufferWriter<byte> writer)
    {
        Put(writer, BatchKind);
        Span<byte> clock = writer.GetSpan(sizeof(double));
        BinaryPrimitives.WriteDoubleLittleEndian(clock, batch.ClockHigh);
        writer.Advance(sizeof(double));
        string previous = "";
        PutNumber(writer, (ulong)batch.Fields.Count);
        for (int i = 0; i < batch.Fields.Count; i++)
        {
            PutWrite(writer, batch.Fields[i].Write, ref previous);
        }

        PutWrites(writer, batch.Deferred, ref previous);
        PutWrites(writer, batch.Released, ref previous);
        for (int i = 0; i < batch.Logs.Count; i++)
        {
            LogDeltaCodec.Write(writer, batch.Logs[i]);
        }

        if (batch.History.Count > 0)
        {
            Put(writer, HistoryMark);
            PutHistory(writer, batch.History, ref previous);
        }

        if (batch.Records.Count > 0)
        {
            Put(writer, RecordsMark);
            for (int i = 0; i < batch.Records.Count; i++)
            {
                RecordChangeCodec.Write(writer, batch.Records[i]);
            }
        }
    }

    /// <summary>Decodes a payload whose checksum was good.</summary>
    /// <returns>False when it is not the encoding of a batch; then <paramref name="batch"/> is empty.</returns>
    public static bool TryDecodePayload(ReadOnlySpan<byte> payload, out CommitBatch batch)
    {
        batch = CommitBatch.Empty;
        if (payload.Length < 1 + sizeof(double) || payload[0] != BatchKind)
        {
            return false;
        }

        double clockHigh = BinaryPrimitives.ReadDoubleLittleEndian(payload[1..]);
        ReadOnlySpan<byte> rest = payload[(1 + sizeof(double))..];
        string previous = "";
        if (!TryReadWrites(ref rest, ref previous, out FieldWrite[] writes)
            || !TryReadWrites(ref rest, ref previous, out FieldWrite[] deferred)
            || !TryReadWrites(ref rest, ref previous, out FieldWrite[] released)
            || !TryReadLogs(ref rest, out List<LogDelta> logs)
            || !TryReadHistory(ref rest, ref previous, out FieldWrite[] history)
            || !TryReadRecords(rest, out List<RecordChange> records))
        {
            return false;
        }

        var fields = new CommitField[writes.Length];
        for (int i = 0; i < writes.Length; i++)
        {
            fields[i] = new CommitField(writes[i], default, false);
        }

        batch = new CommitBatch(fields, deferred, released, clockHigh) { Logs = logs, Records = records };
        batch = history.Length == 0 ? batch : new HistoryBatch(batch, history);
        return true;
    }

    /// <summary>The checksum of a record: over the salt, its length and numbers, and its payload.</summary>
    internal static uint RecordCrc(ReadOnlySpan<byte> record, int payloadLength, ulong salt)
    {
        uint crc = Crc32C.Compute(salt, 0);
        crc = Crc32C.Compute((ulong)payloadLength, crc);
        return Crc32C.Compute(record[8..(RecordHeaderBytes + payloadLength)], crc);
    }

    internal static void Bind(Span<byte> bound, ulong storeId, ulong salt, long sequence, long durable)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bound, storeId);
        BinaryPrimitives.WriteUInt64LittleEndian(bound[8..], salt);
        BinaryPrimitives.WriteInt64LittleEndian(bound[16..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(bound[24..], durable);
    }

    private static bool TryReadCopy(ReadOnlySpan<byte> copy, out SegmentHeader header)
    {
        header = default;
        if (copy.Length < HeaderCopyBytes
            || !copy[..8].SequenceEqual(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(copy[60..]) != Crc32C.Compute(copy[..60]))
        {
            return false;
        }

        header = new SegmentHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(copy[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(copy[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(copy[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(copy[40..]),
            BinaryPrimitives.ReadUInt32LittleEndian(copy[8..]));
        return true;
    }

    private static void PutWrites(IBufferWriter<byte> writer, IReadOnlyList<FieldWrite> writes, ref string previous)
    {
        PutNumber(writer, (ulong)writes.Count);
        for (int i = 0; i < writes.Count; i++)
        {
            PutWrite(writer, writes[i], ref previous);
        }
    }

    private static void PutWrite(IBufferWriter<byte> writer, in FieldWrite write, ref string previous)
    {
        PutText(writer, string.Equals(write.Soul, previous, StringComparison.Ordinal) ? "" : write.Soul);
        previous = write.Soul;
        PutText(writer, write.Field);
        BinaryPrimitives.WriteDoubleLittleEndian(writer.GetSpan(sizeof(double)), write.State);
        writer.Advance(sizeof(double));
        PutBytes(writer, write.Value.Json);
        FieldExtras? extras = write.Extras;
        Put(writer, extras is null ? (byte)0 : (byte)1);
        if (extras is not null)
        {
            PutBytes(writer, extras.Author.Span);
            PutBytes(writer, extras.Signature.Span);
            BinaryPrimitives.WriteDoubleLittleEndian(writer.GetSpan(sizeof(double)), extras.ExpiresAtMs);
            writer.Advance(sizeof(double));
            PutNumber(writer, extras.Policy);
        }
    }

    // In the record another text stands for what begins the souls, which is none that UTF-8 could hold.
    private static void PutHistory(IBufferWriter<byte> writer, IReadOnlyList<FieldWrite> rows, ref string previous)
    {
        PutNumber(writer, (ulong)rows.Count);
        for (int i = 0; i < rows.Count; i++)
        {
            PutWrite(writer, rows[i] with { Soul = HistoryTag + HistorySoul.NodeOf(rows[i].Soul) }, ref previous);
        }
    }

    private static bool TryReadHistory(ref ReadOnlySpan<byte> rest, ref string previous, out FieldWrite[] rows)
    {
        rows = [];
        if (rest.IsEmpty || rest[0] != HistoryMark)
        {
            return true;
        }

        rest = rest[1..];
        if (!TryReadWrites(ref rest, ref previous, out rows))
        {
            return false;
        }

        for (int i = 0; i < rows.Length; i++)
        {
            if (!rows[i].Soul.StartsWith(HistoryTag, StringComparison.Ordinal))
            {
                return false;
            }

            rows[i] = rows[i] with { Soul = HistorySoul.Of(rows[i].Soul[HistoryTag.Length..]) };
        }

        return true;
    }

    private static void Put(IBufferWriter<byte> writer, byte one)
    {
        writer.GetSpan(1)[0] = one;
        writer.Advance(1);
    }

    private static void PutNumber(IBufferWriter<byte> writer, ulong number) =>
        writer.Advance(Uvarint.Write(writer.GetSpan(Uvarint.BytesMax), number));

    private static void PutBytes(IBufferWriter<byte> writer, ReadOnlySpan<byte> bytes)
    {
        PutNumber(writer, (ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void PutText(IBufferWriter<byte> writer, string text)
    {
        int bytes = Encoding.UTF8.GetByteCount(text);
        PutNumber(writer, (ulong)bytes);
        Encoding.UTF8.GetBytes(text, writer.GetSpan(bytes));
        writer.Advance(bytes);
    }

    private static bool TryReadRecords(ReadOnlySpan<byte> rest, out List<RecordChange> records)
    {
        records = [];
        rest = rest.IsEmpty ? rest : rest[1..]; // Behind the mark.
        while (!rest.IsEmpty)
        {
            if (!RecordChangeCodec.TryRead(ref rest, out RecordChange? record))
            {
                return false;
            }

            records.Add(record!);
        }

        return true;
    }

    private static bool TryReadLogs(ref ReadOnlySpan<byte> rest, out List<LogDelta> logs)
    {
        logs = [];
        while (!rest.IsEmpty && rest[0] is not (RecordsMark or HistoryMark))
        {
            if (!LogDeltaCodec.TryRead(ref rest, out LogDelta? log))
            {
                return false;
            }

            logs.Add(log!);
        }

        return true;
    }

    private static bool TryReadWrites(ref ReadOnlySpan<byte> rest, ref string previous, out FieldWrite[] writes)
    {
        writes = [];
        if (!TryReadNumber(ref rest, out ulong count) || count > (ulong)rest.Length)
        {
            return false; // Each write takes more than one byte, so a count beyond the bytes is nonsense.
        }

        var read = new FieldWrite[(int)count];
        for (int i = 0; i < read.Length; i++)
        {
            if (!TryReadWrite(ref rest, ref previous, out read[i]))
            {
                return false;
            }
        }

        writes = read;
        return true;
    }

    private static bool TryReadWrite(ref ReadOnlySpan<byte> rest, ref string previous, out FieldWrite write)
    {
        write = default;
        if (!TryReadBytes(ref rest, out ReadOnlySpan<byte> soul)
            || !TryReadBytes(ref rest, out ReadOnlySpan<byte> field)
            || !TryReadDouble(ref rest, out double state)
            || !TryReadBytes(ref rest, out ReadOnlySpan<byte> json)
            || json.IsEmpty
            || rest.IsEmpty
            || rest[0] > 1)
        {
            return false;
        }

        bool hasExtras = rest[0] == 1;
        rest = rest[1..];
        FieldExtras? extras = null;
        if (hasExtras && !TryReadExtras(ref rest, out extras))
        {
            return false;
        }

        previous = soul.IsEmpty ? previous : Encoding.UTF8.GetString(soul);
        write = new FieldWrite(
            previous, Encoding.UTF8.GetString(field), WeftValue.FromCanonicalJson(json.ToArray()), state, extras);
        return true;
    }

    private static bool TryReadExtras(ref ReadOnlySpan<byte> rest, out FieldExtras? extras)
    {
        extras = null;
        if (!TryReadBytes(ref rest, out ReadOnlySpan<byte> author)
            || !TryReadBytes(ref rest, out ReadOnlySpan<byte> signature)
            || !TryReadDouble(ref rest, out double expiresAtMs)
            || !TryReadNumber(ref rest, out ulong policy)
            || policy > uint.MaxValue)
        {
            return false;
        }

        extras = new FieldExtras(author.ToArray(), signature.ToArray(), expiresAtMs, (uint)policy);
        return true;
    }

    private static bool TryReadNumber(ref ReadOnlySpan<byte> rest, out ulong number)
    {
        if (Uvarint.Read(rest, out number, out int used) != OperationStatus.Done)
        {
            return false;
        }

        rest = rest[used..];
        return true;
    }

    private static bool TryReadDouble(ref ReadOnlySpan<byte> rest, out double number)
    {
        if (!BinaryPrimitives.TryReadDoubleLittleEndian(rest, out number))
        {
            return false;
        }

        rest = rest[sizeof(double)..];
        return true;
    }

    private static bool TryReadBytes(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!TryReadNumber(ref rest, out ulong length) || length > (ulong)rest.Length)
        {
            return false;
        }

        bytes = rest[..(int)length];
        rest = rest[(int)length..];
        return true;
    }
}
