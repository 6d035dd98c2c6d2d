using Weft.Protocols.Gossip;

namespace Weft.Simulation.Gossip;

/// <summary>A topic of many peers, of whose messages some are lost.</summary>
internal sealed class GossipLossScenario : Scenario
{
    private static readonly TimeSpan LatencyBar = TimeSpan.FromMilliseconds(500);
    private const double DuplicatesBar = 6;

    public override string Name => "gossip";

    public override string Summary => "a topic of many peers; 5 % of all messages are lost";

    public override int NodesDefault => 1_000;

    protected override void Play(ScenarioRun run)
    {
        using var world = new GossipWorld(run.Nodes, attackers: 0, run.Seed, GossipCounts.Loss(run));
        run.Begin(world.World, "10 to 50 ms, 5 % of messages lost, 20 messages of 200 bytes");
        world.Begin(dials: 6);
        run.RunFor(TimeSpan.FromSeconds(8), "meshes grow");
        world.Publish(first: 0, count: 20, TimeSpan.FromMilliseconds(200));
        run.RunFor(TimeSpan.FromSeconds(10), "publishing");
        world.CheckReach();
        TimeSpan late = world.Percentile(0.99);
        if (late >= LatencyBar)
        {
            world.World.Report("G1", -1, $"p99 is {late.TotalMilliseconds:0} ms");
        }

        if (world.Duplicates > DuplicatesBar)
        {
            world.World.Report("G2", -1, $"{world.Duplicates:0.00} duplicates for each delivery");
        }

        GossipCounts.Add(run, world);
        run.Passed("I9", "every message reached every peer");
        run.Passed("I8", "no message was delivered twice");
        run.Passed("G1", FormattableString.Invariant($"p99 of the latency is {late.TotalMilliseconds:0} ms"));
        run.Passed("G2", FormattableString.Invariant($"{world.Duplicates:0.00} duplicates for each delivery"));
    }
}

/// <summary>A third of the peers is gone at once, and nobody is told.</summary>
internal sealed class GossipDeathScenario : Scenario
{
    public override string Name => "gossip-deaths";

    public override string Summary => "30 % of the peers of a topic die silently at once; 5 % of all messages lost";

    public override int NodesDefault => 1_000;

    protected override void Play(ScenarioRun run)
    {
        using var world = new GossipWorld(run.Nodes, attackers: 0, run.Seed, GossipCounts.Loss(run));
        run.Begin(world.World, "30 % die at 8 s, unnoticed for 15 s; 20 messages at once thereafter");
        world.Begin(dials: 10);
        run.RunFor(TimeSpan.FromSeconds(8), "meshes grow");
        run.Count("killed", world.Kill(0.3));
        world.Publish(first: 0, count: 20, TimeSpan.Zero);
        run.RunFor(5 * world.Options.Heartbeat, "publishing");
        world.CheckReach();
        GossipCounts.Add(run, world);
        run.Passed("I9", "every message reached every living peer within 5 heartbeats");
    }
}

/// <summary>Hostile peers join every mesh, pass nothing on, forge, lie, and crowd together.</summary>
internal sealed class GossipAttackScenario : Scenario
{
    public override string Name => "gossip-attack";

    public override string Summary => "a fifth of the peers of a topic forge messages, announce none, crowd one place";

    public override int NodesDefault => 500;

    protected override void Play(ScenarioRun run)
    {
        int attackers = run.Nodes / 5;
        using var world = new GossipWorld(run.Nodes - attackers, attackers, run.Seed, GossipCounts.Loss(run));
        run.Begin(world.World, $"{attackers} hostile peers with three times the connections of the others");
        world.Begin(dials: 6);
        run.RunFor(TimeSpan.FromSeconds(10), "under attack");
        long verified = world.Nodes.Sum(node => node.Verified);
        world.Publish(first: 0, count: 20, TimeSpan.FromMilliseconds(200));
        run.RunFor(TimeSpan.FromSeconds(8), "publishing under attack");
        world.CheckReach();
        long wasted = world.Nodes.Sum(node => node.Verified) - verified - world.Deliveries;
        Check(world, wasted, attackers > 0 ? run.Nodes : 0);
        GossipCounts.Add(run, world);
        run.Count("attacks", world.Attacks);
        run.Count("verified in vain at last", wasted);
        run.Passed("I9", "every message reached every honest peer");
        run.Passed("G3", "no hostile peer is a mesh link of an honest one");
        run.Passed("G4", "forged messages are no longer looked at");
    }

    private static void Check(GossipWorld world, long wasted, int nodes)
    {
        foreach (GossipSimNode node in world.Nodes)
        {
            IReadOnlyList<GossipPeer> mesh = node.Core.MeshOf(GossipWorld.Topic);
            GossipPeer[] enemies = [.. world.EnemiesOf(node)];
            int crowd = enemies.Count(enemy => enemy.Info.Ip == "crowd");
            foreach (GossipPeer enemy in enemies.Where(mesh.Contains))
            {
                // A silent peer harms nobody while it is one of few at its place: it may stay.
                if (enemy.Info.Ip != "crowd" || crowd > world.Options.Score.ColocationThreshold)
                {
                    world.World.Report(
                        "G3", node.Number, $"{enemy.Info.Ip} is linked, score {node.Core.Score(enemy):0.0}");
                }
            }
        }

        if (wasted > nodes)
        {
            world.World.Report("G4", -1, $"{wasted} forged messages were verified at last");
        }
    }
}

/// <summary>What every gossip scenario has in common.</summary>
internal static class GossipCounts
{
    /// <summary>
    /// The share of the messages that is lost: 5 %. None in a small world, in which all peers are mesh links of each
    /// other: what is lost between two who have nobody else is lost, because ids are told to others than links alone.
    /// </summary>
    internal static double Loss(ScenarioRun run) => run.Nodes < 12 ? 0 : 0.05;

    internal static void Add(ScenarioRun run, GossipWorld world)
    {
        run.Count("deliveries", world.Deliveries);
        run.Count("duplicates per delivery", Math.Round(world.Duplicates, 2));
        run.Count("p50 ms", Math.Round(world.Percentile(0.5).TotalMilliseconds));
        run.Count("p99 ms", Math.Round(world.Percentile(0.99).TotalMilliseconds));
        run.Count("max ms", Math.Round(world.Percentile(1).TotalMilliseconds));
        run.Count("frames", world.Network.MessagesSent);
        run.Count("events", world.World.Events);
    }
}
