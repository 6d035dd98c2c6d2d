using Weft.Node;
using Weft.Node.Storage;
using Weft.Node.Sync;
using Weft.Protocols.Sync;
using Weft.Tests.Libp2p;
using Weft.Tests.Node.Network;

namespace Weft.Tests.Node.Sync;

public sealed class SyncScopeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_store_says_which_commits_touch_a_prefix_or_a_soul()
    {
        var store = new MemoryStore();
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), store);
        await node.Graph.Get("room/1").PutAsync("x", 1); // Commit 1.
        await node.Graph.Get("other").PutAsync("x", 1);
        await node.Graph.Get("room/2").PutAsync("x", 1); // Commit 3.
        await node.Graph.Get("other").PutAsync("y", 1);

        Assert.Equal((4, 4), await NewestAsync(default, -1));
        Assert.Equal((3, 2), await NewestAsync(new("room/", false), -1));
        Assert.Equal((3, 1), await NewestAsync(new("room/", false), 1));
        Assert.Equal((3, 0), await NewestAsync(new("room/", false), 3));
        Assert.Equal((1, 1), await NewestAsync(new("room/1", true), 0));
        Assert.Equal((4, 1), await NewestAsync(new("other", true), 2));
        Assert.Equal((4, 0), await NewestAsync(new("room/", false), 9));

        Task<(long, long)> NewestAsync(SyncReach reach, long after) =>
            ScopeReader.NewestAsync(store, reach, after, CancellationToken.None);
    }

    [Fact]
    public async Task Waiting_for_a_part_of_the_graph_ends_when_both_sides_have_it()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        WeftNode b = await rig.NodeAsync(options => options.Bootstrap.Add(a.Network!.Addresses[0].ToString()));
        await HostPair.UntilAsync(() => b.Sync.ListPeers().Any(peer => peer.IsCaughtUp));
        await a.Graph.Get("room/1").PutAsync("x", "text");
        await b.Graph.Get("other").PutAsync("x", 1);

        foreach (Scope scope in (Scope[])[Scope.Prefix("room/"), Scope.Soul("room/1"), Scope.All])
        {
            SyncResult here = await b.Sync.WaitAsync(scope, timeout: Patience);
            SyncResult there = await a.Sync.WaitAsync(scope, timeout: Patience);
            Assert.True(here.Complete && there.Complete, $"{scope}");
        }

        Assert.Equal("text", (await b.Graph.Get("room/1").GetAsync("x")).Value.AsText());
    }

    [Fact]
    public async Task A_peer_that_is_away_is_known_waited_for_and_said_to_lack_what_it_lacks()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        WeftNode b = await rig.NodeAsync(options => options.Bootstrap.Add(a.Network!.Addresses[0].ToString()));
        await a.Graph.Get("s").PutAsync("first", 1);
        await HostPair.UntilAsync(() => b.Sync.ListPeers().Any(peer => peer.IsCaughtUp));
        Assert.True((await a.Sync.WaitAsync(timeout: Patience)).Complete);
        Assert.Empty(a.Sync.ListAway());

        await rig.StopAsync(b);
        await HostPair.UntilAsync(() => a.Sync.ListPeers().Count == 0);
        await a.Graph.Get("s").PutAsync("second", 2);

        SyncAway away = Assert.Single(a.Sync.ListAway());
        Assert.Equal((b.Network!.Id, 1), (away.Peer, away.Lag));
        SyncResult connected = await a.Sync.WaitAsync(timeout: Patience);
        SyncResult known = await a.Sync.WaitAsync(
            until: SyncGoal.AllKnownPeers, timeout: TimeSpan.FromMilliseconds(100));
        Assert.True(connected.Complete);
        Assert.Equal((false, new PeerLag(away.Peer, 1, 0, IsConnected: false)), (known.Complete, known.Behind.Single()));
    }

    [Fact]
    public void A_cursor_of_a_run_that_ended_before_it_means_nothing()
    {
        var hello = new SyncHello("s", new byte[32], 20, 1, [new(1, 10), new(2, 20)]);

        Assert.True(hello.Covers(1, 10) && hello.Covers(2, 20) && hello.Covers(2, 3));
        Assert.False(hello.Covers(1, 11)); // Commit 11 of that run was lost; the one of this number is another.
        Assert.False(hello.Covers(2, 21));
        Assert.False(hello.Covers(3, 1));
        Assert.False(new SyncHello("s", new byte[32], 20, 1).Covers(0, 1));
    }
}
