using System.Threading.Channels;
using Weft.Graph;
using Weft.Node.Access;
using Weft.Primitives;

namespace Weft.Node.Lanes;

/// <summary>
/// One lane of the write path: a bounded queue with one reader. All writes of a soul pass the same lane, so a field is
/// loaded, merged and appended by one caller at a time. A delta over several lanes is carried by its first lane and
/// holds
/// the gates of all of them, taken in rising order, so two lanes can never wait for each other in a circle.
/// </summary>
internal sealed class WriteLane : IAsyncDisposable
{
    private readonly Channel<WriteRequest> _queue;
    private readonly GraphDriver _driver;
    private readonly WriteLane[] _all;
    private readonly GraphView _view = new();
    private readonly Outbox<GraphOutput> _outbox = new();
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly GraphCore _core;
    private Task _loop = Task.CompletedTask;

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
            while (_queue.Reader.TryRead(out WriteRequest? request))
            {
                await CarryAsync(request).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask CarryAsync(WriteRequest request)
    {
        int held = 0;
        try
        {
            await _driver.Store.WaitForRoomAsync().ConfigureAwait(false);
            foreach (int lane in request.Lanes)
            {
                await _all[lane]._gate.WaitAsync().ConfigureAwait(false);
                held++;
            }

            _driver.GiveStates(request.Delta);
            _view.Begin(request.Delta);
            await _driver.Store.LoadAsync(_view).ConfigureAwait(false);
            if (request.IsDrop)
            {
                _driver.CarryDrop(request, _view);
                return;
            }

            if (request.Condition is FieldCondition condition && !condition.Holds(_view))
            {
                _driver.Refuse(request, WeftError.PreconditionFailed, 0);
                return;
            }

            if (request.Admitted is Admitted admitted
                && !await _driver.FinishAsync(request, admitted, _view).ConfigureAwait(false))
            {
                return;
            }

            _outbox.Clear();
            _core.Apply(request.Delta, _view, _driver.NowMs, _outbox, _driver.Order);
            _driver.Carry(request, _outbox.Items);
        }
        catch (Exception error)
        {
            request.Fail(error); // The world failed, or a bug: the caller learns it, and the lane goes on.
        }
        finally
        {
            for (int i = 0; i < held; i++)
            {
                _all[request.Lanes[i]]._gate.Release();
            }
        }
    }
}
