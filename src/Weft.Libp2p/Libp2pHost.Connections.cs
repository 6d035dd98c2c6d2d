using Microsoft.Extensions.Logging;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Dialing;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Multistream;
using Weft.Protocols.Peers;

namespace Weft.Libp2p;

/// <content>Listening, dialling, streams.</content>
public sealed partial class Libp2pHost : IConnectionOwner
{
    private readonly EventFeed<PeerEvent> _events = new(static (happened, missed) => happened with { Missed = missed });
    private readonly EventFeed<PhaseChange> _phases = new(static (change, missed) => change with { Missed = missed });

    /// <summary>
    /// What happens to connections from now on. A reader slower than events come misses the oldest, at most 1,024 wait;
    /// <see cref="PeerEvent.Missed"/> of the next one says how many.
    /// </summary>
    public IAsyncEnumerable<PeerEvent> WatchAsync(CancellationToken cancellationToken = default) =>
        _events.WatchAsync(cancellationToken);

    /// <summary>
    /// How connections, and the attempts to make one, go through their phases from now on. At most 1,024 wait.
    /// </summary>
    public IAsyncEnumerable<PhaseChange> WatchPhasesAsync(CancellationToken cancellationToken = default) =>
        _phases.WatchAsync(cancellationToken);

    /// <summary>
    /// Dials this one address, or gives the connection there is with the peer it names. An address without a peer
    /// opens a further connection each time. Prefer <see cref="ConnectAsync(Multiaddr, CancellationToken)"/>.
    /// </summary>
    /// <param name="address">Where; with a peer id at its end, no other peer is accepted.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="Libp2pException">Nobody answers, another peer does, or a ceiling is reached.</exception>
    public async Task<PeerConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ObjectDisposedException.ThrowIf(_isStopped != 0, this);
        if (!address.Peer.IsEmpty && Find(address.Peer) is { } there)
        {
            return there;
        }

        return Admit(await ReachAsync(address, _options.DialTimeout, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Opens a stream over this connection: see <see cref="OpenStreamAsync(PeerId, IReadOnlyList{string},
    /// CancellationToken)"/>.
    /// </summary>
    public Task<PeerStream> OpenStreamAsync(
        PeerConnection connection, IReadOnlyList<string> protocols, CancellationToken cancellationToken = default) =>
        OpenStreamAsync(connection, protocols, StreamRules.Default, cancellationToken);

    bool IConnectionOwner.TryOpenStream(PeerConnection connection, bool isInbound) =>
        _resources.TryOpenStream(connection.Remote, isInbound);

    void IConnectionOwner.OnStreamClosed(PeerConnection connection, bool isInbound, bool isNamed) =>
        _resources.CloseStream(connection.Remote, isInbound, isNamed);

    void IConnectionOwner.OnStreamNamed() => _resources.NameStream();

    void IConnectionOwner.OnInboundStream(PeerStream stream) => _ = ServeAsync(stream);

    MemoryScope IConnectionOwner.MemoryOf(PeerConnection connection) => _resources.MemoryOf(connection.Remote);

    void IConnectionOwner.OnPhase(PeerConnection connection, string reason) =>
        Enter(connection.Phase, connection.Remote, connection.RemoteAddress, connection, reason);

    void IConnectionOwner.OnClosed(PeerConnection connection, ConnectionEnd end)
    {
        lock (_gate)
        {
            if (_connections.TryGetValue(connection.Remote, out List<PeerConnection>? list) && list.Remove(connection)
                && list.Count == 0)
            {
                _connections.Remove(connection.Remote);
            }
        }

        if (connection.IsInbound)
        {
            _resources.CloseInbound(connection.Transport, connection.Remote);
        }
        else
        {
            _resources.CloseOutbound(connection.Remote);
        }

        Libp2pLog.Closed(_log, connection.Remote, end);
        connection.Enter(ConnectionPhase.Disconnect, end.ToString());
        _planner.OnClosed(connection);
        _events.Post(new(PeerEventKind.Disconnected, connection.Remote, connection, end));
    }

    internal void Post(PeerEvent happened)
    {
        if (happened.Identity is { } identity)
        {
            _planner.OnIdentified(happened.Connection, identity);
        }

        _events.Post(happened);
    }

    internal void Enter(
        ConnectionPhase phase, PeerId peer, Multiaddr address, PeerConnection? connection = null, string reason = "")
    {
        if (_phases.IsWatched)
        {
            _phases.Post(new(peer, address, phase, connection, reason));
        }
    }

    internal CancellationTokenSource Deadline(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        deadline.CancelAfter(timeout);
        return deadline;
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        foreach (Multiaddr address in _options.Listen)
        {
            ITransport transport = _transports.FirstOrDefault(one => one.CanListen(address))
                ?? throw new ArgumentException($"No transport listens at {address}.");
            try
            {
                _listeners.Add(await transport.ListenAsync(address, cancellationToken).ConfigureAwait(false));
            }
            catch (IOException error)
            {
                throw new Libp2pException(
                    WeftError.PortTaken, $"{address} cannot be listened at: {error.Message}", error);
            }
        }

        lock (_gate)
        {
            _listened = [.. _listeners.SelectMany(one => one.Addresses).Select(address => address.WithPeer(Id))];
        }

        _loops.AddRange(_listeners.Select(listener => AcceptAsync(listener)));
    }

    private async Task AcceptAsync(ITransportListener listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                ITransportConnection? transport = await listener.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                if (transport is null)
                {
                    return;
                }

                _ = WelcomeAsync(transport);
            }
            catch (IOException error)
            {
                Libp2pLog.AcceptFailed(_log, error.Message); // One connection failed; the next may be better.
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>An inbound connection: there must be room, and its handshake must end well.</summary>
    private async Task<PeerConnection?> WelcomeAsync(ITransportConnection transport)
    {
        string? refusal = _isStopped != 0 ? "the host stops"
            : IsBanned(transport.RemoteAddress) ? "its address is banned"
            : await TryEnterAsync(transport).ConfigureAwait(false);
        if (refusal is not null)
        {
            Libp2pLog.Full(_log, transport.RemoteAddress, refusal);
            transport.Abort();
            await transport.DisposeAsync().ConfigureAwait(false);
            return null;
        }

        using PendingHandshake pending = Begin(transport);
        try
        {
            Enter(ConnectionPhase.Handshake, default, transport.RemoteAddress);
            using CancellationTokenSource deadline = Deadline(_options.HandshakeTimeout, CancellationToken.None);
            UpgradedConnection upgraded = await _upgrader
                .UpgradeAsync(transport, isInbound: true, transport.RemoteAddress.Peer, deadline.Token)
                .ConfigureAwait(false); // Through a relay, the address already says who it is.
            bool isBanned = IsBanned(upgraded.Remote);
            if (!isBanned && _resources.TryAssign(upgraded.Remote, isInbound: true))
            {
                return Add(upgraded);
            }

            Libp2pLog.Full(
                _log, transport.RemoteAddress, isBanned ? "the peer is banned" : "the peer has too many connections");
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or Libp2pException)
        {
            Libp2pLog.Refused(_log, transport.RemoteAddress, error.Message);
            Enter(ConnectionPhase.Disconnect, default, transport.RemoteAddress, reason: error.Message);
        }

        transport.Abort();
        await transport.DisposeAsync().ConfigureAwait(false);
        _resources.CloseInbound(transport, default);
        return null;
    }

    /// <summary>Opens a connection at an address; the host does not count it as the peer's yet.</summary>
    /// <param name="address">Where; with a peer id at its end, no other peer is accepted.</param>
    /// <param name="timeout">For the transport; the handshake has its own.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="Libp2pException">Nobody answers, another peer does, or a ceiling is reached.</exception>
    internal async Task<ReachedPeer> ReachAsync(
        Multiaddr address, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ITransport transport = _transports.FirstOrDefault(one => one.CanDial(address))
            ?? throw new Libp2pException(WeftError.AddressInvalid, $"No transport of this node dials {address}.");
        if (IsBanned(address.Peer) || IsBanned(address))
        {
            throw new Libp2pException(WeftError.PeerBanned, $"{address} is banned here.");
        }

        if (!_resources.TryOpenOutbound())
        {
            throw new Libp2pException(WeftError.ConnectionLimit, "The limit of outbound connections is reached.");
        }

        ITransportConnection? connection = null;
        long start = _options.Time.GetTimestamp();
        try
        {
            Enter(ConnectionPhase.Discovery, address.Peer, address);
            using (CancellationTokenSource dialling = Deadline(timeout, cancellationToken))
            {
                connection = await transport.DialAsync(address, dialling.Token).ConfigureAwait(false);
            }

            Enter(ConnectionPhase.Handshake, address.Peer, address);
            using CancellationTokenSource upgrading = Deadline(_options.HandshakeTimeout, cancellationToken);
            UpgradedConnection upgraded = await _upgrader
                .UpgradeAsync(connection, isInbound: false, address.Peer, upgrading.Token).ConfigureAwait(false);
            return new(upgraded, address, _options.Time.GetElapsedTime(start));
        }
        catch (Exception error)
        {
            if (connection is not null)
            {
                connection.Abort();
                await connection.DisposeAsync().ConfigureAwait(false);
            }

            _resources.CloseOutbound(default);
            Enter(ConnectionPhase.Disconnect, address.Peer, address, reason: error.Message);
            cancellationToken.ThrowIfCancellationRequested();
            throw error switch
            {
                OperationCanceledException => new Libp2pException(
                    WeftError.DeadlinePassed, $"{address} did not answer in time. Nothing was left open.", error),
                IOException => new Libp2pException(
                    WeftError.PeerUnreachable, $"{address} cannot be reached: {error.Message}", error),
                _ => error,
            };
        }
    }

    /// <summary>The connection is the peer's from now on.</summary>
    /// <exception cref="Libp2pException">The peer has too many; it was closed.</exception>
    internal PeerConnection Admit(ReachedPeer reached)
    {
        PeerId remote = reached.Upgraded.Remote;
        Book.OnReached(remote, reached.Address, reached.Took);
        if (IsBanned(remote))
        {
            Refuse(reached);
            throw new Libp2pException(WeftError.PeerBanned, $"{remote} is banned here.");
        }

        if (!_resources.TryAssign(remote, isInbound: false))
        {
            Refuse(reached);
            throw new Libp2pException(WeftError.ConnectionLimit, $"There are too many connections with {remote}.");
        }

        return Add(reached.Upgraded);
    }

    /// <summary>A connection that was opened, and is not wanted any more.</summary>
    internal void Refuse(ReachedPeer reached)
    {
        reached.Upgraded.Transport.Abort();
        _resources.CloseOutbound(default);
    }

    private PeerConnection Add(UpgradedConnection upgraded)
    {
        var connection = new PeerConnection(upgraded, this, _settings);
        bool isLate;
        Book.OnSeen(connection.Remote);
        lock (_gate)
        {
            if (!_connections.TryGetValue(connection.Remote, out List<PeerConnection>? list))
            {
                _connections[connection.Remote] = list = [];
            }

            list.Add(connection);
            isLate = _isStopped != 0;
        }

        Libp2pLog.Connected(_log, connection.Remote, connection.RemoteAddress, connection.IsInbound);
        _events.Post(new(PeerEventKind.Connected, connection.Remote, connection));
        connection.Enter(ConnectionPhase.Authentication);
        _planner.OnConnected(connection);
        connection.Start(upgraded.Raw, upgraded.Plain);
        if (isLate)
        {
            connection.Abort(); // The host stopped while the handshake ended.
        }
        else
        {
            _identify.OnConnected(connection);
            _heartbeat.OnConnected(connection);
        }

        return connection;
    }

    private bool IsServed(PeerConnection connection, string protocol) =>
        _handlers.TryGetValue(protocol, out ServedProtocol? served)
        && (!connection.IsLimited || served.Rules.AllowsLimited);

    private async Task ServeAsync(PeerStream stream)
    {
        try
        {
            ServedProtocol? served;
            using (CancellationTokenSource deadline = Deadline(_options.NegotiationTimeout, stream.Connection.Closing))
            {
                (MultistreamState state, _) = await StreamNegotiation
                    .ListenAsync(stream, name => IsServed(stream.Connection, name), deadline.Token)
                    .ConfigureAwait(false);
                if (state != MultistreamState.Agreed || !_handlers.TryGetValue(stream.Protocol, out served))
                {
                    stream.Abort();
                    return;
                }
            }

            if (!_resources.TryEnterProtocol(stream.Remote, stream.Protocol))
            {
                stream.Abort();
                return;
            }

            try
            {
                await AnswerAsync(stream, served).ConfigureAwait(false);
            }
            finally
            {
                _resources.LeaveProtocol(stream.Remote, stream.Protocol);
            }
        }
        catch (Exception error)
        {
            // A handler's failure is its stream's end, never the host's; a peer's reset is no failure.
            stream.Abort();
            if (error is not (IOException or OperationCanceledException or ObjectDisposedException))
            {
                Libp2pLog.HandlerFailed(_log, stream.Protocol, stream.Remote, error);
            }
        }
    }

    private static async Task AnswerAsync(PeerStream stream, ServedProtocol served)
    {
        stream.Lower(served.Rules.Priority);

        // An application's code never runs on the connection's reader: it may take its time before its first await.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await served.Handler(stream, stream.Connection.Closing).ConfigureAwait(false);
        await stream.DisposeAsync().ConfigureAwait(false);
    }
}
