using System.Diagnostics;
using Weft.Simulation.Gossip;
using Weft.Simulation.Topics;

namespace Weft.Simulation;

/// <summary>A story played with production cores in virtual time, and the promises that must hold in it.</summary>
public abstract class Scenario
{
    /// <summary>All scenarios, in the order in which they are worth running.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new LossScenario(), new DatagramScenario(), new PartitionScenario(), new CrashScenario(), new ClockScenario(),
        new SwarmScenario(), new ClientScenario(), new RelayScenario(), new CeilingScenario(),
        new HostileScenario(), new SyncScenario(), new HealScenario(), new GossipLossScenario(), new GossipDeathScenario(),
        new GossipAttackScenario(), new TopicRelaysScenario(),
        new KadStaticScenario(), new KadKillScenario(), new KadAdversaryScenario(), new KadSybilScenario(),
        new KadChurnScenario(), new CapacityScenario(),
    ];

    /// <summary>The name it is run by.</summary>
    public abstract string Name { get; }

    /// <summary>What happens in it, in one line.</summary>
    public abstract string Summary { get; }

    /// <summary>How many nodes it is meant for.</summary>
    public virtual int NodesDefault => 20;

    /// <summary>How long its story is in virtual time; zero, the default, for one whose length is its own.</summary>
    public virtual TimeSpan LengthDefault => TimeSpan.Zero;

    /// <summary>Finds a scenario.</summary>
    /// <returns>Null when there is none of that name.</returns>
    public static Scenario? Find(string name) =>
        All.FirstOrDefault(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Plays it.</summary>
    /// <param name="nodes">2 to 10,000.</param>
    /// <param name="seed">The same seed gives the same run.</param>
    /// <param name="length">
    /// Virtual time, above zero; only for scenarios that have a <see cref="LengthDefault"/>, others leave it aside.
    /// </param>
    /// <param name="progress">Told now and then.</param>
    /// <param name="log">Takes a line for each violation as it happens; null for none.</param>
    /// <param name="cancellationToken">Stops between two events.</param>
    /// <exception cref="ArgumentOutOfRangeException">Too few or too many nodes, or no length.</exception>
    public SimReport Run(
        int nodes,
        ulong seed,
        TimeSpan? length = null,
        IProgress<SimProgress>? progress = null,
        Action<string>? log = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(nodes, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nodes, 10_000);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(length ?? TimeSpan.MaxValue, TimeSpan.Zero, nameof(length));
        var watch = Stopwatch.StartNew();
        var run = new ScenarioRun(
            nodes, seed, LengthDefault == TimeSpan.Zero ? default : length ?? LengthDefault, progress, log, cancellationToken);
        Play(run);
        return run.Report(Name, watch.Elapsed);
    }

    /// <summary>
    /// How many writes a run makes: some per node, but few in a crowd, because each reaches everybody.
    /// </summary>
    protected static int Writes(ScenarioRun run, int perNode) =>
        run.Nodes <= 100 ? perNode * Math.Min(run.Nodes, 40) : Math.Max(60, 120_000 / run.Nodes);

    /// <summary>Sets the world up, runs it, and checks it.</summary>
    protected abstract void Play(ScenarioRun run);
}
