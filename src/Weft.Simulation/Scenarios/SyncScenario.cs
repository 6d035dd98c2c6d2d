using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Simulation;

/// <summary>Peers that synchronize over libp2p: the session core instead of the GUN core, under every fault at once.</summary>
internal sealed class SyncScenario : Scenario
{
    public override string Name => "sync";

    public override string Summary =>
        "sessions of /weft/sync/1: 10 % loss, split from 5 to 20 s, kills and power cuts; what differs is compared";

    protected override void Play(ScenarioRun run)
    {
        NetworkProfile bad = NetworkProfile.Internet with { Loss = 0.1, Spikes = 0.01 };
        var options = new SimNodeOptions { Sync = new SyncOptions { WindowBytes = 16 << 10, ChunkBytes = 2 << 10 } };
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, bad, options), "10 % loss, a split of 15 s, a crash per node");
        var random = new WeftRandom(run.Seed);
        cluster.World.After(TimeSpan.FromSeconds(5), () =>
        {
            int[] groups = [.. Enumerable.Range(0, run.Nodes).Select(_ => random.Next(2))];
            cluster.Network.Partition(host => groups[host]);
        });
        for (int i = 0; i < run.Nodes; i++)
        {
            cluster.World.After(TimeSpan.FromSeconds(18 * random.NextDouble()), () =>
            {
                if (cluster.AnyBusy() is { } node)
                {
                    cluster.CrashAndRestart(node, random.Chance(0.5), TimeSpan.FromSeconds(2 * random.NextDouble()));
                }
            });
        }

        new Workload(cluster, souls: 10 + (run.Nodes / 10), fields: 5).Run(Writes(run, 20), TimeSpan.FromSeconds(19));
        run.RunFor(TimeSpan.FromSeconds(20), "split");
        run.HealAndCheck(TimeSpan.FromSeconds(30));
        run.Count("comparisons", cluster.Nodes.Sum(node => node.Comparisons));
    }
}
