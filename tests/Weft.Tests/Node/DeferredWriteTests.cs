using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

public sealed class DeferredWriteTests
{
    private readonly ManualTime _time = new();
    private readonly MemoryStore _store = new();

    [Fact]
    public async Task A_write_of_the_near_future_is_held_and_merged_when_due()
    {
        await using WeftNode node = await StartAsync();
        await using ChangeSubscription watch = await node.Graph.Get("a").WatchAsync();
        FieldWrite early = new("a", "x", "soon", _time.WallMs + 5_000);

        WriteResult result = await node.Graph.WriteAsync([early], WriteSource.Local);
        ReadStatus before = (await node.Graph.Get("a").GetAsync("x")).Status;
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(1, result.Deferred);
        Assert.Equal(ReadStatus.Unknown, before);
        GraphChange change = await FirstChangeAsync(watch);
        Assert.Equal("soon", change.Field.Value.AsText());
        Assert.Equal(0, node.DeferredCount);
        Assert.Empty(_store.Deferred);
    }

    [Fact]
    public async Task Held_writes_survive_a_restart()
    {
        var kept = new KeptStore(_store);
        await using (WeftNode first = await WeftNode.StartAsync(new NodeOptions(), kept, _time))
        {
            await first.Graph.WriteAsync([new("a", "x", "soon", _time.WallMs + 5_000)], WriteSource.Local);
        }

        await using WeftNode second = await WeftNode.StartAsync(new NodeOptions(), kept, _time);
        await using ChangeSubscription watch = await second.Graph.Get("a").WatchAsync();
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal("soon", (await FirstChangeAsync(watch)).Field.Value.AsText());
    }

    [Fact]
    public async Task A_full_queue_refuses_clearly()
    {
        await using WeftNode node = await StartAsync(deferredMax: 2);
        double due = _time.WallMs + 5_000;
        await node.Graph.WriteAsync([new("a", "x", 1, due)], WriteSource.Local);
        await node.Graph.WriteAsync([new("a", "y", 1, due)], WriteSource.Local);

        WriteResult third = await node.Graph.WriteAsync([new("a", "z", 1, due)], WriteSource.Local);

        Assert.Equal(WeftError.DeferredQueueFull, third.Error);
        Assert.Equal(2, node.DeferredCount);
    }

    [Theory]
    [InlineData(10 * 60_000, WeftError.None)]
    [InlineData((10 * 60_000) + 1, WeftError.StateTooFarAhead)]
    public async Task The_bound_is_ten_minutes(double aheadMs, WeftError expected)
    {
        await using WeftNode node = await StartAsync();

        WriteResult result = await node.Graph.WriteAsync([new("a", "x", 1, _time.WallMs + aheadMs)], WriteSource.Local);

        Assert.Equal(expected, result.Error);
    }

    private static async Task<GraphChange> FirstChangeAsync(ChangeSubscription watch)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (GraphChange change in watch.ReadAllAsync(deadline.Token))
        {
            if (change.Kind is ChangeKind.Change or ChangeKind.Snapshot)
            {
                return change;
            }
        }

        throw new InvalidOperationException("The stream ended.");
    }

    private ValueTask<WeftNode> StartAsync(int deferredMax = 100) => WeftNode.StartAsync(
        new NodeOptions { Graph = new GraphOptions { DeferredMax = deferredMax } }, _store, _time);
}
