using Weft.Graph;
using Weft.Node;
using Weft.Node.Network;
using Weft.Node.Storage;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Tests.Libp2p;
using Weft.Tests.Node.Network;

namespace Weft.Tests.Node.Sync;

public sealed class NodeSyncTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Two_nodes_exchange_what_they_have_and_what_changes()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        await a.Graph.Get("from/a").PutAsync("x", 1);
        WeftNode b = await rig.NodeAsync(options => options.Bootstrap.Add(AddressOf(a)));
        await b.Graph.Get("from/b").PutAsync("x", 2);

        await SyncedAsync(b);
        Assert.Equal(1, (await b.Graph.Get("from/a").GetAsync("x")).Value.AsNumber());
        Assert.Equal(2, (await a.Graph.Get("from/b").GetAsync("x")).Value.AsNumber());

        await a.Graph.Get("later").PutAsync("x", "text");
        SyncResult synced = await a.Sync.WaitAsync(timeout: Patience);
        Assert.True(synced.Complete);
        Assert.Equal("text", (await b.Graph.Get("later").GetAsync("x")).Value.AsText());
        SyncPeer peer = Assert.Single(a.Sync.ListPeers());
        Assert.Equal(b.Network!.Id, peer.Peer);
        Assert.Equal((0, 0), (peer.Lag, peer.Behind));
    }

    [Fact]
    public async Task A_write_crosses_a_line_of_three_and_bears_its_author()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        WeftNode b = await rig.NodeAsync(options => options.Bootstrap.Add(AddressOf(a)));
        WeftNode c = await rig.NodeAsync(options => options.Bootstrap.Add(AddressOf(b)));
        string soul = $"${a.Identity.PublicKey}/profile";
        await a.Graph.Get(soul).PutAsync("name", "Ada");

        await HostPair.UntilAsync(() => c.Graph.Get(soul).GetAsync("name").AsTask() is { IsCompletedSuccessfully: true } read
            && read.Result.Status == ReadStatus.Found);
        ReadResult found = await c.Graph.Get(soul).GetAsync("name");

        Assert.Equal("Ada", found.Value.AsText());
        Assert.Equal(a.Identity.PublicKey.Span.ToArray(), found.Author.ToArray());
    }

    [Fact]
    public async Task What_was_written_while_a_peer_was_away_is_there_when_it_comes_back()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        WeftNode b = await rig.NodeAsync(options => options.Bootstrap.Add(AddressOf(a)));
        await a.Graph.Get("s").PutAsync("first", 1);
        await SyncedAsync(b);

        await b.Network!.RemoveAsync(a.Network!.Id);
        await HostPair.UntilAsync(() => a.Sync.ListPeers().Count == 0);
        await a.Graph.Get("s").PutAsync("second", 2);
        await b.Graph.Get("s").PutAsync("third", 3);
        b.Network.Keep(a.Network.Addresses[0]);

        await SyncedAsync(b);
        Assert.Equal(2, (await b.Graph.Get("s").GetAsync("second")).Value.AsNumber());
        Assert.Equal(3, (await a.Graph.Get("s").GetAsync("third")).Value.AsNumber());
        Assert.Equal(0, Assert.Single(b.Sync.ListPeers()).Comparisons); // It went on where it was.
    }

    [Fact]
    public async Task A_read_asks_peers_that_do_not_push()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        await a.Graph.Get("there").PutAsync("x", 7);
        WeftNode b = await rig.NodeAsync(options =>
        {
            options.Bootstrap.Add(AddressOf(a));
            options.SyncPrefixes = [];
        });
        await HostPair.UntilAsync(() => b.Sync.ListPeers().Any(peer => peer.IsCaughtUp));

        ReadResult local = await b.Graph.ReadFieldAsync("there", "x");
        ReadResult asked = await b.Graph.ReadFieldAsync("there", "x", ReadPolicy.LocalFirst(Patience));
        ReadResult nobody = await b.Graph.ReadFieldAsync("nowhere", "x", ReadPolicy.LocalFirst(Patience));

        Assert.Equal(ReadStatus.Unknown, local.Status);
        Assert.Equal((ReadStatus.Found, ReadSource.Peer), (asked.Status, asked.Source));
        Assert.Equal((ReadStatus.Absent, 1), (nobody.Status, nobody.PeersAsked));
    }

    [Fact]
    public async Task A_foreign_write_into_an_owned_soul_is_refused_and_both_sides_count_it()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        WeftNode b = await rig.NodeAsync(options => options.Bootstrap.Add(AddressOf(a)));
        await SyncedAsync(b);
        // A store that holds what no admission let in: as a peer with other rules would have it.
        string owned = $"${b.Identity.PublicKey}/profile";
        await a.Store.AppendAsync(
            new([new(new FieldWrite(owned, "name", "Eve", 1_000), default, false)], [], [], 1_000), Durability.Memory);
        await a.Graph.Get("honest").PutAsync("x", 1);

        await HostPair.UntilAsync(() => a.Sync.ListPeers() is [{ RefusedThere: 1 }]);
        Assert.Equal(1, b.Sync.ListPeers()[0].RefusedHere);
        Assert.Equal(ReadStatus.Unknown, (await b.Graph.Get(owned).GetAsync("name")).Status);
    }

    [Fact]
    public async Task Waiting_without_peers_ends_at_once_or_at_the_deadline()
    {
        await using var rig = new NetworkRig();
        WeftNode node = await rig.NodeAsync();

        SyncResult all = await node.Sync.WaitAsync();
        SyncResult any = await node.Sync.WaitAsync(until: SyncGoal.AnyPeer, timeout: TimeSpan.FromMilliseconds(50));

        Assert.Equal((true, 0), (all.Complete, all.Peers));
        Assert.False(any.Complete);
    }

    [Fact]
    public async Task Ten_thousand_fields_cross_in_both_directions_and_are_compared_again_for_little()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        WeftNode b = await rig.NodeAsync();
        foreach ((WeftNode node, string name) in ((WeftNode, string)[])[(a, "a"), (b, "b")])
        {
            for (int i = 0; i < 100; i++)
            {
                await node.Graph.WriteAsync(
                    [.. Enumerable.Range(0, 50).Select(
                        field => new FieldWrite($"{name}/{i}", $"field{field}", "some text that is compressed well", double.NaN))],
                    WriteSource.Local);
            }
        }

        b.Network!.Keep(a.Network!.Addresses[0]);
        await SyncedAsync(b);
        SyncPeer first = Assert.Single(b.Sync.ListPeers());
        Assert.Equal(5_000, first.FieldsIn);
        Assert.Equal(5_000, first.FieldsOut);
        Assert.InRange(first.BytesIn, 1, 700_000); // 5,000 signed fields take some 1.4 MB as they are.
    }

    private static string AddressOf(WeftNode node) => node.Network!.Addresses[0].ToString();

    private static async Task SyncedAsync(WeftNode node)
    {
        await HostPair.UntilAsync(() => node.Sync.ListPeers().Any(peer => peer.IsCaughtUp));
        SyncResult synced = await node.Sync.WaitAsync(timeout: Patience);
        Assert.True(synced.Complete, string.Join(", ", synced.Behind));
    }
}
