using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

public sealed class GraphSpaceTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public async Task A_written_field_is_read_back_with_its_state()
    {
        await using WeftNode node = await StartAsync();

        WriteResult written = await node.Graph.Get("alice").PutAsync("name", "Ada");
        ReadResult read = await node.Graph.Get("alice").GetAsync("name");

        Assert.True(written.IsAccepted);
        Assert.Equal(1, written.Applied);
        Assert.Equal(ReadStatus.Found, read.Status);
        Assert.Equal("Ada", read.Value.AsText());
        Assert.Equal(written.State, read.State);
    }

    [Fact]
    public async Task States_of_local_writes_rise_while_the_clock_stands_still_and_when_it_steps_back()
    {
        await using WeftNode node = await StartAsync();

        WriteResult first = await node.Graph.Get("a").PutAsync("x", 1);
        WriteResult second = await node.Graph.Get("a").PutAsync("x", 2);
        _time.SetWall(_time.GetUtcNow() - TimeSpan.FromHours(1));
        WriteResult third = await node.Graph.Get("a").PutAsync("x", 3);

        Assert.True(first.State < second.State && second.State < third.State);
        Assert.Equal(1, third.Applied);
        Assert.Equal(3, (await node.Graph.Get("a").GetAsync("x")).Value.AsNumber());
    }

    [Fact]
    public async Task Local_state_continues_above_the_stores_high_mark_after_a_restart()
    {
        var store = new KeptStore(new MemoryStore());
        double before;
        await using (WeftNode node = await StartAsync(store))
        {
            before = (await node.Graph.Get("a").PutAsync("x", 1)).State;
        }

        _time.SetWall(_time.GetUtcNow() - TimeSpan.FromHours(1));
        await using WeftNode again = await StartAsync(store);

        Assert.True((await again.Graph.Get("a").PutAsync("x", 2)).State > before);
    }

    [Fact]
    public async Task An_older_state_loses_and_is_listed_with_who_and_why()
    {
        await using WeftNode node = await StartAsync();
        double now = _time.WallMs;
        await WriteAsync(node, new FieldWrite("a", "x", "new", now - 10), "bob");

        WriteResult late = await WriteAsync(node, new FieldWrite("a", "x", "old", now - 20), "eve");

        Assert.Equal((0, 1), (late.Applied, late.Kept));
        FieldExplanation why = await node.Graph.WhyAsync("a", "x");
        Assert.Equal("new", why.Current!.Value.Value.AsText());
        Loss loss = Assert.Single(why.Losses);
        Assert.Equal(("eve", HamVerdict.KnownNewer, "old"), (loss.From, loss.Reason, loss.Value.AsText()));
        Assert.Equal(loss, Assert.Single(node.Graph.ReadConflicts()));
    }

    [Fact]
    public async Task A_value_that_loses_a_tie_after_the_fact_is_listed_too()
    {
        await using WeftNode node = await StartAsync();
        double state = _time.WallMs - 10;
        await WriteAsync(node, new FieldWrite("a", "x", "apple", state), "bob");

        await WriteAsync(node, new FieldWrite("a", "x", "pear", state), "eve");

        FieldExplanation why = await node.Graph.WhyAsync("a", "x");
        Assert.Equal("pear", why.Current!.Value.Value.AsText());
        Assert.Equal("apple", Assert.Single(why.Losses).Value.AsText());
    }

    [Fact]
    public async Task One_bad_write_refuses_the_whole_delta()
    {
        await using WeftNode node = await StartAsync();
        FieldWrite[] delta =
        [
            new("a", "x", 1, double.NaN),
            new("b", "x", 2, _time.WallMs + TimeSpan.FromMinutes(11).TotalMilliseconds),
        ];

        WriteResult result = await node.Graph.WriteAsync(delta, WriteSource.Local);

        Assert.Equal((WeftError.StateTooFarAhead, 1), (result.Error, result.RefusedWrite));
        Assert.Equal(ReadStatus.Unknown, (await node.Graph.Get("a").GetAsync("x")).Status);
    }

    [Theory]
    [InlineData("", "x", WeftError.SoulInvalid)]
    [InlineData("a", "_", WeftError.FieldInvalid)]
    [InlineData("a", "", WeftError.FieldInvalid)]
    [InlineData("lone surrogate", "x", WeftError.SoulInvalid)]
    public async Task A_broken_bound_is_a_result_for_peers(string soul, string field, WeftError expected)
    {
        await using WeftNode node = await StartAsync();

        // Runners cannot carry an ill-formed string in an attribute.
        soul = soul == "lone surrogate" ? "a\ud800" : soul;

        WriteResult result = await WriteAsync(node, new FieldWrite(soul, field, 1, 1), "eve");

        Assert.Equal(expected, result.Error);
        Assert.Empty(await node.Graph.ListAsync(LexRange.All, 10));
    }

    [Fact]
    public async Task A_delta_over_many_souls_is_one_commit()
    {
        await using WeftNode node = await StartAsync(lanes: 4);
        using ChangeReader reader = node.Changes.Follow();
        FieldWrite[] delta = [.. Enumerable.Range(0, 100).Select(i => new FieldWrite($"s{i}", "x", i, double.NaN))];

        WriteResult result = await node.Graph.WriteAsync(delta, WriteSource.Local);

        var changes = new List<HubChange>();
        reader.TryRead(changes, 1_000, out _);
        Assert.Equal(100, result.Applied);
        Assert.Equal(100, changes.Count);
        Assert.All(changes, change => Assert.Equal(result.Sequence, change.Field.Sequence));
        Assert.Equal(1, changes.Count(change => change.EndsCommit));
    }

    [Fact]
    public async Task Concurrent_deltas_over_several_lanes_all_finish_and_agree()
    {
        await using WeftNode node = await StartAsync(lanes: 4);
        double now = _time.WallMs;

        await Task.WhenAll(Enumerable.Range(0, 200).Select(writer => Task.Run(async () =>
        {
            FieldWrite[] delta = [.. Enumerable.Range(0, 8).Select(i =>
                new FieldWrite($"s{(writer + i) % 16}", "x", writer, now - 1_000 + writer))];
            await node.Graph.WriteAsync(delta, WriteSource.Local);
        })));

        for (int soul = 0; soul < 16; soul++)
        {
            int newest = Enumerable.Range(0, 200).Last(writer =>
                Enumerable.Range(0, 8).Any(i => (writer + i) % 16 == soul));
            Assert.Equal(newest, (await node.Graph.Get($"s{soul}").GetAsync("x")).Value.AsNumber());
        }
    }

    [Fact]
    public async Task The_same_field_twice_in_a_delta_is_stored_once_with_the_winner()
    {
        await using WeftNode node = await StartAsync();
        using ChangeReader reader = node.Changes.Follow();
        FieldWrite[] delta = [new("a", "x", "apple", 5), new("a", "x", "pear", 5), new("a", "x", "fig", 4)];

        WriteResult result = await node.Graph.WriteAsync(delta, WriteSource.Local);

        var changes = new List<HubChange>();
        reader.TryRead(changes, 10, out _);
        Assert.Equal("pear", Assert.Single(changes).Field.Value.AsText());
        Assert.Equal(1, result.Applied);
    }

    [Fact]
    public async Task Deleting_a_node_leaves_tombstones_that_read_as_deleted()
    {
        await using WeftNode node = await StartAsync();
        await node.Graph.Get("a").PutAsync(new Dictionary<string, WeftValue> { ["x"] = 1, ["y"] = "z" });

        WriteResult deleted = await node.Graph.Get("a").DeleteAsync();
        WriteResult again = await node.Graph.Get("a").DeleteAsync();

        Assert.Equal(2, deleted.Applied);
        Assert.Equal(0, again.Applied);
        Assert.Equal(ReadStatus.Deleted, (await node.Graph.Get("a").GetAsync()).Status);
        Assert.Equal(ReadStatus.Deleted, (await node.Graph.Get("a").GetAsync("x")).Status);
    }

    [Fact]
    public async Task A_local_hit_allocates_nothing()
    {
        await using WeftNode node = await StartAsync();
        GraphNode alice = node.Graph.Get("alice");
        await alice.PutAsync("name", "Ada");
        _ = await alice.GetAsync("name");

        long before = GC.GetAllocatedBytesForCurrentThread();
        ReadStatus status = default;
        for (int i = 0; i < 100; i++)
        {
            status = alice.GetAsync("name").Result.Status;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(ReadStatus.Found, status);
        Assert.Equal(0, allocated);
    }

    private static ValueTask<WriteResult> WriteAsync(WeftNode node, FieldWrite write, string from) =>
        node.Graph.WriteAsync([write], new WriteSource(from));

    private ValueTask<WeftNode> StartAsync(IStore? store = null, int lanes = 2) =>
        WeftNode.StartAsync(new NodeOptions { Lanes = lanes }, store ?? new MemoryStore(), _time);
}
