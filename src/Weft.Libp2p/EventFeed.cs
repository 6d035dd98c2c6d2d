using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Weft.Libp2p.Connections;

namespace Weft.Libp2p;

/// <summary>Hands events to everyone who watches; a slow watcher misses the oldest, and holds nobody up.</summary>
internal sealed class EventFeed
{
    private const int WaitingMax = 1_024;

    private readonly Lock _gate = new();
    private readonly List<Channel<PeerEvent>> _watchers = [];
    private bool _isComplete;

    internal void Post(PeerEvent happened)
    {
        lock (_gate)
        {
            foreach (Channel<PeerEvent> watcher in _watchers)
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
    internal IAsyncEnumerable<PeerEvent> WatchAsync(CancellationToken cancellationToken)
    {
        var watcher = Channel.CreateBounded<PeerEvent>(
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

    private async IAsyncEnumerable<PeerEvent> ReadAsync(
        Channel<PeerEvent> watcher, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (PeerEvent happened in watcher.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
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
