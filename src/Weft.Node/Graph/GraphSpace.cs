using System.Diagnostics;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node.Lanes;
using Weft.Node.History;
using Weft.Node.Replication;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>The graph of a node: every read and every write, from whichever side, goes through here.</summary>
public sealed class GraphSpace
{
    private readonly IStore _store;
    private readonly GraphDriver _driver;
    private readonly ChangeHub _hub;
    private readonly NodeMetrics _metrics;
    private readonly NodeOptions _options;

    internal GraphSpace(IStore store, GraphDriver driver, ChangeHub hub, NodeMetrics metrics, NodeOptions options)
    {
        _store = store;
        _driver = driver;
        _hub = hub;
        _metrics = metrics;
        _options = options;
    }

    /// <summary>Who asks other peers on a miss; null while the node has no links.</summary>
    public IPeerAsker? Asker { get; set; }

    /// <summary>Who asks libp2p peers, beside <see cref="Asker"/>.</summary>
    internal IPeerAsker? NetworkAsker { get; set; }

    internal NodeTelemetry? Telemetry { get; set; }

    /// <summary>Makes who counts the peers that hold a write.</summary>
    internal Func<AckWaiter>? Acks { get; set; }

    /// <summary>Who reads the past; set by the node.</summary>
    internal HistoryReader? Past { get; set; }

    /// <summary>A handle to one node of the graph. It reads nothing.</summary>
    /// <exception cref="ArgumentException">The soul is not valid.</exception>
    public GraphNode Get(string soul)
    {
        FieldRules.ThrowIfInvalidSoul(soul);
        return new GraphNode(this, soul);
    }

    private HistoryReader Reader => Past ?? throw new InvalidOperationException("This graph belongs to no node.");

    internal NodeHistory HistoryOf(string soul) => new(this, Reader, soul);

    internal NodeSeries SeriesOf(GraphNode node, string field) => new(node, Reader, field);

    /// <summary>Merges a delta, all or nothing. This is the one way in for local calls, HTTP, import and peers.</summary>
    /// <param name="delta">1 and up; a state of NaN asks this node for one (the same for the whole delta).</param>
    /// <param name="source">Who brings it.</param>
    /// <param name="durability">The level to wait for; the node's own level is the ceiling.</param>
    /// <param name="cancellationToken">Stops the waiting; what reached the log stays written.</param>
    /// <returns>What became of it. A refusal is a result, not an exception.</returns>
    /// <exception cref="WeftException">The local store failed.</exception>
    public ValueTask<WriteResult> WriteAsync(
        IReadOnlyList<FieldWrite> delta,
        WriteSource source,
        Durability durability = Durability.Disk,
        CancellationToken cancellationToken = default) =>
        WriteAsync(delta, source, durability, condition: null, cancellationToken);

    /// <summary>Merges a delta, all or nothing, if a condition on the field of its first write holds.</summary>
    /// <param name="delta">1 and up; a state of NaN asks this node for one (the same for the whole delta).</param>
    /// <param name="source">Who brings it.</param>
    /// <param name="durability">The level to wait for; the node's own level is the ceiling.</param>
    /// <param name="condition">What must hold; null for nothing.</param>
    /// <param name="cancellationToken">Stops the waiting; what reached the log stays written.</param>
    /// <returns>What became of it; refused with <see cref="WeftError.PreconditionFailed"/> when it does not hold.</returns>
    /// <exception cref="WeftException">The local store failed.</exception>
    public ValueTask<WriteResult> WriteAsync(
        IReadOnlyList<FieldWrite> delta,
        WriteSource source,
        Durability durability,
        FieldCondition? condition,
        CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _metrics.WriteCount);
        if (delta.Count == 0)
        {
            return new(WriteResult.Refused(WeftError.RequestMalformed, -1));
        }

        // A copy of its own: the lane fills in states, and the caller may reuse its list.
        var writes = new FieldWrite[delta.Count];
        string? soul = null;
        for (int i = 0; i < writes.Length; i++)
        {
            FieldWrite write = delta[i];
            WeftError error = ReferenceEquals(write.Soul, soul) ? WeftError.None : FieldRules.CheckSoul(write.Soul);
            soul = write.Soul;
            error = error != WeftError.None ? error : FieldRules.CheckField(write.Field);
            error = error != WeftError.None ? error : FieldRules.CheckValue(write.Value);
            if (error == WeftError.None && !double.IsFinite(write.State) && !double.IsNaN(write.State))
            {
                error = WeftError.StateInvalid;
            }

            if (error != WeftError.None)
            {
                Interlocked.Increment(ref _metrics.RefusedCount);
                return new(WriteResult.Refused(error, i));
            }

            writes[i] = write;
        }

        return _driver.WriteAsync(writes, source, durability, condition, cancellationToken);
    }

    /// <summary>Merges a delta, and waits until other peers hold it, too.</summary>
    /// <param name="delta">As above.</param>
    /// <param name="source">Who brings it.</param>
    /// <param name="ack">How many peers, and how long.</param>
    /// <param name="condition">What must hold; null for nothing.</param>
    /// <param name="cancellationToken">Stops the waiting; what reached the log stays written.</param>
    /// <returns>How far it came; a node that has not joined libp2p has no peers that could say so.</returns>
    /// <exception cref="WeftException">The local store failed.</exception>
    public async ValueTask<AckedWrite> WriteAsync(
        IReadOnlyList<FieldWrite> delta,
        WriteSource source,
        WriteAck ack,
        FieldCondition? condition = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(delta);
        ack.ThrowIfInvalid();
        AckWaiter waiter = Acks!();
        WriteResult result = await WriteAsync(delta, source, Durability.Disk, condition, cancellationToken)
            .ConfigureAwait(false);
        return await waiter.WaitAsync(
            result, delta.Select(write => write.Soul).ToHashSet(StringComparer.Ordinal), ack, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Reads one field. A hit in memory completes at once and allocates nothing.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field.</param>
    /// <param name="policy">Whether peers are asked on a miss, and how long they may take.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="WeftException">The part of the store that holds it is damaged.</exception>
    public ValueTask<ReadResult> ReadFieldAsync(
        string soul, string field, ReadPolicy policy = default, CancellationToken cancellationToken = default)
    {
        long started = Telemetry?.StartOperation() ?? 0;
        ValueTask<ReadResult> read = ReadFieldCoreAsync(soul, field, policy, cancellationToken);
        if (started == 0)
        {
            return read;
        }

        if (!read.IsCompletedSuccessfully)
        {
            return MeasureAsync(read, started);
        }

        ReadResult result = read.Result;
        Telemetry?.AddOperation(started, "get", OutcomeOf(result.Status));
        return new(result);
    }

    private ValueTask<ReadResult> ReadFieldCoreAsync(
        string soul, string field, ReadPolicy policy, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _metrics.ReadCount);
        ValueTask<StoredField?> read = _store.ReadFieldAsync(soul, field, cancellationToken);
        if (read.IsCompletedSuccessfully)
        {
            StoredField? found = read.Result;
            if (found is StoredField known)
            {
                return new(Describe(soul, known, ReadSource.Memory, 0));
            }

            return policy.Deadline <= TimeSpan.Zero
                ? new(Missing(0, false))
                : AskFieldAsync(soul, field, policy, cancellationToken);
        }

        return ReadFieldSlowlyAsync(read, soul, field, policy, cancellationToken);
    }

    /// <summary>Reads fields of one node in the order of their names, tombstones included.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="range">Which fields.</param>
    /// <param name="fieldsMax">How many at the most.</param>
    /// <param name="bytesMax">Stops after the field that passes this many bytes of names and values.</param>
    /// <param name="policy">Whether peers are asked on a miss, and how long they may take.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="WeftException">The part of the store that holds it is damaged.</exception>
    public async ValueTask<NodeResult> ReadNodeAsync(
        string soul,
        LexRange range = default,
        int fieldsMax = int.MaxValue,
        long bytesMax = long.MaxValue,
        ReadPolicy policy = default,
        CancellationToken cancellationToken = default)
    {
        using Activity? span = Telemetry?.StartSpan("get");
        long started = Telemetry?.StartOperation() ?? 0;
        NodeResult result = await ReadNodeCoreAsync(soul, range, fieldsMax, bytesMax, policy, cancellationToken)
            .ConfigureAwait(false);
        Telemetry?.AddOperation(started, "get", OutcomeOf(result.Status));
        return result;
    }

    private async ValueTask<NodeResult> ReadNodeCoreAsync(
        string soul,
        LexRange range,
        int fieldsMax,
        long bytesMax,
        ReadPolicy policy,
        CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _metrics.ReadCount);
        NodePage page = await _store.ReadNodeAsync(soul, range, fieldsMax, bytesMax, cancellationToken)
            .ConfigureAwait(false);
        PeerAnswer answer = default;
        if (page.Fields.Count == 0 && policy.Deadline > TimeSpan.Zero && (Asker ?? NetworkAsker) is not null)
        {
            answer = await AskPeersAsync(soul, range.Exact, policy.Deadline, cancellationToken).ConfigureAwait(false);
            page = await _store.ReadNodeAsync(soul, range, fieldsMax, bytesMax, cancellationToken).ConfigureAwait(false);
            if (page.Fields.Count > 0)
            {
                page = page with { Source = ReadSource.Peer };
            }
        }

        if (page.Fields.Count == 0)
        {
            ReadResult missing = Missing(answer.Asked, answer.TimedOut);
            return new(missing.Status, [], false, ReadSource.None, answer.Asked);
        }

        bool alive = false;
        foreach (StoredField field in page.Fields)
        {
            alive |= !field.Value.IsNull;
        }

        return new(alive ? ReadStatus.Found : ReadStatus.Deleted, page.Fields, page.More, page.Source, answer.Asked);
    }

    /// <summary>Lists souls in order. Nodes of which only tombstones are left are listed too.</summary>
    public ValueTask<IReadOnlyList<string>> ListAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken = default) =>
        _store.ListSoulsAsync(range, soulsMax, cancellationToken);

    /// <summary>Deletes one field, or all fields of a node, by writing null with a new state.</summary>
    /// <returns>What became of it; <see cref="WriteResult.Applied"/> is 0 when there was nothing to delete.</returns>
    public async ValueTask<WriteResult> DeleteAsync(
        string soul, string? field, WriteSource source, CancellationToken cancellationToken = default)
    {
        NodePage page = await _store.ReadNodeAsync(
            soul, new LexRange(Exact: field), int.MaxValue, long.MaxValue, cancellationToken).ConfigureAwait(false);
        FieldWrite[] delta = [.. page.Fields.Where(known => !known.Value.IsNull)
            .Select(known => new FieldWrite(soul, known.Field, WeftValue.Null, double.NaN))];
        return delta.Length == 0
            ? new(0, _options.Durability, _store.CommittedSequence, 0, 0, 0)
            : await WriteAsync(delta, source, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Follows links breadth first, in either direction; each node is reached once.</summary>
    /// <param name="soul">Where to start.</param>
    /// <param name="direction">Which links.</param>
    /// <param name="depthMax">How many links away: 0 to 1,000.</param>
    /// <param name="nodesMax">Stops after so many nodes: 1 to 1,000,000.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    public IAsyncEnumerable<WalkStep> WalkAsync(
        string soul,
        WalkDirection direction = WalkDirection.Out,
        int depthMax = 3,
        int nodesMax = 10_000,
        CancellationToken cancellationToken = default) =>
        WalkAsync(soul, direction, depthMax, nodesMax, within: null, cancellationToken);

    /// <summary>Follows links breadth first among some nodes only; each is reached once.</summary>
    /// <param name="soul">Where to start.</param>
    /// <param name="direction">Which links.</param>
    /// <param name="depthMax">How many links away: 0 to 1,000.</param>
    /// <param name="nodesMax">Stops after so many nodes: 1 to 1,000,000.</param>
    /// <param name="within">Souls for which this is false are neither told nor passed through; null for all.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    public IAsyncEnumerable<WalkStep> WalkAsync(
        string soul,
        WalkDirection direction,
        int depthMax,
        int nodesMax,
        Func<string, bool>? within,
        CancellationToken cancellationToken = default)
    {
        FieldRules.ThrowIfInvalidSoul(soul);
        ArgumentOutOfRangeException.ThrowIfNegative(depthMax);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(depthMax, 1_000);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(nodesMax);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nodesMax, 1_000_000);
        return new GraphWalk(_store, soul, direction, depthMax, nodesMax, within).RunAsync(cancellationToken);
    }

    /// <summary>Tells why a field has its value: the value, and the writes that lost.</summary>
    public async ValueTask<FieldExplanation> WhyAsync(
        string soul, string field, CancellationToken cancellationToken = default) =>
        new(await _store.ReadFieldAsync(soul, field, cancellationToken).ConfigureAwait(false),
            _driver.ReadJournal(soul, field));

    /// <summary>Lists losing writes from the journal, newest first.</summary>
    /// <param name="before">Only entries with a smaller number; null for the newest.</param>
    /// <param name="lossesMax">How many at the most.</param>
    public IReadOnlyList<Loss> ReadConflicts(long? before = null, int lossesMax = 100) =>
        _driver.ReadJournal(before, lossesMax);

    /// <summary>Starts observing: live when this returns. Snapshot first (or resumed), then every change.</summary>
    /// <returns>Dispose it to stop.</returns>
    public ValueTask<ChangeSubscription> WatchAsync(
        ChangeFilter filter, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new(new ChangeSubscription(_store, _hub, filter, _options.ObserverBatchMax, Telemetry));
    }

    private static ReadResult Describe(string soul, in StoredField known, ReadSource source, int asked) => new(
        known.Value.IsNull ? ReadStatus.Deleted : ReadStatus.Found,
        known.Value,
        known.State,
        source,
        asked,
        Authorship.BytesOf(soul, known));

    private static ReadResult Missing(int asked, bool timedOut) => new(
        timedOut ? ReadStatus.TimedOut : asked > 0 ? ReadStatus.Absent : ReadStatus.Unknown,
        WeftValue.Null, 0, ReadSource.None, asked);

    private static string OutcomeOf(ReadStatus status) => status switch
    {
        ReadStatus.Found => "found",
        ReadStatus.Deleted => "deleted",
        ReadStatus.TimedOut => "timeout",
        _ => "absent",
    };

    private async ValueTask<ReadResult> MeasureAsync(ValueTask<ReadResult> read, long started)
    {
        using Activity? span = Telemetry?.StartSpan("get");
        string outcome = "failed";
        try
        {
            ReadResult result = await read.ConfigureAwait(false);
            outcome = OutcomeOf(result.Status);
            return result;
        }
        finally
        {
            Telemetry?.AddOperation(started, "get", outcome);
        }
    }

    private async ValueTask<ReadResult> ReadFieldSlowlyAsync(
        ValueTask<StoredField?> read, string soul, string field, ReadPolicy policy, CancellationToken cancellationToken)
    {
        StoredField? found = await read.ConfigureAwait(false);
        return found is StoredField known ? Describe(soul, known, ReadSource.Disk, 0)
            : policy.Deadline <= TimeSpan.Zero ? Missing(0, false)
            : await AskFieldAsync(soul, field, policy, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ReadResult> AskFieldAsync(
        string soul, string field, ReadPolicy policy, CancellationToken cancellationToken)
    {
        PeerAnswer answer = await AskPeersAsync(soul, field, policy.Deadline, cancellationToken).ConfigureAwait(false);
        StoredField? found = await _store.ReadFieldAsync(soul, field, cancellationToken).ConfigureAwait(false);
        return found is StoredField known
            ? Describe(soul, known, ReadSource.Peer, answer.Asked)
            : Missing(answer.Asked, answer.TimedOut);
    }

    // Both kinds of peers at once: what either brings is merged, and the read looks again.
    private async ValueTask<PeerAnswer> AskPeersAsync(
        string soul, string? field, TimeSpan deadline, CancellationToken cancellationToken)
    {
        if (Asker is not { } gun)
        {
            return NetworkAsker is { } only
                ? await only.AskAsync(soul, field, deadline, cancellationToken).ConfigureAwait(false)
                : default;
        }

        if (NetworkAsker is not { } network)
        {
            return await gun.AskAsync(soul, field, deadline, cancellationToken).ConfigureAwait(false);
        }

        Task<PeerAnswer> first = gun.AskAsync(soul, field, deadline, cancellationToken).AsTask();
        PeerAnswer second = await network.AskAsync(soul, field, deadline, cancellationToken).ConfigureAwait(false);
        if (second.Asked > 0 && await _store.ReadNodeAsync(
            soul, new LexRange(Exact: field), 1, long.MaxValue, cancellationToken).ConfigureAwait(false)
            is { Fields.Count: > 0 })
        {
            return second; // It has come; nobody waits for the others.
        }

        PeerAnswer answer = await first.ConfigureAwait(false);
        return new(answer.Asked + second.Asked, answer.TimedOut || second.TimedOut);
    }
}
