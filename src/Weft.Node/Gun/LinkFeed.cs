using Weft.Graph;
using Weft.Node.Storage;
using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

/// <summary>
/// Brings the change stream to one relay: from the hub's ring where that reaches back far enough, else by a scan of the
/// store. A scan is not ordered by commit, so its cursor moves only at its end. One caller at a time.
/// </summary>
internal sealed class LinkFeed : IAsyncDisposable
{
    private const int ChangesMax = 512;

    private readonly IStore _store;
    private readonly ChangeReader _ring;
    private readonly List<HubChange> _taken = [];
    private readonly CancellationTokenSource _stopping = new();
    private IAsyncEnumerator<StoredChange>? _scan;
    private long _cursor;

    public LinkFeed(IStore store, ChangeHub hub, long afterSequence)
    {
        _store = store;
        _cursor = afterSequence;
        _ring = hub.Follow(afterSequence);
        if (_ring.StartSequence > afterSequence)
        {
            BeginScan();
        }
        else
        {
            _cursor = _ring.StartSequence;
        }
    }

    /// <summary>The position up to which everything was handed out.</summary>
    public long Cursor => _cursor;

    /// <summary>True while the ring alone brings the changes, so that reading never waits.</summary>
    public bool IsLive => _scan is null;

    /// <summary>True while a scan is being read; then only <see cref="Cancel"/> may be called.</summary>
    public bool IsBusy { get; set; }

    /// <summary>Ends a scan that is being read.</summary>
    public void Cancel() => _stopping.Cancel();

    /// <summary>Waits until there may be something to take.</summary>
    /// <returns>False when the feed was disposed.</returns>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _ring.WaitAsync(cancellationToken);

    /// <summary>Takes changes from the ring without waiting.</summary>
    /// <returns>False when the ring has left the relay behind and a scan has begun.</returns>
    public bool TryTake(List<GunChange> into, out bool more)
    {
        _taken.Clear();
        int count = _ring.TryRead(_taken, ChangesMax, out bool lost);
        more = count == ChangesMax;
        if (lost)
        {
            BeginScan();
            return false;
        }

        foreach (HubChange change in _taken)
        {
            if (change.Field.State != Ham.DroppedState)
            {
                into.Add(new GunChange(change.Soul, change.Field, change.Origin));
            }
        }

        _cursor = _ring.Sequence;
        return true;
    }

    /// <summary>Takes changes from the scan.</summary>
    public async ValueTask<List<GunChange>> ScanAsync(int bytesMax)
    {
        var changes = new List<GunChange>();
        int bytes = 0;
        while (bytes < bytesMax && changes.Count < ChangesMax)
        {
            if (!await _scan!.MoveNextAsync().ConfigureAwait(false))
            {
                await _scan.DisposeAsync().ConfigureAwait(false);
                _scan = null;
                _cursor = _ring.Sequence; // What was committed since the scan began comes through the ring.
                break;
            }

            StoredChange change = _scan.Current;
            if (change.Field.State == Ham.DroppedState)
            {
                continue;
            }

            changes.Add(new GunChange(change.Soul, change.Field, 0));
            bytes += change.Soul.Length + change.Field.Field.Length + change.Field.Value.Json.Length;
        }

        return changes;
    }

    public async ValueTask DisposeAsync()
    {
        _ring.Dispose();
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_scan is not null)
        {
            await _scan.DisposeAsync().ConfigureAwait(false);
        }

        _stopping.Dispose();
    }

    private void BeginScan() =>
        _scan = _store.ReadChangesAsync(_cursor, "", _stopping.Token).GetAsyncEnumerator(_stopping.Token);
}
