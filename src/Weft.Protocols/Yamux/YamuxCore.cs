using Weft.Primitives;

namespace Weft.Protocols.Yamux;

/// <summary>
/// One Yamux session: many streams over one ordered, reliable connection, each with its own window.
/// </summary>
/// <remarks>
/// Pure: no socket, clock or task; one caller at a time. It never holds stream data: what comes in is pointed at, what
/// goes out is announced by a header that the driver sends before the bytes. Every ceiling is in
/// <see cref="YamuxOptions"/>. Source: hashicorp/yamux spec.md; libp2p specs, yamux/README.md.
/// </remarks>
public sealed partial class YamuxCore(bool isDialler, YamuxOptions options, IWindowBudget? budget = null)
{
    private const int BytesPerUpdate = 8_192; // js-libp2p gives the window back for every piece that it reads.
    private const int UpdatesEarnedMax = 65_536;

    private readonly Dictionary<uint, YamuxStream> _streams = [];
    private readonly byte[] _header = new byte[YamuxHeader.Size];
    private TokenBucket _control = new(options.ControlFramesPerSecond, options.ControlFramesPerSecond);
    private int _updatesEarned;    // Window updates that the other side may send for what was sent to it.
    private int _headerBytes;      // How much of the next header has come.
    private uint _bodyStream;      // The stream whose bytes are coming,
    private uint _bodyLeft;        // and how many are still to come.
    private YamuxFlags _bodyFlags; // What the frame says once its bytes are through.
    private uint _nextStream = isDialler ? 1u : 2u;
    private uint _lastInbound;
    private int _inbound;
    private int _outbound;
    private int _unaccepted;
    private long _growth;
    private uint _pingValue;
    private WeftInstant _pingAt;
    private bool _pingOut;
    private bool _remoteGoneAway;
    private bool _localGoneAway;

    /// <summary>True after Close: nothing is taken or sent any more.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Streams that are open, either side's.</summary>
    public int StreamCount => _streams.Count;

    /// <summary>Streams the other side has opened.</summary>
    public int InboundCount => _inbound;

    /// <summary>The round trip measured last; zero before the first.</summary>
    public TimeSpan RoundTrip { get; private set; }

    /// <summary>Begins: sends the first ping, which measures the round trip that windows are tuned by.</summary>
    public void Start(WeftInstant now, Outbox<YamuxOutput> outbox) => SendPing(now, outbox);

    /// <summary>Opens a stream.</summary>
    /// <returns>Its number; 0 when a ceiling is reached or the session is ending.</returns>
    public uint Open(WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        if (IsClosed || _remoteGoneAway || _localGoneAway || _outbound >= options.OutboundStreamsMax
            || _unaccepted >= options.UnacceptedMax || _nextStream > uint.MaxValue - 2)
        {
            return 0;
        }

        var stream = new YamuxStream(_nextStream, isOutbound: true) { FilledAt = now };
        _nextStream += 2;
        _streams.Add(stream.Id, stream);
        _outbound++;
        _unaccepted++;
        Send(YamuxType.WindowUpdate, YamuxFlags.Syn, stream.Id, 0, outbox);
        return stream.Id;
    }

    /// <summary>How many bytes may be sent on a stream now, in one frame.</summary>
    /// <returns>0 when the window is used up, the stream has ended, or there is none.</returns>
    public int Sendable(uint stream) =>
        !IsClosed && _streams.TryGetValue(stream, out YamuxStream? known) && !known.SentEnd
            ? (int)Math.Min(known.SendWindow, options.FrameBytesMax)
            : 0;

    /// <summary>Takes room for bytes of a stream and announces them; the driver sends them after the header.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="length">At most what <see cref="Sendable"/> said.</param>
    /// <param name="outbox">Takes the header.</param>
    /// <exception cref="ArgumentOutOfRangeException">More than may be sent.</exception>
    public void SendData(uint stream, int length, Outbox<YamuxOutput> outbox)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Sendable(stream));
        _streams[stream].SendWindow -= length;
        _updatesEarned = Math.Min(_updatesEarned + 1 + (length / BytesPerUpdate), UpdatesEarnedMax);
        Send(YamuxType.Data, YamuxFlags.None, stream, (uint)length, outbox);
    }

    /// <summary>This side writes nothing more to a stream. Harmless when it already said so.</summary>
    public void CloseWrite(uint stream, Outbox<YamuxOutput> outbox)
    {
        if (IsClosed || !_streams.TryGetValue(stream, out YamuxStream? known) || known.SentEnd)
        {
            return;
        }

        known.SentEnd = true;
        Send(YamuxType.WindowUpdate, YamuxFlags.Fin, stream, 0, outbox);
        ForgetIfFinished(known, outbox);
    }

    /// <summary>Ends a stream at once, both ways. Harmless when there is none.</summary>
    public void ResetStream(uint stream, Outbox<YamuxOutput> outbox)
    {
        if (!IsClosed && _streams.TryGetValue(stream, out YamuxStream? known))
        {
            Send(YamuxType.WindowUpdate, YamuxFlags.Rst, stream, 0, outbox);
            Forget(known);
            CheckLast(outbox);
        }
    }

    /// <summary>
    /// The reader of a stream has taken bytes: its window is filled up once half of it is used, and grows when
    /// that half lasted for less than four round trips.
    /// </summary>
    public void OnConsumed(uint stream, int length, WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        if (IsClosed || !_streams.TryGetValue(stream, out YamuxStream? known))
        {
            return;
        }

        known.Unread = Math.Max(0, known.Unread - length);
        long room = known.ReceiveWindowSize - known.ReceiveWindow - known.Unread;
        if (known.ReceivedEnd || room < known.ReceiveWindowSize / 2)
        {
            return;
        }

        if (RoundTrip > TimeSpan.Zero && now - known.FilledAt < 4 * RoundTrip)
        {
            room += Grow(known);
        }

        known.FilledAt = now;
        known.ReceiveWindow += room;
        Send(YamuxType.WindowUpdate, YamuxFlags.None, stream, (uint)room, outbox);
    }

    /// <summary>Says goodbye: opens nothing more, takes nothing new; streams that are open go on.</summary>
    public void GoAway(YamuxGoAway reason, Outbox<YamuxOutput> outbox)
    {
        if (!IsClosed && !_localGoneAway)
        {
            _localGoneAway = true;
            Send(YamuxType.GoAway, YamuxFlags.None, 0, (uint)reason, outbox);
        }
    }

    /// <summary>A timer asked for has come; late and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        if (IsClosed)
        {
            return;
        }

        if (_pingOut)
        {
            if (now - _pingAt >= options.PingTimeout)
            {
                Close(YamuxCloseReason.Silent, outbox);
            }
        }
        else if (now - _pingAt >= options.PingInterval)
        {
            SendPing(now, outbox);
        }
    }

    private long Grow(YamuxStream stream)
    {
        long more = Math.Min(stream.ReceiveWindowSize, options.WindowMax - stream.ReceiveWindowSize);
        more = Math.Max(0, Math.Min(more, options.WindowGrowthMax - _growth));
        if (more == 0 || budget?.TryTake(more) == false)
        {
            return 0;
        }

        stream.ReceiveWindowSize += more;
        _growth += more;
        return more;
    }

    /// <summary>Gives back what the windows grew by: the session is over. Harmless when called twice.</summary>
    public void Release()
    {
        budget?.Return(_growth);
        _growth = 0;
        IsClosed = true;
        _streams.Clear();
    }

    private void SendPing(WeftInstant now, Outbox<YamuxOutput> outbox)
    {
        _pingOut = true;
        _pingAt = now;
        Send(YamuxType.Ping, YamuxFlags.Syn, 0, ++_pingValue, outbox);
        outbox.Add(new(YamuxOutputKind.StartTimer, Due: now + options.PingTimeout));
    }

    private static void Send(YamuxType type, YamuxFlags flags, uint stream, uint length, Outbox<YamuxOutput> outbox) =>
        outbox.Add(new(YamuxOutputKind.Send, stream, new YamuxHeader(type, flags, stream, length)));

    private void Forget(YamuxStream stream)
    {
        if (!_streams.Remove(stream.Id))
        {
            return;
        }

        long grown = stream.ReceiveWindowSize - YamuxOptions.FirstWindow;
        _growth -= grown;
        if (grown > 0)
        {
            budget?.Return(grown);
        }

        if (!stream.IsOutbound)
        {
            _inbound--;
            return;
        }

        _outbound--;
        if (!stream.IsAccepted)
        {
            _unaccepted--;
        }
    }

    private void ForgetIfFinished(YamuxStream stream, Outbox<YamuxOutput> outbox)
    {
        if (stream.IsFinished)
        {
            Forget(stream);
            outbox.Add(new(YamuxOutputKind.Finished, stream.Id));
            CheckLast(outbox);
        }
    }

    private void CheckLast(Outbox<YamuxOutput> outbox)
    {
        if (_remoteGoneAway && _streams.Count == 0 && !IsClosed)
        {
            Close(YamuxCloseReason.RemoteGoAway, outbox);
        }
    }

    private void Close(YamuxCloseReason reason, Outbox<YamuxOutput> outbox)
    {
        if (reason is not (YamuxCloseReason.Silent or YamuxCloseReason.RemoteGoAway))
        {
            GoAway(YamuxGoAway.ProtocolError, outbox);
        }

        IsClosed = true;
        foreach (uint stream in _streams.Keys.Order()) // Sorted: no output may depend on the order of a table.
        {
            outbox.Add(new(YamuxOutputKind.Reset, stream));
        }

        Release();
        outbox.Add(new(YamuxOutputKind.Close, Reason: reason));
    }
}
