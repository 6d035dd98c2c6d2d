using System.Buffers;
using Weft.Primitives;

namespace Weft.Libp2p.Streams;

/// <summary>Messages on a stream, each behind its length, a varint. No byte beyond a message is taken.</summary>
internal static class StreamMessages
{
    /// <summary>Writes one message, length and all, at once.</summary>
    internal static async ValueTask WriteAsync(
        PeerStream stream, ArrayBufferWriter<byte> message, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[Uvarint.BytesMax + message.WrittenCount];
        int prefix = Uvarint.Write(bytes, (ulong)message.WrittenCount);
        message.WrittenSpan.CopyTo(bytes.AsSpan(prefix));
        await stream.WriteAsync(bytes.AsMemory(0, prefix + message.WrittenCount), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Reads one message.</summary>
    /// <returns>Null when the stream ended before or within it, or its length is none or beyond the ceiling.</returns>
    internal static async ValueTask<byte[]?> ReadAsync(
        PeerStream stream, int bytesMax, CancellationToken cancellationToken)
    {
        byte[] prefix = new byte[Uvarint.BytesMax];
        for (int i = 0; i < prefix.Length; i++)
        {
            if (await stream.ReadAsync(prefix.AsMemory(i, 1), cancellationToken).ConfigureAwait(false) == 0)
            {
                return null;
            }

            OperationStatus status = Uvarint.Read(prefix.AsSpan(0, i + 1), out ulong length, out _);
            if (status == OperationStatus.Done)
            {
                if (length > (ulong)bytesMax)
                {
                    return null;
                }

                byte[] message = new byte[length];
                int read = await stream
                    .ReadAtLeastAsync(message, message.Length, throwOnEndOfStream: false, cancellationToken)
                    .ConfigureAwait(false);
                return read == message.Length ? message : null;
            }

            if (status == OperationStatus.InvalidData)
            {
                return null;
            }
        }

        return null;
    }
}
