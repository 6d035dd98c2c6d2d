using System.Buffers.Binary;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Rendezvous;

/// <summary>What the core of a rendezvous point asks its driver to do.</summary>
/// <param name="Due">Call OnTimer then.</param>
public readonly record struct RendezvousOutput(WeftInstant Due);

/// <summary>The memory of a rendezvous point: who is registered under which namespace, and for how long.</summary>
/// <remarks>
/// Pure: no clock, no socket, no task, one caller at a time. Only a peer itself can register itself: its record is
/// opened,
/// and must name the peer that asks. An older record never takes the place of a newer one. A cookie is the number of
/// the
/// last registration that was given, with a mark that this rendezvous point has made it for this namespace; it costs no
/// memory. Source: libp2p specs, rendezvous/README.md.
/// </remarks>
public sealed class RendezvousCore
{
    private const int MarkLength = 8;

    private readonly RendezvousOptions _options;
    private readonly ICrypto _crypto;
    private readonly byte[] _cookieKey;
    private readonly Dictionary<(PeerId Peer, string Namespace), Registration> _registrations = [];
    private readonly Dictionary<PeerId, int> _counts = [];
    private readonly SortedDictionary<ulong, Registration> _order = []; // By number: the newest last.
    private ulong _last;
    private long _recordBytes;
    private WeftInstant _due = WeftInstant.Never;

    /// <summary>Begins with nothing.</summary>
    /// <param name="options">Ceilings.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="cookieKey">32 random bytes: makes cookies that only this rendezvous point can have made.</param>
    public RendezvousCore(RendezvousOptions options, ICrypto crypto, ReadOnlySpan<byte> cookieKey)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNotEqual(cookieKey.Length, 32, nameof(cookieKey));
        _options = options;
        _crypto = crypto;
        _cookieKey = cookieKey.ToArray();
    }

    /// <summary>Registrations there are.</summary>
    public int Count => _order.Count;

    /// <summary>Peers that have any.</summary>
    public int Peers => _counts.Count;

    /// <summary>Answers a question.</summary>
    /// <param name="peer">Who asks: the peer of the connection.</param>
    /// <param name="question">What.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes a timer.</param>
    /// <returns>The answer; null where none is given: to an Unregister, and to what is no question.</returns>
    public RendezvousMessage? OnQuestion(
        PeerId peer, RendezvousMessage question, WeftInstant now, Outbox<RendezvousOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(question);
        switch (question.Kind)
        {
            case RendezvousKind.Register:
                return Register(peer, question.Registrations[0], now, outbox);
            case RendezvousKind.Unregister:
                Remove(peer, question.Namespace);
                return null;
            case RendezvousKind.Discover:
                return Discover(question, now);
            default:
                return null;
        }
    }

    /// <summary>A timer asked for has come: what is over is forgotten. Late and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<RendezvousOutput> outbox)
    {
        _due = WeftInstant.Never;
        WeftInstant next = WeftInstant.Never;
        var over = new List<Registration>();
        foreach (Registration one in _order.Values)
        {
            if (one.Ends <= now)
            {
                over.Add(one);
            }
            else if (one.Ends < next)
            {
                next = one.Ends;
            }
        }

        over.ForEach(one => Remove(one.Peer, one.Namespace));
        if (next < WeftInstant.Never)
        {
            // Not for each of thousands a timer of its own: once a minute is soon enough, and nothing over is given
            // out.
            Schedule(next < now + TimeSpan.FromMinutes(1) ? now + TimeSpan.FromMinutes(1) : next, outbox);
        }
    }

    private RendezvousMessage Register(
        PeerId peer, RendezvousRegistration asked, WeftInstant now, Outbox<RendezvousOutput> outbox)
    {
        if (!RendezvousCodec.IsNamespace(asked.Namespace))
        {
            return Refuse(RendezvousStatus.InvalidNamespace, "A namespace has 1 to 255 bytes.");
        }

        if (asked.Ttl > _options.TtlMax)
        {
            return Refuse(RendezvousStatus.InvalidTtl, $"At most {_options.TtlMax.TotalSeconds:0} seconds.");
        }

        if (asked.SignedRecord.Length > _options.RecordBytesEach
            || !PeerRecord.TryOpen(asked.SignedRecord.Span, _crypto, out PeerRecord? record) || record.Peer != peer)
        {
            return Refuse(RendezvousStatus.InvalidSignedPeerRecord, "The record is not the asking peer's own.");
        }

        TimeSpan ttl = asked.Ttl > TimeSpan.Zero ? asked.Ttl : _options.TtlDefault;
        bool isKnown = _registrations.TryGetValue((peer, asked.Namespace), out Registration? held);
        if (isKnown && held!.Sequence > record.Sequence)
        {
            return Refuse(RendezvousStatus.InvalidSignedPeerRecord, "A newer record is registered.");
        }

        int bytes = asked.SignedRecord.Length;
        if (!isKnown && (_order.Count >= _options.RegistrationsMax
            || _counts.GetValueOrDefault(peer) >= _options.PerPeerMax))
        {
            return Refuse(RendezvousStatus.Unavailable, "There is no room.");
        }

        if (_recordBytes - (held?.SignedRecord.Length ?? 0) + bytes > _options.RecordBytesMax)
        {
            return Refuse(RendezvousStatus.Unavailable, "There is no room.");
        }

        if (isKnown)
        {
            Remove(peer, asked.Namespace);
        }

        var made = new Registration(
            ++_last, peer, asked.Namespace, asked.SignedRecord.ToArray(), record.Sequence, now + ttl);
        _registrations.Add((peer, asked.Namespace), made);
        _order.Add(made.Number, made);
        _counts[peer] = _counts.GetValueOrDefault(peer) + 1;
        _recordBytes += bytes;
        Schedule(made.Ends, outbox);
        return new(RendezvousKind.RegisterResponse) { Ttl = ttl };
    }

    private RendezvousMessage Discover(RendezvousMessage question, WeftInstant now)
    {
        ulong after = 0;
        if (question.Namespace.Length > 0 && !RendezvousCodec.IsNamespace(question.Namespace))
        {
            return Found(RendezvousStatus.InvalidNamespace, "A namespace has 1 to 255 bytes.");
        }

        if (!question.Cookie.IsEmpty && !TryCookie(question.Cookie.Span, question.Namespace, out after))
        {
            return Found(RendezvousStatus.InvalidCookie, "The cookie is for something else.");
        }

        int limit = question.Limit > 0 ? Math.Min(question.Limit, _options.AnswerMax) : _options.AnswerMax;
        var found = new List<RendezvousRegistration>();
        int bytes = 0;
        foreach (Registration one in _order.Values)
        {
            if (one.Number <= after || one.Ends <= now
                || (question.Namespace.Length > 0 && one.Namespace != question.Namespace))
            {
                continue;
            }

            // A whole answer is within what every reader takes.
            bytes += one.SignedRecord.Length + RendezvousCodec.NamespaceBytesMax + 32;
            if (found.Count == limit || bytes > RendezvousCodec.MessageBytesMax - 1_024)
            {
                break;
            }

            found.Add(new(one.Namespace, one.SignedRecord, one.Ends - now));
            after = one.Number;
        }

        return new(RendezvousKind.DiscoverResponse)
        {
            Registrations = found,
            Cookie = Cookie(question.Namespace, after),
        };
    }

    private static RendezvousMessage Refuse(RendezvousStatus status, string text) =>
        new(RendezvousKind.RegisterResponse) { Status = status, StatusText = text };

    private static RendezvousMessage Found(RendezvousStatus status, string text) =>
        new(RendezvousKind.DiscoverResponse) { Status = status, StatusText = text };

    private void Remove(PeerId peer, string name)
    {
        if (!_registrations.Remove((peer, name), out Registration? one))
        {
            return;
        }

        _order.Remove(one.Number);
        _recordBytes -= one.SignedRecord.Length;
        int left = _counts[peer] - 1;
        if (left == 0)
        {
            _counts.Remove(peer);
        }
        else
        {
            _counts[peer] = left;
        }
    }

    private byte[] Cookie(string name, ulong number)
    {
        byte[] cookie = new byte[sizeof(ulong) + MarkLength];
        BinaryPrimitives.WriteUInt64BigEndian(cookie, number);
        Mark(name, number, cookie.AsSpan(sizeof(ulong)));
        return cookie;
    }

    private bool TryCookie(ReadOnlySpan<byte> cookie, string name, out ulong number)
    {
        number = 0;
        if (cookie.Length != sizeof(ulong) + MarkLength)
        {
            return false;
        }

        ulong read = BinaryPrimitives.ReadUInt64BigEndian(cookie);
        Span<byte> mark = stackalloc byte[MarkLength];
        Mark(name, read, mark);
        if (!CryptographicOperations.FixedTimeEquals(mark, cookie[sizeof(ulong)..]))
        {
            return false;
        }

        number = read;
        return true;
    }

    private void Mark(string name, ulong number, Span<byte> mark)
    {
        byte[] data = new byte[sizeof(ulong) + System.Text.Encoding.UTF8.GetByteCount(name)];
        BinaryPrimitives.WriteUInt64BigEndian(data, number);
        System.Text.Encoding.UTF8.GetBytes(name, data.AsSpan(sizeof(ulong)));
        Span<byte> mac = stackalloc byte[32];
        _crypto.HmacSha256(_cookieKey, data, mac);
        mac[..MarkLength].CopyTo(mark);
    }

    private void Schedule(WeftInstant due, Outbox<RendezvousOutput> outbox)
    {
        if (due < _due)
        {
            _due = due;
            outbox.Add(new(due));
        }
    }

    private sealed record Registration(
        ulong Number, PeerId Peer, string Namespace, byte[] SignedRecord, ulong Sequence, WeftInstant Ends);
}
