using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

public sealed class ChangeSubscriptionTests
{
    private readonly MemoryStore _store = new();

    [Fact]
    public async Task Snapshot_comes_first_then_synced_then_changes()
    {
        await using WeftNode node = await StartAsync();
        await node.Graph.Get("room/a").PutAsync("x", 1);
        await node.Graph.Get("other").PutAsync("x", 1);
        await using ChangeSubscription watch = await node.Graph.WatchAsync(new ChangeFilter(Prefix: "room/"));

        List<GraphChange> items = await TakeAsync(
            watch, 3, synced: async () => await node.Graph.Get("room/b").PutAsync("y", 2));

        Assert.Equal([ChangeKind.Snapshot, ChangeKind.Synced, ChangeKind.Change], items.Select(item => item.Kind));
        Assert.Equal(["room/a", "", "room/b"], items.Select(item => item.Soul));
    }

    [Fact]
    public async Task Nothing_is_missed_or_doubled_between_snapshot_and_stream()
    {
        await using WeftNode node = await StartAsync();
        using var done = new CancellationTokenSource();
        Task writer = Task.Run(async () =>
        {
            for (int i = 0; i < 2_000; i++)
            {
                await node.Graph.Get($"s/{i % 50}").PutAsync("n", i);
            }
        });
        await using ChangeSubscription watch = await node.Graph.WatchAsync(new ChangeFilter(Prefix: "s/"));

        var last = new Dictionary<string, double>();
        await foreach (GraphChange change in watch.ReadAllAsync(done.Token))
        {
            if (change.Kind is ChangeKind.Synced or ChangeKind.Gap)
            {
                continue;
            }

            double number = change.Field.Value.AsNumber()!.Value;
            Assert.True(!last.TryGetValue(change.Soul, out double before) || number > before, "seen twice, or backwards");
            last[change.Soul] = number;
            if (number == 1_999)
            {
                break;
            }
        }

        await writer;
        Assert.Equal(1_999, last["s/49"]);
    }

    [Fact]
    public async Task A_stream_resumes_after_its_cursor()
    {
        await using WeftNode node = await StartAsync();
        WriteResult first = await node.Graph.Get("a").PutAsync("x", 1);
        await node.Graph.Get("a").PutAsync("y", 2);
        await node.Graph.Get("a").PutAsync("z", 3);

        await using ChangeSubscription watch = await node.Graph.WatchAsync(
            new ChangeFilter("a", AfterSequence: first.Sequence));
        List<GraphChange> items = await TakeAsync(watch, 3);

        Assert.Equal(["y", "z"], items.Where(item => item.Kind == ChangeKind.Change).Select(item => item.Field.Field));
        Assert.Equal(first.Sequence + 2, items.Max(item => item.Cursor));
    }

    [Fact]
    public async Task A_slow_reader_is_told_of_the_gap_and_gets_every_last_value()
    {
        await using WeftNode node = await StartAsync(ringBytes: 2_000);
        await using ChangeSubscription watch = await node.Graph.WatchAsync(new ChangeFilter(Prefix: "s/"));
        for (int i = 0; i < 1_000; i++)
        {
            await node.Graph.Get($"s/{i % 10}").PutAsync("n", i);
        }

        var last = new Dictionary<string, double>();
        int gaps = 0;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (GraphChange change in watch.ReadAllAsync(deadline.Token))
        {
            gaps += change.Kind == ChangeKind.Gap ? 1 : 0;
            if (change.Kind == ChangeKind.Change)
            {
                last[change.Soul] = change.Field.Value.AsNumber()!.Value;
            }

            if (change.Kind == ChangeKind.Synced && gaps > 0)
            {
                break;
            }
        }

        Assert.Equal(1, gaps);
        Assert.Equal(Enumerable.Range(990, 10).Select(n => (double)n), last.Values.Order());
    }

    [Fact]
    public async Task A_commit_of_several_fields_can_be_resumed_in_its_middle()
    {
        await using WeftNode node = await StartAsync();
        await using ChangeSubscription watch = await node.Graph.WatchAsync(new ChangeFilter("a"));
        List<GraphChange> items = await TakeAsync(watch, 3, synced: async () =>
            await node.Graph.Get("a").PutAsync(new Dictionary<string, WeftValue> { ["x"] = 1, ["y"] = 2 }));

        long cursor = items.First(item => item.Kind == ChangeKind.Change).Cursor;
        await using ChangeSubscription again = await node.Graph.WatchAsync(new ChangeFilter("a", AfterSequence: cursor));
        List<GraphChange> resumed = await TakeAsync(again, 3);

        Assert.Contains("y", resumed.Select(item => item.Field.Field));
    }

    private static async Task<List<GraphChange>> TakeAsync(
        ChangeSubscription watch, int count, Func<Task>? synced = null)
    {
        var items = new List<GraphChange>();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (GraphChange change in watch.ReadAllAsync(deadline.Token))
        {
            items.Add(change);
            if (change.Kind == ChangeKind.Synced && synced is not null)
            {
                await synced();
            }

            if (items.Count == count)
            {
                return items;
            }
        }

        return items;
    }

    private ValueTask<WeftNode> StartAsync(long ringBytes = 1 << 20) =>
        WeftNode.StartAsync(new NodeOptions { RecentChangesBytesMax = ringBytes }, _store);
}
