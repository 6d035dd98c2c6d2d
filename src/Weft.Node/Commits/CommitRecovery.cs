using System.Buffers.Binary;
using Weft.Node.Storage;

namespace Weft.Node.Commits;

/// <summary>How one segment reads.</summary>
/// <param name="Number">The segment.</param>
/// <param name="Header">Its header; default when there is none.</param>
/// <param name="LastSequence">The last good commit before the first place that does not fit; 0 when there is none.</param>
/// <param name="End">Where that place is.</param>
/// <param name="CutBytes">Bytes of a torn tail that were never acknowledged; 0 when the segment ends cleanly.</param>
/// <param name="Damages">What is damaged; empty when nothing is.</param>
public sealed record SegmentScan(
    long Number,
    SegmentHeader Header,
    long LastSequence,
    int End,
    int CutBytes,
    IReadOnlyList<LogDamage> Damages);

/// <summary>A damaged place of the log: acknowledged commits that cannot be read.</summary>
/// <param name="Segment">The segment.</param>
/// <param name="Offset">Where it starts.</param>
/// <param name="Length">How many bytes do not fit; 0 when a whole segment is missing.</param>
/// <param name="FirstSequence">The first commit that is lost; 0 when none is.</param>
/// <param name="LastSequence">The last commit that is lost.</param>
/// <param name="What">What does not fit.</param>
public sealed record LogDamage(
    long Segment, long Offset, long Length, long FirstSequence, long LastSequence, string What);

/// <summary>What a whole log holds.</summary>
/// <param name="LastSequence">The newest commit; that of the disk tier when the log holds none.</param>
/// <param name="Segments">Each segment, oldest first.</param>
/// <param name="CutBytes">Bytes of the torn tail.</param>
/// <param name="Damages">What is damaged.</param>
/// <param name="NewerVersion">The format's version when it is newer than this code; else 0. Then nothing was read.</param>
public sealed record LogScan(
    long LastSequence,
    IReadOnlyList<SegmentScan> Segments,
    int CutBytes,
    IReadOnlyList<LogDamage> Damages,
    uint NewerVersion)
{
    /// <summary>True when acknowledged commits that the disk tier does not hold cannot be read.</summary>
    public bool LostCommits { get; init; }
}

/// <summary>Reads a commit log back: a pure function over the bytes of its segments.</summary>
/// <remarks>
/// The rule of the torn tail: where the last segment stops fitting, and no later record in it proves that the place had
/// been flushed, the rest was never acknowledged and is cut. A later proof, or a gap before the next segment, is damage:
/// it is reported, never guessed over; the good records behind it are still read.
/// </remarks>
public static class CommitRecovery
{
    /// <summary>Reads all segments.</summary>
    /// <param name="numbers">The segments' numbers, rising.</param>
    /// <param name="read">Gives a segment's bytes; valid until the next call.</param>
    /// <param name="storeId">The store the log must belong to.</param>
    /// <param name="flushed">Commits up to here are in the disk tier; they are not given out, and may be missing.</param>
    /// <param name="onCommit">Takes each commit after <paramref name="flushed"/>, in order.</param>
    /// <param name="seal">Opens the records of a sealed log; then one that is not sealed is damage. Null for a plain log.</param>
    public static LogScan Run(
        IReadOnlyList<long> numbers,
        Func<long, ReadOnlyMemory<byte>> read,
        ulong storeId,
        long flushed,
        Action<long, CommitBatch> onCommit,
        ICommitSeal? seal = null)
    {
        var give = new Giver(onCommit, seal, storeId);
        var scans = new List<SegmentScan>(numbers.Count);
        var damages = new List<LogDamage>();
        long last = flushed;
        int cut = 0;
        for (int i = 0; i < numbers.Count; i++)
        {
            ReadOnlyMemory<byte> bytes = read(numbers[i]);
            SegmentScan scan = Scan(numbers[i], bytes.Span, storeId, last, give, out uint newer);
            if (newer != 0)
            {
                return new LogScan(flushed, [], 0, [], newer);
            }

            damages.AddRange(scan.Damages);
            scans.Add(scan);
            if (scan.Header == default)
            {
                continue; // Prepared and not used yet.
            }

            if (scan.Header.FirstSequence > last + 1)
            {
                damages.Add(new LogDamage(numbers[i], 0, 0, last + 1, scan.Header.FirstSequence - 1,
                    "commits between this segment and the one before are missing"));
            }

            cut = scan.CutBytes; // A tail that was cut at an earlier start may still stand in an earlier segment.
            last = Math.Max(last, scan.LastSequence);
        }

        bool lost = damages.Exists(damage => damage.LastSequence > flushed);
        return new LogScan(last, scans, cut, damages, 0) { LostCommits = lost };
    }

    private static SegmentScan Scan(
        long number,
        ReadOnlySpan<byte> bytes,
        ulong storeId,
        long last,
        Giver give,
        out uint newer)
    {
        newer = 0;
        var damages = new List<LogDamage>();
        if (!CommitRecordCodec.TryReadSegmentHeader(bytes, out SegmentHeader header, out bool copyDamaged))
        {
            // A segment that was being prepared has no header yet, and nothing of it was acknowledged. Both copies of a
            // header in use do not break at once; should they, the gap before the next segment shows it.
            return new SegmentScan(number, default, 0, 0, 0, []);
        }

        if (header.Version > CommitRecordCodec.FormatVersion)
        {
            newer = header.Version;
            return new SegmentScan(number, header, 0, 0, 0, []);
        }

        if (header.StoreId != storeId || header.Number != number)
        {
            // A freed file that waits for its next use, or one from elsewhere; a gap in the sequence would show.
            return new SegmentScan(number, default, 0, 0, 0, []);
        }

        if (copyDamaged)
        {
            damages.Add(new LogDamage(number, 0, CommitRecordCodec.SegmentHeaderBytes, 0, 0,
                "one copy of the header does not fit; the other one does"));
        }

        return ReadRecords(number, bytes, header, last, give, damages);
    }

    private static SegmentScan ReadRecords(
        long number,
        ReadOnlySpan<byte> bytes,
        in SegmentHeader header,
        long last,
        Giver give,
        List<LogDamage> damages)
    {
        int at = Math.Min(CommitRecordCodec.SegmentHeaderBytes, bytes.Length);
        long expected = header.FirstSequence;
        int end = at;
        int cut = 0;
        while (true)
        {
            while (TryRead(bytes, at, header.Salt, expected, out Record record)
                && (record.IsMark ? record.Sequence == expected - 1 : record.Sequence == expected))
            {
                at += record.Length;
                if (record.IsMark)
                {
                    continue;
                }

                if (expected > last && !give.TryGive(bytes.Slice(at - record.Length, record.Length), record, header.Salt))
                {
                    damages.Add(new LogDamage(number, at - record.Length, record.Length, expected, expected,
                        "a record's checksum is good, but it is not a batch"));
                }

                expected++;
            }

            end = at;
            int next = FindProof(bytes, at, header.Salt, expected, out long resumeAt);
            if (next < 0)
            {
                cut = bytes[at..].LastIndexOfAnyExcept((byte)0) + 1;
                break;
            }

            // This place had been flushed, so it is no torn tail. The good records behind it are still read.
            damages.Add(resumeAt > expected
                ? new LogDamage(number, at, next - at, expected, resumeAt - 1, "a checksum does not fit")
                : new LogDamage(number, at, next - at, 0, 0, "bytes between two good records do not fit"));
            at = next;
            expected = resumeAt;
        }

        return new SegmentScan(number, header, expected - 1, end, cut, damages);
    }

    /// <summary>
    /// Looks behind a place that does not fit for a good record that proves it had been flushed. Records of the same
    /// unfinished write prove nothing: a disk may have written the end of it before the start.
    /// </summary>
    /// <returns>Where to read on: the first good record behind the place; -1 when nothing proves anything.</returns>
    private static int FindProof(
        ReadOnlySpan<byte> bytes, int from, ulong salt, long expected, out long resumeAt)
    {
        int first = -1;
        resumeAt = 0;
        for (int at = from + 1; at <= bytes.Length - CommitRecordCodec.MarkBytes; at++)
        {
            int zeros = bytes[at..].IndexOfAnyExcept((byte)0);
            if (zeros < 0)
            {
                break;
            }

            at += Math.Max(0, zeros - 3); // A length of four bytes is not zero.
            if (!TryRead(bytes, at, salt, expected, out Record record)
                || record.Sequence < expected - (record.IsMark ? 1 : 0))
            {
                continue;
            }

            if (first < 0)
            {
                first = at;
                resumeAt = record.IsMark ? record.Sequence + 1 : record.Sequence;
            }

            if (record.Durable >= expected)
            {
                return first;
            }

            at += record.Length - 1;
        }

        return -1;
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, int at, ulong salt, long expected, out Record record)
    {
        record = default;
        ReadOnlySpan<byte> rest = bytes[Math.Min(at, bytes.Length)..];
        if (rest.Length <= CommitRecordCodec.RecordHeaderBytes)
        {
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
        if (length == 0 || length > rest.Length - CommitRecordCodec.RecordHeaderBytes)
        {
            return false;
        }

        long sequence = BinaryPrimitives.ReadInt64LittleEndian(rest[8..]);
        long durable = BinaryPrimitives.ReadInt64LittleEndian(rest[16..]);

        // Numbers rise by one from record to record, so others than those the segment has room for need no checksum.
        // Without this, looking through a large torn tail would take the square of its length.
        long latest = expected + (bytes.Length / CommitRecordCodec.RecordHeaderBytes);
        if (sequence < expected - 1 || sequence <= 0 || sequence > latest || durable < 0 || durable > sequence
            || BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) != CommitRecordCodec.RecordCrc(rest, (int)length, salt))
        {
            return false;
        }

        byte kind = rest[CommitRecordCodec.RecordHeaderBytes];
        record = new Record(
            sequence, durable, CommitRecordCodec.RecordHeaderBytes + (int)length, kind == CommitRecordCodec.MarkKind);
        return true;
    }

    private readonly record struct Record(long Sequence, long Durable, int Length, bool IsMark);

    /// <summary>Decodes records whose checksum was good, opens sealed ones first, and hands them on.</summary>
    private sealed class Giver(Action<long, CommitBatch> onCommit, ICommitSeal? seal, ulong storeId)
    {
        private byte[] _plain = [];

        public bool TryGive(ReadOnlySpan<byte> bytes, in Record record, ulong salt)
        {
            ReadOnlySpan<byte> payload = bytes[CommitRecordCodec.RecordHeaderBytes..];
            if ((seal is not null && !TryOpen(ref payload, record, salt, seal))
                || !CommitRecordCodec.TryDecodePayload(payload, out CommitBatch batch))
            {
                return false;
            }

            onCommit(record.Sequence, batch);
            return true;
        }

        private bool TryOpen(ref ReadOnlySpan<byte> payload, in Record record, ulong salt, ICommitSeal opener)
        {
            int length = payload.Length - 1 - opener.OverheadBytes;
            if (length < 0 || payload[0] != CommitRecordCodec.SealedKind)
            {
                return false;
            }

            if (_plain.Length < length)
            {
                _plain = new byte[Math.Max(length, 4 << 10)];
            }

            Span<byte> bound = stackalloc byte[CommitRecordCodec.BoundBytes];
            CommitRecordCodec.Bind(bound, storeId, salt, record.Sequence, record.Durable);
            Span<byte> plain = _plain.AsSpan(0, length);
            bool opened = opener.TryOpen(payload[1..], bound, plain);
            payload = plain;
            return opened;
        }
    }
}
