using System.Buffers;
using Weft.Protocols.Multistream;

namespace Weft.Libp2p.Streams;

/// <summary>Agrees on the protocol of a stream.</summary>
internal static class StreamNegotiation
{
    private const int BufferLength = 2 * MultistreamCore.LineBytesMax;

    internal static Task<(MultistreamState State, Exception? Failure)> DialAsync(
        PeerStream stream, IReadOnlyList<string> protocols, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(128);
        return RunAsync(stream, MultistreamCore.Dial(protocols, output), output, cancellationToken);
    }

    internal static Task<(MultistreamState State, Exception? Failure)> ListenAsync(
        PeerStream stream, Func<string, bool> isServed, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(128);
        return RunAsync(stream, MultistreamCore.Listen(isServed), output, cancellationToken);
    }

    /// <returns>How it ended; with <see cref="MultistreamState.Broken"/> also why, where something failed.</returns>
    private static async Task<(MultistreamState State, Exception? Failure)> RunAsync(
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

                    return (core.State, null);
                }

                int read = await stream.ReadAsync(buffer.AsMemory(held), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return (MultistreamState.Broken, null);
                }

                held += read;
                int taken = core.OnBytes(buffer.AsSpan(0, held), output);
                buffer.AsSpan(taken, held - taken).CopyTo(buffer);
                held -= taken;
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
        {
            return (MultistreamState.Broken, error);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
