using System.Buffers;
using Microsoft.Extensions.Logging;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Services;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Relay;

namespace Weft.Libp2p.Relay;

/// <summary>A relay: peers that cannot be reached keep a place here, and others reach them through it.</summary>
/// <remarks>
/// The driver of one <see cref="RelayCore"/>. What goes through is encrypted between its two ends; the relay sees who
/// speaks with whom, how much and when. Source: docs/spec/libp2p.md, "Relays"; libp2p specs, relay/circuit-v2.md.
/// </remarks>
public sealed class RelayService : IAsyncDisposable
{
    private const int PieceLength = 16_384;

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(20);

    private readonly Libp2pHost _host;
    private readonly RelayOptions _options;
    private readonly RelayCore _core;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly Outbox<RelayOutput> _outbox = new();
    private readonly Dictionary<long, Action> _ends = []; // How each running circuit is ended.
    private readonly CoreTimer _timer;
    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;

    /// <summary>Makes a relay that serves nobody yet.</summary>
    /// <param name="host">The host.</param>
    /// <param name="options">What it gives; null for the defaults.</param>
    public RelayService(Libp2pHost host, RelayOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        _host = host;
        _options = options ?? new();
        _core = new(_options);
        _log = host.Options.Loggers.CreateLogger<RelayService>();
        _timer = new(host.Options.Time, OnTimer);
    }

    /// <summary>Places taken.</summary>
    public int Reservations
    {
        get
        {
            lock (_gate)
            {
                return _core.Reservations;
            }
        }
    }

    /// <summary>Circuits granted or running.</summary>
    public int Circuits
    {
        get
        {
            lock (_gate)
            {
                return _core.Circuits;
            }
        }
    }

    /// <summary>Bytes carried since the start, both ways of all circuits.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _core.Bytes;
            }
        }
    }

    /// <summary>Begins to serve.</summary>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        _watching = WatchAsync(_host.WatchAsync(_stopping.Token));
        _host.Handle(RelayCodec.HopProtocol, ServeAsync);
        return Task.CompletedTask;
    }

    /// <summary>Stops to serve, and ends every circuit.</summary>
    public async ValueTask DisposeAsync()
    {
        _host.Unhandle(RelayCodec.HopProtocol);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(false);
        _timer.Dispose();
        Action[] ends;
        lock (_gate)
        {
            ends = [.. _ends.Values];
        }

        Array.ForEach(ends, end => end());
        _stopping.Dispose();
    }

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        HopMessage? question;
        using (CancellationTokenSource deadline = _host.Deadline(AnswerTimeout, cancellationToken))
        {
            byte[]? bytes = await StreamMessages
                .ReadAsync(stream, RelayCodec.MessageBytesMax, deadline.Token).ConfigureAwait(false);
            RelayCodec.TryReadHop(bytes, out question);
        }

        switch (question)
        {
            case null:
            case { Kind: HopKind.Connect, Peer.IsEmpty: true }:
                await RefuseAsync(stream, RelayStatus.MalformedMessage, cancellationToken).ConfigureAwait(false);
                break;
            case { Kind: HopKind.Reserve }:
                await ReserveAsync(stream, cancellationToken).ConfigureAwait(false);
                break;
            case { Kind: HopKind.Connect }:
                await ConnectAsync(stream, question.Peer, cancellationToken).ConfigureAwait(false);
                break;
            default:
                await RefuseAsync(stream, RelayStatus.UnexpectedMessage, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    private static ValueTask RefuseAsync(PeerStream stream, RelayStatus status, CancellationToken cancellationToken) =>
        WriteAsync(stream, new(HopKind.Status) { Status = status }, cancellationToken);

    private static ValueTask WriteAsync(PeerStream stream, HopMessage message, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(256);
        RelayCodec.Write(message, output);
        return StreamMessages.WriteAsync(stream, output, cancellationToken);
    }

    private async Task ReserveAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        PeerConnection connection = stream.Connection;
        RelayStatus status = Locked(outbox => _core.OnReserve(
            stream.Remote, NetworkRange.Of(connection.RemoteAddress), connection.IsLimited, _timer.Now, outbox));
        RelayLog.Reserved(_log, stream.Remote, status);
        if (status != RelayStatus.Ok)
        {
            await RefuseAsync(stream, status, cancellationToken).ConfigureAwait(false);
            return;
        }

        long expiresAt = (_host.Options.Time.GetUtcNow() + _options.ReservationTime).ToUnixTimeSeconds();
        byte[] voucher = new RelayVoucher(_host.Id, stream.Remote, expiresAt).Seal(_host.Key, _host.Options.Crypto);
        Multiaddr[] own = [.. _host.Addresses.Where(one => !one.TryFind(MultiaddrCode.Circuit, out _))];
        await WriteAsync(
            stream,
            new(HopKind.Status)
            {
                Status = RelayStatus.Ok,
                Reservation = new(expiresAt, own, voucher),
                Limit = _options.Limit,
            },
            cancellationToken).ConfigureAwait(false);
    }

    private async Task ConnectAsync(PeerStream source, PeerId target, CancellationToken cancellationToken)
    {
        long circuit = 0;
        RelayStatus status = Locked(
            _ => _core.OnConnect(source.Remote, target, source.Connection.IsLimited, _timer.Now, out circuit));
        try
        {
            PeerConnection? connection = status == RelayStatus.Ok ? _host.Find(target) : null;
            if (status == RelayStatus.Ok && connection is not { IsLimited: false })
            {
                status = RelayStatus.NoReservation; // It has just gone.
            }

            PeerStream? stop = status == RelayStatus.Ok
                ? await AskTargetAsync(connection!, source.Remote, cancellationToken).ConfigureAwait(false)
                : null;
            status = status == RelayStatus.Ok && stop is null ? RelayStatus.ConnectionFailed : status;
            RelayLog.Connected(_log, source.Remote, target, status);
            if (stop is null)
            {
                await RefuseAsync(source, status, cancellationToken).ConfigureAwait(false);
                return;
            }

            await CarryAsync(circuit, source, stop, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _core.OnClosed(circuit);
            }
        }
    }

    /// <summary>Asks the peer at the end whether it wants the circuit.</summary>
    /// <returns>The stream to it; null when it does not, or does not answer in time.</returns>
    private async Task<PeerStream?> AskTargetAsync(
        PeerConnection connection, PeerId source, CancellationToken cancellationToken)
    {
        PeerStream? stop = null;
        try
        {
            using CancellationTokenSource deadline = _host.Deadline(AnswerTimeout, cancellationToken);
            stop = await _host
                .OpenStreamAsync(connection, [RelayCodec.StopProtocol], deadline.Token).ConfigureAwait(false);
            var output = new ArrayBufferWriter<byte>(128);
            RelayCodec.Write(new StopMessage(StopKind.Connect) { Peer = source, Limit = _options.Limit }, output);
            await StreamMessages.WriteAsync(stop, output, deadline.Token).ConfigureAwait(false);
            byte[]? bytes = await StreamMessages
                .ReadAsync(stop, RelayCodec.MessageBytesMax, deadline.Token).ConfigureAwait(false);
            if (RelayCodec.TryReadStop(bytes, out StopMessage? answer)
                && answer is { Kind: StopKind.Status, Status: RelayStatus.Ok })
            {
                return stop;
            }
        }
        catch (Exception error) when (
            error is IOException or Libp2pException or OperationCanceledException or ObjectDisposedException)
        {
            // What the target fails at is told to the source in one word, below.
        }

        stop?.Abort();
        return null;
    }

    private async Task CarryAsync(
        long circuit, PeerStream source, PeerStream target, CancellationToken cancellationToken)
    {
        try
        {
            lock (_gate)
            {
                _outbox.Clear();
                if (_stopping.IsCancellationRequested || !_core.OnOpened(circuit, _timer.Now, _outbox))
                {
                    target.Abort();
                    return;
                }

                _ends.Add(circuit, () =>
                {
                    source.Abort();
                    target.Abort();
                });
                Apply();
            }

            await WriteAsync(
                source, new(HopKind.Status) { Status = RelayStatus.Ok, Limit = _options.Limit }, cancellationToken)
                .ConfigureAwait(false);
            Task there = CopyAsync(circuit, isFromSource: true, source, target, cancellationToken);
            Task back = CopyAsync(circuit, isFromSource: false, target, source, cancellationToken);
            await Task.WhenAll(there, back).ConfigureAwait(false);
            await target.DisposeAsync().ConfigureAwait(false);
        }
        catch
        {
            target.Abort(); // The source is reset by the host, for the same reason.
            throw;
        }
        finally
        {
            lock (_gate)
            {
                _ends.Remove(circuit);
            }
        }
    }

    /// <summary>Hands on one way until it ends. Nothing is held while nothing comes.</summary>
    private async Task CopyAsync(
        long circuit, bool isFromSource, PeerStream from, PeerStream to, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await from.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
                byte[] buffer = ArrayPool<byte>.Shared.Rent(PieceLength);
                try
                {
                    int read = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                    if (read == 0)
                    {
                        await to.CompleteWritesAsync().ConfigureAwait(false);
                        return;
                    }

                    int allowed = Locked(outbox => _core.OnBytes(circuit, isFromSource, read, outbox));
                    if (allowed < read)
                    {
                        throw new IOException("The circuit was cut.");
                    }

                    await to.WriteAsync(buffer.AsMemory(0, allowed), cancellationToken).ConfigureAwait(false);
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            }
        }
        catch
        {
            from.Abort(); // One way broken ends both.
            to.Abort();
            throw;
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
                    Locked(outbox =>
                    {
                        _core.OnPeerGone(happened.Peer, outbox);
                        return 0;
                    });
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The relay stops.
        }
    }

    private void OnTimer() => Locked(outbox =>
    {
        _core.OnTimer(_timer.Now, outbox);
        return 0;
    });

    private T Locked<T>(Func<Outbox<RelayOutput>, T> use)
    {
        lock (_gate)
        {
            _outbox.Clear();
            T result = use(_outbox);
            Apply();
            return result;
        }
    }

    /// <summary>Carries out the core's wishes; the gate is held. Streams are reset without waiting.</summary>
    private void Apply()
    {
        foreach (RelayOutput output in _outbox.Items)
        {
            switch (output.Kind)
            {
                case RelayOutputKind.StartTimer:
                    _timer.Start(output.Due);
                    break;
                case RelayOutputKind.EndCircuit:
                    RelayLog.Cut(_log, output.Circuit, output.Cut);
                    if (_ends.Remove(output.Circuit, out Action? end))
                    {
                        end();
                    }

                    break;
            }
        }

        _outbox.Clear();
    }
}
