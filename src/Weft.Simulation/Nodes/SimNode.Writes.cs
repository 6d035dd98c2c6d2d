using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Lanes;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>What became of a write.</summary>
/// <param name="Error">None, or why nothing was stored.</param>
/// <param name="State">The highest state in it.</param>
/// <param name="Applied">Fields that changed.</param>
/// <param name="Deferred">Fields that are held until they are due.</param>
/// <param name="Standing">The fields that writes lost against; null when none lost.</param>
public readonly record struct SimAck(
    WeftError Error, double State, int Applied, int Deferred, IReadOnlyList<StoredChange>? Standing = null);

/// <summary>The write path: one lane.</summary>
public sealed partial class SimNode
{
    private readonly Queue<Request> _writes = new();
    private readonly GraphView _view = new();
    private readonly Outbox<GraphOutput> _decisions = new();
    private readonly HashSet<FieldWrite> _held = [];
    private SimStore? _store;
    private GraphCore? _graph;
    private HamClock? _clock;
    private DeferredQueue? _deferred;
    private bool _isPumping;
    private int _releaseTimer;

    /// <summary>Writes fields here. A state of NaN asks for one from this node's clock.</summary>
    /// <param name="delta">One or more writes.</param>
    /// <param name="done">Called when the write is durable or refused; never when the node dies first.</param>
    public void Write(FieldWrite[] delta, Action<SimAck>? done = null) => Enqueue(new Request(delta, 0, false, done));

    /// <summary>Writes one field here.</summary>
    public void Put(string soul, string field, WeftValue value, Action<SimAck>? done = null) =>
        Write([new FieldWrite(soul, field, value, double.NaN)], done);

    private void StartWrites()
    {
        _store = new SimStore(_world, Disk, Tier, _options.Commit, _options.FlushEvery, OnCommitted, PumpWrites);
        _graph = new GraphCore(_options.Graph);
        _clock = new HamClock(_store.ClockHigh);
        _deferred = new DeferredQueue(_options.Graph);
        _held.Clear();
        foreach (FieldWrite write in _store.Deferred.OrderBy(held => held.State)
            .ThenBy(held => held.Soul, StringComparer.Ordinal)
            .ThenBy(held => held.Field, StringComparer.Ordinal)
            .ThenBy(held => held.Value.ToString(), StringComparer.Ordinal))
        {
            _held.Add(write);
            _deferred.Add(write);
        }

        SetReleaseTimer();
        StartAccess();
    }

    private void LoadView(FieldWrite[] delta)
    {
        _view.Begin(delta);
        for (int slot = 0; slot < _view.Count; slot++)
        {
            FieldKey key = _view.Key(slot);
            if (_store!.Graph.TryGet(key.Soul, key.Field, out StoredField known))
            {
                _view.Set(slot, known);
            }
        }
    }

    private void Enqueue(Request request)
    {
        if (!IsUp || _writes.Count >= _options.WritesMax)
        {
            request.Done?.Invoke(new SimAck(IsUp ? WeftError.TooManyRequests : WeftError.NodeUnavailable, 0, 0, 0));
            return;
        }

        WritesPending++;
        _writes.Enqueue(request);
        PumpWrites();
    }

    private void PumpWrites()
    {
        if (_isPumping)
        {
            return;
        }

        _isPumping = true;
        while (_writes.TryPeek(out Request? request) && TryCarry(request))
        {
            _writes.Dequeue();
        }

        _isPumping = false;
    }

    /// <returns>False when the log has no segment ready: the request stays first in line.</returns>
    private bool TryCarry(Request request)
    {
        request.Given = GiveStates(request.Delta) ?? request.Given;
        LoadView(request.Delta);
        if (!_store!.CanAppend)
        {
            return false;
        }

        if (request.IsDrop)
        {
            CarryDrop(request);
            return true;
        }

        if (!TryAdmit(request))
        {
            return true;
        }

        _decisions.Clear();
        _graph!.Apply(request.Delta, _view, Math.Max(Clock.WallMs, _clock!.High), _decisions, _book);
        DeltaOutcome plan =
            DeltaPlan.Make(request.Delta, _decisions.Items, request.IsRelease, _clock, _deferred!, request.Origin);
        foreach (ref readonly GraphOutput decision in _decisions.Items)
        {
            _outdone?.Note(request.Delta[decision.Write], decision);
        }

        _held.UnionWith(plan.Batch.Deferred);
        _held.ExceptWith(plan.Batch.Released);

        if (plan.Deferred > 0)
        {
            SetReleaseTimer();
        }

        if (plan.Error != WeftError.None)
        {
            Finish(request, new SimAck(plan.Error, 0, 0, 0));
            return true;
        }

        var ack = new SimAck(WeftError.None, plan.StateMax, plan.Applied, plan.Deferred, plan.Standing);
        CommitAdmission admission =
            _store.Append(plan.Batch, (_, failure) => Finish(request, ack with { Error = failure }));
        if (admission is CommitAdmission.Full or CommitAdmission.Stopped)
        {
            WeftError error = admission == CommitAdmission.Full ? WeftError.DiskFull : WeftError.StoreStopped;
            Finish(request, ack with { Error = error });
        }
        else if (admission == CommitAdmission.Wait)
        {
            _checks.OnFault(this, "a record found no segment although one was ready");
        }

        return true;
    }

    /// <returns>The state that was given, or null when none was asked for.</returns>
    private double? GiveStates(FieldWrite[] delta)
    {
        double given = double.NaN;
        for (int i = 0; i < delta.Length; i++)
        {
            if (double.IsNaN(delta[i].State))
            {
                given = double.IsNaN(given) ? _clock!.Next(Clock.WallMs) : given;
                delta[i] = delta[i] with { State = given };
            }
        }

        return double.IsNaN(given) ? null : given;
    }

    private void Finish(Request request, SimAck ack)
    {
        WritesPending--;
        if (ack.Error == WeftError.None)
        {
            _checks.OnAcked(this, request.Delta, request.Given);
        }

        request.Done?.Invoke(ack);
    }

    private void SetReleaseTimer()
    {
        double due = _deferred!.NextDueMs;
        if (double.IsPositiveInfinity(due))
        {
            return;
        }

        int timer = ++_releaseTimer; // One timer at a time: a newer one makes the older void.
        After(TimeSpan.FromMilliseconds(Math.Clamp(due - Clock.WallMs, 1, 10_000)), () =>
        {
            if (timer == _releaseTimer)
            {
                ReleaseDue();
                SetReleaseTimer();
            }
        });
    }

    private void ReleaseDue()
    {
        while (_deferred!.TryTake(Clock.WallMs, out FieldWrite write))
        {
            Enqueue(new Request([write], 0, true, null));
        }
    }

    private sealed record Request(FieldWrite[] Delta, long Origin, bool IsRelease, Action<SimAck>? Done)
    {
        /// <summary>The writes; of a link only those that are left.</summary>
        public FieldWrite[] Delta { get; set; } = Delta;

        /// <summary>Who signs; null for nobody.</summary>
        public SimWriter? Writer { get; init; }

        /// <summary>True when the one write is stored, and must go.</summary>
        public bool IsDrop { get; init; }

        /// <summary>The state this node's clock gave, if it was asked for one.</summary>
        public double? Given { get; set; }
    }
}
