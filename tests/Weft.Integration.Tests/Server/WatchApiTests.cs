using Weft.Tests;

namespace Weft.Integration.Tests.Server;

public sealed class WatchApiTests : IAsyncLifetime
{
    private ApiHost _host = null!;

    public async Task InitializeAsync() => _host = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Watch_begins_with_a_snapshot_and_goes_on_with_changes()
    {
        await _host.PutAsync("room/a", "n", "1");
        await _host.PutAsync("other", "n", "1");
        using SseReader watch = await SseReader.OpenAsync(_host, "prefix=room/");

        Assert.Equal("text/event-stream", watch.Response.Content.Headers.ContentType?.MediaType);
        Assert.True(watch.Response.Headers.CacheControl?.NoStore);
        Assert.Equal("no", watch.Response.Headers.GetValues("X-Accel-Buffering").Single());
        SseEvent snapshot = await watch.NextAsync("snapshot");
        Assert.Equal(("room/a", "1", null), (snapshot.Soul, snapshot.Value, snapshot.Id));
        SseEvent synced = await watch.NextAsync("synced");
        Assert.Equal(2, synced.Data.GetProperty("sequence").GetInt64());

        await _host.PutAsync("other", "n", "2");
        await _host.PutAsync("room/b", "n", "{\"#\":\"room/a\"}");
        await _host.JsonAsync("DELETE", "/api/v1/node?soul=room/a");
        SseEvent change = await watch.NextAsync("change");
        Assert.Equal(("room/b", "{\"#\":\"room/a\"}"), (change.Soul, change.Value));
        change = await watch.NextAsync("change");
        Assert.Equal(("room/a", "null"), (change.Soul, change.Value));
    }

    [Fact]
    public async Task Watch_is_live_when_the_headers_arrive()
    {
        using SseReader watch = await SseReader.OpenAsync(_host, "soul=s&name=f");
        await _host.PutAsync("s", "g", "1");
        await _host.PutAsync("s", "f", "2");

        await watch.NextAsync("synced");
        Assert.Equal("2", (await watch.NextAsync("change")).Value);
    }

    [Fact]
    public async Task Resumed_watch_misses_nothing_and_repeats_no_snapshot()
    {
        await _host.PutAsync("s", "a", "1");
        string? cursor;
        using (SseReader first = await SseReader.OpenAsync(_host, "soul=s"))
        {
            await first.NextAsync("snapshot");
            await first.NextAsync("synced");
            await _host.PutAsync("s", "b", "2");
            await first.NextAsync("change");
            cursor = first.LastId;
        }

        await _host.JsonAsync("PATCH", "/api/v1/node?soul=s", """{"fields":{"c":3,"d":4}}""");
        using SseReader second = await SseReader.OpenAsync(_host, "soul=s", cursor);
        var seen = new List<string>();
        while (seen.Count < 2)
        {
            SseEvent next = (await second.NextAsync())!;
            Assert.NotEqual("snapshot", next.Name);
            if (next.Name == "change")
            {
                seen.Add(next.Value);
            }
        }

        Assert.Equal(["3", "4"], seen);
    }

    [Theory]
    [InlineData("0123456789abcdef.1")]
    [InlineData("nonsense")]
    [InlineData("OWN.999999")]
    public async Task Cursor_of_another_store_gets_a_snapshot(string cursor)
    {
        await _host.PutAsync("s", "a", "1");
        string id = cursor.Replace("OWN", _host.Server.Peer.Node.Store.StoreId, StringComparison.Ordinal);
        using SseReader watch = await SseReader.OpenAsync(_host, "soul=s&after=" + id);

        await watch.NextAsync("snapshot");
        await watch.NextAsync("synced");
    }

    [Fact]
    public async Task Slow_reader_gets_a_gap_and_the_last_value_of_each_field()
    {
        await using ApiHost host = await ApiHost.StartAsync(
            options => options.Peer.Node.RecentChangesBytesMax = 1 << 16);
        using SseReader watch = await SseReader.OpenAsync(host, "prefix=");
        await watch.NextAsync("synced");
        string text = new('x', 200_000);
        for (int round = 0; round < 60; round++)
        {
            await host.PutAsync("s", $"f{round % 3}", $"\"{round} {text}\"");
        }

        await host.PutAsync("s", "end", "true");
        bool gap = false;
        var last = new Dictionary<string, string>();
        while (!last.ContainsKey("end"))
        {
            SseEvent next = (await watch.NextAsync())!;
            gap |= next.Name == "gap";
            if (next.Name == "change")
            {
                last[next.Data.GetProperty("field").GetString()!] = next.Value.Split(' ')[0].Trim('"');
            }
        }

        // How many versions fit into the sockets between the two is the system's affair; the last ones must come.
        Assert.Equal(("57", "58", "59"), (last["f0"], last["f1"], last["f2"]));
        Assert.True(gap, "60 values of 200 kB pass a ring of 64 KiB without a gap");
    }

    [Fact]
    public async Task Silence_is_broken_by_comments()
    {
        var time = new ManualTime();
        await using ApiHost host = await ApiHost.StartAsync(time: time);
        using SseReader watch = await SseReader.OpenAsync(host, "soul=s");
        await watch.NextAsync("synced");
        await host.PutAsync("s", "f", "1");
        await watch.NextAsync("change");

        time.Advance(TimeSpan.FromSeconds(15));
        await host.PutAsync("s", "f", "2");
        await watch.NextAsync("change");
        time.Advance(TimeSpan.FromSeconds(15));
        await host.PutAsync("s", "f", "3");
        await watch.NextAsync("change");

        Assert.InRange(watch.Comments, 1, 2);
    }

    [Fact]
    public async Task Stopping_node_says_bye()
    {
        using SseReader watch = await SseReader.OpenAsync(_host, "prefix=");
        await watch.NextAsync("synced");
        Task stop = _host.Server.DisposeAsync().AsTask();

        SseEvent bye = await watch.NextAsync("bye");
        Assert.Equal("stopping", bye.Data.GetProperty("reason").GetString());
        Assert.Null(await watch.NextAsync());
        await stop.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData("")]
    [InlineData("soul=a&prefix=b")]
    [InlineData("soul=")]
    public async Task Watch_on_nothing_or_on_two_things_is_refused(string query)
    {
        using HttpResponseMessage response = await _host.SendAsync("GET", "/api/v1/watch?" + query);

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }
}
