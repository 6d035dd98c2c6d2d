using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Commits;

public sealed class CommitCoreTests
{
    [Fact]
    public void Appends_that_wait_together_share_one_write_and_one_flush()
    {
        var bench = new CommitBench();
        bench.Run();

        for (int i = 0; i < 100; i++)
        {
            bench.Append(CommitBench.Batch("soul", "field" + i, i), token: i);
        }

        bench.Run();

        Assert.Equal((1, 1), (bench.Writes, bench.Syncs));
        Assert.Equal(
            Enumerable.Range(0, 100),
            bench.Answers.Where(answer => answer.Kind == CommitOutputKind.Done).Select(answer => (int)answer.Token!));
        Assert.Equal(100, bench.Core.CommittedSequence);
    }

    [Fact]
    public void A_group_waits_for_company_only_while_it_is_told_to()
    {
        var bench = new CommitBench();
        bench.Run();
        bench.Core.WaitsForMore = true;
        bench.Append(CommitBench.Batch("soul", "first", 1), token: 1);
        bench.Run();
        Assert.Equal((0, true), (bench.Writes, bench.Core.HasHeldGroup));

        bench.Append(CommitBench.Batch("soul", "second", 2), token: 2);
        bench.Core.WaitsForMore = false;
        Assert.False(bench.Core.HasHeldGroup);
        bench.Run();

        Assert.Equal((1, 1), (bench.Writes, bench.Syncs));
        Assert.Equal(2, bench.Core.CommittedSequence);
        bench.Core.WaitsForMore = true;
        Assert.False(bench.Core.HasHeldGroup);
    }

    [Fact]
    public void Nothing_is_answered_before_the_level_asked_for_is_reached()
    {
        var bench = new CommitBench();
        bench.Run();
        bench.Append(CommitBench.Batch("a", "f", 1), Durability.Memory, "memory");
        bench.Append(CommitBench.Batch("b", "f", 1), Durability.Buffered, "buffered");
        bench.Append(CommitBench.Batch("c", "f", 1), Durability.Disk, "disk");

        Assert.Equal(["memory"], DoneIn(bench.Outbox));
        bench.Outbox.Clear();
        bench.Core.Pump(bench.Outbox);
        Assert.Empty(DoneIn(bench.Outbox));
        bench.Outbox.Clear();
        bench.Core.OnWritten(bench.Outbox);
        Assert.Equal(["buffered"], DoneIn(bench.Outbox));
        Assert.Equal(0, bench.Core.CommittedSequence);
        bench.Outbox.Clear();
        bench.Core.OnSynced(bench.Outbox);
        Assert.Equal(["disk"], DoneIn(bench.Outbox));
        Assert.Equal(3, bench.Core.CommittedSequence);
    }

    [Fact]
    public void The_configured_level_is_the_ceiling()
    {
        var bench = new CommitBench(new CommitCoreOptions { Durability = Durability.Buffered });
        bench.Run();
        bench.Append(CommitBench.Batch("a", "f", 1), Durability.Disk, "one");

        bench.Run();

        Assert.Equal(Durability.Buffered, bench.Answers.Single(answer => answer.Kind == CommitOutputKind.Done).Level);
        Assert.Equal(0, bench.Syncs);
    }

    [Fact]
    public void An_empty_batch_waits_for_everything_before_it()
    {
        var bench = new CommitBench();
        bench.Run();
        bench.Append(CommitBatch.Empty, Durability.Disk, "at once");
        Assert.Equal(["at once"], DoneIn(bench.Outbox));
        bench.Outbox.Clear();
        bench.Append(CommitBench.Batch("a", "f", 1), Durability.Memory);
        bench.Outbox.Clear();
        bench.Append(CommitBatch.Empty, Durability.Disk, "later");

        bench.Core.Pump(bench.Outbox);
        Assert.Empty(DoneIn(bench.Outbox));
        bench.Outbox.Clear();
        bench.Core.OnWritten(bench.Outbox);
        bench.Core.OnSynced(bench.Outbox);

        Assert.Equal(["later"], DoneIn(bench.Outbox));
    }

    [Fact]
    public void After_a_failed_flush_everything_in_flight_fails_and_nothing_more_is_taken()
    {
        var bench = new CommitBench();
        bench.Run();
        bench.Append(CommitBench.Batch("a", "f", 1), token: "a");
        bench.Core.Pump(bench.Outbox);
        bench.Core.OnWritten(bench.Outbox);
        bench.Append(CommitBench.Batch("b", "f", 1), token: "b");
        bench.Outbox.Clear();

        bench.Core.OnFailed(CommitFailure.Sync, WeftError.DiskFailed, bench.Outbox);

        Assert.Equal(
            [("b", 2L), ("a", 1L)],
            bench.Outbox.Items.ToArray().Select(output => ((string)output.Token!, output.Sequence)));
        Assert.Equal(CommitAdmission.Stopped, bench.Append(CommitBench.Batch("c", "f", 1)));
        Assert.Equal(CommitAdmission.Stopped, bench.Append(CommitBatch.Empty));
    }

    [Fact]
    public void A_full_disk_refuses_before_any_effect_and_recovers()
    {
        var bench = new CommitBench(new CommitCoreOptions { SegmentBytes = 4_096 });
        bench.Run();
        string filler = new('x', 3_000);
        Assert.Equal(CommitAdmission.Accepted, bench.Append(CommitBench.Batch("a", "f", filler)));
        Assert.Equal(CommitAdmission.Accepted, bench.Append(CommitBench.Batch("b", "f", filler)));
        bench.Outbox.Clear();
        bench.Core.Pump(bench.Outbox);
        Assert.Contains(bench.Outbox.Items.ToArray(), output => output.Kind == CommitOutputKind.OpenSegment);
        bench.Core.OnFailed(CommitFailure.Open, WeftError.DiskFull, bench.Outbox);

        Assert.Equal(CommitAdmission.Full, bench.Append(CommitBench.Batch("c", "f", filler)));
        Assert.Equal(2, bench.Core.LastSequence);
        bench.Core.Retry();
        bench.Run();

        Assert.Equal(CommitAdmission.Accepted, bench.Append(CommitBench.Batch("c", "f", filler)));
        bench.Run();
        Assert.Equal(3, bench.Core.CommittedSequence);
        bench.Recover(out List<(long Sequence, CommitBatch Batch)> commits);
        Assert.Equal([1L, 2, 3], commits.Select(commit => commit.Sequence));
    }

    [Fact]
    public void Segments_are_freed_when_the_disk_tier_holds_them_and_not_before()
    {
        var bench = new CommitBench(new CommitCoreOptions { SegmentBytes = 4_096 });
        bench.Run();
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(CommitAdmission.Accepted, bench.Append(CommitBench.Batch("a" + i, "f", new string('x', 1_500))));
            bench.Run();
        }

        Assert.Equal(6, bench.Segments.Count); // Two records in each, and the spare one.
        bench.Core.OnFlushed(5, bench.Outbox);
        bench.Run();

        Assert.Equal([3L, 4, 5, 6], bench.Segments.Keys);
        LogScan scan = bench.Recover(out List<(long Sequence, CommitBatch Batch)> commits, flushed: 5);
        Assert.Equal([6L, 7, 8, 9, 10], commits.Select(commit => commit.Sequence));
        Assert.Empty(scan.Damages);
    }

    [Fact]
    public void A_record_larger_than_a_segment_gets_one_of_its_own()
    {
        var bench = new CommitBench(new CommitCoreOptions { SegmentBytes = 4_096 });
        bench.Run();
        CommitBatch large = CommitBench.Batch("large", "f", new string('x', 100_000));
        Assert.Equal(CommitAdmission.Wait, bench.Append(large));
        bench.Run();
        Assert.Equal(CommitAdmission.Accepted, bench.Append(large));
        bench.Run();
        bench.Append(CommitBench.Batch("small", "f", 1));
        bench.Run();

        bench.Recover(out List<(long Sequence, CommitBatch Batch)> commits);
        Assert.Equal(["large", "small"], commits.Select(commit => commit.Batch.Fields[0].Write.Soul));
        bench.Core.OnFlushed(2, bench.Outbox);
        bench.Run();
        Assert.Equal(2, bench.Segments.Count); // No segment that was passed over stays behind.
    }

    [Fact]
    public void Random_runs_answer_every_append_once_and_recover_every_answered_commit()
    {
        for (ulong seed = 1; seed <= 50; seed++)
        {
            var random = new WeftRandom(seed);
            var bench = new CommitBench(new CommitCoreOptions
            {
                SegmentBytes = 4_096 + random.Next(20_000),
                GroupBytesMax = 1_024 + random.Next(8_000),
                Durability = (Durability)random.Next(3),
            });
            int appended = 0;
            for (int i = 0; i < 300; i++)
            {
                Durability wanted = (Durability)random.Next(3);
                CommitBatch batch = random.Chance(0.2)
                    ? CommitBatch.Empty
                    : CommitBench.Batch("s" + i, "f", new string('x', random.Next(3_000)));
                while (bench.Append(batch, wanted, token: appended) == CommitAdmission.Wait)
                {
                    Assert.True(bench.Step() | Pump(bench), $"stuck with seed {seed}");
                }

                appended++;
                if (random.Chance(0.5))
                {
                    bench.Core.Pump(bench.Outbox);
                    bench.Step();
                }
            }

            bench.Run();
            bench.Core.Close(bench.Outbox);
            bench.Run();

            Assert.True(bench.Core.IsIdle, $"seed {seed}");
            Assert.Equal(
                Enumerable.Range(0, appended),
                bench.Answers.Where(answer => answer.Kind == CommitOutputKind.Done).Select(answer => (int)answer.Token!).Order());
            LogScan scan = bench.Recover(out List<(long Sequence, CommitBatch Batch)> commits);
            Assert.Empty(scan.Damages);
            Assert.Equal(bench.Core.LastSequence, scan.LastSequence);
            Assert.Equal(bench.Core.LastSequence, commits.Count);
            LogScan afterCut = CommitBench.Recover(bench.Flushed, out _);
            Assert.Empty(afterCut.Damages);
            Assert.Equal(bench.Core.DurableSequence, afterCut.LastSequence);
        }
    }

    private static bool Pump(CommitBench bench)
    {
        bench.Core.Pump(bench.Outbox);
        return bench.Outbox.Count > 0;
    }

    private static IEnumerable<string> DoneIn(Outbox<CommitOutput> outbox) =>
        outbox.Items.ToArray().Where(output => output.Kind == CommitOutputKind.Done).Select(output => (string)output.Token!);
}
