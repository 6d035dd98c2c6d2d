using Weft.Node;
using Weft.Node.Events;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Tests.Libp2p;
using Weft.Tests.Node.Network;

namespace Weft.Tests.Node.Events;

public sealed class NodeEventsTests
{
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_slow_reader_holds_nobody_up_and_is_told_how_many_it_missed()
    {
        var events = new NodeEvents(TimeProvider.System);
        IAsyncEnumerable<NodeEvent> feed = events.WatchAsync();
        for (int i = 1; i <= NodeEvents.WaitingMax + 500; i++)
        {
            events.Post(events.New(NodeEventKind.Limit) with { Count = i });
        }

        events.Complete();
        var read = new List<NodeEvent>();
        await foreach (NodeEvent happened in feed)
        {
            read.Add(happened);
        }

        Assert.Equal((NodeEventKind.Missed, 500), (read[0].Kind, read[0].Count));
        Assert.Equal(Enumerable.Range(501, NodeEvents.WaitingMax).Select(i => (long)i), read.Skip(1).Select(one => one.Count));
        Assert.False(events.IsWatched);
    }

    [Fact]
    public async Task Sources_work_only_while_somebody_watches()
    {
        var events = new NodeEvents(TimeProvider.System);
        var told = new List<bool>();
        events.AddSource(told.Add);
        events.Post(events.New(NodeEventKind.Limit));
        using var over = new CancellationTokenSource();
        IAsyncEnumerator<NodeEvent> first = events.WatchAsync(over.Token).GetAsyncEnumerator(CancellationToken.None);
        IAsyncEnumerator<NodeEvent> second = events.WatchAsync(over.Token).GetAsyncEnumerator(CancellationToken.None);
        Assert.Equal([true], told);
        ValueTask<bool> one = first.MoveNextAsync();
        ValueTask<bool> other = second.MoveNextAsync();
        events.Post(events.New(NodeEventKind.PeerBan));
        Assert.True(await one.AsTask().WaitAsync(Late));
        Assert.True(await other.AsTask().WaitAsync(Late));
        Assert.Equal(NodeEventKind.PeerBan, first.Current.Kind); // What came before is not told.
        await first.DisposeAsync();
        Assert.Equal([true], told);
        await second.DisposeAsync();

        Assert.Equal([true, false], told);
        events.Post(events.New(NodeEventKind.Limit));
    }

    [Fact]
    public async Task Connections_states_bans_and_sync_are_told_with_their_reasons()
    {
        await using var rig = new NetworkRig();
        WeftNode listener = await rig.NodeAsync();
        using var over = new CancellationTokenSource(Late);
        IAsyncEnumerable<NodeEvent> feed = listener.Events.WatchAsync(over.Token);
        WeftNode dialler = await rig.NodeAsync(
            options => options.Bootstrap.Add(listener.Network!.Addresses[0].ToString()));
        string peer = dialler.Network!.Id.ToString();
        var read = new List<NodeEvent>();
        bool hasBanned = false;
        await foreach (NodeEvent happened in feed)
        {
            read.Add(happened);
            if (happened.Kind == NodeEventKind.SyncDone && !hasBanned)
            {
                hasBanned = true;
                await listener.Network!.BanAsync(dialler.Network.Id, "too loud");
                listener.Network.Unban(dialler.Network.Id);
            }

            if (hasBanned && read.Any(one => one is { Kind: NodeEventKind.PeerDisconnect, Reason: "it is banned" })
                && read.Any(one => one.Kind == NodeEventKind.SyncEnd) && read.Any(one => one.Kind == NodeEventKind.PeerUnban))
            {
                break;
            }
        }

        NodeEvent connect = read.First(one => one.Kind == NodeEventKind.PeerConnect);
        Assert.Equal((peer, "memory", "inbound"), (connect.Peer, connect.Transport, connect.State));
        Assert.Contains(read, one => one is { Kind: NodeEventKind.PeerState, State: "handshake" });
        Assert.Contains(read, one => one is { Kind: NodeEventKind.PeerState, State: "authentication" } && one.Peer == peer);
        Assert.Contains(read, one => one is { Kind: NodeEventKind.PeerBan, Reason: "too loud" } && one.Peer == peer);
        Assert.Contains(read, one => one.Kind == NodeEventKind.SyncStart && one.Peer == peer);
    }

    [Fact]
    public async Task A_ceiling_that_says_no_often_is_one_line_with_a_number()
    {
        await using var rig = new NetworkRig();
        WeftNode listener = await rig.NodeAsync(options => options.Ceilings["PeerConnectionsMax"] = 1);
        using var over = new CancellationTokenSource(Late);
        IAsyncEnumerable<NodeEvent> feed = listener.Events.WatchAsync(over.Token);
        WeftNode dialler = await rig.NodeAsync();
        Multiaddr bare = listener.Network!.Addresses[0].WithoutPeer()!;
        await dialler.Network!.Host.DialAsync(bare);
        for (int i = 0; i < 3; i++)
        {
            await Record.ExceptionAsync(async () => await (await dialler.Network.Host.DialAsync(bare)).Closed); // Cut off.
        }

        long count = 0;
        await foreach (NodeEvent happened in feed)
        {
            count += happened is { Kind: NodeEventKind.Limit, Reason: "PeerConnections" } ? happened.Count : 0;
            if (count == 3)
            {
                break;
            }
        }

        Assert.Equal(3, listener.Network.Host.RefusalsOf(Weft.Libp2p.Libp2pCeiling.PeerConnections));
    }
}
