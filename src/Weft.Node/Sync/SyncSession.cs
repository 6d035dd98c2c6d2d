using System.Buffers;
using System.Threading.Channels;
using Weft.Graph;
using Weft.Libp2p.Streams;
using Weft.Node.Gun;
using Weft.Primitives;
using Weft.Protocols.Gun;
using Weft.Protocols.Audit;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>
/// One session of <c>/weft/sync/1</c> over one stream: a loop that owns the core, a loop that reads frames, a loop that
/// writes them. It decides nothing.
/// </summary>
internal sealed partial class SyncSession : IAsyncDisposable
{
    private const int InputsMax = 1_024;
    private const int OutgoingMax = 8_192;
    private const long OutgoingBytesHigh = 1 << 20;

    private static readonly TimeSpan GoodbyeTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(60);

    private readonly SyncService _owner;
    private readonly PeerStream _stream;
    private readonly WeftNode _node;
    private readonly SyncOptions _options;
    private readonly SyncCore _core;
    private readonly Outbox<SyncOutput> _outbox = new();
    private readonly Channel<SyncInput> _inputs = Channel.CreateBounded<SyncInput>(
        new BoundedChannelOptions(InputsMax) { SingleReader = true });
    private readonly Channel<SyncMessage> _outgoing = Channel.CreateBounded<SyncMessage>(
        new BoundedChannelOptions(OutgoingMax) { SingleReader = true, SingleWriter = true });
    private readonly Dictionary<long, TaskCompletionSource<bool>> _asks = [];
    private readonly Dictionary<long, TaskCompletionSource<long>> _probes = [];
    private readonly CancellationTokenSource _stopping;
    private readonly ITimer _timer;
    private readonly long _started;
    private LinkFeed? _feed;
    private Task _pump = Task.CompletedTask;
    private WeftInstant _timerDue = WeftInstant.Never;
    private long _outgoingBytes;
    private long _bytesIn;
    private long _bytesOut;
    private long _knownSequence;
    private long _probe;
    private bool _wasCaughtUp;
    private TaskCompletionSource _progress = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SyncSession(SyncService owner, PeerStream stream, long number, bool isOpener)
    {
        _owner = owner;
        _stream = stream;
        _node = owner.Node;
        _options = owner.Options;
        Number = number;
        IsOpener = isOpener;
        Since = _node.Time.GetUtcNow();
        _started = _node.Time.GetTimestamp();
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(owner.Stopping);
        var self = new SyncSelf(_node.Store.StoreId, _node.NetworkId, owner.Prefixes, isOpener, number, owner.Cursors.Runs)
        {
            ReachOf = soul => _node.Plans.PlanOf(soul).Reach,
        };
        _core = new SyncCore(_options, _node.Crypto, self, owner.NextRandom());
        _timer = _node.Time.CreateTimer(
            _ => _ = PostAsync(OnTimer).AsTask(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Its number: what changes that came through it bear as their origin.</summary>
    public long Number { get; }

    public PeerId Peer => _stream.Remote;

    public bool IsOpener { get; }

    /// <summary>Completes when the session is over.</summary>
    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public DateTimeOffset Since { get; }

    /// <summary>Completes when something has moved; ask for it before looking at what it is about.</summary>
    public Task Progress => Volatile.Read(ref _progress).Task;

    public bool IsCaughtUp => _core.IsCaughtUp;

    public long AckedCursor => _core.AckedCursor;

    public long ReceivedCursor => _core.ReceivedCursor;

    /// <summary>Fields of this node that the peer refused in this session.</summary>
    public long RefusedThere => _core.RefusedThere;

    /// <summary>Questions of this node that wait for the peer.</summary>
    public int AsksWaiting => _core.AsksWaiting;

    /// <summary>True when changes of the soul go to the peer.</summary>
    public bool Wants(string soul) => _core.IsWanted(soul);

    private WeftInstant Now => new((long)_node.Time.GetElapsedTime(0).TotalMicroseconds);

    /// <summary>What it did so far.</summary>
    public SyncCounts Counts => new(
        _core.FieldsIn, _core.FieldsOut, _core.RefusedHere, _core.RefusedThere, _core.Comparisons,
        Interlocked.Read(ref _bytesIn), Interlocked.Read(ref _bytesOut));

    /// <summary>How it stands.</summary>
    public SyncPeer Describe()
    {
        long sequence = _node.Store.CommittedSequence;
        return new(
            Peer, _core.IsCaughtUp, Math.Max(0, sequence - Math.Max(0, _core.AckedCursor)),
            Math.Max(0, Volatile.Read(ref _knownSequence) - Math.Max(0, _core.ReceivedCursor)), _core.FieldsIn,
            _core.FieldsOut, _core.RefusedHere, _core.RefusedThere, _core.Comparisons, Interlocked.Read(ref _bytesIn),
            Interlocked.Read(ref _bytesOut), Since);
    }

    /// <summary>Runs until the session is over.</summary>
    public async Task RunAsync()
    {
        string reason = "closed";
        SyncLog.Opened(_owner.Log, Number, Peer);
        Task writing = Task.Run(WriteFramesAsync);
        Task reading = Task.Run(ReadFramesAsync);
        try
        {
            long sequence = _node.Store.CommittedSequence;
            Take(new((core, outbox) => core.Start(sequence, Now, outbox)));
            while (!_core.IsClosed && await _inputs.Reader.WaitToReadAsync(_stopping.Token).ConfigureAwait(false))
            {
                while (!_core.IsClosed && _inputs.Reader.TryRead(out SyncInput input))
                {
                    reason = input.Reason ?? reason;
                    Take(input);
                }
            }
        }
        catch (OperationCanceledException)
        {
            reason = "the node stops";
        }
        catch (Exception bug)
        {
            reason = bug.Message;
            SyncLog.Failed(_owner.Log, Peer, bug);
        }

        _outgoing.Writer.TryComplete();
        await Task.WhenAny(writing, Task.Delay(GoodbyeTimeout, _node.Time)).ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        _stream.Abort();
        _inputs.Writer.TryComplete();
        await Task.WhenAll(writing, reading).ConfigureAwait(false);
        await EndAsync().ConfigureAwait(false);
        SyncLog.Ended(
            _owner.Log, Number, Peer, (long)_node.Time.GetElapsedTime(_started).TotalMilliseconds, reason);
    }

    /// <summary>Asks the peer, and waits until what it has is merged.</summary>
    /// <returns>True when it answered.</returns>
    public async Task<bool> AskAsync(string soul, string? field, CancellationToken cancellationToken)
    {
        var answered = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        long ticket = 0;
        bool isPosted = _inputs.Writer.TryWrite(new((core, outbox) =>
        {
            ticket = core.Ask(soul, field, outbox);
            if (ticket == 0)
            {
                answered.TrySetResult(false);
            }
            else
            {
                _asks.Add(ticket, answered);
            }
        }));
        if (!isPosted)
        {
            return false; // Busy or gone; others may know.
        }

        try
        {
            return await answered.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _inputs.Writer.TryWrite(new((core, _) =>
            {
                core.Forget(ticket);
                _asks.Remove(ticket);
            }));
            return false;
        }
    }

    /// <summary>Exchanges fields of a range with the peer: see <see cref="SyncCore.Exchange"/>.</summary>
    /// <returns>False when it is too busy, or over.</returns>
    public async Task<bool> ExchangeAsync(string prefix, AuditOutput wish, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await _inputs.Writer.WriteAsync(
                new((core, outbox) => done.TrySetResult(
                    core.Exchange(prefix, wish.From, wish.To, wish.Give!, wish.Take!, outbox))),
                cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return false;
        }

        Task ended = await Task.WhenAny(done.Task, Ended.Task).WaitAsync(cancellationToken).ConfigureAwait(false);
        return ended == done.Task && await done.Task.ConfigureAwait(false);
    }

    /// <summary>Asks how far the peer's commits go.</summary>
    /// <param name="scope">What it is about.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>-1 when the session ended first.</returns>
    public async Task<long> ProbeAsync(SyncReach scope, CancellationToken cancellationToken)
    {
        var answered = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _inputs.Writer.WriteAsync(
            new((core, outbox) =>
            {
                long ticket = ++_probe;
                _probes.Add(ticket, answered);
                core.Probe(ticket, scope, outbox);
            }),
            cancellationToken).ConfigureAwait(false);
        return await answered.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the session; <see cref="RunAsync"/> returns then.</summary>
    public async ValueTask DisposeAsync() => await _stopping.CancelAsync().ConfigureAwait(false);

    private async Task ReadFramesAsync()
    {
        using var buffer = new SyncBuffer();
        try
        {
            while (true)
            {
                int length = await SyncFrames
                    .ReadFrameAsync(_stream, buffer, _options.MessageBytesMax, _stopping.Token).ConfigureAwait(false);
                if (length == -1)
                {
                    await StopAsync("the peer closed the stream").ConfigureAwait(false);
                    return;
                }

                Interlocked.Add(ref _bytesIn, Math.Max(0, length));
                SyncMessage? message = length < 0 ? null : SyncFrames.Read(buffer.Held[..length], _options);
                buffer.Take(Math.Max(0, length));
                await _inputs.Writer.WriteAsync(ToInput(message), _stopping.Token).ConfigureAwait(false);
                if (message is null)
                {
                    return;
                }

                TimeSpan wait = _owner.WaitAfter(Peer, message, Now);
                if (wait > TimeSpan.Zero)
                {
                    await Task.Delay(wait, _node.Time, _stopping.Token).ConfigureAwait(false); // It is not read meanwhile.
                }

                while (Interlocked.Read(ref _outgoingBytes) > OutgoingBytesHigh)
                {
                    await Volatile.Read(ref _room).Task.WaitAsync(_stopping.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or ObjectDisposedException
            or ChannelClosedException)
        {
            await StopAsync(gone.Message).ConfigureAwait(false);
        }
    }

    private SyncInput ToInput(SyncMessage? message)
    {
        if (message is null)
        {
            return new((core, outbox) => core.OnMalformed(outbox), "the peer sent what is no message");
        }

        if (message is SyncHello hello)
        {
            Volatile.Write(ref _knownSequence, hello.Sequence);
        }

        long resume = message is SyncHello known ? _owner.Cursors.ResumeOf(known) : -1;
        return new(
            (core, outbox) => core.OnMessage(message, Now, resume, outbox),
            message is SyncGoodbye goodbye ? $"the peer said {ErrorCatalogue.Code(goodbye.Error)}" : null);
    }

    private async Task StopAsync(string reason)
    {
        try
        {
            await _inputs.Writer.WriteAsync(
                new((core, outbox) => core.Close(WeftError.None, outbox), reason), _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception over) when (over is OperationCanceledException or ChannelClosedException)
        {
            // It is over already.
        }
    }

    private async Task WriteFramesAsync()
    {
        var frame = new ArrayBufferWriter<byte>(4_096);
        try
        {
            await foreach (SyncMessage message in _outgoing.Reader.ReadAllAsync(_stopping.Token).ConfigureAwait(false))
            {
                frame.ResetWrittenCount();
                SyncFrames.Write(message, compresses: true, frame);
                using var deadline = new CancellationTokenSource(WriteTimeout, _node.Time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stopping.Token);
                await _stream.WriteAsync(frame.WrittenMemory, either.Token).ConfigureAwait(false);
                Interlocked.Add(ref _bytesOut, frame.WrittenCount);
                Interlocked.Add(ref _outgoingBytes, -EstimateOf(message));
                Interlocked.Exchange(ref _room, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                if (message is SyncChanges)
                {
                    await _inputs.Writer
                        .WriteAsync(new((core, outbox) => core.OnSent(outbox)), _stopping.Token).ConfigureAwait(false);
                }

                if (frame.Capacity > OutgoingBytesHigh)
                {
                    frame = new ArrayBufferWriter<byte>(4_096);
                }
            }

            await _stream.CompleteWritesAsync().ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or ObjectDisposedException
            or ChannelClosedException)
        {
            await StopAsync(gone is OperationCanceledException ? "the peer does not read" : gone.Message)
                .ConfigureAwait(false);
        }
    }

    private static int EstimateOf(SyncMessage message) => message switch
    {
        SyncChanges changes => 32 + changes.Writes.Sum(write => SyncCodec.SizeOf(write)),
        SyncAnswer answer => 32 + answer.Writes.Sum(write => SyncCodec.SizeOf(write)),
        SyncRanges ranges => 32 + (64 * ranges.Ranges.Count),
        SyncWant want => 64 + (16 * want.Ids.Count),
        _ => 64,
    };

    private async Task EndAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        if (_feed is not null)
        {
            await _feed.DisposeAsync().ConfigureAwait(false);
        }

        await _pump.ConfigureAwait(false);
        foreach (TaskCompletionSource<bool> ask in _asks.Values)
        {
            ask.TrySetResult(false);
        }

        foreach (TaskCompletionSource<long> probe in _probes.Values)
        {
            probe.TrySetResult(-1);
        }

        Ended.TrySetResult();
        Signal();
        _stopping.Dispose();
    }

    private void Signal() => Interlocked
        .Exchange(ref _progress, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}

/// <summary>Something for the core: called by the session's loop.</summary>
/// <param name="Tell">Tells it.</param>
/// <param name="Reason">Why the session ends, when this ends it.</param>
internal readonly record struct SyncInput(Action<SyncCore, Outbox<SyncOutput>> Tell, string? Reason = null);
