using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node.Access;
using Weft.Node.History;
using Weft.Primitives;

namespace Weft.Node.Lanes;

/// <summary>
/// One lane of the write path: a bounded queue with one reader. All writes of a soul pass the same lane, so a field is
/// loaded, merged and appended by one caller at a time. A delta over several lanes is carried by its first lane and
/// holds the gates of all of them, taken in rising order, so two lanes can never wait for each other in a circle. Small
/// deltas that one key signs, and that wait behind each other, share signatures.
/// </summary>
internal sealed class WriteLane : IAsyncDisposable
{
    private readonly Channel<WriteRequest> _queue;
    private readonly GraphDriver _driver;
    private readonly WriteLane[] _all;
    private readonly List<WriteRequest> _group = []; // Carried now: one request, or several under one signature.
    private readonly List<GraphView> _views = [];
    private readonly List<SignedDelta> _signed = [];
    private readonly List<(WriteRequest Request, GraphView View, IReadOnlyList<HistoryPlace>? Past)> _ready = [];
    private readonly Outbox<GraphOutput> _outbox = new();
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly GraphCore _core;
    private Task _loop = Task.CompletedTask;
    private WriteRequest? _next; // Taken from the queue, and not of the group that was gathered.

    public WriteLane(GraphDriver driver, WriteLane[] all, int queueMax, GraphOptions options)
    {
        _driver = driver;
        _all = all;
        _core = new GraphCore(options);
        _queue = Channel.CreateBounded<WriteRequest>(new BoundedChannelOptions(queueMax) { SingleReader = true });
    }

    public int Waiting => _queue.Reader.Count;

    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Puts a request into the queue; a full lane makes the caller wait.</summary>
    public ValueTask EnqueueAsync(WriteRequest request, CancellationToken cancellationToken) =>
        _queue.Writer.WriteAsync(request, cancellationToken);

    /// <summary>Puts a request into the queue; false when the lane is full.</summary>
    public bool TryEnqueue(WriteRequest request) => _queue.Writer.TryWrite(request);

    /// <summary>Returns when whatever this lane was carrying at the call is carried.</summary>
    public async ValueTask PassAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        _gate.Release();
    }

    /// <summary>Takes no more requests, and completes those that wait.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (TryTake(out WriteRequest? request))
            {
                Gather(request);
                await CarryAsync().ConfigureAwait(false);
            }
        }
    }

    private bool TryTake([NotNullWhen(true)] out WriteRequest? request)
    {
        (request, _next) = (_next, null);
        return request is not null || _queue.Reader.TryRead(out request);
    }

    /// <summary>
    /// Takes a request and, when it is to be signed, those behind it that can share its signature. Only what waits
    /// already is taken: nobody waits for company.
    /// </summary>
    private void Gather(WriteRequest first)
    {
        _group.Clear();
        _group.Add(first);
        int writes = first.Delta.Length;
        while (first.MayShareSignature && writes < WriteProof.BatchMax
            && _queue.Reader.TryRead(out WriteRequest? other))
        {
            writes += other.Delta.Length;
            if (writes > WriteProof.BatchMax || !_driver.MayJoin(_group, other))
            {
                _next = other;
                return;
            }

            _group.Add(other);
        }
    }

    private async ValueTask CarryAsync()
    {
        int[] lanes = _group[0].Lanes; // Those of a group of several all have this one lane.
        int held = 0;
        try
        {
            await _driver.Store.WaitForRoomAsync().ConfigureAwait(false);
            foreach (int lane in lanes)
            {
                await _all[lane]._gate.WaitAsync().ConfigureAwait(false);
                held++;
            }

            _ready.Clear();
            _signed.Clear();
            for (int i = 0; i < _group.Count; i++)
            {
                if (_views.Count == i)
                {
                    _views.Add(new GraphView());
                }

                await PrepareAsync(_group[i], _views[i]).ConfigureAwait(false);
            }

            if (_signed.Count > 0)
            {
                _driver.Admission.Sign(CollectionsMarshal.AsSpan(_signed));
            }

            foreach ((WriteRequest request, GraphView view, IReadOnlyList<HistoryPlace>? past) in _ready)
            {
                Merge(request, view, past);
            }
        }
        catch (Exception error)
        {
            // The world failed, or a bug: the callers learn it, those that have no answer yet, and the lane goes on.
            _group.ForEach(request => request.Fail(error));
        }
        finally
        {
            for (int i = 0; i < held; i++)
            {
                _all[lanes[i]]._gate.Release();
            }
        }
    }

    /// <summary>Everything before the signature. A request that needs no merge any more is answered.</summary>
    private async ValueTask PrepareAsync(WriteRequest request, GraphView view)
    {
        try
        {
            _driver.GiveStates(request.Delta);
            view.Begin(request.Delta);
            await _driver.Store.LoadAsync(view).ConfigureAwait(false);
            IReadOnlyList<HistoryPlace>? past = _driver.History.IsOn
                ? await _driver.History.PrepareAsync(request.Delta, _driver.WallMs).ConfigureAwait(false)
                : null;
            if (request.IsDrop)
            {
                _driver.CarryDrop(request, view, past);
                return;
            }

            if (request.Condition is FieldCondition condition && !condition.Holds(view))
            {
                _driver.Refuse(request, WeftError.PreconditionFailed, 0);
                return;
            }

            if (request.Admitted is Admitted admitted)
            {
                if (!await _driver.JudgeLastAsync(request, admitted, view).ConfigureAwait(false))
                {
                    return;
                }

                if (admitted.Admission.NeedsSigning)
                {
                    _signed.Add(new SignedDelta(request.Delta, admitted, view));
                }
            }

            _ready.Add((request, view, past));
        }
        catch (Exception error)
        {
            request.Fail(error);
        }
    }

    private void Merge(WriteRequest request, GraphView view, IReadOnlyList<HistoryPlace>? past)
    {
        try
        {
            _outbox.Clear();
            _core.Apply(request.Delta, view, _driver.NowMs, _outbox, _driver.Order);
            _driver.Carry(request, _outbox.Items, past);
        }
        catch (Exception error)
        {
            request.Fail(error);
        }
    }
}
