using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Simulation;

/// <summary>
/// Ten minutes of faults among peers that synchronize over libp2p, split at their end; then everything heals, and what is
/// exchanged until all are equal is held against what was really missing.
/// </summary>
internal sealed class HealScenario : Scenario
{
    private const double BytesBar = 3;

    public override string Name => "heal";

    public override string Summary =>
        "ten minutes of loss, splits and crashes under /weft/sync/1; then bytes until equal against what was missing";

    public override TimeSpan LengthDefault => TimeSpan.FromMinutes(10);

    protected override void Play(ScenarioRun run)
    {
        bool isCrowd = run.Nodes >= 100;
        TimeSpan faults = isCrowd ? run.Length : run.Length / 10;
        NetworkProfile bad = NetworkProfile.Internet with { Loss = 0.1, Spikes = 0.01 };
        var options = new SimNodeOptions { Sync = new SyncOptions() };
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, bad, options),
            $"10 % loss, a split in every other minute and at the end, a crash for every other node; "
            + $"{faults.TotalMinutes:0.#} min of it");
        var random = new WeftRandom(run.Seed);
        for (TimeSpan at = faults * 0.1; at < faults; at += faults * 0.2)
        {
            cluster.World.After(at, () =>
            {
                int[] groups = [.. Enumerable.Range(0, run.Nodes).Select(_ => random.Next(2))];
                cluster.Network.Partition(host => groups[host]);
            });
            cluster.World.After(at + (faults * 0.08), () =>
            {
                if (cluster.World.Now - default(WeftInstant) < faults * 0.9)
                {
                    cluster.Network.Heal(); // The last split stays until everything heals.
                }
            });
        }

        for (int i = 0; i < run.Nodes / 2; i++)
        {
            cluster.World.After(faults * (0.95 * random.NextDouble()), () =>
            {
                if (cluster.AnyUp() is { } node)
                {
                    cluster.CrashAndRestart(node, random.Chance(0.5), TimeSpan.FromSeconds(2 * random.NextDouble()));
                }
            });
        }

        new Workload(cluster, souls: 10 + (run.Nodes / 10), fields: 5) { Early = 0 }.Run(Writes(run, 20), faults);
        run.RunFor(faults, "faults");
        (long missing, long versions) = Missing(cluster.Nodes);
        run.HealAndCheck(TimeSpan.FromSeconds(30));
        double ratio = missing == 0 ? 0 : (double)cluster.HealBytes / missing;
        if (isCrowd && ratio > BytesBar)
        {
            cluster.World.Report("S1", -1, FormattableString.Invariant($"{ratio:0.00} times what was missing was sent"));
        }

        run.Count("versions missing at heal", versions);
        run.Count("MB missing at heal", Math.Round(missing / 1e6, 3));
        run.Count("MB sent until equal", Math.Round(cluster.HealBytes / 1e6, 3));
        run.Count("times the difference", Math.Round(ratio, 2));
        run.Count("comparisons", cluster.Nodes.Sum(node => node.Comparisons));
        run.Passed("S1", FormattableString.Invariant($"{ratio:0.00} times what was missing was sent until all were equal"));
    }

    /// <summary>
    /// For every node the newest version of each field that any node holds and it does not, as it is encoded: nobody can
    /// send less.
    /// </summary>
    private static (long Bytes, long Versions) Missing(IReadOnlyList<SimNode> nodes)
    {
        var newest = new Dictionary<(string Soul, string Field), StoredField>();
        foreach ((string soul, StoredField field) in nodes.SelectMany(node => node.Fields))
        {
            if (!newest.TryGetValue((soul, field.Field), out StoredField best)
                || ReferenceOrder.Compare(field.State, field.Value, best.State, best.Value) > 0)
            {
                newest[(soul, field.Field)] = field;
            }
        }

        long bytes = 0;
        long versions = 0;
        foreach (SimNode node in nodes)
        {
            foreach (((string soul, string name), StoredField best) in newest)
            {
                if (node.Read(soul, name) is not { } held
                    || ReferenceOrder.Compare(held.State, held.Value, best.State, best.Value) != 0)
                {
                    versions++;
                    bytes += SyncCodec.SizeOf(new FieldWrite(soul, name, best.Value, best.State, best.Extras));
                }
            }
        }

        return (bytes, versions);
    }
}
