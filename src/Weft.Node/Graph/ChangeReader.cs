using System.Threading.Channels;

namespace Weft.Node;

/// <summary>One follower of the <see cref="ChangeHub"/>: a position, and a bell. One caller at a time.</summary>
public sealed class ChangeReader : IDisposable
{
    private readonly ChangeHub _hub;
    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private long _position;
    private long _sequence;

    internal ChangeReader(ChangeHub hub, long position, long startSequence)
    {
        _hub = hub;
        _position = position;
        _sequence = startSequence;
        StartSequence = startSequence;
        Wake(); // The first wait returns at once, so that nothing that is there already is overlooked.
    }

    /// <summary>The commit after which this reader began.</summary>
    public long StartSequence { get; }

    /// <summary>Every change up to this commit has been read.</summary>
    public long Sequence => _sequence;

    /// <summary>Takes changes that have come, without waiting.</summary>
    /// <param name="into">Gets them, in order of their commits.</param>
    /// <param name="changesMax">How many at the most.</param>
    /// <param name="lost">
    /// True when the ring has left this reader behind. It now stands at the newest commit; what it missed after the
    /// <see cref="Sequence"/> it had before must come from the store.
    /// </param>
    /// <returns>How many were taken.</returns>
    public int TryRead(List<HubChange> into, int changesMax, out bool lost) =>
        _hub.Read(ref _position, ref _sequence, into, changesMax, out lost);

    /// <summary>Waits until there may be something to take.</summary>
    /// <returns>False when the reader was disposed.</returns>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken = default)
    {
        if (!await _bell.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        return _bell.Reader.TryRead(out _);
    }

    /// <summary>Stops following and ends a wait.</summary>
    public void Dispose()
    {
        _hub.Leave(this);
        _bell.Writer.TryComplete();
    }

    internal void Wake() => _bell.Writer.TryWrite(true);
}
