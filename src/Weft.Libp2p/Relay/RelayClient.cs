using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Services;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;
using Weft.Protocols.Relay;

namespace Weft.Libp2p.Relay;

/// <summary>
/// Reaches peers through relays, "/…/p2p/RELAY/p2p-circuit/p2p/PEER", and keeps places at relays so that others can
/// reach
/// this host.
/// </summary>
/// <remarks>
/// The driver of one <see cref="RelayClientCore"/>. The relay is trusted with nothing: who is at the other end is
/// proved
/// by the handshake over the circuit, also where the relay has said who comes. Source: docs/spec/libp2p.md, "Relays".
/// </remarks>
public sealed class RelayClient : ITransport, IAsyncDisposable
{
    private const string Tag = "relay";

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(20);

    private readonly Libp2pHost _host;
    private readonly RelayClientOptions _options;
    private readonly RelayClientCore _core;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly Outbox<RelayClientOutput> _outbox = new();
    private readonly Dictionary<PeerId, Multiaddr> _relays = [];
    private readonly Dictionary<PeerId, IReadOnlyList<Multiaddr>> _announced = [];
    private readonly CoreTimer _timer;
    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;
    private int _waiting;

    /// <summary>Makes a client that does nothing yet.</summary>
    /// <param name="host">The host.</param>
    /// <param name="options">How; null for the defaults.</param>
    public RelayClient(Libp2pHost host, RelayClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        _host = host;
        _options = options ?? new();
        _core = new(_options, new WeftRandom(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)))));
        _log = host.Options.Loggers.CreateLogger<RelayClient>();
        _timer = new(host.Options.Time, OnTimer);
    }

    /// <summary>
    /// A place at a relay was got (true) or lost (false). Raised while the client is at work: it must not be called back.
    /// </summary>
    public event Action<PeerId, bool>? PlaceChanged;

    /// <summary>The relays at which places are kept, there or not: where they are.</summary>
    public IReadOnlyList<Multiaddr> Wanted
    {
        get
        {
            lock (_gate)
            {
                return [.. _relays.Values];
            }
        }
    }

    /// <summary>Relays at which there is a place now.</summary>
    public IReadOnlyList<PeerId> Reserved
    {
        get
        {
            lock (_gate)
            {
                return _core.Reserved;
            }
        }
    }

    /// <summary>Dials through relays from now on, and takes what relays bring.</summary>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        _watching = WatchAsync(_host.WatchAsync(_stopping.Token));
        _host.Handle(RelayCodec.StopProtocol, TakeAsync);
        _host.AddTransport(this);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Keeps a place at a relay from now on, and announces the addresses through it while there is one.
    /// </summary>
    /// <param name="relay">Where it is, with its peer id at the end; "/p2p-circuit" behind it does not matter.</param>
    /// <returns>False when the address names no peer, or there are as many relays as the options allow.</returns>
    public bool AddRelay(Multiaddr relay)
    {
        ArgumentNullException.ThrowIfNull(relay);
        if (RelayAddress.TrySplit(relay, out Multiaddr? bare, out _))
        {
            relay = bare;
        }

        if (relay.Peer.IsEmpty || relay.TryFind(MultiaddrCode.Circuit, out _))
        {
            return false;
        }

        lock (_gate)
        {
            _outbox.Clear();
            bool isAdded = _core.Add(relay.Peer, _outbox);
            if (isAdded)
            {
                _relays[relay.Peer] = relay;
            }

            Apply();
            return isAdded;
        }
    }

    /// <summary>Keeps no place at a relay any more.</summary>
    public void RemoveRelay(PeerId relay)
    {
        lock (_gate)
        {
            _outbox.Clear();
            _core.Remove(relay, _outbox);
            _relays.Remove(relay);
            Apply();
        }
    }

    /// <inheritdoc/>
    public bool CanDial(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return RelayAddress.TrySplit(address, out Multiaddr? relay, out PeerId target) && !target.IsEmpty
            && target != relay.Peer && target != _host.Id;
    }

    /// <summary>False: a place is kept with <see cref="AddRelay"/>.</summary>
    public bool CanListen(Multiaddr address) => false;

    /// <inheritdoc/>
    public async ValueTask<ITransportConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        if (!RelayAddress.TrySplit(address, out Multiaddr? relay, out PeerId target))
        {
            throw new IOException($"{address} leads through no relay.");
        }

        PeerConnection connection = relay.Parts.Count == 1
            ? await _host.ConnectAsync(relay.Peer, cancellationToken).ConfigureAwait(false)
            : await _host.ConnectAsync(relay, cancellationToken).ConfigureAwait(false);
        PeerStream stream = await _host
            .OpenStreamAsync(connection, [RelayCodec.HopProtocol], cancellationToken).ConfigureAwait(false);
        try
        {
            HopMessage? answer = await AskAsync(
                stream, new(HopKind.Connect) { Peer = target }, cancellationToken).ConfigureAwait(false);
            if (answer?.Status != RelayStatus.Ok)
            {
                throw new IOException($"Relay {relay.Peer} does not lead to {target}: {Text(answer)}.");
            }

            return new CircuitConnection(
                stream, answer.Limit.IsSet, RelayAddress.Of(relay, _host.Id), address.WithoutPeer()!.WithPeer(target));
        }
        catch
        {
            stream.Abort();
            throw;
        }
    }

    /// <summary>Not supported: a place is kept with <see cref="AddRelay"/>.</summary>
    public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) =>
        throw new NotSupportedException("A place at a relay is kept with AddRelay.");

    /// <summary>Gives every place up, and takes and dials nothing more; circuits that run go on.</summary>
    public async ValueTask DisposeAsync()
    {
        _host.Unhandle(RelayCodec.StopProtocol);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(false);
        _timer.Dispose();
        lock (_gate)
        {
            foreach (PeerId relay in _relays.Keys.ToArray())
            {
                _outbox.Clear();
                _core.Remove(relay, _outbox);
                Apply();
            }

            _relays.Clear();
        }

        _stopping.Dispose();
    }

    private static string Text(HopMessage? answer) => answer is null ? "no answer" : answer.Status.ToString();

    private static async Task<HopMessage?> AskAsync(
        PeerStream stream, HopMessage question, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(128);
        RelayCodec.Write(question, output);
        await StreamMessages.WriteAsync(stream, output, cancellationToken).ConfigureAwait(false);
        byte[]? bytes = await StreamMessages
            .ReadAsync(stream, RelayCodec.MessageBytesMax, cancellationToken).ConfigureAwait(false);
        return RelayCodec.TryReadHop(bytes, out HopMessage? answer) && answer.Kind == HopKind.Status ? answer : null;
    }

    /// <summary>Asks one relay for a place, and tells the core how it went.</summary>
    private async Task ReserveAsync(PeerId relay, Multiaddr address)
    {
        try
        {
            using CancellationTokenSource deadline = _host.Deadline(AnswerTimeout, _stopping.Token);
            PeerConnection connection = address.Parts.Count == 1
                ? await _host.ConnectAsync(relay, deadline.Token).ConfigureAwait(false)
                : await _host.ConnectAsync(address, deadline.Token).ConfigureAwait(false);
            PeerStream stream = await _host
                .OpenStreamAsync(connection, [RelayCodec.HopProtocol], deadline.Token).ConfigureAwait(false);
            await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
            HopMessage? answer = await AskAsync(stream, new(HopKind.Reserve), deadline.Token).ConfigureAwait(false);
            if (answer is { Status: RelayStatus.Ok, Reservation: { } reservation })
            {
                OnReserved(relay, connection, reservation);
                return;
            }

            RelayLog.NoPlace(_log, relay, Text(answer));
        }
        catch (Exception error) when (
            error is IOException or Libp2pException or OperationCanceledException or ObjectDisposedException)
        {
            RelayLog.NoPlace(_log, relay, error.Message);
        }

        Locked(outbox => _core.OnRefused(relay, _timer.Now, outbox));
    }

    private void OnReserved(PeerId relay, PeerConnection connection, RelayReservation reservation)
    {
        DateTimeOffset now = _host.Options.Time.GetUtcNow();
        double seconds = Math.Clamp(reservation.ExpiresAt - (double)now.ToUnixTimeSeconds(), 0, 1e6);
        IReadOnlyList<Multiaddr> addresses = RelayAddress.Announced(
            relay, connection.RemoteAddress, !connection.IsInbound, reservation.Addresses);
        lock (_gate)
        {
            if (_relays.ContainsKey(relay) && !_announced.ContainsKey(relay))
            {
                _announced[relay] = addresses;
            }

            _outbox.Clear();
            _core.OnReserved(relay, TimeSpan.FromSeconds(seconds), _timer.Now, _outbox);
            Apply();
        }
    }

    /// <summary>A relay brings somebody who wants to reach this host.</summary>
    private async Task TakeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        StopMessage? question;
        using (CancellationTokenSource deadline = _host.Deadline(AnswerTimeout, cancellationToken))
        {
            byte[]? bytes = await StreamMessages
                .ReadAsync(stream, RelayCodec.MessageBytesMax, deadline.Token).ConfigureAwait(false);
            RelayCodec.TryReadStop(bytes, out question);
        }

        PeerConnection relay = stream.Connection;
        bool isKnown;
        lock (_gate)
        {
            isKnown = _relays.ContainsKey(relay.Remote);
        }

        bool hasRoom = Interlocked.Increment(ref _waiting) <= _options.WaitingMax;
        bool isWaiting = true;
        try
        {
            // Only a relay that was asked may bring anybody.
            RelayStatus status = question is null || question is { Kind: StopKind.Connect, Peer.IsEmpty: true }
                ? RelayStatus.MalformedMessage
                : question.Kind != StopKind.Connect ? RelayStatus.UnexpectedMessage
                : !isKnown || question.Peer == _host.Id ? RelayStatus.PermissionDenied
                : hasRoom ? RelayStatus.Ok : RelayStatus.ResourceLimitExceeded;
            RelayLog.Brought(_log, relay.Remote, question?.Peer ?? default, status);
            var output = new ArrayBufferWriter<byte>(16);
            RelayCodec.Write(new StopMessage(StopKind.Status) { Status = status }, output);
            await StreamMessages.WriteAsync(stream, output, cancellationToken).ConfigureAwait(false);
            if (status != RelayStatus.Ok)
            {
                return;
            }

            Multiaddr through = relay.RemoteAddress.WithPeer(relay.Remote);
            PeerConnection? taken = await _host.AcceptAsync(new CircuitConnection(
                stream, question!.Limit.IsSet, RelayAddress.Of(through, _host.Id),
                RelayAddress.Of(through, question.Peer))).ConfigureAwait(false);
            isWaiting = false;
            Interlocked.Decrement(ref _waiting);
            if (taken is not null)
            {
                await taken.Closed.ConfigureAwait(false); // The stream is the connection's until then.
            }
        }
        finally
        {
            Interlocked.Add(ref _waiting, isWaiting ? -1 : 0);
        }
    }

    private async Task WatchAsync(IAsyncEnumerable<PeerEvent> events)
    {
        try
        {
            await foreach (PeerEvent happened in events.ConfigureAwait(false))
            {
                if (happened.Kind == PeerEventKind.Disconnected && _host.Find(happened.Peer) is null)
                {
                    Locked(outbox => _core.OnRelayGone(happened.Peer, _timer.Now, outbox));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The client stops.
        }
    }

    private void OnTimer() => Locked(outbox => _core.OnTimer(_timer.Now, outbox));

    private void Locked(Action<Outbox<RelayClientOutput>> use)
    {
        lock (_gate)
        {
            _outbox.Clear();
            use(_outbox);
            Apply();
        }
    }

    /// <summary>Carries out the core's wishes; the gate is held, and nothing is waited for.</summary>
    private void Apply()
    {
        foreach (RelayClientOutput output in _outbox.Items)
        {
            switch (output.Kind)
            {
                case RelayClientOutputKind.StartTimer:
                    _timer.Start(output.Due);
                    break;
                case RelayClientOutputKind.Ask when _relays.TryGetValue(output.Relay, out Multiaddr? address):
                    PeerId asked = output.Relay;
                    _ = Task.Run(() => ReserveAsync(asked, address));
                    break;
                case RelayClientOutputKind.Reserved:
                    RelayLog.HasPlace(_log, output.Relay);
                    _host.Protect(output.Relay, Tag);
                    Announce(output.Relay);
                    PlaceChanged?.Invoke(output.Relay, true);
                    break;
                case RelayClientOutputKind.Lost:
                    RelayLog.LostPlace(_log, output.Relay);
                    _host.Unprotect(output.Relay, Tag);
                    Withdraw(output.Relay);
                    PlaceChanged?.Invoke(output.Relay, false);
                    break;
            }
        }

        _outbox.Clear();
    }

    private void Announce(PeerId relay)
    {
        foreach (Multiaddr address in _announced.GetValueOrDefault(relay) ?? [])
        {
            _host.Announce(address);
        }
    }

    private void Withdraw(PeerId relay)
    {
        if (_announced.Remove(relay, out IReadOnlyList<Multiaddr>? addresses))
        {
            foreach (Multiaddr address in addresses)
            {
                _host.Withdraw(address);
            }
        }
    }
}
