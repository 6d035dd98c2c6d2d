using System.Buffers;
using Weft.Fuzz;
using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Fuzz;

/// <summary>Payloads of the commit log: what is taken for a batch encodes to the same batch again.</summary>
internal sealed class CommitPayloadFuzz : FuzzTarget
{
    public override string Name => "commit-payload";

    public override IEnumerable<byte[]> Seeds => CommitSamples.Batches.Select(CommitSamples.Encode);

    // A removed DHT record with a key of one byte takes 3 bytes in the log and about 130 in memory, twice here; a write of
    // an empty soul, field and extras takes 13 bytes and about 200.
    public override int AllocationFactor => 128;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        if (!CommitRecordCodec.TryDecodePayload(input.Span, out CommitBatch batch))
        {
            FuzzFailure.Unless(batch.IsEmpty, "what is refused leaves nothing behind");
            return 0;
        }

        byte[] again = CommitSamples.Encode(batch);
        FuzzFailure.Unless(CommitRecordCodec.TryDecodePayload(again, out CommitBatch second), "a batch can be read again");
        FuzzFailure.Unless(CommitSamples.Encode(second).AsSpan().SequenceEqual(again), "and is the same batch");
        return 1 + (ulong)(Math.Min(batch.Fields.Count, 3) + (4 * Math.Min(batch.Deferred.Count, 3))
            + (16 * Math.Min(batch.Released.Count, 3)));
    }
}

/// <summary>
/// A segment with damage anywhere: recovery gives out only commits that were written, in order, each once, and says
/// what
/// is missing. It never throws and never takes long.
/// </summary>
internal sealed class CommitRecoveryFuzz : FuzzTarget
{
    private const ulong StoreId = 7;
    private const ulong Salt = 99;

    private readonly byte[][] _written = [.. CommitSamples.Batches.Select(CommitSamples.Encode)];

    public override string Name => "commit-recovery";

    public override int LengthMax => 32_768;

    public override int AllocationFactor => 64;

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            var segment = new ArrayBufferWriter<byte>();
            CommitRecordCodec.WriteSegmentHeader(segment, new SegmentHeader(StoreId, 1, 1, Salt));
            for (int i = 0; i < 12; i++)
            {
                CommitRecordCodec.WriteRecord(segment, _written[i % _written.Length], i + 1, i / 3 * 3, Salt);
            }

            yield return segment.WrittenSpan.ToArray();
            CommitRecordCodec.WriteMark(segment, 12, Salt);
            yield return segment.WrittenSpan.ToArray();
            yield return [.. segment.WrittenSpan, .. new byte[1_000]];

            // A torn tail full of small numbers looks like the head of a record everywhere.
            byte[] tail = new byte[400_000];
            new WeftRandom(1).Fill(tail);
            yield return [.. segment.WrittenSpan, .. tail.Select(one => (byte)(one % 3 == 0 ? 0 : one % 30))];
        }
    }

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        long last = 0;
        int given = 0;
        LogScan scan = CommitRecovery.Run([1], _ => input, StoreId, 0, (sequence, batch) =>
        {
            FuzzFailure.Unless(sequence > last, "commits come in order, each once");
            last = sequence;
            given++;
            byte[] expected = _written[(int)((sequence - 1) % _written.Length)];
            FuzzFailure.Unless(CommitSamples.Encode(batch).AsSpan().SequenceEqual(expected), "only what was written is given out");
        });
        FuzzFailure.Unless(scan.LastSequence >= last, "the newest commit is known");
        long lost = scan.Damages.Sum(damage => damage.LastSequence == 0 ? 0 : damage.LastSequence - damage.FirstSequence + 1);
        FuzzFailure.Unless(given + lost >= last, "what is missing in the middle is reported");
        return (ulong)given + ((ulong)Math.Min(scan.Damages.Count, 7) << 8) + (scan.CutBytes > 0 ? 1UL << 16 : 0);
    }
}

/// <summary>Batches of every kind, to start from.</summary>
internal static class CommitSamples
{
    public static CommitBatch[] Batches { get; } =
    [
        Of(new FieldWrite("s", "f", "value", 1_767_225_600_000.001)),
        Of(new FieldWrite("s", "a", 1, 1), new FieldWrite("s", "b", WeftValue.Link("t"), 2), new FieldWrite("t", "a", true, 3)),
        new([], [new FieldWrite("soon", "f", default, 5)], [new FieldWrite("held", "\u00e9", "\ud83d\ude00", 4)], 6),
        Of(new FieldWrite("o", "f", "v", 1, new FieldExtras(new byte[32], new byte[64], 9, 3))),
        Of(new FieldWrite(new string('l', 300), new string('f', 200), new string('v', 2_000), -1.5)),
    ];

    public static byte[] Encode(CommitBatch batch)
    {
        var writer = new ArrayBufferWriter<byte>();
        CommitRecordCodec.EncodePayload(batch, writer);
        return writer.WrittenSpan.ToArray();
    }

    private static CommitBatch Of(params FieldWrite[] writes) =>
        new([.. writes.Select(write => new CommitField(write, default, false))], [], [], writes[0].State);
}
