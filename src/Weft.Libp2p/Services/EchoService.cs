using System.Buffers;
using System.Buffers.Binary;
using Weft.Libp2p.Streams;

namespace Weft.Libp2p.Services;

/// <summary>Sends everything back, then ends its way, too.</summary>
internal static class EchoService
{
    internal const string Protocol = "/echo/1.0.0";

    internal static async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(65_536);
        try
        {
            while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int read)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <summary>
/// Measures throughput: reads how many bytes are wanted, then takes bytes to the end, then sends as many as were
/// wanted.
/// </summary>
/// <remarks>Source: libp2p specs, perf/perf.md.</remarks>
internal static class PerfService
{
    internal const string Protocol = "/perf/1.0.0";

    private static readonly byte[] Zeros = new byte[65_536];

    internal static async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(65_536);
        try
        {
            await stream.ReadExactlyAsync(buffer.AsMemory(0, sizeof(ulong)), cancellationToken).ConfigureAwait(false);
            ulong wanted = BinaryPrimitives.ReadUInt64BigEndian(buffer);
            while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) > 0)
            {
            }

            while (wanted > 0)
            {
                int part = (int)Math.Min(wanted, (ulong)Zeros.Length);
                await stream.WriteAsync(Zeros.AsMemory(0, part), cancellationToken).ConfigureAwait(false);
                wanted -= (ulong)part;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
