using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.History;
using Weft.Integration.Tests.Storage;
using Weft.Node;
using Weft.Node.History;
using Weft.Node.Storage;
using Weft.Tests;

namespace Weft.Integration.Tests.History;

public sealed class NodeHistoryTests : IAsyncLifetime
{
    private readonly HistoryKit _kit = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _kit.DisposeAsync();

    [Fact]
    public async Task Every_version_of_a_document_is_read_back()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "document-", "last 10");
        GraphNode document = node.Graph.Get("document-123");
        foreach (string status in (string[])["Draft", "Review", "Final"])
        {
            await document.PutAsync("status", status);
        }

        NodeHistory history = node.History("document-123");

        Assert.Equal(
            ["1: status ->\"Draft\"", "2: status \"Draft\">\"Review\"", "3: status \"Review\">\"Final\""],
            await HistoryKit.VersionsAsync(history));
        Assert.Equal("status=\"Draft\"", HistoryKit.Text(await history.AtAsync(1)));
        Assert.Equal("status=\"Review\"", HistoryKit.Text(await history.AtAsync(2)));
        Assert.Equal("status=\"Final\"", HistoryKit.Text(await history.AtAsync(3)));
        Assert.Equal("", HistoryKit.Text(await history.AtAsync(0)));
        Assert.Equal(HistoryStatus.TooNew, (await history.AtAsync(4)).Status);
        HistoryDiff diff = await history.DiffAsync(1, 3);
        Assert.Equal([new HistoryFieldDiff("status", "Draft", "Final")], diff.Fields);
        HistoryVersion newest = (await history.ReadPageAsync(max: 1)).Single().Version;
        Assert.Equal(3, newest.Number);
        Assert.Equal(
            node.Identity.PublicKey.ToString(),
            Authorship.Of(new FieldWrite(
                "document-123", "status", "Final", newest.Changes[0].State, newest.Changes[0].Extras)).Author);
    }

    [Fact]
    public async Task The_past_is_no_part_of_what_the_graph_shows()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "", "last 10");
        long before = node.Store.CommittedSequence;
        await node.Graph.Get("a").PutAsync("f", 1);
        await node.Graph.Get("\uFFFFz").PutAsync("f", 1);
        await node.Graph.Get("a").PutAsync("f", 2);
        for (int look = 0; look < 2; look++)
        {
            Assert.Equal(["a", "\uFFFFz"], await node.Graph.ListAsync(LexRange.All, 100));
            Assert.Equal(["\uFFFFz", "a"], await node.Graph.ListAsync(new LexRange(Reverse: true), 100));
            Assert.Equal(["\uFFFFz"], await node.Graph.ListAsync(new LexRange(From: "b"), 100));
            Assert.Equal(["a", "\uFFFFz"], (await node.Store.ChangesAsync(before)).Select(change => change.Soul));
            await node.Store.FlushAsync();
        }

        Assert.Equal(2, (await node.History("a").InfoAsync()).Newest);
    }

    [Fact]
    public async Task Only_the_last_versions_stay_and_what_they_replaced_is_known()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "n/", "last 3");
        GraphNode counter = node.Graph.Get("n/1");
        await counter.PutAsync("name", "first");
        for (int i = 1; i <= 9; i++)
        {
            await counter.PutAsync("value", i);
        }

        NodeHistory history = counter.History;
        Assert.Equal(
            ["8: value 6>7", "9: value 7>8", "10: value 8>9"], await HistoryKit.VersionsAsync(history));
        Assert.Equal("name=\"first\", value=6", HistoryKit.Text(await history.AtAsync(7)));
        Assert.Equal("TooOld", HistoryKit.Text(await history.AtAsync(6)));
        await node.Store.FlushAsync();
        await node.Store.MaintainAsync(1e15);
        NodePage rows = await node.Store.ReadNodeAsync(HistorySoul.Of("n/1"), LexRange.All, 100, long.MaxValue);
        Assert.Equal(4, rows.Fields.Count); // Three versions and the head.
        Assert.Equal("name=\"first\", value=8", HistoryKit.Text(await history.AtAsync(9)));
    }

    [Fact]
    public async Task History_begins_when_it_is_turned_on_and_anew_when_it_was_off()
    {
        WeftNode node = await _kit.StartAsync();
        GraphNode item = node.Graph.Get("item");
        await item.PutAsync(new Dictionary<string, WeftValue> { ["a"] = 1, ["b"] = 2 });
        Assert.Equal("NotKept", HistoryKit.Text(await item.History.AtAsync(1)));

        await HistoryKit.KeepAsync(node, "item", "log");
        Assert.Equal("NotKept", HistoryKit.Text(await item.History.AtAsync(1)));
        await item.PutAsync("a", 3);
        Assert.Equal(["1: a 1>3"], await HistoryKit.VersionsAsync(item.History));
        Assert.Equal("a=1, b=2", HistoryKit.Text(await item.History.AtAsync(0)));
        Assert.Equal("a=3, b=2", HistoryKit.Text(await item.History.AtAsync(1)));

        await HistoryKit.KeepAsync(node, "item", "none");
        await item.PutAsync("a", 4);
        Assert.Empty(await HistoryKit.VersionsAsync(item.History));
        await HistoryKit.KeepAsync(node, "item", "log");
        await item.PutAsync("b", 5);
        Assert.Equal(["2: b 2>5"], await HistoryKit.VersionsAsync(item.History));
        Assert.Equal("a=4, b=2", HistoryKit.Text(await item.History.AtAsync(1)));
        Assert.Equal("TooOld", HistoryKit.Text(await item.History.AtAsync(0)));
    }

    [Fact]
    public async Task Versions_of_the_last_days_are_found_by_time_and_go_with_it()
    {
        var time = new ManualTime();
        WeftNode node = await _kit.StartAsync(time: time);
        await HistoryKit.KeepAsync(node, "sensor/", "2 days");
        GraphNode sensor = node.Graph.Get("sensor/1");
        DateTimeOffset start = time.GetUtcNow();
        for (int hour = 1; hour <= 72; hour++)
        {
            time.Advance(TimeSpan.FromHours(1));
            await sensor.PutAsync("value", hour);
        }

        NodeHistory history = sensor.History;
        HistoryInfo info = await history.InfoAsync();
        Assert.Equal((25L, 72L), (info.First, info.Newest));
        Assert.Equal("value=30", HistoryKit.Text(await history.AtAsync(start + TimeSpan.FromHours(30.5))));
        Assert.Equal("value=72", HistoryKit.Text(await history.AtAsync(start + TimeSpan.FromDays(900))));
        Assert.Equal("TooOld", HistoryKit.Text(await history.AtAsync(start + TimeSpan.FromHours(5))));
        MaintenanceResult swept = await node.Store.MaintainAsync(time.WallMs);
        Assert.True(swept.Expired >= 23, $"{swept.Expired} were removed");
        Assert.Equal(48, (await HistoryKit.VersionsAsync(history)).Length);
        time.Advance(TimeSpan.FromDays(3));
        Assert.Equal(0, (await history.InfoAsync()).Newest);
        await sensor.PutAsync("value", 99);
        Assert.Equal(["73: value 72>99"], await HistoryKit.VersionsAsync(history));
    }

    [Fact]
    public async Task The_past_and_the_rules_are_there_after_a_restart()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "", "last 5");
        await HistoryKit.KeepAsync(node, "x/", "none");
        await node.Graph.Get("doc").PutAsync("f", 1);
        await node.Graph.Get("doc").PutAsync("f", WeftValue.Link("other"));
        await node.Graph.Get("x/1").PutAsync("f", 1);
        await _kit.CloseAsync(node);

        node = await _kit.StartAsync();
        Assert.Equal(["last 5", "none"], node.Retention.List().Select(rule => rule.Rule.Rule.ToString()));
        await node.Graph.Get("doc").DeleteAsync();
        Assert.Equal(
            ["1: f ->1", "2: f 1>{\"#\":\"other\"}", "3: f {\"#\":\"other\"}>null"],
            await HistoryKit.VersionsAsync(node.History("doc")));
        Assert.Equal(0, (await node.History("x/1").InfoAsync()).Newest);
        Assert.Empty(await node.Store.ReadLinksToAsync("other", null, 10));
        Assert.Empty((await node.Store.VerifyAsync()).Damages);
    }

    [Fact]
    public async Task A_signed_policy_goes_before_the_rule_of_the_node()
    {
        WeftNode node = await _kit.StartAsync();
        string prefix = $"${node.Identity.PublicKey}/";
        await HistoryKit.KeepAsync(node, "", "last 5");
        await node.Graph.Get(Ownership.PrefixPolicy + prefix).PutAsync(
            "1", "{\"class\":\"protected\",\"history\":\"none\",\"weft\":1}");
        await node.Graph.Get(prefix + "a").PutAsync("f", 1);
        Assert.Equal(0, (await node.History(prefix + "a").InfoAsync()).Newest);

        await node.Graph.Get(Ownership.PrefixPolicy + prefix).PutAsync(
            "2", "{\"class\":\"protected\",\"history\":{\"last\":2},\"weft\":1}");
        await node.Graph.Get(prefix + "a").PutAsync("f", 2);

        HistoryInfo info = await node.History(prefix + "a").InfoAsync();
        Assert.Equal(("last 2", prefix, 1L), (info.Kept.ToString(), info.Scope, info.Newest));
        Assert.Equal("f=1", HistoryKit.Text(await node.History(prefix + "a").AtAsync(0)));
        Assert.Equal(2, node.Retention.List().Count);
    }

    [Fact]
    public async Task One_delta_makes_one_version_of_each_node()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "k/", "last 5");
        FieldWrite[] delta = [.. Enumerable.Range(0, 40).SelectMany(i => (FieldWrite[])
            [new($"k/{i % 20}", $"f{i}", i, double.NaN), new($"other/{i}", "f", i, double.NaN)])];

        await node.Graph.WriteAsync(delta, WriteSource.Local);

        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(
                [$"1: f{i} ->{i}, f{i + 20} ->{i + 20}"], await HistoryKit.VersionsAsync(node.History($"k/{i}")));
        }

        Assert.Equal(0, (await node.History("other/3").InfoAsync()).Newest);
    }

    [Fact]
    public async Task A_reader_follows_every_version_and_goes_on_where_it_was()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "live", "last 1000");
        GraphNode live = node.Graph.Get("live");
        await live.PutAsync("n", 1);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        Task<List<long>> first = TakeAsync(live.History, 0, 200, deadline.Token);
        for (int i = 2; i <= 300; i++)
        {
            await live.PutAsync("n", i);
        }

        List<long> read = await first;
        read.AddRange(await TakeAsync(live.History, read[^1], 100, deadline.Token));

        Assert.Equal(Enumerable.Range(1, 300).Select(i => (long)i), read);

        static async Task<List<long>> TakeAsync(
            NodeHistory history, long after, int count, CancellationToken cancellationToken)
        {
            var numbers = new List<long>();
            await foreach (HistoryEntry entry in history.FollowAsync(after, cancellationToken))
            {
                Assert.Equal(0, entry.Lost);
                Assert.Equal(entry.Version.Number, (long)entry.Version.Changes[0].Value.AsNumber()!);
                numbers.Add(entry.Version.Number);
                if (numbers.Count == count)
                {
                    break;
                }
            }

            return numbers;
        }
    }

    [Fact]
    public async Task A_reader_is_told_what_fell_out_before_it_came()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "live", "last 3");
        for (int i = 1; i <= 10; i++)
        {
            await node.Graph.Get("live").PutAsync("n", i);
        }

        await foreach (HistoryEntry entry in node.History("live").FollowAsync(2))
        {
            Assert.Equal((8L, 5L), (entry.Version.Number, entry.Lost));
            break;
        }
    }
}
