using System.Security.Cryptography;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Ping;

namespace Weft.Libp2p.Services;

/// <summary>Answers pings, and sends one.</summary>
internal static class PingService
{
    private const int InboundMax = 2; // Streams of one connection, as the specification has it.

    internal static StreamRules Rules { get; } = new() { AllowsLimited = true };

    internal static void Register(Libp2pHost host)
    {
        var open = new System.Runtime.CompilerServices.ConditionalWeakTable<PeerConnection, StrongCount>();
        host.Handle(PingCore.Protocol, async (stream, token) =>
        {
            StrongCount count = open.GetOrCreateValue(stream.Connection);
            try
            {
                if (Interlocked.Increment(ref count.Value) > InboundMax)
                {
                    stream.Abort();
                    return;
                }

                await AnswerAsync(stream, token).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref count.Value);
            }
        }, Rules);
    }

    internal static async Task<TimeSpan> PingAsync(
        PeerStream stream, TimeProvider time, CancellationToken cancellationToken)
    {
        byte[] ping = RandomNumberGenerator.GetBytes(PingCore.PayloadLength);
        byte[] pong = new byte[PingCore.PayloadLength];
        long start = time.GetTimestamp();
        await stream.WriteAsync(ping, cancellationToken).ConfigureAwait(false);
        await stream.ReadExactlyAsync(pong, cancellationToken).ConfigureAwait(false);
        TimeSpan roundTrip = time.GetElapsedTime(start);
        if (!ping.AsSpan().SequenceEqual(pong))
        {
            stream.Abort();
            throw new Libp2pException(WeftError.HandshakeFailed, $"{stream.Remote} answered another ping than was sent.");
        }

        return roundTrip;
    }

    private static async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[PingCore.PayloadLength];
        while (true)
        {
            int read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken)
                .ConfigureAwait(false);
            if (read < buffer.Length)
            {
                return;
            }

            await stream.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
    }

    private sealed class StrongCount
    {
        public int Value;
    }
}
