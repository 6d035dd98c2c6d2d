using System.Globalization;
using System.Text;
using Weft.Protocols.Kad;
using Weft.Simulation;

namespace Weft.Load.Scale;

/// <summary>What a step keeps, and what it survives.</summary>
/// <param name="Peers">How many peers.</param>
/// <param name="Records">Records that were all found, of peers that have room for few.</param>
/// <param name="Kills">Peers killed at random, one after the other and without repair, before the first record was lost.</param>
internal sealed record StorageStep(int Peers, int Records, double Kills);

/// <summary>A thousand peers in virtual time; and what peers keep together, at every step.</summary>
internal static class SimulatedSteps
{
    private const int RoomEach = 20;
    private const int Survivors = 100;
    private const double AllFound = 0.99;

    public static (ScaleStep Thousand, List<StorageStep> Storage) Run(bool isQuick, double cpuMicroseconds)
    {
        int most = isQuick ? 200 : 1_000;
        var storage = new List<StorageStep>();
        foreach (int peers in (int[])[1, 10, 100, most])
        {
            double[] kills = [.. Enumerable.Range(1, 5).Select(seed => (double)KillsOf(peers, (ulong)seed))];
            storage.Add(new(peers, CapacityOf(peers), Figures.Median(kills)));
            Console.Error.WriteLine($"  {DateTime.UtcNow:HH:mm:ss}  {storage[^1]}");
        }

        return (Operations(most, cpuMicroseconds), storage);
    }

    public static bool Rises(List<StorageStep> steps) => steps.Zip(steps.Skip(1))
        .All(pair => pair.Second.Records > pair.First.Records && pair.Second.Kills > pair.First.Kills);

    public static string Describe(List<StorageStep> steps)
    {
        var table = new StringBuilder(
            $"Simulated, {ShareStep.Copies} copies, room for {RoomEach} records at each peer; kills are medians of 5 seeds.\n\n"
            + "| peers | records kept by all together | random kills before the first of 100 records was lost |\n"
            + "| --- | --- | --- |\n");
        foreach (StorageStep step in steps)
        {
            table.AppendLine(CultureInfo.InvariantCulture, $"| {step.Peers} | {step.Records:#,0} | {step.Kills:0} |");
        }

        table.AppendLine(Rises(steps) ? "\nBoth rise with every step." : "\nNOT rising with every step.");
        return table.ToString();
    }

    private static KadWorld Begin(int peers, ulong seed, int room)
    {
        var world = new KadWorld(seed, new() { Copies = ShareStep.Copies, RepairDelay = TimeSpan.Zero })
        {
            Store = new() { RecordsMax = room },
        };
        for (int i = 0; i < peers; i++)
        {
            world.Make();
        }

        world.JoinAll(Math.Max(1, peers / 50));
        world.World.RunFor(TimeSpan.FromMinutes(2));
        return world;
    }

    private static List<KadResult> Put(KadWorld world, int first, int count)
    {
        var results = new List<KadResult>();
        for (int i = 0; i < count; i++)
        {
            byte[] key = KeyOf(first + i);
            world.Command(
                world.Pick(), (core, now, ms, outbox) => core.PutValue(KadRecord.Make(key, key), default, now, ms, outbox),
                results.Add);
            if (i % 20 == 19)
            {
                world.World.RunFor(TimeSpan.FromMilliseconds(200));
            }
        }

        world.World.RunFor(TimeSpan.FromSeconds(15));
        return results;
    }

    private static byte[] KeyOf(int number) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/open/scale-{number}"));

    private static bool IsKept(KadWorld world, int number) => world.Nodes.Any(
        node => node.IsUp && node.Records!.TryGet(KeyOf(number), world.World.WallMs, out _));

    /// <summary>Puts more and more, until less than 99 of 100 are still there.</summary>
    private static int CapacityOf(int peers)
    {
        KadWorld world = Begin(peers, seed: 7, RoomEach);
        int step = Math.Max(2, peers * RoomEach / 40);
        int put = 0;
        int kept = 0;
        while (true)
        {
            Put(world, put, step);
            put += step;
            int there = Enumerable.Range(0, put).Count(i => IsKept(world, i));
            if (there < AllFound * put)
            {
                return kept;
            }

            kept = there;
        }
    }

    private static int KillsOf(int peers, ulong seed)
    {
        KadWorld world = Begin(peers, seed, Survivors * 2);
        Put(world, 0, Survivors);
        for (int kills = 0; ; kills++)
        {
            if (world.UpCount == 0 || !Enumerable.Range(0, Survivors).All(i => IsKept(world, i)))
            {
                return kills - 1; // So many were survived.
            }

            world.Kill(world.Pick());
        }
    }

    private static ScaleStep Operations(int peers, double cpuMicroseconds)
    {
        KadWorld world = Begin(peers, seed: 7, Survivors * 10);
        long before = world.Questions;
        List<KadResult> puts = Put(world, 0, 500);
        double questions = (world.Questions - before) / 500.0; // With the upkeep of that time: an upper bound.
        var gets = new List<KadResult>();
        for (int i = 0; i < 500; i++)
        {
            byte[] key = KeyOf(i);
            world.Command(
                world.Pick(), (core, now, ms, outbox) => core.GetValue(key, default, now, ms, outbox, skipsLocal: true),
                gets.Add);
            world.World.RunFor(TimeSpan.FromMilliseconds(10));
        }

        world.World.RunFor(TimeSpan.FromSeconds(15));
        if (gets.Count < 500 || gets.Any(got => got.Status != KadStatus.Done))
        {
            throw new InvalidOperationException("A record was not found.");
        }

        double late = At(gets, 0.99);
        return new(
            peers, "simulated",
            $"{Figures.Rate(peers * 1e6 / cpuMicroseconds)} derived",
            $"get p50 {At(gets, 0.5):0} ms, p99 {late:0} ms; put p50 {At(puts, 0.5):0} ms",
            "see -- network memory",
            string.Create(
                CultureInfo.InvariantCulture,
                $"virtual time, 10 to 50 ms one way, {ShareStep.Copies} copies, no local reads; {questions:0} questions a put and "
                + $"{gets.Average(got => got.Requests):0} a get, hops {gets.Max(got => got.Hops)} at most; derived from the "
                + $"processor time of an operation among 100 peers, one processor for each peer."));
    }

    private static double At(List<KadResult> results, double share)
    {
        double[] times = [.. results.Select(result => result.Duration.TotalMilliseconds).Order()];
        return times[Math.Min(times.Length - 1, (int)(times.Length * share))];
    }
}
