using Weft.Graph;
using Weft.Graph.History;
using Weft.Integration.Tests.Storage;
using Weft.Node;
using Weft.Node.History;
using Weft.Node.Logs;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Tests;

namespace Weft.Integration.Tests.History;

/// <summary>Rules that change, what is removed then, and series.</summary>
public sealed class HistoryUpkeepTests : IAsyncLifetime
{
    private readonly HistoryKit _kit = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _kit.DisposeAsync();

    [Fact]
    public async Task A_shorter_rule_removes_versions_page_by_page_and_a_longer_one_goes_on()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "n/", "last 5000");
        for (int i = 1; i <= 700; i++)
        {
            FieldWrite[] delta = [new("n/1", "f", i, double.NaN)];
            await node.Graph.WriteAsync(delta, WriteSource.Local, Durability.Memory);
        }

        await node.Graph.Get("n/2").PutAsync("f", 1);
        await HistoryKit.KeepAsync(node, "n/", "last 10");
        var nodes = new List<long>();
        HistoryPruning pruned = await node.Retention.PruneAsync(new Noted(nodes));
        Assert.Equal((2L, 690L, 0L), (pruned.Nodes, pruned.Versions, pruned.Blocks));
        Assert.Equal([1L, 2L], nodes);
        Assert.Equal((0L, 2L), ((await node.Retention.PruneAsync()).Versions, pruned.Nodes));
        await node.Store.FlushAsync();
        MaintenanceResult swept = await node.Store.MaintainAsync(1e15);
        Assert.True(swept.TombstonesRemoved >= 690);
        Assert.Equal(12, (await node.Store.NamesAsync(HistorySoul.Of("n/1"))).Length); // Ten, head and floor.

        await HistoryKit.KeepAsync(node, "n/", "last 1000");
        await node.Graph.Get("n/1").PutAsync("f", 701);
        Assert.Equal(691, (await node.History("n/1").InfoAsync()).First);
        Assert.Equal("f=695", HistoryKit.Text(await node.History("n/1").AtAsync(695)));
    }

    [Fact]
    public async Task A_log_that_is_turned_off_loses_its_data_and_keeps_its_hashes()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "d/", "log");
        for (int i = 1; i <= 20; i++)
        {
            await node.Graph.Get("d/1").PutAsync("f", i);
        }

        SignedLog log = (await node.Logs.FindAsync("history:d/"))!;
        await log.WaitForLengthAsync(21);
        await HistoryKit.KeepAsync(node, "d/", "last 5");
        Assert.Equal(5, (await HistoryKit.VersionsAsync(node.History("d/1"))).Length);
        HistoryPruning pruned = await node.Retention.PruneAsync();
        Assert.Equal((15L, 15L), (pruned.Versions, pruned.Blocks));
        LogInfo info = await log.InfoAsync();
        Assert.Equal((21L, 6L), (info.Length, info.Here));
        Assert.True((await log.VerifyAsync()).Holds);
        Assert.NotNull((await node.History("d/1").ProveAsync(18))!.Check(node.Crypto, out _));
        await node.Graph.Get("d/1").PutAsync("f", 21);
        Assert.Equal("21: f 20>21", (await HistoryKit.VersionsAsync(node.History("d/1")))[^1]);

        await HistoryKit.KeepAsync(node, "d/", "none");
        pruned = await node.Retention.PruneAsync();
        Assert.Equal(6, pruned.Versions); // The five, and one that they had pushed out.
        Assert.Equal("21", (await node.Graph.Get("d/1").GetAsync("f")).Value.ToString());
    }

    [Fact]
    public async Task A_rule_for_a_longer_prefix_takes_the_past_over_and_one_without_a_past_begins_anew()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "", "last 50");
        await node.Graph.Get("a/1").PutAsync("f", 1);
        await HistoryKit.KeepAsync(node, "a/", "last 5");
        await node.Graph.Get("a/1").PutAsync("f", 2);
        Assert.Equal(2, (await HistoryKit.VersionsAsync(node.History("a/1"))).Length);

        await HistoryKit.KeepAsync(node, "a/", "none");
        await node.Graph.Get("a/1").PutAsync("f", 3);
        await node.Retention.SetAsync("a/", null);
        Assert.Empty(await HistoryKit.VersionsAsync(node.History("a/1")));
        await node.Graph.Get("a/1").PutAsync("f", 4);
        Assert.Equal(["3: f 3>4"], await HistoryKit.VersionsAsync(node.History("a/1")));
        Assert.Equal("last 50", node.Retention.Of("a/1").Rule.ToString());
    }

    [Fact]
    public async Task There_are_so_many_rules_and_no_more()
    {
        WeftNode node = await _kit.StartAsync();
        for (int i = 0; i < HistoryRules.OwnMax; i++)
        {
            await HistoryKit.KeepAsync(node, $"p{i}/", "last 2");
        }

        WeftException full = await Assert.ThrowsAsync<WeftException>(() => HistoryKit.KeepAsync(node, "more/", "log"));
        Assert.Equal(WeftError.TooManyRequests, full.Error);
        await HistoryKit.KeepAsync(node, "p7/", "last 3");
        Assert.Equal(HistoryRules.OwnMax, node.Retention.List().Count);
    }

    [Fact]
    public async Task A_series_grows_is_read_by_time_and_is_put_together_step_by_step()
    {
        var time = new ManualTime();
        WeftNode node = await _kit.StartAsync(time: time);
        NodeSeries series = node.Series("sensor/1", "celsius");
        WeftException refused = await Assert.ThrowsAsync<WeftException>(async () => await series.AppendAsync(1));
        Assert.Equal(WeftError.PreconditionFailed, refused.Error);
        await HistoryKit.KeepAsync(node, "sensor/", "30 days");
        DateTimeOffset start = time.GetUtcNow();
        for (int minute = 0; minute < 120; minute++)
        {
            await series.AppendAsync(minute);
            await node.Graph.Get("sensor/1").PutAsync("note", "beside");
            time.Advance(TimeSpan.FromMinutes(1));
        }

        await node.Graph.Get("sensor/1").PutAsync("celsius", "broken");

        List<SeriesPoint> points = await ListAsync(series.RangeAsync(start.AddMinutes(10), start.AddMinutes(13)));
        Assert.Equal([10d, 11, 12], points.Select(point => point.Value));
        Assert.Equal(start.AddMinutes(11), points[1].At);
        Assert.Equal(120, (await ListAsync(series.RangeAsync(start, start.AddDays(9)))).Count);
        List<SeriesBucket> buckets = await ListAsync(
            series.DownsampleAsync(start.AddMinutes(-60), start.AddDays(1), TimeSpan.FromMinutes(60)));
        Assert.Equal(2, buckets.Count);
        Assert.Equal(
            new SeriesBucket(start.AddMinutes(60), 60, 60, 119, Enumerable.Range(60, 60).Sum(), 60, 119), buckets[1]);
        Assert.Equal(89.5, buckets[1].Average);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => series.DownsampleAsync(start, start.AddDays(9), TimeSpan.FromMilliseconds(1)));

        static async Task<List<T>> ListAsync<T>(IAsyncEnumerable<T> items)
        {
            var list = new List<T>();
            await foreach (T item in items)
            {
                list.Add(item);
            }

            return list;
        }
    }

    private sealed class Noted(List<long> into) : IProgress<long>
    {
        public void Report(long value) => into.Add(value);
    }
}
