using System.Buffers;
using System.Threading.Channels;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>The stream of a fetch to one peer: questions out, messages in.</summary>
internal sealed class BlobFetchLink(BlobFetch fetch, IBlobPeers peers, PeerId peer, CancellationToken stopping)
{
    private readonly Channel<(int From, int Count)> _asks = Channel.CreateBounded<(int, int)>(4);
    private readonly CancellationTokenSource _ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);

    public PeerId Peer => peer;

    public void Ask(int from, int count) => _asks.Writer.TryWrite((from, count));

    /// <summary>Ends it; nothing more is handed in.</summary>
    public void End()
    {
        try
        {
            _ = _ending.CancelAsync(); // Not here: whoever calls holds the gate of the fetch.
        }
        catch (ObjectDisposedException)
        {
            // It has ended.
        }
    }

    public async Task RunAsync()
    {
        await Task.Yield(); // The fetch holds its gate while it starts a link.
        string why = "ended";
        try
        {
            Stream stream = await peers.OpenAsync(peer, _ending.Token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                Task reading = ReadAsync(stream);
                try
                {
                    await WriteAsync(stream).ConfigureAwait(false);
                }
                finally
                {
                    await _ending.CancelAsync().ConfigureAwait(false);
                    await reading.ConfigureAwait(false);
                }
            }
        }
        catch (Exception end) when (end is IOException or WeftException or OperationCanceledException
            or ObjectDisposedException or InvalidOperationException)
        {
            why = end.Message; // Another peer, or another stream to this one, is tried.
        }
        finally
        {
            fetch.OnLinkEnded(this, why);
            _ending.Dispose();
        }
    }

    private async Task WriteAsync(Stream stream)
    {
        var frame = new ArrayBufferWriter<byte>(BlobCodec.AskBytesMax + 1);
        while (await _asks.Reader.WaitToReadAsync(_ending.Token).ConfigureAwait(false))
        {
            while (_asks.Reader.TryRead(out (int From, int Count) ask))
            {
                frame.ResetWrittenCount();
                BlobCodec.WriteAsk(frame, fetch.Id, ask.From, ask.Count);
                await stream.WriteAsync(frame.WrittenMemory, _ending.Token).ConfigureAwait(false);
            }
        }
    }

    private async Task ReadAsync(Stream stream)
    {
        var frames = new BlobFrames(stream, BlobLimits.FrameBytesMax);
        try
        {
            while (true)
            {
                (OperationStatus status, ReadOnlyMemory<byte> message) =
                    await frames.ReadAsync(_ending.Token).ConfigureAwait(false);
                if (status == OperationStatus.NeedMoreData)
                {
                    break;
                }

                fetch.OnMessage(peer, message); // Empty when no frame can follow, and that is no message.
                if (status == OperationStatus.InvalidData)
                {
                    break;
                }
            }
        }
        catch (Exception end) when (end is IOException or WeftException or OperationCanceledException
            or ObjectDisposedException)
        {
            // The link ends, and says so.
        }

        End();
    }
}
