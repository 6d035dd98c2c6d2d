using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Weft.Libp2p;

/// <summary>Hands events to everyone who watches; a slow watcher misses the oldest, and holds nobody up.</summary>
internal sealed class EventFeed<T>
{
    private const int WaitingMax = 1_024;

    private readonly Lock _gate = new();
    private readonly List<Channel<T>> _watchers = [];
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
            foreach (Channel<T> watcher in _watchers)
            {
                watcher.Writer.TryWrite(happened);
            }
        }
    }

    internal void Complete()
    {
        lock (_gate)
        {
            _isComplete = true;
            _watchers.ForEach(watcher => watcher.Writer.TryComplete());
        }
    }

    /// <summary>Live when this returns, not only when the first event is asked for.</summary>
    internal IAsyncEnumerable<T> WatchAsync(CancellationToken cancellationToken)
    {
        var watcher = Channel.CreateBounded<T>(
            new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_gate)
        {
            if (_isComplete)
            {
                watcher.Writer.TryComplete();
            }

            _watchers.Add(watcher);
        }

        return ReadAsync(watcher, cancellationToken);
    }

    private async IAsyncEnumerable<T> ReadAsync(
        Channel<T> watcher, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (T happened in watcher.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return happened;
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
}
