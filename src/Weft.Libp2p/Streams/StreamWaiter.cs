using System.Threading.Tasks.Sources;

namespace Weft.Libp2p.Streams;

/// <summary>
/// One reader or writer of a stream that waits, without an allocation per wait. All calls but those of the awaiter are made while
/// the connection's gate is held; continuations never run there.
/// </summary>
internal sealed class StreamWaiter(PeerStream stream) : IValueTaskSource<int>
{
    private CancellationTokenRegistration _cancelling;
    private ManualResetValueTaskSourceCore<int> _core = new() { RunContinuationsAsynchronously = true };

    internal bool IsWaiting { get; private set; }

    /// <summary>Begins to wait.</summary>
    /// <exception cref="InvalidOperationException">Somebody waits already.</exception>
    internal ValueTask<int> Begin()
    {
        if (IsWaiting)
        {
            throw new InvalidOperationException("A stream takes one reader and one writer at a time.");
        }

        _core.Reset();
        IsWaiting = true;
        return new ValueTask<int>(this, _core.Version);
    }

    internal void Set(int value)
    {
        if (IsWaiting)
        {
            IsWaiting = false;
            _core.SetResult(value);
        }
    }

    internal void Fail(Exception error)
    {
        if (IsWaiting)
        {
            IsWaiting = false;
            _core.SetException(error);
        }
    }

    /// <summary>
    /// The wait that has begun ends early when this token says so. Called without the gate, before anyone awaits.
    /// </summary>
    internal void CancelBy(CancellationToken cancellationToken) =>
        _cancelling = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var waiter = (StreamWaiter)state!;
                waiter.Stream.Cancel(waiter, token);
            },
            this);

    private PeerStream Stream => stream;

    int IValueTaskSource<int>.GetResult(short token)
    {
        _cancelling.Dispose(); // Waits for it where it runs: the next wait must not meet it.
        _cancelling = default;
        return _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
