using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Ping;

namespace Weft.Libp2p.Services;

/// <summary>
/// Pings every connected peer again and again, and ends the connection with one that stops answering.
/// </summary>
/// <remarks>The driver of one <see cref="PingCore"/> per connection: bytes and due times in, its wishes out.</remarks>
internal sealed class HeartbeatService(Libp2pHost host, Libp2pOptions options)
{
    private readonly ILogger _log = options.Loggers.CreateLogger<HeartbeatService>();

    internal void OnConnected(PeerConnection connection)
    {
        if (options.Heartbeat is { } ping)
        {
            _ = RunAsync(connection, ping);
        }
    }

    private async Task RunAsync(PeerConnection connection, PingOptions ping)
    {
        try
        {
            (PeerStream? stream, Exception? failure) = await host
                .TryOpenStreamAsync(connection, [PingCore.Protocol], PingService.Rules, connection.Closing)
                .ConfigureAwait(false);
            if (stream is null)
            {
                // A peer that does not speak ping is none the worse; the muxer asks whether it is there, too.
                Libp2pLog.HeartbeatEnded(_log, connection.Remote, failure!.Message);
                return;
            }

            await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
            using var heart = new Heart(stream, ping, options.Time);
            await heart.RunAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (
            error is IOException or OperationCanceledException or Libp2pException or ObjectDisposedException)
        {
            Libp2pLog.HeartbeatEnded(_log, connection.Remote, error.Message);
        }
    }

    /// <summary>
    /// One connection's: a timer sends, and what is read answers. Every connection has one all its life, so a beat leaves no
    /// more garbage than the bytes of its ping.
    /// </summary>
    private sealed class Heart : IDisposable
    {
        private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

        private readonly Lock _gate = new();
        private readonly PeerStream _stream;
        private readonly PingCore _core;
        private readonly Outbox<PingOutput> _outbox = new();
        private readonly byte[] _buffer = new byte[PingCore.PayloadLength];
        private readonly ITimer _timer;
        private WeftInstant _due;
        private Task _writing = Task.CompletedTask;

        internal Heart(PeerStream stream, PingOptions ping, TimeProvider time)
        {
            _stream = stream;
            _core = new(ping, new WeftRandom(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)))));
            _timer = time.CreateTimer(
                static heart => ((Heart)heart!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public void Dispose() => _timer.Dispose();

        internal async Task RunAsync()
        {
            OnTimer();
            while (await _stream.ReadAsync(_buffer, CancellationToken.None).ConfigureAwait(false) is var length and > 0)
            {
                ConnectionEnd end;
                lock (_gate)
                {
                    _outbox.Clear();
                    _core.OnBytes(_buffer.AsSpan(0, length), _stream.Connection.Now, _outbox);
                    end = Apply();
                }

                CutOff(end);
            }
        }

        private void OnTimer()
        {
            ConnectionEnd end;
            lock (_gate)
            {
                _outbox.Clear();
                _core.OnTimer(_stream.Connection.Now, _outbox);
                end = Apply();
                if (end == ConnectionEnd.None)
                {
                    // Timers count whole milliseconds: one that rang too early rings again.
                    TimeSpan wait = _due - _stream.Connection.Now;
                    _timer.Change(wait > Shortest ? wait : Shortest, Timeout.InfiniteTimeSpan);
                }
            }

            CutOff(end);
        }

        private void CutOff(ConnectionEnd end)
        {
            if (end != ConnectionEnd.None)
            {
                _stream.Connection.CutOff(end);
            }
        }

        /// <returns>Why the connection is to end; None: it goes on.</returns>
        private ConnectionEnd Apply()
        {
            ConnectionEnd end = ConnectionEnd.None;
            foreach (PingOutput output in _outbox.Items)
            {
                switch (output.Kind)
                {
                    case PingOutputKind.Send:
                        Send();
                        break;
                    case PingOutputKind.StartTimer:
                        _due = output.Due;
                        break;
                    case PingOutputKind.Measured:
                        _stream.Connection.SetRoundTrip(output.RoundTrip);
                        break;
                    case PingOutputKind.PeerLost:
                        end = ConnectionEnd.Silent;
                        break;
                    case PingOutputKind.Broken:
                        end = ConnectionEnd.ProtocolError;
                        break;
                }
            }

            return end;
        }

        /// <summary>Puts the ping in line; where the line is full, the answer is late, and counted as that.</summary>
        private void Send()
        {
            if (!_writing.IsCompleted)
            {
                return;
            }

            ValueTask write = _stream.WriteAsync(_core.Payload.ToArray());
            if (!write.IsCompletedSuccessfully)
            {
                _writing = ObserveAsync(write);
            }
        }

        /// <summary>A failed write is a stream that ended, which its reader meets.</summary>
        private static async Task ObserveAsync(ValueTask write)
        {
            try
            {
                await write.ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
            {
                // See above.
            }
        }
    }
}
