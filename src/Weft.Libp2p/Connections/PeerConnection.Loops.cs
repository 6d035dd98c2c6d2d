using System.Buffers;
using System.Buffers.Binary;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Noise;
using Weft.Protocols.Yamux;

namespace Weft.Libp2p.Connections;

/// <content>Reading, sending, timers, the end.</content>
public sealed partial class PeerConnection : IThreadPoolWorkItem
{
    // Room for one frame of the largest size behind the rest of another.
    private const int ReadBufferLength = 131_072;
    private const int IdleBufferLength = 256; // A ping, a window: what comes now and then.

    private static readonly TimeSpan FlushMax = TimeSpan.FromSeconds(1);

    private WeftInstant _muxDue = WeftInstant.Never;
    private WeftInstant _drainDue = WeftInstant.Never;
    private bool _isMeasured;                // A round trip was measured within the gate, and nobody told yet.
    private TaskCompletionSource? _flushed; // Made when somebody waits for the line to be empty.

    private async Task ReadAsync(ReadOnlyMemory<byte> first)
    {
        byte[] idle = new byte[IdleBufferLength];
        byte[]? rented = null;
        int start = 0;
        int end = 0;
        ConnectionEnd reason = ConnectionEnd.Remote;
        try
        {
            if (!first.IsEmpty)
            {
                rented = ArrayPool<byte>.Shared.Rent(ReadBufferLength);
                first.CopyTo(rented);
                end = first.Length;
            }

            while (TryTakeBatch(rented ?? idle, ref start, ref end, out reason))
            {
                if (end == 0)
                {
                    Return(ref rented); // An idle connection holds no large buffer while it waits.
                }
                else if (rented is null)
                {
                    rented = ArrayPool<byte>.Shared.Rent(ReadBufferLength);
                    idle.AsSpan(0, end).CopyTo(rented);
                }

                int read = await _transport.ReadAsync((rented ?? idle).AsMemory(end), CancellationToken.None)
                    .ConfigureAwait(false);
                if (read == 0)
                {
                    reason = ConnectionEnd.Remote;
                    break;
                }

                end += read;
            }
        }
        catch (Exception)
        {
            // Whatever a transport throws, the connection ends in order: streams are told, room is given back.
            reason = ConnectionEnd.Broken;
        }

        Return(ref rented);
        if (reason is ConnectionEnd.ProtocolError or ConnectionEnd.Flood)
        {
            await FlushAsync().ConfigureAwait(false); // The peer is told why it is cut off.
        }

        Close(reason);
        await EndAsync().ConfigureAwait(false);
    }

    private static void Return(ref byte[]? buffer)
    {
        if (buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = null;
        }
    }

    /// <summary>
    /// Waits until the line is empty; not long, because a peer that does not read may not hold this side up.
    /// </summary>
    private async Task FlushAsync()
    {
        Task flushed;
        lock (Gate)
        {
            _flushed ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            flushed = _isSending ? _flushed.Task : Task.CompletedTask;
        }

        await flushed.WaitAsync(FlushMax, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Goes through all that has come, then wakes who waits for it, and sends what it led to: once for all.</summary>
    private bool TryTakeBatch(byte[] buffer, ref int start, ref int end, out ConnectionEnd reason)
    {
        bool goesOn = TryOpenFrames(buffer, ref start, ref end, out reason);
        bool mustSend;
        int waiting;
        lock (Gate)
        {
            _defersSend = false;
            _ripening?.ForEach(static stream => stream.WakeIfRipe());
            _ripening?.Clear();
            mustSend = !_isSending && !_outgoing.IsEmpty;
            _isSending |= mustSend;
            waiting = _outgoing.Bytes;
        }

        if (mustSend)
        {
            SendSoon(waiting, ReaderSendsMax);
        }

        return goesOn;
    }

    /// <summary>A waiting reader has got bytes and has room for more; it is woken when the batch is through.</summary>
    internal void OnRipening(PeerStream stream) => (_ripening ??= []).Add(stream);

    /// <summary>Opens every whole frame where it lies, and moves the rest to the front.</summary>
    /// <returns>False when the connection must end.</returns>
    private bool TryOpenFrames(byte[] buffer, ref int start, ref int end, out ConnectionEnd reason)
    {
        if (_receive is null)
        {
            return TakePlain(buffer, ref start, ref end, out reason);
        }

        reason = ConnectionEnd.Undecryptable;
        while (end - start >= NoiseSessionCore.PrefixLength)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(start));
            if (end - start - NoiseSessionCore.PrefixLength < length)
            {
                break;
            }

            Span<byte> message = buffer.AsSpan(start + NoiseSessionCore.PrefixLength, length);
            start += NoiseSessionCore.PrefixLength + length;
            if (length < NoiseCipher.TagLength || !_receive.TryOpen(message, [], message[..^NoiseCipher.TagLength]))
            {
                return false;
            }

            OnPlain(message[..^NoiseCipher.TagLength]);
            if (_end != ConnectionEnd.None)
            {
                reason = _end;
                return false;
            }
        }

        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            end -= start;
            start = 0;
        }

        return true;
    }

    /// <summary>What the transport below has opened already.</summary>
    private bool TakePlain(byte[] buffer, ref int start, ref int end, out ConnectionEnd reason)
    {
        OnPlain(buffer.AsSpan(start, end - start));
        start = 0;
        end = 0;
        reason = _end;
        return _end == ConnectionEnd.None;
    }

    private void OnPlain(ReadOnlySpan<byte> plain)
    {
        List<PeerStream>? opened;
        bool isMeasured;
        lock (Gate)
        {
            if (_end != ConnectionEnd.None)
            {
                return;
            }

            _defersSend = true; // Until the batch is through.
            _outbox.Clear();
            _mux.OnBytes(plain, Now, _outbox);
            Apply(plain);
            opened = _opened;
            _opened = null;
            isMeasured = _isMeasured;
            _isMeasured = false;
        }

        if (isMeasured)
        {
            OnLife(isIdentified: false);
        }

        if (opened is not null)
        {
            foreach (PeerStream stream in opened)
            {
                _owner.OnInboundStream(stream);
            }
        }
    }

    private void OnTimer()
    {
        List<PeerStream>? late = null;
        lock (Gate)
        {
            if (_end != ConnectionEnd.None)
            {
                return;
            }

            WeftInstant now = Now;
            _drainDue = WeftInstant.Never;
            foreach (PeerStream stream in _streams.Values)
            {
                if (stream.DiscardingSince is { } since)
                {
                    WeftInstant due = since + _drainTimeout;
                    _drainDue = due < _drainDue ? due : _drainDue;
                    if (due <= now)
                    {
                        (late ??= []).Add(stream);
                    }
                }
            }

            late?.ForEach(stream => stream.Abort());
            _outbox.Clear();
            _mux.OnTimer(now, _outbox);
            Apply([]);
            Schedule();
        }
    }

    /// <summary>One timer serves both: what the muxer asked for, and streams whose other end does not come.</summary>
    private void Schedule()
    {
        WeftInstant due = _muxDue < _drainDue ? _muxDue : _drainDue;
        double wait = Math.Clamp((due - Now).TotalMilliseconds, 1, 60_000); // Too early is harmless.
        _timer.Change(TimeSpan.FromMilliseconds(wait), Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// Carries out the core's wishes, in order; walked by index, because applying one may add others.
    /// </summary>
    private void Apply(ReadOnlySpan<byte> input)
    {
        _isApplying = true;
        Span<byte> header = stackalloc byte[YamuxHeader.Size];
        for (int i = 0; i < _outbox.Count; i++)
        {
            YamuxOutput output = _outbox[i];
            switch (output.Kind)
            {
                case YamuxOutputKind.Send:
                    output.Header.Write(header);
                    _outgoing.Append(
                        LineOf(output.Header), header,
                        output.Header.Type == YamuxType.Data ? (int)output.Header.Length : 0, _expected);
                    break;
                case YamuxOutputKind.Opened:
                    OnOpened(output.Stream);
                    break;
                case YamuxOutputKind.Measured:
                    RoundTrip = output.RoundTrip;
                    _isMeasured = true;
                    break;
                case YamuxOutputKind.StartTimer:
                    _muxDue = output.Due;
                    Schedule();
                    break;
                case YamuxOutputKind.Close:
                    MarkClosed(EndOf(output.Reason));
                    break;
                default:
                    ApplyToStream(output, input);
                    break;
            }
        }

        _outbox.Clear();
        _isApplying = false;
        if (_outgoing.BytesOf(StreamPriority.Control) > ControlLimit || _outgoing.BytesOf(StreamPriority.Interactive) > OutgoingLimit
            || _outgoing.BytesOf(StreamPriority.Bulk) > OutgoingLimit)
        {
            MarkClosed(ConnectionEnd.NotReading);
        }

        if (!_isSending && !_outgoing.IsEmpty && !_defersSend)
        {
            _isSending = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private void ApplyToStream(in YamuxOutput output, ReadOnlySpan<byte> input)
    {
        if (!_streams.TryGetValue(output.Stream, out PeerStream? stream))
        {
            return;
        }

        switch (output.Kind)
        {
            case YamuxOutputKind.Data:
                stream.OnData(input.Slice(output.Offset, output.Length));
                break;
            case YamuxOutputKind.Writable:
                stream.OnWritable();
                break;
            case YamuxOutputKind.EndOfData:
                stream.OnEnd();
                break;
            case YamuxOutputKind.Reset:
                stream.End(_mux.IsClosed ? StreamEnd.ConnectionLost : StreamEnd.RemoteReset);
                Forget(output.Stream);
                break;
            case YamuxOutputKind.Finished:
                Forget(output.Stream);
                break;
        }
    }

    private void OnOpened(uint id)
    {
        if (!_owner.TryOpenStream(this, isInbound: true))
        {
            _mux.ResetStream(id, _outbox);
            return;
        }

        var stream = new PeerStream(this, id, isInbound: true);
        _streams.Add(id, stream);
        (_opened ??= []).Add(stream);
    }

    private static ConnectionEnd EndOf(YamuxCloseReason reason) => reason switch
    {
        YamuxCloseReason.Silent => ConnectionEnd.Silent,
        YamuxCloseReason.RemoteGoAway => ConnectionEnd.Remote,
        YamuxCloseReason.ControlFlood => ConnectionEnd.Flood,
        _ => ConnectionEnd.ProtocolError,
    };

    private void Close(ConnectionEnd reason)
    {
        lock (Gate)
        {
            MarkClosed(reason);
        }

        _transport.Abort(); // Wakes the reader, which ends everything.
    }

    /// <summary>Nothing is taken or sent any more; every stream is told. The gate is held.</summary>
    private void MarkClosed(ConnectionEnd reason)
    {
        if (_end != ConnectionEnd.None)
        {
            return;
        }

        _end = reason;
        foreach (PeerStream stream in _streams.Values)
        {
            stream.End(StreamEnd.ConnectionLost);
            _owner.OnStreamClosed(this, stream.IsInbound, stream.IsNamed);
        }

        _streams.Clear();
        _mux.Release();
        _awaiting = null;
        if (reason is ConnectionEnd.NotReading)
        {
            _transport.Abort();
        }
    }

    private async Task EndAsync()
    {
        _timer.Dispose();
        await _closing.CancelAsync().ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
        _receive?.Dispose();
        _send?.Dispose(); // Where a frame is being sealed now, that fails, and is of no use to anyone.
        lock (Gate)
        {
            _outgoing.Clear();
        }

        _owner.OnClosed(this, _end);
        _closed.TrySetResult(_end);
    }
}
