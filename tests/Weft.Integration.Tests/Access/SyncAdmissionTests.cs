using Weft.Graph;
using Weft.Integration.Tests.Server;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Integration.Tests.Access;

/// <summary>
/// The way in of <c>/weft/sync/1</c>: a hostile peer, whose own store holds the whole table unjudged, hands it on.
/// </summary>
public sealed class SyncAdmissionTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_hostile_peer_syncs_gets_the_verdict_of_the_table(bool isThereBefore)
    {
        await using ApiHost host = await ApiHost.StartAsync(
            options => options.Peer.Network.Listen.Add("/ip4/127.0.0.1/tcp/0"));
        await using ApiHost hostile = await ApiHost.StartAsync(
            options => options.Peer.Network.Listen.Add("/ip4/127.0.0.1/tcp/0"));
        WeftNode node = host.Server.Peer.Node;
        double now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await AdmissionWorld.PrepareAsync(node, now);
        await AdmissionWorld.PrepareAsync(hostile.Server.Peer.Node, now); // Or it would drop, later, what it must hand on.
        (FieldWrite Write, AdmissionCase Case)[] table =
            [.. AdmissionCases.All.Index().Select(item => (item.Item.Make("f" + item.Index, now), item.Item))];
        if (isThereBefore)
        {
            await PlantAsync(hostile, table);
        }

        hostile.Server.Peer.Network!.Keep(host.Server.Peer.Network!.Addresses[0]);
        if (!isThereBefore)
        {
            await UntilAsync(() => Task.FromResult(node.Network!.ListPeers().Count == 1));
            await PlantAsync(hostile, table);
        }

        string missing = "";
        await UntilAsync(
            async () =>
            {
                missing = "";
                foreach ((FieldWrite write, AdmissionCase item) in table.Where(one => one.Case.Error == WeftError.None))
                {
                    missing += await IsStoredAsync(node, write) ? "" : item.Name + "; ";
                }

                missing += await node.Store.ReadFieldAsync("plain", "last") is null ? "the last write; " : "";
                missing += node.Sync.ListPeers() is [{ IsCaughtUp: true, Behind: 0 }] ? "" : "the end; ";
                return missing.Length == 0;
            },
            () => missing);

        var wrong = new List<string>();
        foreach ((FieldWrite write, AdmissionCase item) in table.Where(one => one.Case.Error != WeftError.None))
        {
            if (await IsStoredAsync(node, write))
            {
                wrong.Add($"{item.Name}: stored");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        // The peer's own code hands on most of it, not all; what came was judged for many reasons.
        Assert.InRange(node.Metrics.AdmissionRefusals.Values.Sum(), 15, 80);
        Assert.InRange(node.Metrics.AdmissionRefusals.Count, 8, 30);
    }

    /// <summary>Puts it into the peer's store beside its admission, as a peer that was changed would.</summary>
    private static async Task PlantAsync(ApiHost hostile, IEnumerable<(FieldWrite Write, AdmissionCase Case)> table)
    {
        foreach (FieldWrite write in table.Select(one => one.Write).Append(new FieldWrite("plain", "last", 1, 1)))
        {
            await hostile.Server.Peer.Node.Store.AppendAsync(
                new CommitBatch([new CommitField(write, default, false)], [], [], write.State), Durability.Memory);
        }
    }

    private static async Task<bool> IsStoredAsync(WeftNode node, FieldWrite write) =>
        await node.Store.ReadFieldAsync(write.Soul, write.Field) is StoredField stored
        && stored.State == write.State && stored.Value == write.Value;

    private static async Task UntilAsync(Func<Task<bool>> holds, Func<string>? detail = null)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await holds())
        {
            Assert.False(late.IsCancellationRequested, "Still missing: " + detail?.Invoke());
            await Task.Delay(20);
        }
    }
}
