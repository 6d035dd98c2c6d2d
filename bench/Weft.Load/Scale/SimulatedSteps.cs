using System.Globalization;
using System.Text;
using Weft.Protocols.Kad;
using Weft.Simulation;

namespace Weft.Load.Scale;

/// <summary>A thousand peers in virtual time; and what peers keep together, at every step.</summary>
internal static class SimulatedSteps
{
    private const int Records = 500;

    public static (ScaleStep Thousand, SimReport Storage) Run(bool isQuick, double cpuMicroseconds)
    {
        int most = isQuick ? 100 : 1_000;
        return (Operations(most, cpuMicroseconds), Scenario.Find("capacity")!.Run(most, seed: 7));
    }

    public static string Describe(SimReport storage)
    {
        var table = new StringBuilder(
            $"Simulated (`weft sim run capacity`): {storage.World}.\n\n"
            + "| peers | records kept by all together | random deaths before the first of 100 records was lost |\n"
            + "| --- | --- | --- |\n");
        for (int i = 0; i + 1 < storage.Counts.Count; i += 2)
        {
            (string name, double kept) = storage.Counts[i];
            table.AppendLine(
                CultureInfo.InvariantCulture, $"| {name.Split(' ')[^1]} | {kept:#,0} | {storage.Counts[i + 1].Value:0} |");
        }

        table.AppendLine(storage.IsOk ? "\nBoth rise with every step." : "\nNOT rising with every step.");
        return table.ToString();
    }

    private static KadWorld Begin(int peers)
    {
        var world = new KadWorld(seed: 7, new() { Copies = ShareStep.Copies });
        for (int i = 0; i < peers; i++)
        {
            world.Make();
        }

        world.JoinAll(Math.Max(1, peers / 50));
        world.World.RunFor(TimeSpan.FromMinutes(2));
        return world;
    }

    private static List<KadResult> Put(KadWorld world)
    {
        var results = new List<KadResult>();
        for (int i = 0; i < Records; i++)
        {
            byte[] key = KeyOf(i);
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

    private static ScaleStep Operations(int peers, double cpuMicroseconds)
    {
        KadWorld world = Begin(peers);
        long before = world.Questions;
        List<KadResult> puts = Put(world);
        double questions = (world.Questions - before) / (double)Records; // With the upkeep of that time: an upper bound.
        var gets = new List<KadResult>();
        for (int i = 0; i < Records; i++)
        {
            byte[] key = KeyOf(i);
            world.Command(
                world.Pick(), (core, now, ms, outbox) => core.GetValue(key, default, now, ms, outbox, skipsLocal: true),
                gets.Add);
            world.World.RunFor(TimeSpan.FromMilliseconds(10));
        }

        world.World.RunFor(TimeSpan.FromSeconds(15));
        if (gets.Count < Records || gets.Any(got => got.Status != KadStatus.Done))
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
