using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>One run of a scenario: what it was asked for, and what it hands over for the report.</summary>
public sealed class ScenarioRun
{
    private readonly IProgress<SimProgress>? _progress;
    private readonly Action<string>? _log;
    private readonly List<(string Name, double Value)> _counts = [];
    private readonly List<string> _passed = [];
    private SimCluster? _cluster;
    private SimWorld _simulated = null!;
    private string _world = "";

    internal ScenarioRun(
        int nodes,
        ulong seed,
        TimeSpan length,
        IProgress<SimProgress>? progress,
        Action<string>? log,
        CancellationToken cancellationToken)
    {
        Nodes = nodes;
        Seed = seed;
        Length = length;
        _progress = progress;
        _log = log;
        CancellationToken = cancellationToken;
    }

    /// <summary>How many nodes were asked for.</summary>
    public int Nodes { get; }

    /// <summary>The seed.</summary>
    public ulong Seed { get; }

    /// <summary>How long the story is, in virtual time, where a scenario can be shorter or longer.</summary>
    public TimeSpan Length { get; }

    /// <summary>Stops the run.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>The world that was named last.</summary>
    internal SimWorld World => _simulated;

    /// <summary>Names the world of this run.</summary>
    /// <param name="cluster">What is watched.</param>
    /// <param name="description">What the world is like, in one line.</param>
    public SimCluster Begin(SimCluster cluster, string description)
    {
        _cluster = cluster;
        Begin(cluster.World, description);
        return cluster;
    }

    /// <summary>Names the world of a run that is not about the graph.</summary>
    /// <param name="world">What is watched.</param>
    /// <param name="description">What the world is like, in one line.</param>
    public void Begin(SimWorld world, string description)
    {
        _simulated = world;
        _world = description;
        world.Log = _log;
        
        // Far more than any sound run takes.
        world.EventsMax = 2_000_000 + (long)(200_000L * Nodes * Math.Max(1, Length.TotalHours));
    }

    /// <summary>Runs the world, and tells how far it is.</summary>
    public void RunFor(TimeSpan span, string phase)
    {
        SimWorld world = _simulated;
        WeftInstant end = world.Now + span;
        while (world.Now < end)
        {
            _progress?.Report(new SimProgress(world.Now, end, phase));
            WeftInstant next = world.Now + TimeSpan.FromSeconds(1);
            world.RunUntil(next < end ? next : end, CancellationToken);
        }
    }

    /// <summary>
    /// Ends all faults, waits for equal replicas, and checks; see <see cref="SimCluster.HealAndCheck"/>.
    /// </summary>
    public void HealAndCheck(TimeSpan patience, TimeSpan quiet = default)
    {
        SimWorld world = _cluster!.World;
        _progress?.Report(new SimProgress(world.Now, world.Now + quiet + patience, "healing"));
        _cluster.HealAndCheck(patience, quiet, CancellationToken);
    }

    /// <summary>Adds a number to the report.</summary>
    public void Count(string name, double value) => _counts.Add((name, value));

    /// <summary>Notes what held, unless a violation of that kind was reported.</summary>
    public void Passed(string invariant, string line)
    {
        if (!_simulated.Violations.Any(one => one.Invariant == invariant))
        {
            _passed.Add(line);
        }
    }

    internal SimReport Report(string scenario, TimeSpan elapsed)
    {
        if (_cluster is { } cluster)
        {
            CountCluster(cluster);
        }

        return new SimReport(
            scenario, Nodes, Seed, Length, _world, TimeSpan.FromMicroseconds(_simulated.Now.Microseconds), elapsed,
            _counts, _passed, _simulated.Violations, _simulated.ViolationCount, _simulated.TraceHash);
    }

    private void CountCluster(SimCluster cluster)
    {
        Count("writes acknowledged", cluster.Checks.Acked);
        Count("commits", cluster.Checks.Commits);
        Count("messages", cluster.Network.MessagesSent);
        Count("MB", cluster.Network.BytesSent / 1e6);
        Count("crashes", cluster.Crashes);
        Count("events", cluster.World.Events);
        if (cluster.EqualAfter is { } equal)
        {
            Passed("I2", FormattableString.Invariant($"all replicas equal {equal.TotalSeconds:0.0} s after heal"));
        }

        Passed("I1", FormattableString.Invariant($"no acknowledged write lost ({cluster.Checks.Acked:N0})"));
        Passed("I5", "no clock went back");
        Passed("I6", "no field went back");
        Passed("I7", "every table kept its ceiling");
        Passed("I11", "every request was answered");
    }
}
