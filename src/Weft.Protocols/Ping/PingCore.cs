using Weft.Primitives;

namespace Weft.Protocols.Ping;

/// <summary>How a peer is pinged.</summary>
public sealed class PingOptions
{
    /// <summary>Time between pings: 10 ms and up. Default: 1 s.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Pings in a row without an answer, after which the peer counts as lost: 1 and up. Default: 10.</summary>
    public int MissesMax { get; set; } = 10;
}

/// <summary>Measures the round trip to one peer, and says when the peer has stopped answering.</summary>
/// <remarks>
/// Pure: no clock, no socket, no task, one caller at a time. The driver calls <see cref="OnTimer"/> once to start, and
/// hands in bytes as they come: answers may be split or merged. One ping is in flight; while it is, the next ones only
/// count as missed, because answers come in order on one stream. Source: libp2p specs, ping/ping.md.
/// </remarks>
public sealed class PingCore(PingOptions options, WeftRandom random)
{
    /// <summary>The protocol.</summary>
    public const string Protocol = "/ipfs/ping/1.0.0";

    /// <summary>Bytes of a ping, and of its answer.</summary>
    public const int PayloadLength = 32;

    private readonly byte[] _payload = new byte[PayloadLength];
    private readonly byte[] _answer = new byte[PayloadLength];
    private int _answered;
    private bool _isOut;
    private bool _isLost;
    private WeftInstant _sentAt;
    private WeftInstant _due;

    /// <summary>The round trip measured last; zero before the first.</summary>
    public TimeSpan RoundTrip { get; private set; }

    /// <summary>Pings sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Intervals that ended without the answer.</summary>
    public long Missed { get; private set; }

    /// <summary>Intervals in a row that ended without an answer.</summary>
    public int Misses { get; private set; }

    /// <summary>The payload to send, after a <see cref="PingOutputKind.Send"/>.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>A timer asked for has come; late and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<PingOutput> outbox)
    {
        if (_isLost || now < _due)
        {
            return;
        }

        if (_isOut)
        {
            Missed++;
            if (++Misses >= options.MissesMax)
            {
                _isLost = true;
                outbox.Add(new(PingOutputKind.PeerLost));
                return; // No further timer: a lost peer costs nothing.
            }
        }
        else
        {
            random.Fill(_payload); // No secret: the stream is encrypted, and only its two ends could guess it.
            _isOut = true;
            _sentAt = now;
            Sent++;
            outbox.Add(new(PingOutputKind.Send));
        }

        _due = now + options.Interval;
        outbox.Add(new(PingOutputKind.StartTimer, Due: _due));
    }

    /// <summary>
    /// Takes bytes of the other side. What was not asked for, or is another payload, breaks the protocol.
    /// </summary>
    public void OnBytes(ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<PingOutput> outbox)
    {
        while (!bytes.IsEmpty && !_isLost)
        {
            if (!_isOut)
            {
                Break(outbox);
                return;
            }

            int part = Math.Min(bytes.Length, PayloadLength - _answered);
            bytes[..part].CopyTo(_answer.AsSpan(_answered));
            _answered += part;
            bytes = bytes[part..];
            if (_answered < PayloadLength)
            {
                return;
            }

            _answered = 0;
            _isOut = false;
            if (!_answer.AsSpan().SequenceEqual(_payload))
            {
                Break(outbox);
                return;
            }

            Misses = 0;
            RoundTrip = now - _sentAt;
            outbox.Add(new(PingOutputKind.Measured, RoundTrip: RoundTrip));
        }
    }

    private void Break(Outbox<PingOutput> outbox)
    {
        _isLost = true;
        outbox.Add(new(PingOutputKind.Broken));
    }
}

/// <summary>What the core asks its driver to do.</summary>
public enum PingOutputKind
{
    /// <summary>Send <see cref="PingCore.Payload"/>.</summary>
    Send = 0,

    /// <summary>Call OnTimer at Due.</summary>
    StartTimer,

    /// <summary>A round trip was measured: RoundTrip.</summary>
    Measured,

    /// <summary>The peer has stopped answering. Nothing else comes after it.</summary>
    PeerLost,

    /// <summary>The peer answered what was not asked: reset the stream. Nothing else comes after it.</summary>
    Broken,
}

/// <summary>One wish of the core; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Due">When a timer is due.</param>
/// <param name="RoundTrip">The time a ping took.</param>
public readonly record struct PingOutput(
    PingOutputKind Kind, WeftInstant Due = default, TimeSpan RoundTrip = default);
