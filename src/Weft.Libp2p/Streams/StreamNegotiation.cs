using System.Buffers;
using Weft.Protocols.Multistream;

namespace Weft.Libp2p.Streams;

/// <summary>Agrees on the protocol of a stream.</summary>
internal static class StreamNegotiation
{
    private const int BufferLength = 2 * MultistreamCore.LineBytesMax;

    internal static Task<MultistreamState> DialAsync(
        PeerStream stream, IReadOnlyList<string> protocols, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(128);
        return RunAsync(stream, MultistreamCore.Dial(protocols, output), output, cancellationToken);
    }

    internal static Task<MultistreamState> ListenAsync(
        PeerStream stream, Func<string, bool> isServed, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(128);
        return RunAsync(stream, MultistreamCore.Listen(isServed), output, cancellationToken);
    }

    private static async Task<MultistreamState> RunAsync(
        PeerStream stream, MultistreamCore core, ArrayBufferWriter<byte> output, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        int held = 0;
        try
        {
            while (true)
            {
                if (output.WrittenCount > 0)
                {
                    await stream.WriteAsync(output.WrittenMemory, cancellationToken).ConfigureAwait(false);
                    output.ResetWrittenCount();
                }

                if (core.State != MultistreamState.Running)
                {
                    stream.PutBack(buffer.AsSpan(0, held));
                    if (core.Protocol is { } protocol)
                    {
                        stream.Name(protocol);
                    }

                    return core.State;
                }

                int read = await stream.ReadAsync(buffer.AsMemory(held), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return MultistreamState.Broken;
                }

                held += read;
                int taken = core.OnBytes(buffer.AsSpan(0, held), output);
                buffer.AsSpan(taken, held - taken).CopyTo(buffer);
                held -= taken;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
