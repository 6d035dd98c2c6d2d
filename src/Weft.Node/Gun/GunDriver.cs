using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

/// <summary>
/// Runs the GUN core of one node over WebSockets: those that were accepted, and links that it dials itself.
/// </summary>
/// <remarks>It decides nothing. One loop owns the core; each connection is read by its own task.</remarks>
public sealed partial class GunDriver : IPeerAsker, IAsyncDisposable
{
    private const int InputsPerTurn = 64;

    private readonly WeftNode _node;
    private readonly GunOptions _options;
    private readonly Func<Uri, CancellationToken, ValueTask<WebSocket>>? _dial;
    private readonly ILogger _logger;
    private readonly GunPeerCore _core;
    private readonly Outbox<GunOutput> _outbox = new();
    private readonly Channel<GunInput> _inputs;
    private readonly ConcurrentDictionary<long, GunConnection> _connections = new();
    private readonly ConcurrentDictionary<Uri, GunLink> _links = new();
    private readonly List<GunConnection> _touched = [];
    private readonly Dictionary<long, AskRequest> _asks = [];
    private readonly GunBudget _budget;
    private readonly ChangeReader _changes;
    private readonly List<HubChange> _taken = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly ITimer _timer;
    private readonly Task _loop;
    private readonly Task _pump;
    private WeftInstant _timerDue = WeftInstant.Never;
    private volatile bool _hasRung; // Set by the timer, taken by the loop.
    private bool _isRecovering;   // Of the loop, like the next one.
    private long? _recoverAfter;
    private long _connectionNumber;
    private int _connectionCount;
    private int _disposed;

    /// <summary>Starts the driver of a node.</summary>
    /// <param name="node">Its graph is served; its misses are asked of peers.</param>
    /// <param name="options">Ceilings and waits.</param>
    /// <param name="dial">Opens a WebSocket to a relay; null when this node dials nobody.</param>
    public GunDriver(
        WeftNode node, GunOptions options, Func<Uri, CancellationToken, ValueTask<WebSocket>>? dial = null)
    {
        _node = node;
        _options = options;
        _dial = dial;
        _logger = node.Loggers.CreateLogger("Weft.Gun");
        ulong seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        Random = new WeftRandom(seed);
        _budget = new GunBudget(options.TotalBytesMax);
        _inputs = Channel.CreateBounded<GunInput>(
            new BoundedChannelOptions(options.InputsMax) { SingleReader = true });
        _changes = node.Changes.Follow();
        _core = new GunPeerCore(
            options.Peers,
            new GunIdentity(node.Store.StoreId, IsRelay: true, Key: node.Identity.PublicKey.ToString()),
            Random.Fork(),
            _changes.StartSequence);
        _timer = node.Time.CreateTimer(
            _ => Ring(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        node.Graph.Asker = this;
        _loop = Task.Run(RunAsync);
        _pump = Task.Run(PumpChangesAsync);
    }

    /// <summary>This process's name on the wire.</summary>
    public string Pid => _core.Pid;

    /// <summary>Open connections.</summary>
    public int ConnectionCount => Volatile.Read(ref _connectionCount);

    /// <summary>Why the driver has stopped; null while it runs.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Draws jitter; never secrets. Used under a lock, because links run side by side.</summary>
    internal WeftRandom Random { get; }

    internal GunOptions Options => _options;

    internal WeftNode Node => _node;

    internal ILogger Logger => _logger;

    private WeftInstant Now => new((long)_node.Time.GetElapsedTime(0).TotalMicroseconds);

    /// <summary>Serves one WebSocket until it closes.</summary>
    /// <param name="socket">Open; the caller disposes it afterwards.</param>
    /// <param name="info">Where it comes from.</param>
    /// <param name="cancellationToken">Closes the connection.</param>
    public async Task RunConnectionAsync(
        WebSocket socket, GunConnectionInfo info, CancellationToken cancellationToken = default) =>
        await ServeAsync(socket, info, cancellationToken).ConfigureAwait(false);

    /// <summary>Dials a relay, and dials again whenever the link breaks.</summary>
    /// <param name="address">A ws:// or wss:// URL.</param>
    /// <returns>False when the link exists already.</returns>
    /// <exception cref="WeftException">AddressInvalid for another scheme; TooManyRequests beyond the bound of
    /// links.</exception>
    public bool AddLink(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        if (!address.IsAbsoluteUri || address.Scheme is not ("ws" or "wss") || _dial is null)
        {
            throw new WeftException(
                WeftError.AddressInvalid,
                $"'{address}' is no ws:// or wss:// URL this node can dial. Nothing was changed.");
        }

        if (_links.ContainsKey(address))
        {
            return false;
        }

        if (_links.Count >= _options.LinksMax)
        {
            throw new WeftException(
                WeftError.TooManyRequests, $"There are {_links.Count} links already, as many as are allowed.");
        }

        var link = new GunLink(this, address, _dial);
        if (!_links.TryAdd(address, link))
        {
            return false;
        }

        link.Start();
        return true;
    }

    /// <summary>Closes a link and dials it no more.</summary>
    /// <returns>False when there is none to this address.</returns>
    public bool RemoveLink(Uri address)
    {
        if (!_links.TryRemove(address, out GunLink? link))
        {
            return false;
        }

        _ = link.DisposeAsync().AsTask();
        return true;
    }

    /// <summary>Closes one connection; a client or link may come back.</summary>
    /// <param name="connection">Its number.</param>
    /// <returns>False when there is none of this number.</returns>
    public bool CloseConnection(long connection)
    {
        if (!_connections.TryGetValue(connection, out GunConnection? found))
        {
            return false;
        }

        SayGoodbye(found);
        return true;
    }

    /// <summary>Every connection, and every link that is not connected now.</summary>
    public IReadOnlyList<GunPeerInfo> ListPeers()
    {
        var peers = new List<GunPeerInfo>();
        foreach (GunConnection connection in _connections.Values.OrderBy(connection => connection.Number))
        {
            peers.Add(Describe(connection));
        }

        foreach (GunLink link in _links.Values.OrderBy(link => link.Address.AbsoluteUri, StringComparer.Ordinal))
        {
            if (link.State != GunPeerState.Connected)
            {
                peers.Add(
                    new GunPeerInfo(0, null, null, link.Address.AbsoluteUri, GunPeerKind.Unknown, link.State, true,
                    null, 0, 0, 0, 0, 0, 0, null, link.LastError));
            }
        }

        return peers;
    }

    /// <inheritdoc/>
    public async ValueTask<PeerAnswer> AskAsync(
        string soul, string? field, TimeSpan deadline, CancellationToken cancellationToken)
    {
        if (ConnectionCount == 0 || Volatile.Read(ref _disposed) != 0)
        {
            return default;
        }

        var request = new AskRequest(soul, field, deadline);
        try
        {
            await _inputs.Writer.WriteAsync(new(GunInputKind.Ask, Payload: request), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return default;
        }

        return await request.Answer.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells peers goodbye, closes all connections, and stops dialling.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        _node.Graph.Asker = null;
        await Task.WhenAll(_links.Values.Select(link => link.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_connections.Values.Select(connection => connection.Released.Task)).ConfigureAwait(false);
        _changes.Dispose();
        _inputs.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        foreach (AskRequest request in _asks.Values)
        {
            request.Answer.TrySetResult(default); // Nobody will answer it any more.
        }

        await _pump.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private GunPeerInfo Describe(GunConnection connection)
    {
        GunPeerIdentity identity = connection.Identity;
        bool isLink = connection.Info.Role == GunRole.Dialled;
        GunPeerKind kind = identity switch
        {
            { Weft.IsRelay: true } => GunPeerKind.WeftRelay,
            { Weft: not null } => isLink ? GunPeerKind.WeftRelay : GunPeerKind.WeftClient,
            _ when isLink => GunPeerKind.GunRelay,
            { Pid: not null } => GunPeerKind.GunClient,
            _ => GunPeerKind.Unknown,
        };
        return new GunPeerInfo(
            connection.Number,
            identity.Pid,
            identity.Weft?.StoreId,
            connection.Info.Address,
            kind,
            GunPeerState.Connected,
            isLink,
            identity.RoundTrip,
            Interlocked.Read(ref connection.MessagesIn),
            Interlocked.Read(ref connection.MessagesOut),
            Interlocked.Read(ref connection.BytesIn),
            Interlocked.Read(ref connection.BytesOut),
            connection.Pending,
            connection.Cursor,
            connection.Since,
            connection.LastError,
            connection.ProvenKey);
    }

    private void Ring()
    {
        _hasRung = true;
        Wake();
    }

    private void Wake() => _inputs.Writer.TryWrite(new(GunInputKind.Wake)); // A full channel wakes the loop anyway.

    private async Task PumpChangesAsync()
    {
        while (await _changes.WaitAsync().ConfigureAwait(false))
        {
            Wake();
        }
    }
}
