using System.Buffers.Binary;
using Weft.Node.Commits;
using Weft.Node.Storage;

namespace Weft.Tests.Commits;

/// <summary>
/// The commit log with sealed payloads: the rules of the log hold, and a record fits its own place only.
/// </summary>
public sealed class SealedCommitTests
{
    [Fact]
    public void Sealed_commits_come_back_and_nothing_plain_is_written()
    {
        var seal = new TestSeal();
        CommitBench bench = Filled(seal, 8);

        LogScan scan = Recover(bench.Segments, seal, out List<long> sequences);

        Assert.Empty(scan.Damages);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], sequences);
        Assert.All(bench.Segments.Values, bytes => Assert.Equal(-1, bytes.AsSpan().IndexOf("canary"u8)));
        Assert.Contains(Filled(null, 1).Segments.Values, bytes => bytes.AsSpan().IndexOf("canary"u8) >= 0);
    }

    [Fact]
    public void A_segment_cut_at_any_byte_gives_every_commit_before_the_cut()
    {
        var seal = new TestSeal();
        byte[] whole = Filled(seal, 6).Segments[1];
        int used = whole.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        int before = 0;
        for (int length = 0; length <= used; length++)
        {
            byte[] torn = new byte[whole.Length];
            whole.AsSpan(0, length).CopyTo(torn);

            LogScan scan = Recover(new Dictionary<long, byte[]> { [1] = torn }, seal, out List<long> sequences);

            Assert.False(scan.LostCommits);
            Assert.InRange(sequences.Count, before, before + 1);
            before = sequences.Count;
        }

        Assert.Equal(6, before);
    }

    [Fact]
    public void A_record_put_in_the_place_of_another_is_damage_even_with_a_good_checksum()
    {
        var seal = new TestSeal();
        byte[] bytes = [.. Filled(seal, 3).Segments[1]];
        CommitRecordCodec.TryReadSegmentHeader(bytes, out SegmentHeader header, out _);
        int first = CommitRecordCodec.SegmentHeaderBytes;
        int length = CommitRecordCodec.RecordHeaderBytes + BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(first));
        Span<byte> second = bytes.AsSpan(first + length, length);
        long durable = BinaryPrimitives.ReadInt64LittleEndian(second[16..]);
        bytes.AsSpan(first, length).CopyTo(second);
        BinaryPrimitives.WriteInt64LittleEndian(second[8..], 2);
        BinaryPrimitives.WriteInt64LittleEndian(second[16..], durable);
        Sum(second, header.Salt);

        LogScan scan = Recover(new Dictionary<long, byte[]> { [1] = bytes }, seal, out List<long> sequences);

        Assert.Equal([1, 3], sequences);
        Assert.True(scan.LostCommits);
        Assert.Equal(2, Assert.Single(scan.Damages).FirstSequence);
    }

    [Fact]
    public void A_plain_record_in_a_sealed_log_is_damage_and_so_is_a_sealed_one_in_a_plain_log()
    {
        var seal = new TestSeal();

        LogScan planted = Recover(Filled(null, 2).Segments, seal, out List<long> fromPlain);
        LogScan keyless = Recover(Filled(seal, 2).Segments, null, out List<long> fromSealed);

        Assert.Empty(fromPlain);
        Assert.Empty(fromSealed);
        Assert.True(planted.LostCommits && keyless.LostCommits);
    }

    private static void Sum(Span<byte> record, ulong salt) => BinaryPrimitives.WriteUInt32LittleEndian(
        record[4..], CommitRecordCodec.RecordCrc(record, record.Length - CommitRecordCodec.RecordHeaderBytes, salt));

    private static CommitBench Filled(ICommitSeal? seal, int commits)
    {
        var bench = new CommitBench(new CommitCoreOptions { SegmentBytes = 8_192, Seal = seal });
        bench.Run();
        for (int i = 0; i < commits; i++)
        {
            bench.Append(CommitBench.Batch("canary" + i, "field", "value " + i, i));
            bench.Run();
        }

        return bench;
    }

    private static LogScan Recover(
        IReadOnlyDictionary<long, byte[]> segments, ICommitSeal? seal, out List<long> sequences)
    {
        var found = new List<long>();
        LogScan scan = CommitRecovery.Run(
            [.. segments.Keys.Order()], number => segments[number], CommitBench.StoreId, 0,
            (sequence, batch) =>
            {
                Assert.Equal("canary" + (sequence - 1), Assert.Single(batch.Fields).Write.Soul);
                found.Add(sequence);
            },
            seal);
        sequences = found;
        return scan;
    }

    /// <summary>No cipher, but it hides, counts and binds as one does.</summary>
    private sealed class TestSeal : ICommitSeal
    {
        private byte _count;

        public int OverheadBytes => 5;

        public void Seal(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> bound, Span<byte> target)
        {
            Assert.Equal(payload.Length + OverheadBytes, target.Length);
            target[0] = ++_count;
            for (int i = 0; i < payload.Length; i++)
            {
                target[i + 1] = (byte)(payload[i] ^ 0xA5 ^ target[0]);
            }

            BinaryPrimitives.WriteUInt32LittleEndian(target[^4..], Tag(target[..^4], bound));
        }

        public bool TryOpen(ReadOnlySpan<byte> sealedPayload, ReadOnlySpan<byte> bound, Span<byte> payload)
        {
            for (int i = 0; i < payload.Length; i++)
            {
                payload[i] = (byte)(sealedPayload[i + 1] ^ 0xA5 ^ sealedPayload[0]);
            }

            return BinaryPrimitives.ReadUInt32LittleEndian(sealedPayload[^4..]) == Tag(sealedPayload[..^4], bound);
        }

        private static uint Tag(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> bound) =>
            Crc32C.Compute(bytes, Crc32C.Compute(bound));
    }
}
