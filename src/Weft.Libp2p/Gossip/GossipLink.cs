using System.Buffers;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Libp2p.Gossip;

/// <summary>
/// The two one-way streams with one peer: what is in line goes out on the one, what comes in on the other is read.
/// </summary>
internal sealed class GossipLink(GossipService service, PeerId id) : IDisposable
{
    private const int WriteBytes = 64 * 1024;
    private const int PendingHigh = 1_024; // Above, nothing more is read of the peer; below a half of it, again.

    private readonly CancellationTokenSource _stopping =
        CancellationTokenSource.CreateLinkedTokenSource(service.Stopping);

    private readonly SemaphoreSlim _work = new(0, 1);
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _drained;
    private readonly List<GossipMessage> _here = []; // Read, and to be judged by the reader.
    private PeerStream? _inbound;

    internal PeerId Id => id;

    /// <summary>Set while the outbound stream is open; guarded by the service's gate, like the queue.</summary>
    internal GossipPeer? Peer { get; set; }

    /// <summary>The peer's signed record, verified; empty until it is known.</summary>
    internal ReadOnlyMemory<byte> Record { get; set; }

    internal GossipSendQueue Queue { get; } = new(service.Options.Core);

    /// <summary>Completes when the first attempt to open the outbound stream is over.</summary>
    internal TaskCompletionSource Opened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal CancellationToken Stopping => _stopping.Token; // Asked for only within the loop.

    /// <summary>What keeps the outbound stream open; completes when the link is over.</summary>
    internal Task Loop { get; set; } = Task.CompletedTask;

    /// <summary>Something was put in line; the gate is held, so that nobody else wakes it meanwhile.</summary>
    internal void Wake()
    {
        if (_work.CurrentCount == 0)
        {
            _work.Release();
        }
    }

    internal void Stop()
    {
        try
        {
            _stopping.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It is over already.
        }
    }

    /// <summary>The link is over, in both directions.</summary>
    public void Dispose()
    {
        Interlocked.Exchange(ref _inbound, null)?.Abort();
        _stopping.Dispose();
        _work.Dispose();
    }

    /// <summary>A verdict was given; the gate is held.</summary>
    internal void OnJudged()
    {
        if (_room is not null && Peer is not { Pending: > PendingHigh / 2 })
        {
            _room.TrySetResult();
            _room = null;
        }
    }

    /// <summary>Completes when the line is short again; the gate is held.</summary>
    internal Task WaitDrained() =>
        (_drained ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Sends what is in line until the stream or the link ends.</summary>
    internal async Task WriteAsync(PeerStream stream)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, stream.Connection.Closing);
        Task remote = WatchAsync(stream, ended);
        byte[]? buffer = null;
        try
        {
            while (true)
            {
                await _work.WaitAsync(ended.Token).ConfigureAwait(false);

                // Behind whatever else is to be done: under load more gathers meanwhile, and goes out in one write.
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                buffer ??= ArrayPool<byte>.Shared.Rent(WriteBytes);
                while (Gather(buffer, out int length, out ReadOnlyMemory<byte> large))
                {
                    if (length > 0)
                    {
                        await stream.WriteAsync(buffer.AsMemory(0, length), ended.Token).ConfigureAwait(false);
                    }

                    if (!large.IsEmpty)
                    {
                        await stream.WriteAsync(large, ended.Token).ConfigureAwait(false);
                    }
                }

                ArrayPool<byte>.Shared.Return(buffer); // Idle links hold no buffer.
                buffer = null;
            }
        }
        finally
        {
            if (buffer is not null)
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }

            await ended.CancelAsync().ConfigureAwait(false);
            stream.Abort();
            await remote.ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Reads RPCs until the stream ends; one stream at a time, a newer one takes the place of an older.
    /// </summary>
    internal async Task ReadAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref _inbound, stream)?.Abort();
        await Opened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        int max = service.Options.Core.RpcBytesMax;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        int held = 0;
        try
        {
            while (true)
            {
                int needed = TakeBatch(buffer.AsSpan(0, held), max, out int used, out bool hasJudged);
                if (hasJudged)
                {
                    // A peer that never stops sending is not to hold a thread of the pool for ever.
                    await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                }

                if (needed < 0)
                {
                    stream.Abort();
                    return;
                }

                buffer.AsSpan(used, held - used).CopyTo(buffer);
                held -= used;
                buffer = Fit(buffer, held, needed);
                if (WaitRoom() is { } room)
                {
                    await room.WaitAsync(cancellationToken).ConfigureAwait(false);
                }

                int read = await stream.ReadAsync(buffer.AsMemory(held), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return;
                }

                held += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            Interlocked.CompareExchange(ref _inbound, null, stream);
        }
    }

    /// <summary>Hands over every whole RPC, and judges on the spot what came in them, if it may.</summary>
    /// <returns>How many bytes the next one needs in all; less than 0 when the bytes are wrong.</returns>
    private int TakeBatch(ReadOnlySpan<byte> bytes, int max, out int used, out bool hasJudged)
    {
        bool isHere = bytes.Length > 0 && service.TryBeginHere(this);
        int needed = Parse(bytes, max, isHere ? _here : null, out used);
        hasJudged = _here.Count > 0;
        if (isHere)
        {
            service.JudgeHere(_here);
            _here.Clear();
        }

        return needed;
    }

    private int Parse(ReadOnlySpan<byte> bytes, int max, List<GossipMessage>? here, out int used)
    {
        used = 0;
        while (true)
        {
            OperationStatus status = Uvarint.Read(bytes[used..], out ulong length, out int head);
            if (status == OperationStatus.NeedMoreData)
            {
                return Uvarint.BytesMax;
            }

            if (status != OperationStatus.Done || length > (ulong)max)
            {
                return -1;
            }

            int whole = head + (int)length;
            if (bytes.Length - used < whole)
            {
                return whole;
            }

            if (!service.OnRpc(this, bytes.Slice(used + head, (int)length), here))
            {
                return -1;
            }

            used += whole;
        }
    }

    private static byte[] Fit(byte[] buffer, int held, int needed)
    {
        bool isTooLarge = held == 0 && buffer.Length > 64 * 1024 && needed <= 16 * 1024;
        if (buffer.Length >= needed && buffer.Length > held && !isTooLarge)
        {
            return buffer;
        }

        byte[] other = ArrayPool<byte>.Shared.Rent(Math.Max(needed, 16 * 1024));
        buffer.AsSpan(0, held).CopyTo(other);
        ArrayPool<byte>.Shared.Return(buffer);
        return other;
    }

    private Task? WaitRoom()
    {
        lock (service.Gate)
        {
            return Peer is { Pending: > PendingHigh }
                ? (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task
                : null;
        }
    }

    private bool Gather(Span<byte> buffer, out int length, out ReadOnlyMemory<byte> large)
    {
        length = 0;
        large = default;
        lock (service.Gate)
        {
            while (large.IsEmpty && Queue.TryPeek(out ReadOnlyMemory<byte> frame))
            {
                if (frame.Length <= buffer.Length - length)
                {
                    frame.Span.CopyTo(buffer[length..]);
                    length += frame.Length;
                }
                else if (length == 0 || frame.Length > buffer.Length)
                {
                    large = frame;
                }
                else
                {
                    break;
                }

                Queue.TryTake(out _);
            }

            if (_drained is not null && Queue.DataBytes < service.Options.Core.DataQueueBytesMax / 4)
            {
                _drained.TrySetResult();
                _drained = null;
            }
        }

        return length > 0 || !large.IsEmpty;
    }

    /// <summary>The other side writes nothing on this stream; when it ends it, the link ends.</summary>
    private static async Task WatchAsync(PeerStream stream, CancellationTokenSource ended)
    {
        byte[] nothing = new byte[16];
        try
        {
            while (await stream.ReadAsync(nothing, ended.Token).ConfigureAwait(false) > 0)
            {
                // A peer that uses one stream for both ways reads its own; what it sends here counts for nothing.
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }
}
