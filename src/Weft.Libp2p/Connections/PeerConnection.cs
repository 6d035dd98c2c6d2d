using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols;
using Weft.Protocols.Identify;
using Weft.Protocols.Noise;
using Weft.Protocols.Peers;
using Weft.Protocols.Yamux;

namespace Weft.Libp2p.Connections;

/// <summary>One encrypted, muxed connection with a peer that has proved who it is.</summary>
/// <remarks>
/// The driver of one <see cref="YamuxCore"/>: whoever holds the gate is the core's one caller. The gate is held for
/// copying bytes at most; sealing, opening and sending happen outside of it. See docs/decisions/0018.
/// </remarks>
public sealed partial class PeerConnection : IAsyncDisposable
{
    // Bytes in each line to be sent, at which writers wait; and at which a peer that makes this side answer, but does
    // not read, is cut off.
    private const int OutgoingMax = 512 * 1024;

    /// <summary>Bytes that are sealed and sent together; also what a writer sends itself, at most.</summary>
    internal const int BatchMax = 2 * FrameQueue.FrameMax;

    // What the reader sends itself, at most: more would keep it from reading.
    private const int ReaderSendsMax = 16 * 1024;
    private const int OutgoingLimit = 2 * OutgoingMax;
    private const int ControlLimit = OutgoingMax;

    private static long _numbers;

    private readonly ITransportConnection _transport;
    private readonly NoiseCipher? _send; // Null where the transport below protects the bytes itself.
    private readonly NoiseCipher? _receive;
    private readonly YamuxCore _mux;
    private readonly IConnectionOwner _owner;
    private readonly TimeProvider _time;
    private readonly TimeSpan _drainTimeout;
    private readonly long _bytesPerSecond; // 0: as many as the network takes.
    private readonly Outbox<YamuxOutput> _outbox = new();
    private readonly Dictionary<uint, PeerStream> _streams = [];
    private readonly FrameQueue _outgoing;
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource<ConnectionEnd> _closed =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _timer;
    private List<PeerStream>? _opened;   // Inbound streams to be handed over once the gate is free.
    private List<PeerStream>? _awaiting; // Streams whose writers wait for room in the line.
    private TokenBucket _rate; // Whoever sends is alone in that.
    private int _expected; // Bytes that are put in line next, at most.
    private bool _isSending;
    private bool _isApplying;
    private bool _defersSend; // Somebody gathers what is to be sent, and sees to it afterwards.
    private List<PeerStream>? _ripening; // Streams whose waiting readers have got bytes, and may get more.
    private bool _isIdentified;
    private ConnectionEnd _end;

    internal PeerConnection(UpgradedConnection upgraded, IConnectionOwner owner, ConnectionSettings settings)
    {
        _transport = upgraded.Transport;
        _send = upgraded.Send;
        _receive = upgraded.Receive;
        Remote = upgraded.Remote;
        RemoteKey = upgraded.RemoteKey;
        IsInbound = upgraded.IsInbound;
        _owner = owner;
        _time = settings.Time;
        _drainTimeout = settings.DrainTimeout;
        _bytesPerSecond = settings.BytesPerSecond;
        _outgoing = new(_bytesPerSecond > 0 ? FrameQueue.FrameMax : BatchMax, _send is not null);
        _rate = new(Math.Max(1, _bytesPerSecond), Math.Max(1, _bytesPerSecond));
        Memory = owner.MemoryOf(this);
        _mux = new(!upgraded.IsInbound, settings.Yamux, Memory);
        _timer = _time.CreateTimer(
            static state => ((PeerConnection)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Since = _time.GetUtcNow();
    }

    /// <summary>The peer at the other end.</summary>
    public PeerId Remote { get; }

    /// <summary>Its key.</summary>
    public PeerPublicKey RemoteKey { get; }

    /// <summary>True when the other side opened it.</summary>
    public bool IsInbound { get; }

    /// <summary>Where the other end is.</summary>
    public Multiaddr RemoteAddress => _transport.RemoteAddress;

    /// <summary>Where this end is.</summary>
    public Multiaddr LocalAddress => _transport.LocalAddress;

    /// <summary>
    /// True through a relay, which cuts it after some time and bytes: only protocols that allow for that run over it
    /// (<see cref="StreamRules.AllowsLimited"/>).
    /// </summary>
    public bool IsLimited => _transport.IsLimited;

    /// <summary>Since when it is there.</summary>
    public DateTimeOffset Since { get; }

    /// <summary>The round trip measured last; zero before the first.</summary>
    public TimeSpan RoundTrip { get; private set; }

    /// <summary>What the peer has said of itself; null until it has.</summary>
    public IdentifyMessage? Identity { get; private set; }

    /// <summary>Where it stands in its life.</summary>
    public ConnectionPhase Phase { get; private set; } = ConnectionPhase.Handshake;

    /// <summary>Completes when the connection is gone, and says why.</summary>
    public Task<ConnectionEnd> Closed => _closed.Task;

    /// <summary>Streams open now, either side's.</summary>
    public int StreamCount
    {
        get
        {
            lock (Gate)
            {
                return _streams.Count;
            }
        }
    }

    internal Lock Gate { get; } = new();

    /// <summary>Its number in this process.</summary>
    internal long Number { get; } = Interlocked.Increment(ref _numbers);

    internal MemoryScope Memory { get; }

    internal ITransportConnection Transport => _transport;

    internal CancellationToken Closing => _closing.Token;

    internal WeftInstant Now => _time.Instant();

    /// <summary>Says goodbye, sends what is in line, and closes.</summary>
    public async ValueTask DisposeAsync() => await RetireAsync(ConnectionEnd.Local).ConfigureAwait(false);

    /// <summary>Ends the connection at once.</summary>
    public void Abort() => Close(ConnectionEnd.Local);

    /// <summary>Says goodbye, sends what is in line, and closes for a reason.</summary>
    internal async Task RetireAsync(ConnectionEnd reason)
    {
        lock (Gate)
        {
            if (_end == ConnectionEnd.None)
            {
                _outbox.Clear();
                _mux.GoAway(YamuxGoAway.Normal, _outbox);
                Apply([]);
            }
        }

        await FlushAsync().ConfigureAwait(false);
        Close(reason);
        await _closed.Task.ConfigureAwait(false);
    }

    /// <summary>Remote, address and direction.</summary>
    public override string ToString() => $"{Remote} {(IsInbound ? "from" : "at")} {RemoteAddress}";

    /// <summary>An inbound stream has named its protocol; the gate is held.</summary>
    internal void OnNamed() => _owner.OnStreamNamed();

    internal void SetRoundTrip(TimeSpan roundTrip) => RoundTrip = roundTrip;

    internal void CutOff(ConnectionEnd reason) => Close(reason);

    internal void SetIdentity(IdentifyMessage identity) => Identity = identity;

    /// <summary>The connection has gone on; it never goes back, so what comes late changes nothing.</summary>
    internal void Enter(ConnectionPhase phase, string reason = "")
    {
        lock (Gate)
        {
            if (phase <= Phase)
            {
                return;
            }

            Phase = phase;
        }

        _owner.OnPhase(this, reason);
    }

    /// <summary>Active once the peer has said who it is, or does not, and has answered a first ping.</summary>
    internal void OnLife(bool isIdentified)
    {
        bool isActive;
        lock (Gate)
        {
            _isIdentified |= isIdentified;
            isActive = _isIdentified && RoundTrip > TimeSpan.Zero;
        }

        Enter(isActive ? ConnectionPhase.Active : _isIdentified ? ConnectionPhase.Heartbeat : ConnectionPhase.Sync);
    }

    /// <summary>Begins to read; what the handshake read too much comes first.</summary>
    internal void Start(ReadOnlyMemory<byte> raw, ReadOnlyMemory<byte> plain)
    {
        lock (Gate)
        {
            _outbox.Clear();
            _mux.Start(Now, _outbox);
            Apply([]);
        }

        OnPlain(plain.Span);
        _ = ReadAsync(raw);
    }

    /// <summary>Opens a stream; nothing is negotiated yet.</summary>
    /// <returns>Null when a ceiling is reached, or the connection is going away.</returns>
    internal PeerStream? TryOpen()
    {
        lock (Gate)
        {
            if (_end != ConnectionEnd.None || !_owner.TryOpenStream(this, isInbound: false))
            {
                return null;
            }

            _outbox.Clear();
            uint id = _mux.Open(Now, _outbox);
            if (id == 0)
            {
                _owner.OnStreamClosed(this, isInbound: false, isNamed: false);
                return null;
            }

            var stream = new PeerStream(this, id, isInbound: false);
            _streams.Add(id, stream);
            Apply([]);
            return stream;
        }
    }

    // What follows is called by streams, with the gate held.

    /// <summary>Puts bytes in line to be sent.</summary>
    /// <returns>How many; 0 when the stream's window or the line is full: see <see cref="AwaitRoom"/>.</returns>
    /// <param name="stream">The stream.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="mustSend">The caller is to call <see cref="SendSoon"/> once it has let go of the gate.</param>
    internal int Send(PeerStream stream, ReadOnlySpan<byte> bytes, out bool mustSend)
    {
        mustSend = false;
        if (_outgoing.BytesOf(stream.Priority) >= OutgoingMax)
        {
            return 0;
        }

        int length = Math.Min(_mux.Sendable(stream.Id), bytes.Length);
        if (length > 0)
        {
            length = _outgoing.Fit(stream.Priority, length, YamuxHeader.Size);
            bool wasDeferred = _defersSend;
            _defersSend = true; // The header alone is not worth a frame.
            _expected = bytes.Length;
            _outbox.Clear();
            _mux.SendData(stream.Id, length, _outbox);
            Apply([]);
            _expected = 0;
            _outgoing.Append(stream.Priority, bytes[..length]);
            _defersSend = wasDeferred;
            mustSend = !_isSending && !_defersSend;
            _isSending |= mustSend;
        }

        return length;
    }

    /// <summary>A writer could send nothing, and waits: for the line here, or for its window in the muxer.</summary>
    internal void AwaitRoom(PeerStream stream)
    {
        if (_outgoing.BytesOf(stream.Priority) >= OutgoingMax)
        {
            (_awaiting ??= []).Add(stream);
        }
    }

    internal void CompleteWrites(PeerStream stream) =>
        Act(stream, static (mux, id, now, outbox) => mux.CloseWrite(id, outbox));

    internal void Reset(PeerStream stream)
    {
        Act(stream, static (mux, id, now, outbox) => mux.ResetStream(id, outbox));
        Forget(stream.Id);
    }

    /// <summary>A stream was disposed, and waits for the other side's end.</summary>
    internal void OnDiscarding()
    {
        WeftInstant due = Now + _drainTimeout;
        if (due < _drainDue)
        {
            _drainDue = due;
            Schedule();
        }
    }

    internal void OnConsumed(uint stream, int length)
    {
        if (length > 0)
        {
            bool isNested = _isApplying; // From within OnData: the outputs are gone through by the caller.
            if (!isNested)
            {
                _outbox.Clear();
            }

            _mux.OnConsumed(stream, length, Now, _outbox);
            if (!isNested)
            {
                Apply([]);
            }
        }
    }

    private void Act(PeerStream stream, Action<YamuxCore, uint, WeftInstant, Outbox<YamuxOutput>> action)
    {
        bool isNested = _isApplying;
        if (!isNested)
        {
            _outbox.Clear();
        }

        action(_mux, stream.Id, Now, _outbox);
        if (!isNested)
        {
            Apply([]);
        }
    }

    private void Forget(uint id)
    {
        if (_streams.Remove(id, out PeerStream? stream))
        {
            _owner.OnStreamClosed(this, stream.IsInbound, stream.IsNamed);
        }
    }
}
