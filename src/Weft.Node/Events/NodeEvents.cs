using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Weft.Node.Events;

/// <summary>What happens to a node, for those who watch. Safe to use from many threads.</summary>
/// <remarks>
/// Nobody is held up by a slow reader: the oldest events go, and the reader is told how many. While nobody watches, an
/// event costs a look at a number.
/// </remarks>
public sealed class NodeEvents
{
    /// <summary>Events that wait for one reader; one more drives out the oldest.</summary>
    public const int WaitingMax = 1_024;

    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly List<Watcher> _watchers = [];
    private readonly List<Action<bool>> _sources = [];
    private volatile bool _isWatched;
    private bool _isComplete;

    internal NodeEvents(TimeProvider time) => _time = time;

    /// <summary>False when what is posted is seen by nobody.</summary>
    public bool IsWatched => _isWatched;

    /// <summary>
    /// Events from now on: it is live when this returns. A reader that falls more than <see cref="WaitingMax"/> behind
    /// gets one of the kind <see cref="NodeEventKind.Missed"/> with the number it lost.
    /// </summary>
    /// <param name="cancellationToken">Ends it; dispose the enumerator, too.</param>
    public IAsyncEnumerable<NodeEvent> WatchAsync(CancellationToken cancellationToken = default)
    {
        var watcher = new Watcher();
        lock (_gate)
        {
            _watchers.Add(watcher);
            if (_isComplete)
            {
                watcher.Events.Writer.TryComplete();
            }
            else
            {
                Tell();
            }
        }

        return ReadAsync(watcher, cancellationToken);
    }

    /// <summary>Tells everyone who watches.</summary>
    public void Post(NodeEvent happened)
    {
        ArgumentNullException.ThrowIfNull(happened);
        if (!_isWatched)
        {
            return;
        }

        lock (_gate)
        {
            foreach (Watcher watcher in _watchers)
            {
                watcher.Events.Writer.TryWrite(happened);
            }
        }
    }

    /// <summary>Makes an event of this moment.</summary>
    internal NodeEvent New(string kind) => new(kind, _time.GetUtcNow());

    /// <summary>
    /// Names a source that costs something: it is told when the first one begins to watch, and when the last one leaves.
    /// It must not post from within that call.
    /// </summary>
    internal void AddSource(Action<bool> onWatched)
    {
        lock (_gate)
        {
            _sources.Add(onWatched);
            if (_isWatched)
            {
                onWatched(true);
            }
        }
    }

    internal void RemoveSource(Action<bool> onWatched)
    {
        lock (_gate)
        {
            _sources.Remove(onWatched);
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

    /// <summary>The gate is held.</summary>
    private void Tell()
    {
        bool isWatched = _watchers.Count > 0 && !_isComplete;
        if (isWatched != _isWatched)
        {
            _isWatched = isWatched;
            _sources.ForEach(source => source(isWatched));
        }
    }

    private async IAsyncEnumerable<NodeEvent> ReadAsync(
        Watcher watcher, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (NodeEvent happened in watcher.Events.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (watcher.TakeMissed() is > 0 and var missed)
                {
                    yield return New(NodeEventKind.Missed) with { Count = missed };
                }

                yield return happened;
            }
        }
        finally
        {
            lock (_gate)
            {
                _watchers.Remove(watcher);
                Tell();
            }
        }
    }

    private sealed class Watcher
    {
        private long _missed;

        internal Watcher() => Events = Channel.CreateBounded<NodeEvent>(
            new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _missed));

        internal Channel<NodeEvent> Events { get; }

        internal long TakeMissed() => Interlocked.Exchange(ref _missed, 0);
    }
}
