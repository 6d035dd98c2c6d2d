using System.Globalization;
using System.Text;
using Weft.Protocols.Kad;

namespace Weft.Simulation;

/// <summary>What peers of little room keep together, and how many deaths they survive: more of both with more peers.</summary>
internal sealed class CapacityScenario : Scenario
{
    private const int Copies = 3;
    private const int RoomEach = 20;
    private const int Records = 100;
    private const int Seeds = 5;
    private const double AllFound = 0.99;

    public override string Name => "capacity";

    public override string Summary =>
        "1, 10, 100 and more peers with room for 20 records each: what they keep together, and deaths until a record is lost";

    public override int NodesDefault => 1_000;

    protected override void Play(ScenarioRun run)
    {
        (int Peers, int Kept, int Kills) before = default;
        bool isWhole = true;
        for (int peers = 1; peers <= run.Nodes; peers = peers * 10 > run.Nodes && peers < run.Nodes ? run.Nodes : peers * 10)
        {
            int[] kills = [.. Enumerable.Range(0, Seeds).Select(seed => KillsOf(run, peers, run.Seed + (ulong)seed)).Order()];
            (int Peers, int Kept, int Kills) step = (peers, CapacityOf(run, peers), kills[Seeds / 2]);
            run.Count(Label("records kept", peers), step.Kept);
            run.Count(Label("deaths survived", peers), step.Kills);
            bool isStep = before.Peers > 0 && peers >= 10 * before.Peers; // Two or three peers keep the same records.
            isWhole &= !isStep || (step.Kept > before.Kept && step.Kills > before.Kills);
            before = isStep || before.Peers == 0 ? step : before;
        }

        if (!isWhole)
        {
            run.World.Report("C1", -1, "capacity or survival does not rise with the number of peers");
        }

        run.Passed("C1", "capacity and survival rise with every step of ten times as many peers");
    }

    private static string Label(string what, int peers) =>
        string.Create(CultureInfo.InvariantCulture, $"{what} by {peers}");

    private static KadWorld Begin(ScenarioRun run, int peers, ulong seed, int room)
    {
        var world = new KadWorld(seed, new() { Copies = Copies, RepairDelay = TimeSpan.Zero })
        {
            Store = new() { RecordsMax = room },
        };
        run.Begin(world.World, $"{Copies} copies, room for {RoomEach} records each; deaths without repair, median of {Seeds} seeds");
        for (int i = 0; i < peers; i++)
        {
            world.Make();
        }

        world.JoinAll(Math.Max(1, peers / 50), run.CancellationToken);
        run.RunFor(TimeSpan.FromMinutes(2), "joining");
        return world;
    }

    /// <summary>Puts more and more, until less than 99 of 100 are still there.</summary>
    private static int CapacityOf(ScenarioRun run, int peers)
    {
        KadWorld world = Begin(run, peers, run.Seed, RoomEach);
        int step = Math.Max(2, peers * RoomEach / 40);
        int put = 0;
        int kept = 0;
        while (true)
        {
            Put(run, world, put, step);
            put += step;
            int there = Enumerable.Range(0, put).Count(i => IsKept(world, i));
            if (there < AllFound * put)
            {
                return kept;
            }

            kept = there;
        }
    }

    /// <summary>Kills one after the other at random until a record has no holder.</summary>
    private static int KillsOf(ScenarioRun run, int peers, ulong seed)
    {
        KadWorld world = Begin(run, peers, seed, Records * 2);
        Put(run, world, 0, Records);
        int kills = 0;
        while (true)
        {
            world.Kill(world.Pick());
            if (world.UpCount == 0 || !Enumerable.Range(0, Records).All(i => IsKept(world, i)))
            {
                return kills;
            }

            kills++;
        }
    }

    private static void Put(ScenarioRun run, KadWorld world, int first, int count)
    {
        for (int i = 0; i < count; i++)
        {
            byte[] key = KeyOf(first + i);
            world.Command(
                world.Pick(), (core, now, ms, outbox) => core.PutValue(KadRecord.Make(key, key), default, now, ms, outbox),
                static _ => { });
            if (i % 20 == 19)
            {
                run.RunFor(TimeSpan.FromMilliseconds(200), "putting records");
            }
        }

        run.RunFor(TimeSpan.FromSeconds(15), "putting records");
    }

    private static byte[] KeyOf(int number) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/open/kept-{number}"));

    private static bool IsKept(KadWorld world, int number) => world.Nodes.Any(
        node => node.IsUp && node.Records!.TryGet(KeyOf(number), world.World.WallMs, out _));
}
