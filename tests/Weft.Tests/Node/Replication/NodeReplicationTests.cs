using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Node.Network;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Replication;
using Weft.Tests.Libp2p;
using Weft.Tests.Node.Network;

namespace Weft.Tests.Node.Replication;

/// <summary>Whole nodes in one process: what a policy says is what happens.</summary>
public sealed class NodeReplicationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Everyone_who_wants_a_prefix_is_told_in_its_topic_and_nobody_else()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await NodeAsync(rig);
        WeftNode b = await NodeAsync(rig, a);
        WeftNode c = await NodeAsync(rig, a, "other/");
        string prefix = await PolicyAsync(a, "room/", "everyone");
        await HostPair.UntilAsync(() => JoinedBy(b).Length == 1 && b.Plans.PlanOf(prefix + "x").Words.IsEveryone);
        string topic = JoinedBy(b)[0];
        await HostPair.UntilAsync(() => a.Network!.Gossip.SubscribersOf(topic).Count == 1);

        await a.Graph.Get(prefix + "1").PutAsync("name", "Ada");

        await ReadsAsync(b, prefix + "1", "name", "Ada");
        await HostPair.UntilAsync(() => b.Network!.Replication!.Topics.Counts.Taken == 1);
        Assert.Empty(JoinedBy(c));
        Assert.Equal(ReadStatus.Unknown, (await c.Graph.Get(prefix + "1").GetAsync("name")).Status);
        await PolicyAsync(a, "room/", "responsible(1)", version: 2);
        await HostPair.UntilAsync(() => JoinedBy(b).Length == 0);
    }

    [Fact]
    public async Task A_forged_message_in_a_topic_is_stored_nowhere()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await NodeAsync(rig);
        WeftNode b = await NodeAsync(rig, a);
        WeftNode c = await NodeAsync(rig, b);
        string prefix = await PolicyAsync(a, "room/", "everyone");
        await HostPair.UntilAsync(() => JoinedBy(b).Length == 1 && JoinedBy(c).Length == 1);
        string topic = JoinedBy(b)[0];
        await HostPair.UntilAsync(() => a.Network!.Gossip.SubscribersOf(topic).Count > 0);

        // Unsigned, and so nothing that the owner wrote.
        var frame = new System.Buffers.ArrayBufferWriter<byte>();
        Weft.Protocols.Sync.SyncCodec.Write(
            new Weft.Protocols.Sync.SyncChanges(-1, [new FieldWrite(prefix + "1", "name", "Eve", 1_000)]), frame);
        await a.Network!.Gossip.PublishAsync(topic, frame.WrittenMemory);
        await HostPair.UntilAsync(() => b.Network!.Replication!.Topics.Counts.Refused == 1);

        Assert.Equal(ReadStatus.Unknown, (await b.Graph.Get(prefix + "1").GetAsync("name")).Status);
        Assert.Equal(0, b.Network!.Replication!.Topics.Counts.Taken);
        Assert.Equal(0, c.Network!.Replication!.Topics.Counts.Taken);
        Assert.Equal(ReadStatus.Unknown, (await c.Graph.Get(prefix + "1").GetAsync("name")).Status);
    }

    [Fact]
    public async Task What_is_local_leaves_by_no_way()
    {
        await using var rig = new NetworkRig();
        WeftNode a = await NodeAsync(rig);
        string prefix = await PolicyAsync(a, "diary/", "local");
        await a.Graph.Get(prefix + "before").PutAsync("x", 1);
        await a.Graph.Get("open").PutAsync("x", 1);
        WeftNode b = await NodeAsync(rig, a);
        await a.Graph.Get(prefix + "after").PutAsync("x", 1);
        await ReadsAsync(b, "open", "x", 1);
        Assert.True((await a.Sync.WaitAsync(timeout: Patience)).Complete);

        foreach (string name in (string[])["before", "after"])
        {
            Assert.Equal(ReadStatus.Unknown, (await b.Graph.Get(prefix + name).GetAsync("x")).Status);
            ReadResult asked = await b.Graph.ReadFieldAsync(prefix + name, "x", ReadPolicy.LocalFirst(Patience));
            Assert.Equal((ReadStatus.Unknown, 0), (asked.Status, asked.PeersAsked)); // It knows the policy.
        }

        Assert.Equal(ReadStatus.Found, (await a.Graph.Get(prefix + "after").GetAsync("x")).Status);
    }

    [Fact]
    public async Task Responsible_peers_keep_a_state_that_no_session_carries_and_a_reader_finds_it_there()
    {
        await using var rig = new NetworkRig();
        WeftNode[] nodes = await ClusterAsync(rig, 5);
        string prefix = await PolicyAsync(nodes[0], "shelf/", "responsible(2)");
        string soul = prefix + "1";
        await HostPair.UntilAsync(() => nodes.All(node => node.Plans.PlanOf(soul).Words.Copies == 2));

        AckedWrite acked = await nodes[0].Graph.Get(soul).PutAsync("name", "Ada", new WriteAck(1, Patience));

        Assert.True(acked.IsComplete);
        List<WeftNode> holders = [];
        foreach (WeftNode node in nodes)
        {
            if (await HoldsAsync(node, soul))
            {
                holders.Add(node);
            }
        }

        Assert.Equal(2, holders.Count);
        foreach (WeftNode other in nodes[1..])
        {
            Assert.Equal(ReadStatus.Unknown, (await other.Graph.Get(soul).GetAsync("name")).Status);
        }

        // The writer is gone, so only responsible peers can have it.
        WeftNode reader = nodes[1..].First(node => !holders.Contains(node));
        await rig.StopAsync(nodes[0]);
        ReadResult read = await reader.Graph.ReadFieldAsync(soul, "name", ReadPolicy.LocalFirst(Patience));
        Assert.Equal((ReadStatus.Found, "Ada"), (read.Status, read.Value.AsText()));
        Assert.Equal(1, reader.Network!.Replication!.ReadCounts.Records);
        Assert.Equal(nodes[0].Identity.PublicKey.Span.ToArray(), read.Author.ToArray());
        Assert.Equal(ReadSource.Memory, (await reader.Graph.Get(soul).GetAsync("name")).Source); // It stays here.
    }

    [Fact]
    public async Task A_large_state_is_read_back_from_its_pages()
    {
        await using var rig = new NetworkRig();
        WeftNode[] nodes = await ClusterAsync(rig, 3);
        string prefix = await PolicyAsync(nodes[0], "shelf/", "responsible(2)");
        string soul = prefix + "1";
        await HostPair.UntilAsync(() => nodes.All(node => node.Plans.PlanOf(soul).Words.Copies == 2));
        string text = new('x', 3_000);
        for (int i = 0; i < 40; i++)
        {
            await nodes[0].Graph.Get(soul).PutAsync($"part{i}", text + i);
        }

        AckedWrite acked = await nodes[0].Graph.Get(soul).PutAsync("last", "end", new WriteAck(1, Patience));
        Assert.True(acked.IsComplete, $"{acked.Peers}");
        Assert.Equal(ReadStatus.Unknown, (await nodes[2].Graph.Get(soul).GetAsync("part0")).Status);
        await rig.StopAsync(nodes[0]);

        // The first miss brings every page.
        await nodes[2].Graph.ReadFieldAsync(soul, "part0", ReadPolicy.LocalFirst(Patience));
        NodeResult read = await nodes[2].Graph.Get(soul).GetAsync();
        Assert.Equal(41, read.Fields.Count);
        Assert.Equal(text + 7, read.Fields.First(field => field.Field == "part7").Value.AsText());
    }

    [Fact]
    public async Task What_was_written_before_the_policy_goes_to_responsible_peers_when_it_comes()
    {
        await using var rig = new NetworkRig();
        WeftNode[] nodes = await ClusterAsync(rig, 3);
        string soul = $"${nodes[0].Identity.PublicKey}/late/1";
        await nodes[0].Graph.Get(soul).PutAsync("name", "Ada");

        await PolicyAsync(nodes[0], "late/", "responsible(3)");

        foreach (WeftNode node in nodes)
        {
            await UntilAsync(() => HoldsAsync(node, soul));
        }
    }

    [Fact]
    public async Task An_acknowledgement_says_how_far_the_write_came()
    {
        await using var rig = new NetworkRig();
        WeftNode alone = await rig.NodeAsync();
        AckedWrite nobody = await alone.Graph.Get("s").PutAsync("x", 1, new WriteAck(1, TimeSpan.FromMilliseconds(50)));
        Assert.Equal((false, 0, Durability.Memory), (nobody.IsComplete, nobody.Peers, nobody.Write.Durable));

        WeftNode other = await NodeAsync(rig, alone);
        await HostPair.UntilAsync(() => alone.Sync.ListPeers().Any(peer => peer.IsCaughtUp));
        AckedWrite one = await alone.Graph.Get("s").PutAsync("y", 1, new WriteAck(1, Patience));
        Assert.Equal((true, 1), (one.IsComplete, one.Peers));
        Assert.Equal(ReadStatus.Found, (await other.Graph.Get("s").GetAsync("y")).Status);

        AckedWrite two = await alone.Graph.Get("s").PutAsync("z", 1, new WriteAck(2, TimeSpan.FromMilliseconds(300)));
        Assert.False(two.IsComplete);
        Assert.InRange(two.Peers, 0, 1);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            async () => await alone.Graph.Get("s").PutAsync("z", 1, new WriteAck(0, Patience)));
    }

    private static async Task<WeftNode[]> ClusterAsync(NetworkRig rig, int count)
    {
        var nodes = new WeftNode[count];
        for (int i = 0; i < count; i++)
        {
            nodes[i] = await NodeAsync(rig, i == 0 ? null : nodes[0]);
        }

        foreach (WeftNode node in nodes)
        {
            foreach (WeftNode other in nodes)
            {
                if (other != node)
                {
                    node.Network!.Keep(other.Network!.Addresses[0]);
                }
            }
        }

        foreach (WeftNode node in nodes)
        {
            await UntilAsync(async () => (await node.Dht!.Service.ReadRoutesAsync()).Count == count - 1);
        }

        return nodes;
    }

    private static Task<WeftNode> NodeAsync(NetworkRig rig, WeftNode? first = null, string? want = null) =>
        rig.NodeAsync(options =>
        {
            options.Profile = NetworkProfile.Test;
            options.Dht.Mode = KadMode.Server;
            options.Replication.StoreDelay = TimeSpan.FromMilliseconds(5);
            if (first is not null)
            {
                options.Bootstrap.Add(first.Network!.Addresses[0].ToString());
            }

            if (want is not null)
            {
                options.SyncPrefixes = [want];
            }
        });

    private static async Task<string> PolicyAsync(WeftNode owner, string name, string words, int version = 1)
    {
        string prefix = $"${owner.Identity.PublicKey}/{name}";
        WriteResult result = await owner.Graph.WriteAsync(
            [new(Ownership.PrefixPolicy + prefix, $"{version}",
                $$"""{"class":"protected","replicate":"{{words}}","weft":1}""", double.NaN)], WriteSource.Local);
        Assert.True(result.IsAccepted, $"{result.Error} {result.Reason}");
        return prefix;
    }

    private static string[] JoinedBy(WeftNode node) => [.. node.Network!.Gossip.ListTopics()
        .Select(topic => topic.Topic)
        .Where(topic => topic.StartsWith(ReplicationPlans.TopicStart, StringComparison.Ordinal))];

    private static Task<bool> HoldsAsync(WeftNode node, string soul) => node.Dht!.Service.UseRecordsAsync(
        (records, nowMs) => records.TryGet(
            GraphRecord.KeyOf(node.Crypto, node.NetworkId.Span, soul), nowMs, out _));

    private static Task ReadsAsync(WeftNode node, string soul, string field, WeftValue value) => UntilAsync(async () =>
        (await node.Graph.Get(soul).GetAsync(field)).Value.Json.SequenceEqual(value.Json));

    private static async Task UntilAsync(Func<Task<bool>> test)
    {
        using var late = new CancellationTokenSource(Patience);
        while (!await test())
        {
            await Task.Delay(10, late.Token);
        }
    }
}
