using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Replication;

/// <summary>
/// Decides what of this peer's changes is published in which topic, which souls go to their responsible peers, and when:
/// gathered, a few at once, again with growing pauses when too few took them.
/// </summary>
/// <remarks>
/// Pure: no clock, no socket, no task; one caller at a time. Where a record lies, and that it moves when responsible peers
/// come or go, is decided by the DHT's core. Source: docs/spec/replication.md.
/// </remarks>
public sealed class ReplicaCore
{
    private readonly ReplicationOptions _options;
    private readonly ReplicationPlans _plans;
    private readonly WeftRandom _random;
    private readonly IReadOnlyList<string> _interests;
    private readonly Dictionary<string, ReplicationPlan> _joined = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _kept = new(StringComparer.Ordinal); // Scope, and responsible peers.
    private readonly Dictionary<string, Pending> _pending = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, (WeftInstant Due, long Order)> _due = new();
    private readonly List<(ReplicationPlan Plan, Batch Batch)> _batches = [];
    private WeftInstant _timer = WeftInstant.Never;
    private long _order;
    private bool _hasLost; // Souls that found no room: only the store knows them.

    /// <summary>Makes it.</summary>
    /// <param name="options">Times and ceilings.</param>
    /// <param name="plans">How souls are replicated.</param>
    /// <param name="interests">Prefixes that this peer wants; an empty one for everything.</param>
    /// <param name="random">Draws jitter.</param>
    public ReplicaCore(
        ReplicationOptions options, ReplicationPlans plans, IReadOnlyList<string> interests, WeftRandom random)
    {
        _options = options;
        _plans = plans;
        _interests = interests;
        _random = random;
    }

    /// <summary>Souls that wait to be stored, or are being stored.</summary>
    public int PendingCount => _pending.Count;

    /// <summary>Souls that are being stored.</summary>
    public int RunningCount { get; private set; }

    /// <summary>Topics joined.</summary>
    public int JoinedCount => _joined.Count;

    /// <summary>
    /// Policies may have changed, or this peer starts: joins and leaves topics, and goes through what has new responsible
    /// peers.
    /// </summary>
    public void OnPlans(Outbox<ReplicaOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        var wanted = new Dictionary<string, ReplicationPlan>(StringComparer.Ordinal);
        var kept = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (ReplicationPlan plan in _plans.ReadAll())
        {
            string key = KeyOf(plan);
            if (plan.Words.IsEveryone && wanted.Count < _options.TopicsMax && IsWanted(plan))
            {
                wanted.Add(key, plan);
            }

            if (plan.Words.Copies > 0)
            {
                kept.Add(key, plan.Words.Copies);
                if (_kept.GetValueOrDefault(key) != plan.Words.Copies)
                {
                    outbox.Add(new(ReplicaOutputKind.Scan, plan, plan.Scope));
                }
            }
        }

        foreach ((string key, ReplicationPlan plan) in _joined.OrderBy(item => item.Key, StringComparer.Ordinal).ToList())
        {
            if (!wanted.ContainsKey(key))
            {
                _joined.Remove(key);
                outbox.Add(new(ReplicaOutputKind.Leave, plan));
            }
        }

        foreach ((string key, ReplicationPlan plan) in wanted.OrderBy(item => item.Key, StringComparer.Ordinal))
        {
            if (_joined.TryAdd(key, plan))
            {
                outbox.Add(new(ReplicaOutputKind.Join, plan));
            }
        }

        _kept.Clear();
        foreach ((string key, int copies) in kept)
        {
            _kept.Add(key, copies);
        }
    }

    /// <summary>A field was committed.</summary>
    /// <param name="write">The field as it is now.</param>
    /// <param name="isOwn">
    /// True when it entered the network here: written on this peer, or brought by a client that is none. What a peer
    /// brought was published and stored by that peer.
    /// </param>
    /// <param name="now">Time.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnChange(in FieldWrite write, bool isOwn, WeftInstant now, Outbox<ReplicaOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (!isOwn || _plans.IsEmpty)
        {
            return;
        }

        ReplicationPlan plan = _plans.PlanOf(write.Soul);
        if (plan.Words.IsEveryone)
        {
            AddToBatch(plan, write, outbox);
        }

        if (plan.Words.Copies > 0)
        {
            Mark(write.Soul, now + _options.StoreDelay, outbox);
        }
    }

    /// <summary>There are no more changes for the moment: what has gathered is published.</summary>
    public void Flush(Outbox<ReplicaOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        foreach ((ReplicationPlan plan, Batch batch) in _batches)
        {
            outbox.Add(new(ReplicaOutputKind.Publish, plan, Writes: batch.Writes));
        }

        _batches.Clear();
    }

    /// <summary>Somebody waits for the copies of a soul: it is stored without delay.</summary>
    /// <returns>False when there is no room for it.</returns>
    public bool OnUrgent(string soul, WeftInstant now, Outbox<ReplicaOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        Mark(soul, now, outbox);
        Run(now, outbox);
        return _pending.ContainsKey(soul);
    }

    /// <summary>Answers <see cref="ReplicaOutputKind.Scan"/>: a soul that is here, and that this peer answers for.</summary>
    /// <returns>False when there is no room: the going through ends, and begins again when there is some.</returns>
    public bool OnFound(string soul, WeftInstant now, Outbox<ReplicaOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (_plans.PlanOf(soul).Words.Copies > 0)
        {
            Mark(soul, now + (_options.StoreDelay * (1 + _random.NextDouble())), outbox);
        }

        return !_hasLost;
    }

    /// <summary>Answers <see cref="ReplicaOutputKind.Store"/>.</summary>
    public void OnStored(string soul, ReplicaStored result, WeftInstant now, Outbox<ReplicaOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (!_pending.TryGetValue(soul, out Pending? pending) || !pending.IsRunning)
        {
            return;
        }

        RunningCount--;
        pending.IsRunning = false;
        if (pending.AgainAt != WeftInstant.Never && result != ReplicaStored.Dropped)
        {
            pending.Failures = result == ReplicaStored.Done ? 0 : pending.Failures + 1;
            Schedule(soul, pending, pending.AgainAt, outbox); // It changed while it was being stored.
            pending.AgainAt = WeftInstant.Never;
        }
        else if (result == ReplicaStored.Missed)
        {
            double factor = Math.Pow(2, Math.Min(pending.Failures++, 20)) * (0.75 + (0.5 * _random.NextDouble()));
            TimeSpan wait = TimeSpan.FromTicks(
                (long)Math.Min(_options.RetryMin.Ticks * factor, _options.RetryMax.Ticks));
            Schedule(soul, pending, now + wait, outbox);
        }
        else
        {
            _pending.Remove(soul);
        }

        if (_hasLost && _pending.Count <= _options.PendingMax / 2)
        {
            _hasLost = false;
            outbox.Add(new(ReplicaOutputKind.Scan));
        }

        Run(now, outbox);
    }

    /// <summary>A timer has rung; late and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<ReplicaOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (now >= _timer)
        {
            _timer = WeftInstant.Never;
        }

        Run(now, outbox);
    }

    private static string KeyOf(in ReplicationPlan plan) => (plan.IsNode ? "n" : "p") + plan.Scope;

    private bool IsWanted(in ReplicationPlan plan)
    {
        foreach (string interest in _interests)
        {
            if (plan.Scope.StartsWith(interest, StringComparison.Ordinal)
                || (!plan.IsNode && interest.StartsWith(plan.Scope, StringComparison.Ordinal)))
            {
                return true;
            }
        }

        return false;
    }

    private void AddToBatch(in ReplicationPlan plan, in FieldWrite write, Outbox<ReplicaOutput> outbox)
    {
        ReplicationPlan wanted = plan;
        int at = _batches.FindIndex(item => item.Plan == wanted);
        if (at < 0)
        {
            at = _batches.Count;
            _batches.Add((plan, new()));
        }

        Batch batch = _batches[at].Batch;
        batch.Writes.Add(write);
        batch.Bytes += Sync.SyncCodec.SizeOf(write);
        if (batch.Writes.Count >= _options.MessageFieldsMax || batch.Bytes >= _options.MessageBytesMax)
        {
            _batches.RemoveAt(at);
            outbox.Add(new(ReplicaOutputKind.Publish, plan, Writes: batch.Writes));
        }
    }

    private void Mark(string soul, WeftInstant due, Outbox<ReplicaOutput> outbox)
    {
        if (!_pending.TryGetValue(soul, out Pending? pending))
        {
            if (_pending.Count >= _options.PendingMax)
            {
                _hasLost = true;
                return;
            }

            _pending.Add(soul, pending = new());
            Schedule(soul, pending, due, outbox);
        }
        else if (pending.IsRunning)
        {
            pending.AgainAt = due < pending.AgainAt ? due : pending.AgainAt;
        }
        else if (due < pending.Due)
        {
            Schedule(soul, pending, due, outbox);
        }
    }

    private void Schedule(string soul, Pending pending, WeftInstant due, Outbox<ReplicaOutput> outbox)
    {
        pending.Due = due;
        _due.Enqueue(soul, (due, ++_order));
        if (due < _timer)
        {
            _timer = due;
            outbox.Add(new(ReplicaOutputKind.StartTimer, Due: due));
        }
    }

    private void Run(WeftInstant now, Outbox<ReplicaOutput> outbox)
    {
        while (RunningCount < _options.StoresMax && _due.TryPeek(out string? soul, out (WeftInstant Due, long Order) next)
            && next.Due <= now)
        {
            _due.Dequeue();
            if (_pending.TryGetValue(soul, out Pending? pending) && !pending.IsRunning && pending.Due == next.Due)
            {
                pending.IsRunning = true;
                RunningCount++;
                outbox.Add(new(ReplicaOutputKind.Store, _plans.PlanOf(soul), soul));
            }
        }

        if (RunningCount < _options.StoresMax && _due.TryPeek(out _, out (WeftInstant Due, long Order) first)
            && first.Due < _timer)
        {
            _timer = first.Due;
            outbox.Add(new(ReplicaOutputKind.StartTimer, Due: first.Due));
        }
    }

    private sealed class Pending
    {
        public WeftInstant Due { get; set; }

        public WeftInstant AgainAt { get; set; } = WeftInstant.Never;

        public int Failures { get; set; }

        public bool IsRunning { get; set; }
    }

    private sealed class Batch
    {
        public List<FieldWrite> Writes { get; } = [];

        public int Bytes { get; set; }
    }
}
