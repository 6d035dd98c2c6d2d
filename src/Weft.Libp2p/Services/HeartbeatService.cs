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
            PeerStream stream = await host
                .OpenStreamAsync(connection, [PingCore.Protocol], PingService.Rules, connection.Closing)
                .ConfigureAwait(false);
            await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
            await BeatAsync(stream, ping).ConfigureAwait(false);
        }
        catch (Exception error) when (
            error is IOException or OperationCanceledException or Libp2pException or ObjectDisposedException)
        {
            // A peer that does not speak ping is none the worse; the muxer asks whether it is there, too.
            Libp2pLog.HeartbeatEnded(_log, connection.Remote, error.Message);
        }
    }

    private async Task BeatAsync(PeerStream stream, PingOptions ping)
    {
        PeerConnection connection = stream.Connection;
        var random = new WeftRandom(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        var core = new PingCore(ping, random);
        var outbox = new Outbox<PingOutput>();
        byte[] buffer = new byte[PingCore.PayloadLength];
        Task<int> read = stream.ReadAsync(buffer, connection.Closing).AsTask();
        WeftInstant due = connection.Now;
        while (true)
        {
            TimeSpan wait = due - connection.Now;
            if (wait > TimeSpan.Zero)
            {
                await Task.WhenAny(read, Task.Delay(wait, options.Time, connection.Closing)).ConfigureAwait(false);
            }

            outbox.Clear();
            if (read.IsCompleted)
            {
                int length = await read.ConfigureAwait(false);
                if (length == 0)
                {
                    return; // The peer has ended the stream.
                }

                core.OnBytes(buffer.AsSpan(0, length), connection.Now, outbox);
                read = stream.ReadAsync(buffer, connection.Closing).AsTask();
            }

            connection.Closing.ThrowIfCancellationRequested();
            core.OnTimer(connection.Now, outbox); // Too early is harmless.
            for (int i = 0; i < outbox.Count; i++)
            {
                switch (outbox[i].Kind)
                {
                    case PingOutputKind.Send:
                        await stream.WriteAsync(core.Payload.ToArray(), connection.Closing).ConfigureAwait(false);
                        break;
                    case PingOutputKind.StartTimer:
                        due = outbox[i].Due;
                        break;
                    case PingOutputKind.Measured:
                        connection.SetRoundTrip(outbox[i].RoundTrip);
                        break;
                    case PingOutputKind.PeerLost:
                        connection.CutOff(ConnectionEnd.Silent);
                        return;
                    case PingOutputKind.Broken:
                        connection.CutOff(ConnectionEnd.ProtocolError);
                        return;
                }
            }
        }
    }
}
