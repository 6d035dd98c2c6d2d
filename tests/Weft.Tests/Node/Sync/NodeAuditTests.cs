using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Protocols.Audit;
using Weft.Tests.Libp2p;
using Weft.Tests.Node.Network;

namespace Weft.Tests.Node.Sync;

public sealed class NodeAuditTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Peers_that_synchronized_are_equal_and_a_hidden_difference_is_found_and_healed()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await rig.NodeAsync();
        WeftNode b = await rig.NodeAsync(options => options.Bootstrap.Add(a.Network!.Addresses[0].ToString()));
        for (int i = 0; i < 300; i++)
        {
            await a.Graph.Get($"room/{i % 30}").PutAsync($"field{i}", i);
        }

        await SyncedAsync(b);
        AuditReport equal = Assert.Single(await b.Sync.AuditAsync(new AuditRequest { Timeout = Patience }));
        Assert.True(equal.IsEqual, $"{equal.Error} {equal.Tally.Different}");
        Assert.Equal((a.Network!.Id, 300, 300), (equal.Peer, equal.Tally.FieldsHere, equal.Tally.FieldsThere));

        await HideAsync(a, "room/7", "lost");
        await HideAsync(b, "room/9", "mine");
        AuditReport differs = await b.Sync.AuditAsync(
            a.Network.Id, new AuditRequest { Settles = false, Timeout = Patience });
        ReadResult atB = await b.Graph.Get("room/7").GetAsync("lost");
        ReadResult atA = await a.Graph.Get("room/7").GetAsync("lost");
        Assert.Equal((ReadStatus.Found, ReadStatus.Unknown), (atA.Status, atB.Status));
        Assert.Equal((1L, 1L, false), (differs.BehindHere, differs.BehindThere, differs.IsEqual));
        Assert.Equal(
            [("room/7", AuditDifferenceKind.OnlyThere), ("room/9", AuditDifferenceKind.OnlyHere)],
            differs.Tally.Differences.Select(one => (one.Key.Soul!, one.Kind)));
        Assert.Equal(1, differs.Passes);

        AuditReport elsewhere = await b.Sync.AuditAsync(
            a.Network.Id, new AuditRequest { Scope = Scope.Soul("room/8"), Settles = false, Timeout = Patience });
        AuditReport prefix = await b.Sync.AuditAsync(
            a.Network.Id, new AuditRequest { Scope = Scope.Prefix("room/7"), Settles = false, Timeout = Patience });
        Assert.True(elsewhere.IsEqual);
        Assert.True(prefix.Tally.Different == 1, $"{prefix.Error} {prefix.Tally.FieldsHere} {prefix.Tally.FieldsThere} {prefix.Tally.Compared} {(await b.Graph.Get("room/7").GetAsync("lost")).Status} {b.Sync.ListPeers()[0]}");

        AuditReport healed = await b.Sync.AuditAsync(
            a.Network.Id, new AuditRequest { Heals = true, Timeout = Patience });
        Assert.True(healed.IsEqual, $"{healed.Error} {healed.Tally.Different}");
        Assert.Equal(2, healed.Healed);
        Assert.Equal("lost", (await b.Graph.Get("room/7").GetAsync("lost")).Value.AsText());
        Assert.Equal("mine", (await a.Graph.Get("room/9").GetAsync("mine")).Value.AsText());
    }

    [Fact]
    public async Task A_peer_that_is_gone_is_an_error_in_the_report_and_nobody_gives_none()
    {
        await using var rig = new NetworkRig();
        WeftNode alone = await rig.NodeAsync();
        WeftNode other = await rig.NodeAsync();

        Assert.Empty(await alone.Sync.AuditAsync(new AuditRequest()));
        AuditReport gone = await alone.Sync.AuditAsync(other.Network!.Id, new AuditRequest());
        WeftException wrong = await Assert.ThrowsAsync<WeftException>(
            () => alone.Sync.AuditAsync(new AuditRequest { Samples = 5, Heals = true }));

        Assert.Equal((WeftError.PeerUnreachable, false), (gone.Error, gone.IsComplete));
        Assert.Equal(WeftError.Usage, wrong.Error);
    }

    // As damage or another program's hand would have it: the change hub knows nothing of it, so no session sends it.
    private static async Task HideAsync(WeftNode node, string soul, string field)
    {
        node.Store.OnCommitted(_ => { });
        await node.Store.AppendAsync(
            new([new(new FieldWrite(soul, field, field, 1_000), default, false)], [], [], 1_000), Durability.Memory);
        node.Store.OnCommitted(node.Changes.Post);
        await node.Sync.Service!.Ranges.ForgetAsync();
    }

    private static async Task SyncedAsync(WeftNode node)
    {
        await HostPair.UntilAsync(() => node.Sync.ListPeers().Any(peer => peer.IsCaughtUp));
        SyncResult synced = await node.Sync.WaitAsync(timeout: Patience);
        Assert.True(synced.Complete, string.Join(", ", synced.Behind));
    }
}
