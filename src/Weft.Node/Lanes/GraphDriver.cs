using System.Diagnostics;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node.Access;
using Weft.Node.History;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Lanes;

/// <summary>
/// Drives the graph cores: spreads deltas over lanes, carries out what the cores decide, and owns what all lanes share,
/// the clock, the queue of early writes and the journal of losses.
/// </summary>
internal sealed partial class GraphDriver : IAsyncDisposable
{
    private const double ReleaseCheckMs = 10_000;

    private readonly TimeProvider _time;
    private readonly NodeMetrics _metrics;
    private readonly WriteLane[] _lanes;
    private readonly Lock _shared = new();
    private readonly HamClock _clock;
    private readonly DeferredQueue _deferred;
    private readonly LossJournal _journal;
    private readonly ITimer _deferredTimer;
    private readonly HashSet<Task> _releases = [];
    private long _journalSaved;
    private bool _stopping;

    public GraphDriver(
        NodeOptions options, IStore store, TimeProvider time, NodeMetrics metrics, NodeAdmission admission,
        HistoryKeeper history)
    {
        Store = store;
        Admission = admission;
        History = history;
        _time = time;
        _metrics = metrics;
        _clock = new HamClock(store.ClockHigh);
        _deferred = new DeferredQueue(options.Graph);
        _journal = new LossJournal(options.Graph);
        _outdone = new OutdoneVersions(options.Policy);
        foreach (Loss loss in store.SavedJournal)
        {
            _journal.Restore(loss);
        }

        _journalSaved = _journal.Total;

        int lanes = options.Lanes > 0 ? options.Lanes : Math.Clamp(Environment.ProcessorCount, 1, 8);
        _lanes = new WriteLane[lanes];
        for (int i = 0; i < lanes; i++)
        {
            _lanes[i] = new WriteLane(this, _lanes, options.LaneQueueMax, options.Graph);
        }

        _deferredTimer = time.CreateTimer(_ => ReleaseDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public IStore Store { get; }

    /// <summary>Keeps versions where a policy says so.</summary>
    public HistoryKeeper History { get; }

    /// <summary>Where durations go; null for nowhere.</summary>
    public NodeTelemetry? Telemetry { get; set; }

    /// <summary>Wall time in milliseconds.</summary>
    public double WallMs => WallClock.ToState(_time.GetUtcNow());

    /// <summary>
    /// What the merge takes for now: wall time, but never before a state this node has given or merged. Without that, a
    /// node whose clock stepped back would hold its own writes as early ones.
    /// </summary>
    public double NowMs
    {
        get
        {
            lock (_shared)
            {
                return Math.Max(WallMs, _clock.High);
            }
        }
    }

    public int WritesWaiting => _lanes.Sum(lane => lane.Waiting);

    public int DeferredCount
    {
        get
        {
            lock (_shared)
            {
                return _deferred.Count;
            }
        }
    }

    public void Start()
    {
        foreach (WriteLane lane in _lanes)
        {
            lane.Start();
        }

        lock (_shared)
        {
            foreach (FieldWrite write in Store.Deferred)
            {
                _deferred.Add(write);
            }

            SetTimer();
        }
    }

    /// <summary>Sends a delta through its lanes.</summary>
    public async ValueTask<WriteResult> WriteAsync(
        FieldWrite[] delta,
        WriteSource source,
        Durability durability,
        FieldCondition? condition,
        CancellationToken cancellationToken)
    {
        using Activity? span = Telemetry?.StartSpan("put");
        long started = Telemetry?.StartOperation() ?? 0;
        string outcome = "failed";
        try
        {
            WriteResult result = await AdmitAsync(
                delta, source, durability, condition, isRelease: false, cancellationToken).ConfigureAwait(false);
            outcome = result.IsAccepted ? "ok" : "refused";
            return result;
        }
        finally
        {
            Telemetry?.AddOperation(started, "put", outcome);
        }
    }

    /// <summary>Replaces each state of NaN by one new state, the same for the whole delta.</summary>
    public void GiveStates(FieldWrite[] delta)
    {
        double given = double.NaN;
        for (int i = 0; i < delta.Length; i++)
        {
            if (double.IsNaN(delta[i].State))
            {
                if (double.IsNaN(given))
                {
                    lock (_shared)
                    {
                        given = _clock.Next(WallMs);
                    }
                }

                delta[i] = delta[i] with { State = given };
            }
        }
    }

    /// <summary>Carries out the decisions about one delta. Runs under the gates of its lanes.</summary>
    /// <param name="request">The delta.</param>
    /// <param name="decisions">One for each write, in order.</param>
    /// <param name="past">Nodes of the delta whose past is kept; null for none.</param>
    public void Carry(
        WriteRequest request, ReadOnlySpan<GraphOutput> decisions, IReadOnlyList<HistoryPlace>? past)
    {
        if (HasUnverifiedWinner(request, decisions))
        {
            request.MustVerify = true;
            // Seen by nobody: the delta comes again, verified.
            request.Complete(WriteResult.Refused(WeftError.SignatureMissing, 0));
            return;
        }

        DeltaOutcome plan;
        lock (_shared)
        {
            plan = DeltaPlan.Make(
                request.Delta, decisions, request.IsRelease, _clock, _deferred, request.Source.Connection);
            if (plan.Error == WeftError.None)
            {
                Note(request, decisions);
            }

            if (plan.Deferred > 0)
            {
                SetTimer();
            }
        }

        if (plan.Error != WeftError.None)
        {
            Refuse(request, plan.Error, plan.RefusedWrite);
            return;
        }

        long started = plan.Batch.IsEmpty || Telemetry is null ? 0 : Telemetry.StartCommit();
        ValueTask<CommitReceipt> append = past is null
            ? Store.AppendAsync(plan.Batch, request.Durability)
            : History.AppendAsync(
                plan.Batch, past, HistoryPlan.ChangesOf(request.Delta, decisions), request.Durability, WallMs);
        _ = FinishAsync(request, append, started, new WriteResult(
            plan.StateMax, default, 0, plan.Batch.Fields.Count, plan.Kept, plan.Deferred,
            Standing: plan.Standing));
    }

    public IReadOnlyList<Loss> ReadJournal(long? before, int lossesMax)
    {
        lock (_shared)
        {
            return [.. _journal.Items.Reverse().Where(loss => before is null || loss.Number < before).Take(lossesMax)];
        }
    }

    public IReadOnlyList<Loss> ReadJournal(string soul, string field)
    {
        lock (_shared)
        {
            return [.. _journal.Items.Reverse().Where(loss => loss.Soul == soul && loss.Field == field)];
        }
    }

    /// <summary>Stops taking writes, finishes those accepted, and saves the journal.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] releases;
        lock (_shared)
        {
            _stopping = true;
            releases = [.. _releases];
        }

        await _deferredTimer.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(releases).ConfigureAwait(false);
        foreach (WriteLane lane in _lanes)
        {
            await lane.DisposeAsync().ConfigureAwait(false);
        }

        await SaveJournalAsync().ConfigureAwait(false);
    }

    /// <summary>Saves the journal when it has grown. A store that cannot take it loses evidence, not data.</summary>
    public async ValueTask SaveJournalAsync()
    {
        IReadOnlyList<Loss> losses;
        lock (_shared)
        {
            if (_journal.Total == _journalSaved)
            {
                return;
            }

            _journalSaved = _journal.Total;
            losses = [.. _journal.Items];
        }

        try
        {
            await Store.SaveJournalAsync(losses).ConfigureAwait(false);
        }
        catch (WeftException)
        {
            // The store has reported its failure where writes are refused.
        }
    }

    private async Task FinishAsync(
        WriteRequest request, ValueTask<CommitReceipt> append, long started, WriteResult result)
    {
        int caller = Environment.CurrentManagedThreadId;
        try
        {
            CommitReceipt receipt = await append.ConfigureAwait(false);
            Telemetry?.AddCommit(started);
            // On the thread that called, the gates of the lanes may still be held.
            bool isFree = Environment.CurrentManagedThreadId != caller;
            request.Complete(result with { Durable = receipt.Reached, Sequence = receipt.Sequence }, isFree);
        }
        catch (Exception error)
        {
            request.Fail(error);
        }
    }

    /// <summary>Completes a request that changed nothing, and says why.</summary>
    public void Refuse(WriteRequest request, WeftError error, int write, string? reason = null)
    {
        Interlocked.Increment(ref _metrics.RefusedCount);
        request.Complete(WriteResult.Refused(error, write, reason));
    }

    /// <summary>Counts the decisions, and notes in the journal which writes lost.</summary>
    private void Note(WriteRequest request, ReadOnlySpan<GraphOutput> decisions)
    {
        double now = WallMs;
        bool[]? isVerified = request.Admitted?.Unverified;
        foreach (ref readonly GraphOutput decision in decisions)
        {
            ref readonly FieldWrite write = ref request.Delta[decision.Write];
            StoredField other = decision.Displaced;
            var known = new FieldWrite(write.Soul, write.Field, other.Value, other.State, other.Extras);
            _outdone.Note(write, decision);
            switch (decision.Kind)
            {
                case GraphOutputKind.Persist:
                    _metrics.WonCount++;
                    if (decision.HadKnown && other.State == write.State)
                    {
                        NoteLoss(
                            known, Authorship.Of(known), write, Authorship.Of(write), HamVerdict.KnownLarger, "known",
                            now);
                    }

                    break;
                case GraphOutputKind.Defer:
                    _metrics.DeferredCount++;
                    break;
                default:
                    _metrics.KeptCount++;
                    if (decision.Verdict != HamVerdict.Equal && decision.Displaced.Value != write.Value)
                    {
                        // Who it says it is from was not verified where it could not win: then nobody is named.
                        bool isProven = isVerified is null || isVerified[decision.Write];
                        NoteLoss(
                            write, isProven ? Authorship.Of(write) : Authorship.None, known, Authorship.Of(known),
                            decision.Verdict, request.Source.Name, now);
                    }

                    break;
            }
        }
    }

    private void NoteLoss(
        in FieldWrite loser,
        in Authorship loserAuthor,
        in FieldWrite winner,
        in Authorship winnerAuthor,
        HamVerdict reason,
        string from,
        double nowMs) => _journal.Add(
            loser, winner.State, reason, from, nowMs, loserAuthor,
            Authorship.Compare(loserAuthor, loser.State, winnerAuthor));

    private int[] LanesOf(FieldWrite[] delta)
    {
        int first = LaneOf(delta[0].Soul);
        ulong used = 1UL << first;
        for (int i = 1; i < delta.Length; i++)
        {
            if (!ReferenceEquals(delta[i].Soul, delta[i - 1].Soul))
            {
                used |= 1UL << LaneOf(delta[i].Soul);
            }
        }

        if (used == 1UL << first)
        {
            return [first];
        }

        var lanes = new List<int>(_lanes.Length);
        for (int lane = 0; lane < _lanes.Length; lane++)
        {
            if ((used & (1UL << lane)) != 0)
            {
                lanes.Add(lane);
            }
        }

        return [.. lanes];
    }

    private int LaneOf(string soul) => (int)((uint)soul.GetHashCode(StringComparison.Ordinal) % (uint)_lanes.Length);

    private void SetTimer()
    {
        if (_stopping || double.IsPositiveInfinity(_deferred.NextDueMs))
        {
            return;
        }

        // The wall clock may be set at any time, so the wait is looked at again every now and then.
        double wait = Math.Clamp(Math.Ceiling(_deferred.NextDueMs - WallMs), 0, ReleaseCheckMs);
        _deferredTimer.Change(TimeSpan.FromMilliseconds(wait), Timeout.InfiniteTimeSpan);
    }

    private void ReleaseDue()
    {
        lock (_shared)
        {
            if (_stopping)
            {
                return;
            }

            Task release = Task.Run(ReleaseAsync);
            _releases.Add(release);
            _ = release.ContinueWith(
                done =>
                {
                    lock (_shared)
                    {
                        _releases.Remove(done);
                        SetTimer();
                    }
                },
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
        }
    }

    private async Task ReleaseAsync()
    {
        while (true)
        {
            FieldWrite write;
            lock (_shared)
            {
                if (_stopping || !_deferred.TryTake(WallMs, out write))
                {
                    return;
                }
            }

            try
            {
                var source = new WriteSource("deferred", Door: WriteDoor.Client);
                WriteResult result = await AdmitAsync(
                    [write], source, Durability.Disk, null, isRelease: true, CancellationToken.None)
                    .ConfigureAwait(false);
                if (!result.IsAccepted)
                {
                    // It may not be written any more: the key was replaced, or a policy came. It must not be held for
                    // ever.
                    var letGo = new CommitBatch([], [], [write], double.NegativeInfinity);
                    await Store.AppendAsync(letGo, Durability.Disk).ConfigureAwait(false);
                }
            }
            catch (WeftException)
            {
                // The store takes no writes now. The write is still held on disk and is offered at the next start.
                return;
            }
        }
    }
}
