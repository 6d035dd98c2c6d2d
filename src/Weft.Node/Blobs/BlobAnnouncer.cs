using Weft.Libp2p.Kad;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;
using Weft.Protocols.Kad;

namespace Weft.Node.Blobs;

/// <summary>
/// Says in the DHT which blobs are here, up to a ceiling, as soon as there is somebody to tell; the DHT says it again.
/// </summary>
internal sealed class BlobAnnouncer : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly KadService _kad;
    private readonly int _max;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Queue<BlobId> _waiting = new();
    private readonly HashSet<BlobId> _known = []; // Announced, or about to be.
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;

    public BlobAnnouncer(KadService kad, NodeBlobs blobs, TimeProvider time)
    {
        _kad = kad;
        _time = time;
        _max = blobs.Options.AnnounceMax;
        foreach (StoredBlob blob in blobs.Index.List(null, int.MaxValue)
            .Where(static blob => blob.IsWhole).OrderByDescending(static blob => blob.IsPinned)
            .ThenByDescending(static blob => blob.UsedAt))
        {
            Add(blob.Id);
        }

        _loop = RunAsync();
    }

    /// <summary>What a blob is provided under: the multihash of its id.</summary>
    public static byte[] KeyOf(BlobId id) => [0x12, 32, .. id.Span];

    public void Add(BlobId id)
    {
        lock (_gate)
        {
            if (_known.Count < _max && _known.Add(id))
            {
                _waiting.Enqueue(id);
            }
        }
    }

    public void Remove(BlobId id)
    {
        lock (_gate)
        {
            if (!_known.Remove(id))
            {
                return;
            }
        }

        _ = StopAsync(id);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(Period, _time);
        DateTimeOffset notBefore = default;
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false))
            {
                if (_time.GetUtcNow() >= notBefore && !await TellAsync().ConfigureAwait(false))
                {
                    notBefore = _time.GetUtcNow() + RetryAfter;
                }
            }
        }
        catch (Exception end) when (end is OperationCanceledException or ObjectDisposedException or WeftException
            or System.Threading.Channels.ChannelClosedException)
        {
            // The node stops.
        }
    }

    /// <summary>Announces what waits, while there is somebody who listens.</summary>
    /// <returns>False when nobody took it.</returns>
    private async Task<bool> TellAsync()
    {
        while (true)
        {
            BlobId id;
            lock (_gate)
            {
                if (!_waiting.TryPeek(out id))
                {
                    return true;
                }
            }

            if ((await _kad.ReadHealthAsync(_stopping.Token).ConfigureAwait(false)).Routes == 0)
            {
                return true; // Nobody is there yet; the next look comes soon.
            }

            KadResult told = await _kad.ProvideAsync(KeyOf(id), Timeout, _stopping.Token).ConfigureAwait(false);
            if (told.Status is KadStatus.Busy or KadStatus.Refused)
            {
                return false;
            }

            lock (_gate)
            {
                _waiting.Dequeue();
            }
        }
    }

    private async Task StopAsync(BlobId id)
    {
        try
        {
            await _kad.StopProvidingAsync(KeyOf(id), _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception end) when (end is OperationCanceledException or ObjectDisposedException or WeftException
            or System.Threading.Channels.ChannelClosedException)
        {
            // The node stops, and with it what it announces.
        }
    }
}
