using Microsoft.Extensions.Logging;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Discovery;
using Weft.Libp2p.Services;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;
using Weft.Protocols.Rendezvous;

namespace Weft.Libp2p.Rendezvous;

/// <summary>Keeps this host registered at rendezvous points, and asks them again and again for who is new.</summary>
public sealed class RendezvousDiscovery : IDiscovery
{
    private readonly Libp2pHost _host;
    private readonly RendezvousClient _client;
    private readonly string _name;
    private readonly TimeSpan _interval;
    private readonly Point[] _points;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private Task[] _loops = [];
    private long _found;

    /// <summary>Makes one that does nothing yet.</summary>
    /// <param name="host">The host.</param>
    /// <param name="points">Where the rendezvous points are, their peer ids at the end: at most 16.</param>
    /// <param name="name">The namespace: 1 to 255 bytes of UTF-8.</param>
    /// <param name="interval">Time between two questions to one point; null for 1 min.</param>
    public RendezvousDiscovery(
        Libp2pHost host, IReadOnlyCollection<Multiaddr> points, string name, TimeSpan? interval = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(points);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(points.Count, 16, nameof(points));
        if (!RendezvousCodec.IsNamespace(name) || points.Any(one => one.Peer.IsEmpty))
        {
            throw new ArgumentException("A namespace has 1 to 255 bytes, and points have peer ids.", nameof(name));
        }

        _host = host;
        _client = new(host);
        _name = name;
        _interval = interval ?? TimeSpan.FromMinutes(1);
        _points = [.. points.Select(address => new Point(address))];
        _log = host.Options.Loggers.CreateLogger<RendezvousDiscovery>();
    }

    /// <inheritdoc/>
    public PeerSource Source => PeerSource.Rendezvous;

    /// <inheritdoc/>
    public bool IsActive => _loops.Length > 0 && !_stopping.IsCancellationRequested;

    /// <inheritdoc/>
    public long Found => Interlocked.Read(ref _found);

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        _loops = [.. _points.Select(RunAsync)];
        return Task.CompletedTask;
    }

    /// <summary>Looks no more, and takes the registrations back where that is quickly done.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ConfigureAwait(false);
        using var quick = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await Task.WhenAll(_points.Where(one => one.IsRegistered && _host.Find(one.Address.Peer) is not null)
            .Select(one => TryAsync(one, () => _client.UnregisterAsync(one.Address.Peer, _name, quick.Token))))
            .ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task RunAsync(Point point)
    {
        try
        {
            while (true)
            {
                await TryAsync(point, () => RoundAsync(point)).ConfigureAwait(false);
                await Task.Delay(_interval, _host.Options.Time, _stopping.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // It stops.
        }
    }

    private async Task RoundAsync(Point point)
    {
        CancellationToken token = _stopping.Token;
        PeerId peer = (await _host.ConnectAsync(point.Address, token).ConfigureAwait(false)).Remote;
        byte[] record = _host.SignedRecord.ToArray();
        WeftInstant now = _host.Options.Time.Instant();
        if (now >= point.RegisterAt || !record.AsSpan().SequenceEqual(point.Record))
        {
            TimeSpan ttl = await _client.RegisterAsync(peer, _name, cancellationToken: token).ConfigureAwait(false);
            point.IsRegistered = true;
            point.Record = record;
            point.RegisterAt = now + (ttl / 2); // One answer may be lost.
        }

        RendezvousFound found;
        try
        {
            found = await _client
                .DiscoverAsync(peer, _name, cookie: point.Cookie, cancellationToken: token).ConfigureAwait(false);
        }
        catch (Libp2pException) when (!point.Cookie.IsEmpty)
        {
            point.Cookie = default; // The point has begun anew: so do we, in the next round.
            point.RegisterAt = default;
            throw;
        }

        point.Cookie = found.Cookie;
        PeerConnection? teller = _host.Find(peer);
        foreach (PeerRecord one in found.Peers)
        {
            if (_host.Book.Add(one.Peer, one.Addresses, Source, teller) > 0)
            {
                Interlocked.Increment(ref _found);
            }
        }
    }

    private async Task TryAsync(Point point, Func<Task> action)
    {
        try
        {
            await action().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or Libp2pException or ObjectDisposedException
            || (error is OperationCanceledException && !_stopping.IsCancellationRequested))
        {
            DiscoveryLog.PointFailed(_log, point.Address.Peer, error.Message);
        }
        catch (OperationCanceledException)
        {
            // It stops.
        }
    }

    private sealed class Point(Multiaddr address)
    {
        public Multiaddr Address => address;

        public bool IsRegistered { get; set; }

        public byte[] Record { get; set; } = [];

        public WeftInstant RegisterAt { get; set; }

        public ReadOnlyMemory<byte> Cookie { get; set; }
    }
}
