using Weft.Graph;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>The Internet on a bad day: a fifth of all packets lost, spikes of seconds, writers that collide.</summary>
internal sealed class LossScenario : Scenario
{
    public override string Name => "loss";

    public override string Summary => "20 % of packets lost, latency spikes of seconds, colliding writers";

    protected override void Play(ScenarioRun run)
    {
        NetworkProfile bad = NetworkProfile.Internet with { Loss = 0.2, Spikes = 0.02 };
        SimCluster cluster = run.Begin(new SimCluster(run.Nodes, run.Seed, bad), "20 % loss, spikes to 5 s");
        new Workload(cluster, souls: 10 + (run.Nodes / 10), fields: 5).Run(Writes(run, 20), TimeSpan.FromSeconds(20));
        run.RunFor(TimeSpan.FromSeconds(22), "writing");
        run.HealAndCheck(TimeSpan.FromSeconds(30));
    }
}

/// <summary>No order and no promise below: messages are lost, doubled and overtaken one by one.</summary>
internal sealed class DatagramScenario : Scenario
{
    public override string Name => "datagrams";

    public override string Summary => "messages lost, doubled and reordered one by one; then everybody reconnects";

    protected override void Play(ScenarioRun run)
    {
        var bad = new NetworkProfile
        {
            IsOrdered = false, Loss = 0.1, Duplication = 0.3, Spikes = 0.1, SpikeMax = TimeSpan.FromSeconds(2),
        };
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, bad), "10 % lost, 30 % doubled, 10 % late by up to 2 s");
        new Workload(cluster, souls: 10 + (run.Nodes / 10), fields: 5).Run(Writes(run, 20), TimeSpan.FromSeconds(20));
        run.RunFor(TimeSpan.FromSeconds(22), "writing");
        run.HealAndCheck(TimeSpan.FromSeconds(30));
    }
}

/// <summary>The network splits in two, and both halves go on writing; some links die in one direction only.</summary>
internal sealed class PartitionScenario : Scenario
{
    public override string Name => "partition-heal";

    public override string Summary => "20 % loss, split in two at 5 s, one-way cuts, healed at 25 s; both halves write";

    protected override void Play(ScenarioRun run)
    {
        NetworkProfile bad = NetworkProfile.Internet with { Loss = 0.2 };
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, bad, linksPerNode: 1 + (int)(run.Seed % 2)),
            "20 % loss, split at 5 s, healed at 25 s");
        var random = new WeftRandom(run.Seed);
        cluster.World.After(TimeSpan.FromSeconds(5), () =>
        {
            int[] groups = [.. Enumerable.Range(0, run.Nodes).Select(_ => random.Next(2))];
            cluster.Network.Partition(host => groups[host]);
        });
        for (int i = 0; i < run.Nodes / 4; i++)
        {
            cluster.World.After(TimeSpan.FromSeconds(5 + (15 * random.NextDouble())), () =>
                cluster.Network.CutOneWay(random.Next(run.Nodes), random.Next(run.Nodes)));
        }

        new Workload(cluster, souls: 10 + (run.Nodes / 10), fields: 5).Run(Writes(run, 20), TimeSpan.FromSeconds(24));
        run.RunFor(TimeSpan.FromSeconds(25), "split");
        run.HealAndCheck(TimeSpan.FromSeconds(30));
    }
}

/// <summary>Processes are killed and power is cut, again and again, while everybody writes.</summary>
internal sealed class CrashScenario : Scenario
{
    public override string Name => "crash";

    public override string Summary => "kills and power cuts with torn disks, restarts within seconds";

    protected override void Play(ScenarioRun run)
    {
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, NetworkProfile.Internet, linksPerNode: 1 + (int)(run.Seed % 2)),
            "three crashes per node, half of them power cuts in the middle of a write; slow disks");
        var random = new WeftRandom(run.Seed);
        foreach (SimNode node in cluster.Nodes)
        {
            node.Disk.Profile = new DiskProfile { SyncMax = TimeSpan.FromMilliseconds(40) };
        }

        for (int i = 0; i < run.Nodes * 3; i++)
        {
            cluster.World.After(TimeSpan.FromSeconds(20 * random.NextDouble()), () =>
            {
                if (cluster.AnyBusy() is { } node)
                {
                    cluster.CrashAndRestart(node, random.Chance(0.5), TimeSpan.FromSeconds(5 * random.NextDouble()));
                }
            });
        }

        new Workload(cluster, souls: 10 + (run.Nodes / 10), fields: 5) { Repeats = 0.5 }
            .Run(Writes(run, 40), TimeSpan.FromSeconds(20));
        run.RunFor(TimeSpan.FromSeconds(22), "crashing");
        run.HealAndCheck(TimeSpan.FromSeconds(30));
    }
}

/// <summary>Clocks are wrong by minutes, drift, and jump; some nodes restart while their clock is behind.</summary>
internal sealed class ClockScenario : Scenario
{
    public override string Name => "clock-skew";

    public override string Summary =>
        "clocks off by up to 10 min, drift of 200 ppm, jumps of up to an hour back, restarts";

    protected override void Play(ScenarioRun run)
    {
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, NetworkProfile.Internet), "clocks off by up to 10 min, jumps, drift");
        var random = new WeftRandom(run.Seed);
        foreach (SimNode node in cluster.Nodes)
        {
            // Ahead by at most half of what others accept, so that nobody's writes are refused for good.
            node.Clock.Jump(TimeSpan.FromMinutes((random.NextDouble() * 14.8) - 10));
            node.Clock.DriftPpm = (random.NextDouble() - 0.5) * 400;
            cluster.World.After(TimeSpan.FromSeconds(20 * random.NextDouble()), () =>
            {
                node.Clock.Jump(TimeSpan.FromMinutes(random.NextDouble() * -60));
                if (random.Chance(0.5))
                {
                    cluster.CrashAndRestart(node, random.Chance(0.5), TimeSpan.FromSeconds(random.NextDouble()));
                }
            });
        }

        new Workload(cluster, souls: 10 + (run.Nodes / 10), fields: 5).Run(Writes(run, 20), TimeSpan.FromSeconds(20));
        run.RunFor(TimeSpan.FromSeconds(22), "writing");
        run.HealAndCheck(TimeSpan.FromSeconds(30), quiet: TimeSpan.FromMinutes(11));
    }
}

/// <summary>Everything at once, drawn from the seed.</summary>
internal sealed class SwarmScenario : Scenario
{
    public override string Name => "swarm";

    public override string Summary => "a mix of all faults drawn from the seed: loss, splits, crashes, clocks";

    protected override void Play(ScenarioRun run)
    {
        var random = new WeftRandom(run.Seed);
        NetworkProfile bad = NetworkProfile.Internet with
        {
            Loss = 0.3 * random.NextDouble(), Spikes = 0.05 * random.NextDouble(),
        };
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, bad, linksPerNode: 1 + random.Next(3)),
            FormattableString.Invariant($"{bad.Loss:P0} loss, splits, crashes, clocks, one minute"));
        var seconds = TimeSpan.FromSeconds(60);
        for (int i = 0; i < run.Nodes; i++)
        {
            cluster.World.After(seconds * random.NextDouble(), () => Fault(cluster, random));
        }

        new Workload(cluster, souls: 10 + (run.Nodes / 10), fields: 5).Run(Writes(run, 30), seconds);
        run.RunFor(seconds, "faults");
        run.HealAndCheck(TimeSpan.FromSeconds(30), quiet: TimeSpan.FromMinutes(6));
    }

    private static void Fault(SimCluster cluster, WeftRandom random)
    {
        SimNetwork network = cluster.Network;
        SimNode node = cluster.Nodes[random.Next(cluster.Nodes.Count)];
        switch (random.Next(6))
        {
            case 0:
                int[] groups = [.. cluster.Nodes.Select(_ => random.Next(2))];
                network.Partition(host => groups[host]);
                cluster.World.After(TimeSpan.FromSeconds(20 * random.NextDouble()), network.Heal);
                break;
            case 1:
                network.CutOneWay(node.Number, random.Next(cluster.Nodes.Count));
                cluster.World.After(TimeSpan.FromSeconds(30 * random.NextDouble()), network.Heal);
                break;
            case 2:
                node.Clock.Jump(TimeSpan.FromMinutes((random.NextDouble() * 65) - 60));
                break;
            case 3:
                node.Clock.DriftPpm = (random.NextDouble() - 0.5) * 400;
                break;
            default:
                cluster.CrashAndRestart(node, random.Chance(0.5), TimeSpan.FromSeconds(10 * random.NextDouble()));
                break;
        }
    }
}
