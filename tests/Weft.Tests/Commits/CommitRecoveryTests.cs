using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Commits;

public sealed class CommitRecoveryTests
{
    [Fact]
    public void Everything_a_batch_holds_comes_back()
    {
        var extras = new FieldExtras(new byte[] { 1, 2 }, new byte[] { 3 }, 123.5, 7);
        var batch = new CommitBatch(
            [
                new(new("soul \ud83d\ude00", "field", "text", 1.5, extras), default, false),
                new(new("soul \ud83d\ude00", "\u00e9", WeftValue.Link("there"), 2), default, true),
                new(new("other", "gone", WeftValue.Null, 3), default, true),
            ],
            [new("later", "f", 1d, 99)],
            [new("released", "f", true, 98)],
            1234.001);
        CommitBench bench = Filled(batch);

        bench.Recover(out List<(long Sequence, CommitBatch Batch)> commits);

        CommitBatch read = Assert.Single(commits).Batch;
        Assert.Equal(batch.ClockHigh, read.ClockHigh);
        Assert.Equal(batch.Fields.Select(Plain), read.Fields.Select(Plain));
        Assert.Equal(batch.Deferred, read.Deferred);
        Assert.Equal(batch.Released, read.Released);
        FieldExtras back = read.Fields[0].Write.Extras!;
        Assert.Equal((123.5, 7u), (back.ExpiresAtMs, back.Policy));
        Assert.Equal([1, 2], back.Author.ToArray());
        Assert.Equal([3], back.Signature.ToArray());
    }

    [Fact]
    public void A_last_segment_cut_at_any_byte_gives_every_commit_before_the_cut()
    {
        CommitBench bench = FilledOneByOne(8);
        byte[] whole = bench.Segments[1];
        int used = whole.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        int before = 0;
        for (int length = 0; length <= used; length++)
        {
            // Once truncated, once with zeros behind, as a preallocated file has them.
            byte[] torn = new byte[whole.Length];
            whole.AsSpan(0, length).CopyTo(torn);
            LogScan cut = CommitBench.Recover(new Dictionary<long, byte[]> { [1] = whole[..length] }, out var first);
            LogScan zeroed = CommitBench.Recover(new Dictionary<long, byte[]> { [1] = torn }, out var second);

            Assert.DoesNotContain(cut.Damages.Concat(zeroed.Damages), damage => damage.LastSequence > 0);
            Assert.False(cut.LostCommits || zeroed.LostCommits);
            Assert.InRange(second.Count, first.Count, first.Count + 1); // A record may end with zeros.
            Assert.InRange(second.Count, before, before + 1);
            before = second.Count;
        }

        Assert.Equal(8, before);
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_damage_or_an_unproven_tail_and_never_a_wrong_value()
    {
        CommitBench bench = FilledOneByOne(6);
        byte[] whole = bench.Segments[1];
        bench.Recover(out List<(long Sequence, CommitBatch Batch)> good);
        int used = whole.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        for (int at = 0; at < used; at++)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= (byte)(1 << (at % 8));

            LogScan scan = CommitBench.Recover(new Dictionary<long, byte[]> { [1] = flipped }, out var commits);

            foreach ((long sequence, CommitBatch batch) in commits)
            {
                Assert.Equal(Plain(good[(int)sequence - 1].Batch.Fields[0]), Plain(batch.Fields[0]));
            }

            bool complete = commits.Count == good.Count;
            bool lastOnly = commits.Count == good.Count - 1 && scan.LastSequence == good.Count - 1 && scan.CutBytes > 0;
            Assert.True(complete || lastOnly || scan.LostCommits, $"byte {at}: {commits.Count} commits, nothing said");
        }
    }

    [Fact]
    public void After_a_clean_end_even_the_last_commit_cannot_vanish_unseen()
    {
        CommitBench bench = FilledOneByOne(6);
        bench.Core.Close(bench.Outbox);
        bench.Run();
        byte[] whole = bench.Segments[1];
        int mark = whole.AsSpan().LastIndexOfAnyExcept((byte)0) + 1 - CommitRecordCodec.MarkBytes;
        for (int at = CommitRecordCodec.SegmentHeaderBytes; at < mark; at++)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 0x10;

            LogScan scan = CommitBench.Recover(new Dictionary<long, byte[]> { [1] = flipped }, out var commits);

            Assert.True(scan.LostCommits, $"byte {at}: {commits.Count} commits, nothing said");
            Assert.Equal(6, scan.LastSequence);
        }
    }

    [Fact]
    public void The_end_of_an_unfinished_write_before_its_start_is_a_torn_tail()
    {
        var bench = new CommitBench();
        bench.Run();
        bench.Append(CommitBench.Batch("acknowledged", "f", 1));
        bench.Run();
        byte[] before = [.. bench.Segments[1]];
        for (int i = 0; i < 5; i++)
        {
            bench.Append(CommitBench.Batch("in flight" + i, "f", i));
        }

        bench.Run();
        byte[] torn = [.. bench.Segments[1]];
        int used = before.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        torn.AsSpan(used, 30).Clear(); // The disk wrote the rest of the group, but not its first sector.

        LogScan scan = CommitBench.Recover(new Dictionary<long, byte[]> { [1] = torn }, out var commits);

        Assert.Equal(["acknowledged"], commits.Select(commit => commit.Batch.Fields[0].Write.Soul));
        Assert.False(scan.LostCommits);
        Assert.True(scan.CutBytes > 0);
    }

    [Fact]
    public void A_missing_segment_is_damage()
    {
        var bench = new CommitBench(new CommitCoreOptions { SegmentBytes = 4_096 });
        bench.Run();
        for (int i = 0; i < 8; i++)
        {
            bench.Append(CommitBench.Batch("a" + i, "f", new string('x', 1_500)));
            bench.Run();
        }

        bench.Segments.Remove(2);
        LogScan scan = bench.Recover(out List<(long Sequence, CommitBatch Batch)> commits);

        Assert.True(scan.LostCommits);
        Assert.Equal((3L, 4L), (scan.Damages.Single().FirstSequence, scan.Damages.Single().LastSequence));
        Assert.Equal([1L, 2, 5, 6, 7, 8], commits.Select(commit => commit.Sequence));
        Assert.False(bench.Recover(out _, flushed: 4).LostCommits);
    }

    [Fact]
    public void A_newer_format_is_recognised_and_nothing_is_read()
    {
        var writer = new System.Buffers.ArrayBufferWriter<byte>();
        CommitRecordCodec.WriteSegmentHeader(writer, new SegmentHeader(CommitBench.StoreId, 1, 1, 5, Version: 2));

        LogScan scan = CommitBench.Recover(
            new Dictionary<long, byte[]> { [1] = writer.WrittenSpan.ToArray() }, out var commits);

        Assert.Equal(2u, scan.NewerVersion);
        Assert.Empty(commits);
    }

    [Fact]
    public void Random_bytes_never_throw_and_never_give_a_commit()
    {
        var random = new WeftRandom(5);
        for (int i = 0; i < 2_000; i++)
        {
            byte[] bytes = new byte[random.Next(600)];
            random.Fill(bytes);
            Assert.False(CommitRecordCodec.TryDecodePayload(bytes, out _) && bytes[0] != 1);
            if (bytes.Length > 0)
            {
                bytes[0] = 1;
                CommitRecordCodec.TryDecodePayload(bytes, out _);
            }

            CommitBench.Recover(new Dictionary<long, byte[]> { [1] = bytes }, out var commits);
            Assert.Empty(commits);
        }
    }

    private static (string Soul, string Field, string Value, double State) Plain(CommitField field) =>
        (field.Write.Soul, field.Write.Field, field.Write.Value.ToString(), field.Write.State);

    private static CommitBench Filled(CommitBatch batch)
    {
        var bench = new CommitBench();
        bench.Run();
        bench.Append(batch);
        bench.Run();
        return bench;
    }

    private static CommitBench FilledOneByOne(int commits)
    {
        var bench = new CommitBench(new CommitCoreOptions { SegmentBytes = 8_192 });
        bench.Run();
        for (int i = 0; i < commits; i++)
        {
            bench.Append(CommitBench.Batch("soul" + i, "field", "value " + i, i));
            bench.Run();
        }

        return bench;
    }
}
