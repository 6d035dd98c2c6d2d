using Weft.Graph;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>Nodes, the network between them, and the checkers around them: what a scenario plays with.</summary>
public sealed class SimCluster
{
    private readonly WeftRandom _random;
    private readonly List<SimNode> _nodes = [];
    private readonly List<SimNode> _honest = [];

    /// <summary>
    /// Makes nodes, joined into one network: a tree with some extra links. They are up when this returns.
    /// </summary>
    /// <param name="nodes">How many: 1 and up.</param>
    /// <param name="seed">Gives the run.</param>
    /// <param name="profile">Of the network.</param>
    /// <param name="options">Of each node.</param>
    /// <param name="linksPerNode">Links that each node keeps to others: 1 and up.</param>
    /// <param name="hostile">
    /// Tells by number which nodes are hostile: they judge nothing, and no promise is about them. Null for none.
    /// </param>
    public SimCluster(
        int nodes,
        ulong seed,
        NetworkProfile profile,
        SimNodeOptions? options = null,
        int linksPerNode = 2,
        Func<int, bool>? hostile = null)
    {
        World = new SimWorld(seed);
        Network = new SimNetwork(World, profile);
        Checks = new SimChecks(World);
        Checks.IsExempt = hostile is null ? null : node => hostile(node.Number);
        _random = World.Random.Fork();
        for (int i = 0; i < nodes; i++)
        {
            options ??= new SimNodeOptions();
            bool isHostile = hostile?.Invoke(i) is true;
            SimNodeOptions own = isHostile && options.Access is { } access
                ? options with { Access = access with { Judges = false } }
                : options;
            var node = new SimNode(World, Network, own, Checks);
            _nodes.Add(node);
            if (!isHostile)
            {
                // The honest ones are joined among themselves: what a hostile node keeps back, another one brings.
                if (hostile is not null && _honest.Count > 0)
                {
                    node.Link(_honest[_random.Next(_honest.Count)].Number);
                }

                _honest.Add(node);
            }
        }

        for (int i = 1; i < nodes; i++)
        {
            for (int link = 0; link < Math.Min(i, linksPerNode); link++)
            {
                _nodes[i].Link(_random.Next(i));
            }
        }

        foreach (SimNode node in _nodes)
        {
            node.Start();
        }
    }

    /// <summary>Time, events, violations.</summary>
    public SimWorld World { get; }

    /// <summary>The network.</summary>
    public SimNetwork Network { get; }

    /// <summary>The checkers.</summary>
    public SimChecks Checks { get; }

    /// <summary>The nodes.</summary>
    public IReadOnlyList<SimNode> Nodes => _nodes;

    /// <summary>The nodes that promises are about: all that are not hostile.</summary>
    public IReadOnlyList<SimNode> Honest => _honest;

    /// <summary>How many crashes there were.</summary>
    public int Crashes { get; private set; }

    /// <summary>
    /// How long after the end of all faults the replicas were equal; null when they were not in time.
    /// </summary>
    public TimeSpan? EqualAfter { get; private set; }

    /// <summary>Bytes handed to the network from the end of all faults until the replicas were equal.</summary>
    public long HealBytes { get; private set; }

    /// <summary>One of the nodes that are up, at random; null when none is.</summary>
    public SimNode? AnyUp()
    {
        for (int tries = 0; tries < 20; tries++)
        {
            SimNode node = _nodes[_random.Next(_nodes.Count)];
            if (node.IsUp)
            {
                return node;
            }
        }

        return null;
    }

    /// <summary>A node that is up and busy writing, if there is one; else any that is up.</summary>
    public SimNode? AnyBusy()
    {
        SimNode[] busy = [.. _nodes.Where(node => node.IsUp && node.WritesPending > 0)];
        return busy.Length > 0 ? busy[_random.Next(busy.Length)] : AnyUp();
    }

    /// <summary>Crashes a node, and starts it again after a while.</summary>
    public void CrashAndRestart(SimNode node, bool isPowerCut, TimeSpan pause)
    {
        Crashes++;
        node.Crash(isPowerCut);
        World.After(pause, node.Start);
    }

    /// <summary>
    /// Ends all faults: the network heals and is quick, clocks show true time, everybody is up. Then runs until all
    /// replicas are equal, and lets every checker look once more.
    /// </summary>
    /// <param name="patience">After this much virtual time unequal replicas are a violation.</param>
    /// <param name="quiet">How long to run before looking, for held writes to fall due.</param>
    /// <param name="cancellationToken">Stops between two events.</param>
    public void HealAndCheck(TimeSpan patience, TimeSpan quiet = default, CancellationToken cancellationToken = default)
    {
        bool wasOrdered = Network.Profile.IsOrdered;
        Network.Profile = new NetworkProfile();
        Network.Heal();
        foreach (SimNode node in _nodes)
        {
            node.Clock.DriftPpm = 0;
            node.Clock.Jump(TimeSpan.FromMilliseconds(World.WallMs - node.Clock.WallMs));
            node.Start();
        }

        if (!wasOrdered)
        {
            // Datagrams that were lost are lost: only a new connection asks again.
            foreach (SimConnection connection in Network.Open.ToList())
            {
                Network.Break(connection);
            }
        }

        long bytes = Network.BytesSent;
        World.RunFor(quiet, cancellationToken);
        WeftInstant healed = World.Now;
        while (World.Now - healed < patience)
        {
            World.RunFor(TimeSpan.FromSeconds(0.25), cancellationToken);
            if (SimChecks.AreEqual(_honest) && _honest.All(node => node.WritesPending == 0 && node.Held == 0))
            {
                EqualAfter = World.Now - healed + quiet;
                HealBytes = Network.BytesSent - bytes;
                break;
            }
        }

        World.RunFor(TimeSpan.FromSeconds(2), cancellationToken);
        Checks.CheckEnd(_honest);
    }
}
