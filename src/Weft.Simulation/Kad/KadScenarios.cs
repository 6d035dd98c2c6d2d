using Weft.Primitives;
using Weft.Protocols.Kad;

namespace Weft.Simulation;

/// <summary>Peers join one after the other, nobody leaves, and everybody is found.</summary>
internal sealed class KadStaticScenario : Scenario
{
    public override string Name => "kad";

    public override string Summary => "a DHT of peers that really join; nobody leaves";

    public override int NodesDefault => 1_000;

    protected override void Play(ScenarioRun run)
    {
        KadWorld world = KadScenarios.Begin(run, new(), "10 to 50 ms, real joins");
        KadScenarios.Join(run, world);
        var probe = new KadProbe(world, run);
        probe.FindNodes(300, 20, "lookups");
        KadScenarios.Check(world, "K1", probe.Success >= 1, $"{probe.Success:P2} of the lookups found the nearest peer");
        if (run.Nodes >= KadProbe.CrowdMin)
        {
            KadScenarios.Check(world, "K2", probe.HopsP99 <= 4, $"p99 of the hops is {probe.HopsP99}");
            KadScenarios.Check(world, "K3", probe.RequestsMedian <= 30, $"the median of the questions is {probe.RequestsMedian}");
        }

        probe.Report("lookups");
        run.Count("closest found %", Math.Round(probe.Closest * 100, 2));
        KadScenarios.Count(run, world);
        run.Passed("K1", "every lookup found the nearest peer");
        run.Passed("K2", FormattableString.Invariant($"p99 of the hops is {probe.HopsP99}"));
        run.Passed("K3", FormattableString.Invariant($"the median of the questions of a lookup is {probe.RequestsMedian}"));
    }
}

/// <summary>Half of all peers are gone at once, and nobody is told.</summary>
internal sealed class KadKillScenario : Scenario
{
    public override string Name => "kad-kill";

    public override string Summary => "half of the peers of a DHT die at once and silently, with their records";

    public override int NodesDefault => 1_000;

    protected override void Play(ScenarioRun run)
    {
        KadWorld world = KadScenarios.Begin(run, new(), "half of the peers die after the records were put");
        KadScenarios.Join(run, world);
        int records = Math.Max(10, run.Nodes / 10);
        new KadProbe(world, run).PutRecords(0, records, "putting records");
        for (int i = run.Nodes / 2; i > 0; i--)
        {
            world.Kill(world.Pick());
        }

        var atOnce = new KadProbe(world, run);
        atOnce.GetRecords(0, records, 300, "reading at once");
        run.RunFor(TimeSpan.FromMinutes(75), "one refresh");
        var later = new KadProbe(world, run);
        later.GetRecords(0, records, 300, "reading after a refresh");
        if (run.Nodes >= KadProbe.CrowdMin)
        {
            KadScenarios.Check(world, "K4", atOnce.Success >= 0.99, $"{atOnce.Success:P2} of the records were found at once");
            KadScenarios.Check(world, "K5", later.Success >= 0.999, $"{later.Success:P2} were found after a refresh");
        }

        atOnce.Report("at once");
        later.Report("later");
        KadScenarios.Count(run, world);
        run.Passed("K4", FormattableString.Invariant($"{atOnce.Success:P2} of the records were found at once"));
        run.Passed("K5", FormattableString.Invariant($"{later.Success:P2} were found after one refresh"));
    }
}

/// <summary>A fifth of the peers name only each other, and throw away what they are given.</summary>
internal sealed class KadAdversaryScenario : Scenario
{
    public override string Name => "kad-adversaries";

    public override string Summary => "a fifth of the peers of a DHT mislead; lookups go on four paths that share no peer";

    public override int NodesDefault => 1_000;

    protected override void Play(ScenarioRun run)
    {
        KadWorld world = KadScenarios.Begin(
            run, new() { Paths = 4 }, "a fifth of the peers mislead", honest: run.Nodes - (run.Nodes / 5));
        for (int i = run.Nodes / 5; i > 0; i--)
        {
            world.Make(KadBehaviour.Misleading);
        }

        KadScenarios.Join(run, world);
        int records = Math.Max(10, run.Nodes / 10);
        new KadProbe(world, run).PutRecords(0, records, "putting records");
        var probe = new KadProbe(world, run);
        probe.GetRecords(0, records, 300, "reading");
        if (run.Nodes >= KadProbe.CrowdMin)
        {
            KadScenarios.Check(world, "K6", probe.Success >= 0.99, $"{probe.Success:P2} of the records were found");
        }

        probe.Report("reads");
        KadScenarios.Count(run, world);
        run.Passed("K6", FormattableString.Invariant($"{probe.Success:P2} of the records were found among adversaries"));
    }
}

/// <summary>Twenty hostile peers stand nearer to a key than anybody else.</summary>
internal sealed class KadSybilScenario : Scenario
{
    private const int Keys = 5;
    private const int Sybils = 20;

    public override string Name => "kad-sybils";

    public override string Summary => "20 hostile peers around a key; who puts and who gets asks the key's region";

    public override int NodesDefault => 1_000;

    protected override void Play(ScenarioRun run)
    {
        KadWorld world = KadScenarios.Begin(run, new(), $"{Sybils} sybils around each of {Keys} keys");
        KadScenarios.Join(run, world);
        int bits = (int)Math.Log2(run.Nodes) + 4; // Sixteen times nearer than the nearest honest peer is expected.
        int sybils = run.Nodes < KadProbe.CrowdMin ? 2 : Sybils; // A handful of peers has no region to hide in.
        for (int key = 0; key < Keys; key++)
        {
            for (int i = 0; i < sybils; i++)
            {
                world.MakeNear(world.PlaceOf(KadProbe.KeyOf(key)), bits, KadBehaviour.Misleading);
            }
        }

        KadScenarios.Join(run, world);
        foreach (KadSimNode sybil in world.Nodes.Where(node => node.Behaviour != KadBehaviour.Honest))
        {
            world.Introduce(sybil, world.Nearest(sybil.Place, 40)); // Nobody near the key misses them.
        }

        var puts = new KadProbe(world, run);
        puts.PutRecords(0, Keys, "putting records");
        for (int key = 0; key < Keys; key++)
        {
            byte[] name = KadProbe.KeyOf(key);
            run.Count($"honest copies of key {key}", world.Nodes.Count(node => node.Behaviour == KadBehaviour.Honest
                && node.IsUp && node.Records!.TryGet(name, world.World.WallMs, out _)));
        }

        var probe = new KadProbe(world, run);
        probe.GetRecords(0, Keys, 200, "reading");
        if (run.Nodes >= KadProbe.CrowdMin)
        {
            KadScenarios.Check(world, "K7", probe.Success >= 0.99, $"{probe.Success:P2} of the reads found the value");
        }

        probe.Report("reads");
        run.Count("regions asked by puts", puts.Regions);
        run.Count("regions asked by reads", probe.Regions);
        KadScenarios.Count(run, world);
        run.Passed("K7", FormattableString.Invariant($"{probe.Success:P2} of the reads found the value amid sybils"));
    }
}

/// <summary>Half of the peers leave in an hour without a word, and as many come.</summary>
internal sealed class KadChurnScenario : Scenario
{
    private const int AskedEachHour = 100;

    public override string Name => "kad-churn";

    public override string Summary => "half of the peers of a DHT leave in an hour and as many come; --hours says for how long";

    public override int NodesDefault => 1_000;

    public override TimeSpan LengthDefault => TimeSpan.FromHours(3);

    protected override void Play(ScenarioRun run)
    {
        KadWorld world = KadScenarios.Begin(
            run, new() { RepairDelay = TimeSpan.Zero }, "half of the peers replaced in an hour; k = 20; hourly replication");
        KadScenarios.Join(run, world);
        int records = Math.Max(10, run.Nodes / 10);
        new KadProbe(world, run).PutRecords(0, records, "putting records");
        foreach (KadSimNode node in world.Nodes.ToList())
        {
            Leave(world, node);
        }

        var lookups = new KadProbe(world, run);
        var reads = new KadProbe(world, run);
        WeftInstant start = world.World.Now;
        for (int hour = 1; hour <= Math.Ceiling(run.Length.TotalHours); hour++)
        {
            TimeSpan until = TimeSpan.FromHours(Math.Min(hour, run.Length.TotalHours));
            run.RunFor(until - (world.World.Now - start), $"churn, hour {hour}");
            lookups.FindNodes(AskedEachHour, 20, "lookups");
            reads.GetRecords(0, records, AskedEachHour, "reading");
        }

        int lost = Enumerable.Range(0, records).Count(i => !world.Nodes.Any(node =>
            node.IsUp && node.Records!.TryGet(KadProbe.KeyOf(i), world.World.WallMs, out _)));
        if (run.Nodes >= KadProbe.CrowdMin)
        {
            KadScenarios.Check(world, "K8", reads.Success >= 0.999, $"{reads.Success:P2} of the reads found the value");
            KadScenarios.Check(world, "K9", lookups.Closest >= 0.95, $"{lookups.Closest:P2} of the closest were found");
            KadScenarios.Check(world, "K10", lookups.TimeOutsMedian <= 6, $"{lookups.TimeOutsMedian} time-outs");
            KadScenarios.Check(world, "K11", lost == 0, $"{lost} records are lost");
        }

        lookups.Report("lookups");
        reads.Report("reads");
        run.Count("closest found %", Math.Round(lookups.Closest * 100, 2));
        run.Count("hours", run.Length.TotalHours);
        run.Count("peers that came and went", world.Nodes.Count - run.Nodes);
        run.Count("records lost", lost);
        KadScenarios.Count(run, world);
        run.Passed("K8", FormattableString.Invariant($"{reads.Success:P2} of the reads found the value"));
        run.Passed("K9", FormattableString.Invariant($"{lookups.Closest:P2} of the closest peers were found"));
        run.Passed("K10", FormattableString.Invariant($"the median of the time-outs of a lookup is {lookups.TimeOutsMedian}"));
        run.Passed("K11", FormattableString.Invariant($"no record of {records} is lost"));
    }

    /// <summary>Lives for a random time of which an hour is the median, then makes place for another.</summary>
    private static void Leave(KadWorld world, KadSimNode node)
    {
        double hours = -Math.Log(1 - world.World.Random.NextDouble()) / Math.Log(2);
        world.World.After(TimeSpan.FromHours(hours), () =>
        {
            world.Kill(node);
            KadSimNode next = world.Make();
            world.Start(next, world.Pick(), world.Pick(), world.Pick());
            Leave(world, next);
        });
    }
}

/// <summary>What every scenario of the DHT has in common.</summary>
internal static class KadScenarios
{
    internal static KadWorld Begin(ScenarioRun run, KadOptions options, string description, int? honest = null)
    {
        var world = new KadWorld(run.Seed, options);
        run.Begin(world.World, description);
        for (int i = honest ?? run.Nodes; i > 0; i--)
        {
            world.Make();
        }

        return world;
    }

    /// <summary>Starts all that are not up, within two minutes.</summary>
    internal static void Join(ScenarioRun run, KadWorld world)
    {
        run.RunFor(TimeSpan.FromMilliseconds(1), "joining");
        world.JoinAll(Math.Max(1, run.Nodes / 100), run.CancellationToken);
        run.RunFor(TimeSpan.FromMinutes(2), "joining");
    }

    internal static void Check(KadWorld world, string invariant, bool holds, FormattableString what)
    {
        if (!holds)
        {
            world.World.Report(invariant, -1, FormattableString.Invariant(what));
        }
    }

    internal static void Count(ScenarioRun run, KadWorld world)
    {
        run.Count("up", world.UpCount);
        run.Count("questions", world.Questions);
        run.Count("questions per peer and minute", Math.Round(
            world.Questions / (double)run.Nodes / (world.World.Now - default(WeftInstant)).TotalMinutes, 1));
        run.Count("events", world.World.Events);
    }
}
