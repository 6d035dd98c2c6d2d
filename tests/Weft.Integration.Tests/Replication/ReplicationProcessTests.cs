using System.Text;
using System.Text.Json;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Kad;
using Weft.Libp2p.Streams;
using Weft.Node;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Testing;

namespace Weft.Integration.Tests.Replication;

/// <summary>One write crosses everything: processes, sockets, kills.</summary>
public sealed class ReplicationProcessTests
{
    private const string Secret = "tea at five";

    private static readonly WriteAck Ack = new(3, TimeSpan.FromSeconds(60));

    [Fact]
    public async Task One_write_crosses_everything()
    {
        await using ReplicationCluster cluster = await ReplicationCluster.StartAsync();
        WeftPeer owner = cluster.Owner;
        WeftProcess writer = cluster.Nodes[0];
        Group readers = await owner.Groups.CreateAsync("readers", []);
        string prefix = await GovernAsync(cluster, readers);

        // The same write from C#, HTTP and the command line; each waits for three other peers.
        string[] souls = [prefix + "csharp", prefix + "http", prefix + "cli"];
        AckedWrite put = await owner.Graph.Get(souls[0]).ProtectFor(readers).PutAsync("text", Secret, Ack);
        Assert.True(put.IsComplete, $"{put.Write.Error} {put.Write.Reason}; {put.Peers} peers");
        string sealedText = (await owner.Graph.Get(souls[0]).GetAsync("text")).Value.AsText()!;
        Assert.DoesNotContain(Secret, sealedText, StringComparison.Ordinal);
        JsonElement http = await cluster.PutAsync(writer, souls[1], sealedText, "&ack=3&timeout=60s");
        Assert.True(http.GetProperty("complete").GetBoolean(), http.ToString());
        WeftRun cli = await writer.CallAsync(
            "put", souls[2], "text=" + sealedText, "--ack", "3", "--timeout", "50s", "--json");
        Assert.True(cli.Exit == 0, cli.Out + cli.Error);

        await ArrivesAsync(cluster, souls, sealedText);
        await ReadsFromRecordsAsync(cluster, souls[0], sealedText);
        await RefusesTamperedAsync(cluster, souls[0]);
        await SurvivesAsync(cluster, souls[0], writer);
        string[] later = await HealsAsync(cluster, prefix, writer, sealedText);

        foreach (string soul in (string[])[.. souls, .. later])
        {
            foreach (WeftProcess node in cluster.Nodes)
            {
                await ReplicationCluster.UntilAsync(
                    async () => await cluster.ReadAsync(node, soul, "20s") == sealedText); // 0 lost.
            }
        }

        ProtectedResult opened = await owner.Graph.Get(souls[0]).ProtectFor(readers).GetAsync("text");
        Assert.Equal(Secret, opened.Value.AsText());
    }

    // Owned, ruled, sealed, and in both ways; the process that HTTP and the command line talk to may write, too.
    private static async Task<string> GovernAsync(ReplicationCluster cluster, Group readers)
    {
        WeftPeer owner = cluster.Owner;
        string prefix = $"${owner.Identity.PublicKey}/room/";
        JsonElement id = JsonDocument.Parse((await cluster.Nodes[0].CallAsync("id", "show", "--json")).Out).RootElement;
        string policy = Canonical(
            $$$"""
            {"weft":1,"class":"private","readers":"{{{readers.Soul}}}","writers":["{{{id.GetProperty("key").GetString()}}}"],
             "replicate":"everyone+responsible(3)",
             "rules":{"v":1,"fields":{"text":{"required":true}},"other":"refuse"}}
            """, owner);
        string soul = Ownership.PrefixPolicy + prefix;
        WriteResult set = await owner.Graph.WriteAsync([new(soul, "1", policy, double.NaN)], WriteSource.Local);
        Assert.True(set.IsAccepted, $"{set.Error} {set.Reason}");
        foreach (WeftProcess node in cluster.Nodes)
        {
            await ReplicationCluster.UntilAsync(async () => (await cluster.JsonAsync(
                node, $"node?soul={Uri.EscapeDataString(soul)}&wait=0ms")).GetProperty("fields").EnumerateObject().Any());
        }

        WeftRun broken = await cluster.Nodes[0].CallAsync("put", prefix + "plain", "text=open");
        Assert.NotEqual(0, broken.Exit);
        Assert.Contains(ErrorCatalogue.Code(WeftError.SealRequired), broken.Error, StringComparison.Ordinal);
        return prefix;
    }

    private static string Canonical(string json, WeftPeer owner) =>
        Weft.Graph.Policy.PolicyDocumentCodec.Canonicalize(Encoding.UTF8.GetBytes(json), owner.Node.Crypto, out string? fault)
        ?? throw new ArgumentException(fault);

    private static async Task ArrivesAsync(ReplicationCluster cluster, string[] souls, string text)
    {
        foreach (string soul in souls)
        {
            foreach (WeftProcess node in cluster.Nodes.Take(3))
            {
                await ReplicationCluster.UntilAsync(async () => await cluster.ReadAsync(node, soul) == text);
            }

            await ReplicationCluster.UntilAsync(async () => (await cluster.HoldersOfAsync(soul)).Count == 3);
            foreach (WeftProcess node in cluster.Nodes.Skip(3))
            {
                Assert.Null(await cluster.ReadAsync(node, soul)); // It does not follow the prefix.
            }
        }

        JsonElement topics = await cluster.JsonAsync(cluster.Nodes[1], "topics");
        Assert.Contains("weft/graph/1/", topics.ToString(), StringComparison.Ordinal);
    }

    private static async Task ReadsFromRecordsAsync(ReplicationCluster cluster, string soul, string text)
    {
        List<WeftProcess> holders = await cluster.HoldersOfAsync(soul);
        WeftProcess reader = cluster.Nodes.Skip(3).First(node => !holders.Contains(node));
        WeftRun record = await reader.CallAsync("dht", "get", cluster.KeyOf(soul), "--remote", "--json");
        Assert.True(record.Exit == 0, record.Error);
        Assert.Equal(text, await cluster.ReadAsync(reader, soul, "20s"));

        string author = cluster.Owner.Identity.PublicKey.ToString();
        WeftRun why = await reader.CallAsync("why", soul, "text", "--json");
        Assert.Contains(author, why.Out, StringComparison.Ordinal);
    }

    // Straight to a responsible peer, past all that this side would refuse itself.
    private static async Task RefusesTamperedAsync(ReplicationCluster cluster, string soul)
    {
        byte[] key = Encoding.ASCII.GetBytes(cluster.KeyOf(soul));
        KadResult good = await cluster.Owner.Node.Dht!.Service.GetAsync(key);
        byte[] value = good.Record.Value.ToArray();
        int state = value.AsSpan().IndexOf("WEFT{"u8) + 20; // A letter of what is sealed.
        value[state] ^= 1;
        var question = new KadMessage(KadMessageKind.PutValue, key, KadRecord.Make(key, value), 3_600);
        List<WeftProcess> holders = await cluster.HoldersOfAsync(soul);
        PeerId peer = ReplicationCluster.PeerOf(holders[0]);
        PeerConnection connection = cluster.Owner.Network!.Host.Connections.First(one => one.Remote == peer);
        await using PeerStream stream = await cluster.Owner.Network.Host.OpenStreamAsync(
            connection, [KadOptions.WeftProtocol]);
        await KadStreams.WriteAsync(stream, question, default);
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(4_096);
        KadMessage? answer = null;
        try
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            answer = await KadStreams.ReadAsync(stream, buffer, late.Token);
        }
        catch (IOException)
        {
            // A refusal is a reset.
        }

        Assert.Null(answer);
        KadResult after = await cluster.Owner.Node.Dht.Service.GetAsync(key, KadQuorum.Of(3));
        Assert.Equal((3, 0), (after.Copies, after.Invalid));
        Assert.Equal(good.Record.Value.ToArray(), after.Record.Value.ToArray());
    }

    private static async Task SurvivesAsync(ReplicationCluster cluster, string soul, WeftProcess writer)
    {
        List<WeftProcess> holders = await cluster.HoldersOfAsync(soul);
        foreach (WeftProcess holder in holders.Where(node => node != writer).Take(2).ToList())
        {
            await cluster.KillAsync(holder);
        }

        await ReplicationCluster.UntilAsync(async () => (await cluster.HoldersOfAsync(soul)).Count == 3);
    }

    // The owner is cut off; both sides go on, and are one again afterwards.
    private static async Task<string[]> HealsAsync(
        ReplicationCluster cluster, string prefix, WeftProcess writer, string text)
    {
        WeftPeer owner = cluster.Owner;
        foreach (WeftProcess node in cluster.Nodes)
        {
            await owner.Network!.BanAsync(ReplicationCluster.PeerOf(node));
        }

        await ReplicationCluster.UntilAsync(() => Task.FromResult(owner.Sync.ListPeers().Count == 0));
        string[] souls = [prefix + "there", prefix + "here"];
        await cluster.PutAsync(writer, souls[0], text);
        Assert.True((await owner.Graph.Get(souls[1]).PutAsync("text", text)).IsAccepted);
        Assert.Null(await cluster.ReadAsync(writer, souls[1]));
        Assert.Equal(ReadStatus.Unknown, (await owner.Graph.Get(souls[0]).GetAsync("text")).Status);

        foreach (WeftProcess node in cluster.Nodes)
        {
            owner.Network!.Unban(ReplicationCluster.PeerOf(node));
        }

        await ReplicationCluster.UntilAsync(() => Task.FromResult(
            owner.Sync.ListPeers().Any(peer => peer.Peer == ReplicationCluster.PeerOf(writer))));
        SyncResult synced = await owner.Sync.WaitAsync(timeout: TimeSpan.FromSeconds(60));
        Assert.True(synced.Complete, string.Join(", ", synced.Behind));
        Assert.Equal(text, await cluster.ReadAsync(writer, souls[1]));
        Assert.Equal(text, (await owner.Graph.Get(souls[0]).GetAsync("text")).Value.AsText());
        return souls;
    }
}
