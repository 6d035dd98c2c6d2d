using Weft.Libp2p.Streams;
using Weft.Protocols.Yamux;

namespace Weft.Libp2p.Connections;

/// <content>Sending.</content>
public sealed partial class PeerConnection
{
    private const int InlineBatches = 2;

    void IThreadPoolWorkItem.Execute() => _ = SendAsync();

    /// <summary>
    /// Sends what is in line; the caller has taken that on itself and holds no gate. What is little to the caller is sent
    /// on the spot, which saves a change of threads; more is left to another one, so that this one can go on.
    /// </summary>
    /// <param name="bytes">How much is in line.</param>
    /// <param name="most">How much is little.</param>
    internal void SendSoon(int bytes, int most)
    {
        if (bytes <= most)
        {
            _ = SendAsync();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>
    /// Seals and sends until nothing is left. At most one runs at a time, so frames keep their order.
    /// </summary>
    private async Task SendAsync()
    {
        try
        {
            for (int sent = 0; TryTake(out FrameQueue.Frame frame); sent++)
            {
                if (sent == InlineBatches)
                {
                    // Whoever sends on the spot is not held to send everybody's.
                    await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                }

                try
                {
                    await _transport.WriteAsync(frame.Seal(_send), CancellationToken.None).ConfigureAwait(false);
                }
                finally
                {
                    frame.Return();
                }

                OnSent(frame);
                if (_bytesPerSecond > 0 && _rate.Take(frame.Plain, Now) is { Ticks: > 0 } wait)
                {
                    await Task.Delay(wait, _time, _closing.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception)
        {
            Close(ConnectionEnd.Broken); // The reader ends the rest in order.
        }
    }

    private bool TryTake(out FrameQueue.Frame frame)
    {
        lock (Gate)
        {
            if (_outgoing.TryTake(out frame))
            {
                return true;
            }

            _isSending = false;
            _flushed?.TrySetResult();
            return false;
        }
    }

    private void OnSent(in FrameQueue.Frame frame)
    {
        lock (Gate)
        {
            _outgoing.OnSent(frame);
            if (_awaiting is not null && _outgoing.BytesOf(frame.Priority) <= OutgoingMax / 2)
            {
                for (int i = _awaiting.Count - 1; i >= 0; i--)
                {
                    if (_awaiting[i].Priority == frame.Priority)
                    {
                        _awaiting[i].OnWritable();
                        _awaiting.RemoveAt(i);
                    }
                }
            }
        }
    }

    /// <summary>
    /// Windows and pings go before everything; what belongs to a stream stays in its line, so that nothing of one stream
    /// overtakes another thing of it.
    /// </summary>
    private StreamPriority LineOf(in YamuxHeader header) =>
        header.Stream == 0 || (header.Type == YamuxType.WindowUpdate && header.Flags == YamuxFlags.None)
            ? StreamPriority.Control
            : _streams.TryGetValue(header.Stream, out PeerStream? stream) ? stream.Priority : StreamPriority.Interactive;
}
