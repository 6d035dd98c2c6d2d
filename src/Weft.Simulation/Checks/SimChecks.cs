using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;

namespace Weft.Simulation;

/// <summary>Watches nodes from outside, and reports what breaks a promise.</summary>
/// <remarks>
/// I1: no acknowledged write is lost. I2: replicas are equal in the end. I5: a node's own states never go back. I3:
/// what nobody was allowed to write is never visible. I6: a field never goes back at a node. I7: tables keep their
/// ceilings. I11: every request ends.
/// </remarks>
public sealed class SimChecks(SimWorld world)
{
    private readonly Dictionary<int, Dictionary<FieldKey, Version>> _acked = [];
    private readonly Dictionary<int, Dictionary<FieldKey, Version>> _committed = [];
    private readonly Dictionary<int, double> _localStates = [];
    private readonly Dictionary<int, long> _sequences = [];

    /// <summary>
    /// Says what is wrong with a write that a node has stored, or null; asked for every commit. Null for no such judge.
    /// </summary>
    public Func<SimNode, FieldWrite, string?>? Judge { get; set; }

    /// <summary>
    /// True for writes that may be taken back later, so that their acknowledgement promises nothing. Null for none.
    /// </summary>
    public Func<FieldWrite, bool>? MayGo { get; set; }

    /// <summary>Tells of which nodes nothing is promised: the hostile ones. Null for none.</summary>
    public Func<SimNode, bool>? IsExempt { get; set; }

    /// <summary>Acknowledged deltas.</summary>
    public long Acked { get; private set; }

    /// <summary>Commits on all nodes.</summary>
    public long Commits { get; private set; }

    /// <summary>Deltas were acknowledged by a node: from now on it must not lose them.</summary>
    internal void OnAcked(SimNode node, FieldWrite[] delta, double? given)
    {
        Acked++;
        if (IsExempt?.Invoke(node) is true)
        {
            return;
        }

        foreach (FieldWrite write in delta)
        {
            if (MayGo?.Invoke(write) is true)
            {
                continue;
            }

            var key = new FieldKey(write.Soul, write.Field);
            Raise(Of(_acked, node), key, new Version(write.State, write.Value));
            CheckAcked(node, key);
        }

        if (given is { } state)
        {
            if (_localStates.TryGetValue(node.Number, out double before) && state <= before)
            {
                world.Report("I5", node.Number, $"a local write got the state {state:R} after {before:R}");
            }

            _localStates[node.Number] = state;
        }
    }

    /// <summary>A batch is durable at a node; observers and peers hear of it only now.</summary>
    internal void OnCommitted(SimNode node, long sequence, CommitBatch batch)
    {
        Commits++;
        long before = _sequences.GetValueOrDefault(node.Number);
        if (sequence != before + 1)
        {
            world.Report("I6", node.Number, $"commit {sequence} follows commit {before}");
        }

        _sequences[node.Number] = sequence;
        if (IsExempt?.Invoke(node) is true)
        {
            return;
        }

        Dictionary<FieldKey, Version> committed = Of(_committed, node);
        foreach (CommitField field in batch.Fields)
        {
            FieldWrite write = field.Write;
            var key = new FieldKey(write.Soul, write.Field);
            if (write.State == Ham.DroppedState)
            {
                // Taken back by a policy: the field begins anew, and what was acknowledged there is void.
                committed.Remove(key);
                Of(_acked, node).Remove(key);
                continue;
            }

            if (Judge?.Invoke(node, write) is { } wrong)
            {
                world.Report("I3", node.Number,
                    $"{write.Soul} {write.Field} is {new Version(write.State, write.Value)}: {wrong}");
            }

            if (committed.TryGetValue(key, out Version known)
                && ReferenceOrder.Compare(write.State, write.Value, known.State, known.Value) <= 0)
            {
                world.Report("I6", node.Number,
                    $"{write.Soul} {write.Field} went from {known} to {new Version(write.State, write.Value)}");
            }

            committed[key] = new Version(write.State, write.Value);
        }
    }

    /// <summary>A node has recovered: what it committed or acknowledged before must be there.</summary>
    internal void OnStarted(SimNode node, LogScan scan)
    {
        foreach (LogDamage damage in scan.Damages)
        {
            world.Report("I1", node.Number, $"recovery took a crash for damage: {damage}");
        }

        if (_sequences.TryGetValue(node.Number, out long before) && scan.LastSequence < before)
        {
            world.Report("I1", node.Number, $"recovery found commit {scan.LastSequence}; {before} was durable");
        }

        _sequences[node.Number] = scan.LastSequence;
        foreach (FieldKey key in Of(_acked, node).Keys)
        {
            CheckAcked(node, key);
        }

        foreach ((string soul, StoredField field) in node.Fields)
        {
            // What was written but not yet known to be durable may have survived: from now on it counts.
            if (field.State == Ham.DroppedState)
            {
                Of(_committed, node).Remove(new FieldKey(soul, field.Field));
                continue;
            }

            Raise(Of(_committed, node), new FieldKey(soul, field.Field), new Version(field.State, field.Value));
        }
    }

    /// <summary>A turn is over: every table that shows its size keeps its ceiling.</summary>
    internal void OnTurn(SimNode node, SimNodeOptions options)
    {
        foreach ((long connection, int pending, bool _) in node.PeerStates)
        {
            if (pending > options.Gun.PendingFieldsMax)
            {
                world.Report("I7", node.Number, $"{pending} changes wait for connection {connection}");
            }
        }

        // What was held at a start is always taken back, even over the ceiling; nothing is added to it then.
        if (node.Held > options.Graph.DeferredMax)
        {
            world.Report("I7", node.Number, $"{node.Held} early writes are held");
        }
    }

    internal void OnCrashed(SimNode node) => world.Trace((ulong)node.Number, 0xDEAD);

    /// <summary>Something happened that no correct core asks for.</summary>
    internal void OnFault(SimNode node, string what) => world.Report("I0", node.Number, what);

    /// <summary>Looks at every node at the end of a run, when all faults are over and things have settled.</summary>
    /// <param name="nodes">All nodes; all are up.</param>
    public void CheckEnd(IReadOnlyList<SimNode> nodes)
    {
        foreach (SimNode node in nodes)
        {
            foreach (FieldKey key in Of(_acked, node).Keys)
            {
                CheckAcked(node, key);
            }

            if (node.WritesPending > 0)
            {
                world.Report("I11", node.Number, $"{node.WritesPending} writes were never answered");
            }

            if (node.Held > 0)
            {
                world.Report("I11", node.Number, $"{node.Held} early writes are still held");
            }
        }

        CheckConvergence(nodes);
    }

    /// <summary>True when all nodes hold the same.</summary>
    public static bool AreEqual(IReadOnlyList<SimNode> nodes) =>
        nodes.Skip(1).All(node => Same(node, nodes[0]));

    private static bool Same(SimNode left, SimNode right) => left.Fields
        .Where(one => one.Field.State != Ham.DroppedState)
        .Select(one => (one.Soul, one.Field.Field, one.Field.State, one.Field.Value))
        .SequenceEqual(right.Fields
            .Where(one => one.Field.State != Ham.DroppedState)
            .Select(one => (one.Soul, one.Field.Field, one.Field.State, one.Field.Value)));

    private void CheckConvergence(IReadOnlyList<SimNode> nodes)
    {
        var newest = new Dictionary<FieldKey, Version>();
        foreach ((FieldKey key, Version version) in nodes.SelectMany(node => Of(_committed, node)))
        {
            Raise(newest, key, version);
        }

        foreach (SimNode node in nodes)
        {
            int reported = 0;
            foreach ((FieldKey key, Version version) in newest.OrderBy(entry => entry.Key.Soul, StringComparer.Ordinal)
                .ThenBy(entry => entry.Key.Field, StringComparer.Ordinal))
            {
                StoredField? field = node.Read(key.Soul, key.Field);
                var here = field is { } found ? new Version(found.State, found.Value) : default(Version?);
                if (here != version && reported++ < 3)
                {
                    world.Report("I2", node.Number,
                        $"{key.Soul} {key.Field} is {here?.ToString() ?? "absent"}; somewhere it is {version}");
                }
            }
        }
    }

    private void CheckAcked(SimNode node, FieldKey key)
    {
        Version acked = Of(_acked, node)[key];
        StoredField? found = node.Read(key.Soul, key.Field);
        bool isThere = found is { } field
            && ReferenceOrder.Compare(field.State, field.Value, acked.State, acked.Value) >= 0;
        if (!isThere && !node.Holds(new FieldWrite(key.Soul, key.Field, acked.Value, acked.State)))
        {
            string here = found is { } other ? new Version(other.State, other.Value).ToString() : "absent";
            world.Report("I1", node.Number, $"{key.Soul} {key.Field} is {here}; acknowledged was {acked}");
        }
    }

    private static Dictionary<FieldKey, Version> Of(Dictionary<int, Dictionary<FieldKey, Version>> all, SimNode node)
    {
        if (!all.TryGetValue(node.Number, out Dictionary<FieldKey, Version>? own))
        {
            own = [];
            all.Add(node.Number, own);
        }

        return own;
    }

    private static void Raise(Dictionary<FieldKey, Version> versions, FieldKey key, Version version)
    {
        if (!versions.TryGetValue(key, out Version known)
            || ReferenceOrder.Compare(version.State, version.Value, known.State, known.Value) > 0)
        {
            versions[key] = version;
        }
    }

    private readonly record struct Version(double State, WeftValue Value)
    {
        public override string ToString() =>
            FormattableString.Invariant($"{Value} at {State:R}");
    }
}
