using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Weft.Node;
using Weft.Node.Gun;
using Weft.Testing;

namespace Weft.Integration.Tests.Gun;

public sealed class GunDriverTests
{
    [Fact]
    public async Task A_timer_that_rings_early_is_set_again()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(time: new EarlyTime());
        await using GunTestClient other = await GunTestClient.ConnectAsync(server.Url);
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        await other.SendAsync("""{"#":"h","dam":"?","pid":"other"}"""); // Only peers that have a name are asked.
        await other.WaitAsync(message => message.TryGetProperty("@", out JsonElement to) && to.GetString() == "h");

        // The other client is asked and says nothing: "not found" comes by the timer, and nothing else wakes the loop.
        await client.SendAsync("""{"#":"ask","get":{"#":"nobody has this"}}""");
        JsonElement answer = await client.WaitAsync(
            message => message.TryGetProperty("@", out JsonElement to) && to.GetString() == "ask");

        Assert.False(answer.TryGetProperty("put", out _));
    }

    [Fact]
    public async Task Puts_and_gets_of_one_frame_are_all_answered()
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        string puts = string.Join(',', Enumerable.Range(0, 500).Select(i =>
            """{"#":"pN","put":{"sN":{"_":{"#":"sN",">":{"x":5}},"x":N}}}""".Replace("N", i.ToString())));

        await client.SendAsync($"[{puts}]");
        var acknowledged = new HashSet<string>();
        while (acknowledged.Count < 500)
        {
            JsonElement ack = await client.WaitAsync(message => message.TryGetProperty("ok", out _));
            acknowledged.Add(ack.GetProperty("@").GetString()!);
        }

        await client.SendAsync("""[{"#":"g","get":{"#":"s499"}},[],{"#":"h","get":{"#":"nothing"}}]""");
        Assert.Equal(
            499, (await client.AnswerAsync("g")).GetProperty("put").GetProperty("s499").GetProperty("x").GetInt32());
        Assert.False((await client.AnswerAsync("h")).TryGetProperty("put", out _));
        Assert.InRange(client.Frames, 2, 500);
    }

    [Fact]
    public async Task Frames_in_pieces_and_binary_frames_are_understood()
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        byte[] frame = Encoding.UTF8.GetBytes("""{"#":"p","put":{"s":{"_":{"#":"s",">":{"x":5}},"x":"ü😀"}}}""");

        for (int i = 0; i < frame.Length; i++)
        {
            await client.Socket.SendAsync(
                frame.AsMemory(i, 1), WebSocketMessageType.Binary, i == frame.Length - 1, CancellationToken.None);
        }

        Assert.True((await client.AnswerAsync("p")).GetProperty("ok").GetBoolean());
        Assert.Equal("ü😀", (await server.Graph.ReadFieldAsync("s", "x")).Value.AsText());
    }

    [Theory]
    [InlineData("{")]
    [InlineData("nonsense")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")]
    [InlineData("""{"dam":{"__proto__":null},"put":{"__proto__":5},"get":[]}""")]
    [InlineData("""{"#":{},"@":[],"put":{"constructor":{"_":{"#":"constructor",">":7}}}}""")]
    [InlineData("""{"#":"x","get":{"#":"s",".":{"*":{}}},"put":"hasOwnProperty"}""")]
    public async Task Any_bytes_leave_the_connection_usable(string frame)
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);

        await client.SendAsync(frame);
        await client.PutAsync("p", "after", "x", "1");

        Assert.True((await client.AnswerAsync("p")).GetProperty("ok").GetBoolean());
        Assert.Null(server.Gun.Failure);
    }

    [Fact]
    public async Task A_frame_beyond_the_limit_closes_its_connection_only()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(
            change: options => options.Gun.Limits.FrameBytesMax = 100_000);
        await using GunTestClient big = await GunTestClient.ConnectAsync(server.Url);
        await using GunTestClient other = await GunTestClient.ConnectAsync(server.Url);

        await big.SendAsync(new string(' ', 100_001));
        await big.Ended.WaitAsync(TimeSpan.FromSeconds(30));
        await other.PutAsync("p", "s", "x", "1");

        Assert.Equal(WebSocketCloseStatus.MessageTooBig, big.Socket.CloseStatus);
        Assert.True((await other.AnswerAsync("p")).GetProperty("ok").GetBoolean());
    }

    [Fact]
    public async Task A_subscriber_that_never_reads_costs_little_and_holds_nobody_up()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(change: options =>
        {
            options.Gun.Peers.PendingBytesMax = 1 << 20;
            options.Gun.OutboundBytesMax = 2 << 20;
        });
        await using GunTestClient deaf = await GunTestClient.ConnectAsync(server.Url, reads: false);
        await using GunTestClient reader = await GunTestClient.ConnectAsync(server.Url);
        await using GunTestClient writer = await GunTestClient.ConnectAsync(server.Url);
        await deaf.SendAsync("""{"#":"g","get":{"#":"s"}}""");
        await reader.SendAsync("""{"#":"g","get":{"#":"s"}}""");
        await reader.AnswerAsync("g");

        string value = $"\"{new string('v', 100_000)}\"";
        for (int i = 0; i < 300; i++)
        {
            await writer.PutAsync("p" + i, "s", "f" + i, value);
            await writer.AnswerAsync("p" + i);
        }

        await reader.ChangeAsync("s", "f299");
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (server.Gun.ConnectionCount > 2)
        {
            await Task.Delay(10, late.Token); // Its connection is cut when it does not answer the goodbye either.
        }

        Assert.Equal(2, server.Gun.ListPeers().Count);
    }

    [Fact]
    public async Task Half_sent_frames_cannot_fill_the_memory()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(
            change: options => options.Gun.TotalBytesMax = 4 << 20);
        byte[] piece = new byte[1 << 20];
        Array.Fill(piece, (byte)' ');
        List<GunTestClient> halves = [];
        for (int i = 0; i < 8; i++)
        {
            GunTestClient half = await GunTestClient.ConnectAsync(server.Url);
            halves.Add(half);
            await half.Socket.SendAsync(piece, WebSocketMessageType.Text, endOfMessage: false, CancellationToken.None);
        }

        await Task.WhenAny(halves.Select(half => half.Ended)).WaitAsync(TimeSpan.FromSeconds(30));
        await using (GunTestClient other = await GunTestClient.ConnectAsync(server.Url))
        {
            await other.PutAsync("p", "s", "x", "1");
            Assert.True((await other.AnswerAsync("p")).GetProperty("ok").GetBoolean());
        }

        Assert.InRange(halves.Count(half => !half.Ended.IsCompleted), 1, 4);
        foreach (GunTestClient half in halves)
        {
            await half.DisposeAsync();
        }

        // What they held is given back: a frame of the same size passes now.
        await using GunTestClient whole = await GunTestClient.ConnectAsync(server.Url);
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (server.Gun.ConnectionCount > 1)
        {
            await Task.Delay(10, late.Token);
        }

        await whole.PutAsync("big", "s", "y", $"\"{new string('y', 1_000_000)}\"");
        Assert.True((await whole.AnswerAsync("big")).GetProperty("ok").GetBoolean());
    }

    [Fact]
    public async Task A_flood_of_gets_from_one_who_never_reads_costs_little()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(
            change: options => options.Gun.Peers.GetsMax = 10_000);
        for (int i = 0; i < 100; i++)
        {
            await server.Graph.Get("wide").PutAsync("f" + i, new string('v', 1_000));
        }

        await using GunTestClient deaf = await GunTestClient.ConnectAsync(server.Url, reads: false);
        await using GunTestClient other = await GunTestClient.ConnectAsync(server.Url);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        // Half a gigabyte of answers to one frame.
        await deaf.SendAsync('[' + string.Join(',', Enumerable.Range(0, 5_000).Select(i =>
            """{"#":"gN","get":{"#":"wide"}}""".Replace("N", i.ToString()))) + ']');
        await other.SendAsync("""{"#":"g","get":{"#":"wide"}}""");
        await other.AnswerAsync("g");

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 32L << 20);
        Assert.Equal(2, server.Gun.ConnectionCount);
    }

    [Fact]
    public async Task A_connection_that_sends_too_fast_is_slowed_down_and_loses_nothing()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(
            change: options => options.Gun.MessagesPerSecond = 200);
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        var clock = Stopwatch.StartNew();

        for (int i = 0; i < 400; i++)
        {
            await client.PutAsync("p" + i, "s" + i, "x", "1");
        }

        for (int i = 0; i < 400; i++)
        {
            await client.WaitAsync(message => message.TryGetProperty("ok", out _));
        }

        // Each frame takes two tokens: its message, and one for itself. 200 are there at the start.
        Assert.InRange(clock.Elapsed.TotalSeconds, 2.5, 30);
    }

    [Fact]
    public async Task More_connections_than_allowed_are_turned_away()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(
            change: options => options.Gun.ConnectionsMax = 1);
        await using GunTestClient first = await GunTestClient.ConnectAsync(server.Url);
        await first.PutAsync("p", "s", "x", "1");
        await first.AnswerAsync("p");

        await using GunTestClient second = await GunTestClient.ConnectAsync(server.Url);
        await second.Ended.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(1013, (int)second.Socket.CloseStatus!);
    }

    [Fact]
    public async Task Peers_are_listed_and_can_be_closed()
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        JsonElement hello = await client.WaitAsync(message => message.TryGetProperty("dam", out _));
        await client.SendAsync(
            """{"dam":"?","pid":"me","@":"HELLO"}""".Replace("HELLO", hello.GetProperty("#").GetString()));
        await client.PutAsync("p", "s", "x", "1");
        await client.AnswerAsync("p");

        GunPeerInfo peer = Assert.Single(server.Gun.ListPeers());
        Assert.Equal(("me", GunPeerKind.GunClient, 2L), (peer.Pid, peer.Kind, peer.MessagesIn));
        Assert.NotNull(peer.RoundTrip);
        Assert.True(server.Gun.CloseConnection(peer.Connection));
        await client.Ended.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.False(server.Gun.CloseConnection(peer.Connection + 1));
    }

    [Fact]
    public async Task Stopping_tells_every_client()
    {
        GunTestServer server = await GunTestServer.StartAsync();
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        await client.PutAsync("p", "s", "x", "1");
        await client.AnswerAsync("p");

        await server.DisposeAsync();
        await client.Ended.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, client.Socket.CloseStatus);
    }

    [Fact]
    public async Task A_local_miss_is_asked_of_clients()
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        await client.SendAsync("""{"dam":"?","pid":"me","@":"x"}""");
        await client.PutAsync("p", "s", "x", "1");
        await client.AnswerAsync("p");
        ValueTask<ReadResult> read = server.Graph.ReadFieldAsync(
            "t", "y", ReadPolicy.LocalFirst(TimeSpan.FromSeconds(20)));

        JsonElement get = await client.WaitAsync(message => message.TryGetProperty("get", out _));
        await client.SendAsync("""{"#":"a","@":"ID","put":{"t":{"_":{"#":"t",">":{"y":5}},"y":"found"}}}"""
            .Replace("ID", get.GetProperty("#").GetString()));

        ReadResult result = await read;
        Assert.Equal((ReadStatus.Found, "found", 1), (result.Status, result.Value.AsText(), result.PeersAsked));
        Assert.Equal(Weft.Node.Storage.ReadSource.Peer, result.Source);
    }

    [Fact]
    public async Task Changes_made_on_this_node_reach_subscribers()
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        await client.SendAsync("""{"#":"g","get":{"#":"s"}}""");
        await client.AnswerAsync("g");

        await server.Graph.Get("s").PutAsync("x", "local");

        JsonElement change = await client.ChangeAsync("s", "x");
        Assert.Equal("local", change.GetProperty("put").GetProperty("s").GetProperty("x").GetString());
    }

    /// <summary>The system's clock, with timers that ring far too early.</summary>
    private sealed class EarlyTime : TimeProvider
    {
        private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(300);

        public override ITimer CreateTimer(
            TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new EarlyTimer(base.CreateTimer(callback, state, Shorten(dueTime), period));

        private static TimeSpan Shorten(TimeSpan due) => due > Early ? due - Early : due;

        private sealed class EarlyTimer(ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(Shorten(dueTime), period);

            public void Dispose() => timer.Dispose();

            public ValueTask DisposeAsync() => timer.DisposeAsync();
        }
    }
}
