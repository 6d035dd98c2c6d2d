using Weft.Primitives;

namespace Weft.Protocols.Yamux;

/// <content>What the other side sends.</content>
public sealed partial class YamuxCore
{
    /// <summary>Takes bytes of the connection, in pieces of any size.</summary>
    /// <param name="bytes">What came. Data outputs point into it, so act on them before it is reused.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    public void OnBytes(ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        int at = 0;
        while (at < bytes.Length && !IsClosed)
        {
            if (_bodyLeft > 0)
            {
                at += TakeBody(bytes.Length - at, at, outbox);
                continue;
            }

            int wanted = Math.Min(YamuxHeader.Size - _headerBytes, bytes.Length - at);
            bytes.Slice(at, wanted).CopyTo(_header.AsSpan(_headerBytes));
            _headerBytes += wanted;
            at += wanted;
            if (_headerBytes < YamuxHeader.Size)
            {
                return;
            }

            _headerBytes = 0;
            if (!YamuxHeader.TryRead(_header, out YamuxHeader header))
            {
                Close(YamuxCloseReason.Malformed, outbox);
                return;
            }

            OnHeader(header, now, outbox);
        }
    }

    private void OnHeader(in YamuxHeader header, WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        bool hasData = header.Type == YamuxType.Data && header.Length > 0;
        if (!hasData && !IsEarned(header) && _control.Take(1, now) > TimeSpan.Zero)
        {
            Close(YamuxCloseReason.ControlFlood, outbox);
            return;
        }

        switch (header.Type)
        {
            case YamuxType.Ping:
                OnPing(header, now, outbox);
                break;
            case YamuxType.GoAway:
                _remoteGoneAway = true;
                outbox.Add(new(YamuxOutputKind.RemoteGoAway));
                CheckLast(outbox);
                break;
            default:
                OnStreamFrame(header, now, outbox);
                break;
        }
    }

    /// <summary>A window update that answers data is no flood, however fast the data is: its sender sets the rate.</summary>
    private bool IsEarned(in YamuxHeader header)
    {
        if (header.Type != YamuxType.WindowUpdate || header.Flags != YamuxFlags.None || header.Length == 0
            || _updatesEarned == 0)
        {
            return false;
        }

        _updatesEarned--;
        return true;
    }

    private void OnPing(in YamuxHeader header, WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        if (header.Flags.HasFlag(YamuxFlags.Syn))
        {
            Send(YamuxType.Ping, YamuxFlags.Ack, 0, header.Length, outbox);
        }
        else if (_pingOut && header.Length == _pingValue)
        {
            _pingOut = false;
            RoundTrip = now - _pingAt;
            outbox.Add(new(YamuxOutputKind.Measured, RoundTrip: RoundTrip));
            outbox.Add(new(YamuxOutputKind.StartTimer, Due: _pingAt + options.PingInterval));
        }
    }

    private void OnStreamFrame(in YamuxHeader header, WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        if (header.Stream == 0)
        {
            Close(YamuxCloseReason.StreamNumber, outbox);
            return;
        }

        if (header.Flags.HasFlag(YamuxFlags.Syn) && !TryAccept(header, now, outbox))
        {
            return;
        }

        _streams.TryGetValue(header.Stream, out YamuxStream? stream);
        if (stream is { IsAccepted: false } && header.Flags.HasFlag(YamuxFlags.Ack))
        {
            stream.IsAccepted = true;
            _unaccepted--;
        }

        if (header.Type == YamuxType.Data)
        {
            OnData(header, stream, outbox);
            return;
        }

        if (stream is not null && header.Length > 0)
        {
            if (stream.SendWindow + header.Length > uint.MaxValue)
            {
                Close(YamuxCloseReason.WindowOverflow, outbox);
                return;
            }

            stream.SendWindow += header.Length;
            if (!stream.SentEnd)
            {
                outbox.Add(new(YamuxOutputKind.Writable, stream.Id, Length: (int)Math.Min(header.Length, int.MaxValue)));
            }
        }

        OnEnd(header.Flags, stream, outbox);
    }

    /// <summary>Takes a stream that the other side opens, or refuses it by a reset.</summary>
    /// <returns>False when nothing more is to be done with the frame.</returns>
    private bool TryAccept(in YamuxHeader header, WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        bool isTheirs = (header.Stream & 1) == (isDialler ? 0u : 1u);
        if (!isTheirs || header.Stream <= _lastInbound)
        {
            Close(YamuxCloseReason.StreamNumber, outbox);
            return false;
        }

        if (header.Type == YamuxType.Data && header.Length > YamuxOptions.FirstWindow)
        {
            Close(YamuxCloseReason.WindowExceeded, outbox);
            return false;
        }

        _lastInbound = header.Stream;
        if (_inbound >= options.InboundStreamsMax || _localGoneAway)
        {
            if (_control.Take(1, now) > TimeSpan.Zero)
            {
                Close(YamuxCloseReason.ControlFlood, outbox); // Refusing costs a frame, too, even of a stream with data.
                return false;
            }

            Send(YamuxType.WindowUpdate, YamuxFlags.Rst, header.Stream, 0, outbox);
            BeginBody(header, stream: null);
            return false;
        }

        _streams.Add(header.Stream, new YamuxStream(header.Stream, isOutbound: false) { FilledAt = now });
        _inbound++;
        Send(YamuxType.WindowUpdate, YamuxFlags.Ack, header.Stream, 0, outbox);
        outbox.Add(new(YamuxOutputKind.Opened, header.Stream));
        return true;
    }

    private void OnData(in YamuxHeader header, YamuxStream? stream, Outbox<YamuxOutput> outbox)
    {
        if (stream is null || stream.ReceivedEnd)
        {
            // Bytes of a stream that was reset a moment ago are still on their way: they are read and thrown away, but
            // never more than a window could have allowed.
            if (header.Length > Math.Max(options.WindowMax, YamuxOptions.FirstWindow))
            {
                Close(YamuxCloseReason.WindowExceeded, outbox);
                return;
            }

            BeginBody(header, stream: null);
            return;
        }

        if (header.Length > stream.ReceiveWindow)
        {
            Close(YamuxCloseReason.WindowExceeded, outbox);
            return;
        }

        stream.ReceiveWindow -= header.Length;
        stream.Unread += header.Length;
        BeginBody(header, stream);
        if (header.Length == 0)
        {
            OnEnd(header.Flags, stream, outbox);
        }
    }

    private void BeginBody(in YamuxHeader header, YamuxStream? stream)
    {
        _bodyLeft = header.Type == YamuxType.Data ? header.Length : 0;
        _bodyStream = stream?.Id ?? 0;
        _bodyFlags = header.Flags;
    }

    private int TakeBody(int available, int offset, Outbox<YamuxOutput> outbox)
    {
        int taken = (int)Math.Min((uint)available, _bodyLeft);
        _bodyLeft -= (uint)taken;
        _streams.TryGetValue(_bodyStream, out YamuxStream? stream); // It may have been reset between two pieces.
        if (stream is not null)
        {
            outbox.Add(new(YamuxOutputKind.Data, _bodyStream, Offset: offset, Length: taken));
        }

        if (_bodyLeft == 0)
        {
            OnEnd(_bodyFlags, stream, outbox);
        }

        return taken;
    }

    private void OnEnd(YamuxFlags flags, YamuxStream? stream, Outbox<YamuxOutput> outbox)
    {
        if (stream is null)
        {
            return;
        }

        if (flags.HasFlag(YamuxFlags.Rst))
        {
            Forget(stream);
            outbox.Add(new(YamuxOutputKind.Reset, stream.Id));
            CheckLast(outbox);
        }
        else if (flags.HasFlag(YamuxFlags.Fin) && !stream.ReceivedEnd)
        {
            stream.ReceivedEnd = true;
            outbox.Add(new(YamuxOutputKind.EndOfData, stream.Id));
            ForgetIfFinished(stream, outbox);
        }
    }
}
