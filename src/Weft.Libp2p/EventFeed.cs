using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Weft.Libp2p;

/// <summary>
/// Hands events to everyone who watches; a slow watcher misses the oldest, is told how many, and holds nobody up.
/// </summary>
/// <param name="mark">Writes into an event how many before it were missed.</param>
internal sealed class EventFeed<T>(Func<T, long, T> mark)
{
    private const int WaitingMax = 1_024;

    private readonly Lock _gate = new();
    private readonly List<Watcher> _watchers = [];
    private bool _isComplete;

    /// <summary>False when what is posted is seen by nobody.</summary>
    internal bool IsWatched
    {
        get
        {
            lock (_gate)
            {
                return _watchers.Count > 0;
            }
        }
    }

    internal void Post(T happened)
    {
        lock (_gate)
        {
            foreach (Watcher watcher in _watchers)
            {
                watcher.Events.Writer.TryWrite(happened);
            }
        }
    }

    internal void Complete()
    {
        lock (_gate)
        {
            _isComplete = true;
            _watchers.ForEach(watcher => watcher.Events.Writer.TryComplete());
        }
    }

    /// <summary>Live when this returns, not only when the first event is asked for.</summary>
    internal IAsyncEnumerable<T> WatchAsync(CancellationToken cancellationToken)
    {
        var watcher = new Watcher();
        lock (_gate)
        {
            if (_isComplete)
            {
                watcher.Events.Writer.TryComplete();
            }

            _watchers.Add(watcher);
        }

        return ReadAsync(watcher, cancellationToken);
    }

    private async IAsyncEnumerable<T> ReadAsync(
        Watcher watcher, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (T happened in watcher.Events.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return watcher.TakeMissed() is > 0 and var missed ? mark(happened, missed) : happened;
            }
        }
        finally
        {
            lock (_gate)
            {
                _watchers.Remove(watcher);
            }
        }
    }

    private sealed class Watcher
    {
        private long _missed;

        internal Watcher() => Events = Channel.CreateBounded<T>(
            new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _missed));

        internal Channel<T> Events { get; }

        internal long TakeMissed() => Volatile.Read(ref _missed) == 0 ? 0 : Interlocked.Exchange(ref _missed, 0);
    }
}
