using Weft.Primitives;

namespace Weft.Protocols.Relay;

/// <summary>
/// Decides, for a relay, who has a place, who may open a circuit to whom, and when a circuit has had enough.
/// </summary>
/// <remarks>
/// Pure: no clock, no socket, no task, one caller at a time. A circuit counts from the moment it is granted, before the
/// peer at its end has answered: what waits costs as much as what runs. Every table has a ceiling in
/// <see cref="RelayOptions"/>, and they are small enough to be walked. Source: libp2p specs, relay/circuit-v2.md.
/// </remarks>
public sealed class RelayCore(RelayOptions options)
{
    private readonly Dictionary<PeerId, Reservation> _reservations = [];
    private readonly SortedDictionary<long, Circuit> _circuits = []; // By number, so that outputs come in one order.
    private long _lastCircuit;
    private WeftInstant _due = WeftInstant.Never;

    /// <summary>Places taken.</summary>
    public int Reservations => _reservations.Count;

    /// <summary>Circuits granted or running.</summary>
    public int Circuits => _circuits.Count;

    /// <summary>Bytes carried since the start, both ways of all circuits.</summary>
    public long Bytes { get; private set; }

    /// <summary>A peer asks for a place, or to keep the one it has.</summary>
    /// <param name="peer">Who.</param>
    /// <param name="network">Where it comes from; the default value is counted with no other.</param>
    /// <param name="isLimited">True when it comes through a relay itself: it gets no place then.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes a timer.</param>
    /// <returns>
    /// <see cref="RelayStatus.Ok"/>, and the place is kept for the time of the options; else why not.
    /// </returns>
    public RelayStatus OnReserve(
        PeerId peer, NetworkRange network, bool isLimited, WeftInstant now, Outbox<RelayOutput> outbox)
    {
        if (isLimited || peer.IsEmpty)
        {
            return RelayStatus.PermissionDenied;
        }

        bool isKnown = _reservations.TryGetValue(peer, out Reservation held);
        if (!isKnown && _reservations.Count >= options.ReservationsMax)
        {
            return RelayStatus.ReservationRefused;
        }

        if (options.ReservationsPerAddressMax > 0 && !network.IsNone && !(isKnown && held.Network == network)
            && _reservations.Values.Count(one => one.Network == network) >= options.ReservationsPerAddressMax)
        {
            return RelayStatus.ReservationRefused;
        }

        WeftInstant ends = now + options.ReservationTime;
        _reservations[peer] = new(network, ends);
        Schedule(ends, outbox);
        return RelayStatus.Ok;
    }

    /// <summary>A peer asks for a circuit.</summary>
    /// <param name="source">Who.</param>
    /// <param name="target">To whom.</param>
    /// <param name="isLimited">
    /// True when it comes through a relay itself: circuits through circuits are not given.
    /// </param>
    /// <param name="now">The moment.</param>
    /// <param name="circuit">The circuit's number; 0 when it is refused.</param>
    /// <returns><see cref="RelayStatus.Ok"/>: ask the target, then call OnOpened or OnClosed; else why not.</returns>
    public RelayStatus OnConnect(PeerId source, PeerId target, bool isLimited, WeftInstant now, out long circuit)
    {
        circuit = 0;
        if (isLimited || source == target)
        {
            return RelayStatus.PermissionDenied;
        }

        if (!_reservations.TryGetValue(target, out Reservation held) || held.Ends <= now)
        {
            return RelayStatus.NoReservation;
        }

        int from = 0;
        int to = 0;
        foreach (Circuit one in _circuits.Values)
        {
            from += one.Source == source ? 1 : 0;
            to += one.Target == target ? 1 : 0;
        }

        if (_circuits.Count >= options.CircuitsMax || from >= options.CircuitsPerPeerMax
            || to >= options.CircuitsPerPeerMax)
        {
            return RelayStatus.ResourceLimitExceeded;
        }

        circuit = ++_lastCircuit;
        _circuits[circuit] = new(source, target);
        return RelayStatus.Ok;
    }

    /// <summary>The peer at the end has said yes: the circuit's time begins.</summary>
    /// <returns>False when the circuit was ended meanwhile.</returns>
    public bool OnOpened(long circuit, WeftInstant now, Outbox<RelayOutput> outbox)
    {
        if (!_circuits.TryGetValue(circuit, out Circuit? open))
        {
            return false;
        }

        if (options.CircuitTime > TimeSpan.Zero)
        {
            open.Ends = now + options.CircuitTime;
            Schedule(open.Ends, outbox);
        }

        return true;
    }

    /// <summary>Bytes came, and are to be handed on.</summary>
    /// <param name="circuit">Over which circuit.</param>
    /// <param name="isFromSource">Which way: from the peer that opened it, or from the one at its end.</param>
    /// <param name="count">How many.</param>
    /// <param name="outbox">Takes the circuit's end where it has had enough.</param>
    /// <returns>How many of them may be handed on.</returns>
    public int OnBytes(long circuit, bool isFromSource, int count, Outbox<RelayOutput> outbox)
    {
        if (!_circuits.TryGetValue(circuit, out Circuit? open))
        {
            return 0;
        }

        long carried = isFromSource ? open.FromSource : open.FromTarget;
        long room = options.CircuitBytes > 0 ? options.CircuitBytes - carried : long.MaxValue;
        int allowed = (int)Math.Min(count, room);
        open.FromSource += isFromSource ? allowed : 0;
        open.FromTarget += isFromSource ? 0 : allowed;
        Bytes += allowed;
        if (allowed < count)
        {
            End(circuit, RelayCut.Bytes, outbox);
        }

        return allowed;
    }

    /// <summary>The circuit is gone, or never came to be. Harmless when called twice.</summary>
    public void OnClosed(long circuit) => _circuits.Remove(circuit);

    /// <summary>The last connection with this peer is gone: so is its place.</summary>
    public void OnPeerGone(PeerId peer, Outbox<RelayOutput> outbox)
    {
        if (_reservations.Remove(peer))
        {
            outbox.Add(new(RelayOutputKind.ReservationEnded, Peer: peer));
        }
    }

    /// <summary>A timer asked for has come; late and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<RelayOutput> outbox)
    {
        _due = WeftInstant.Never;
        WeftInstant next = WeftInstant.Never;
        foreach (PeerId peer in _reservations
            .Where(one => one.Value.Ends <= now).Select(one => one.Key).Order().ToArray())
        {
            _reservations.Remove(peer);
            outbox.Add(new(RelayOutputKind.ReservationEnded, Peer: peer));
        }

        foreach (long circuit in _circuits.Where(one => one.Value.Ends <= now).Select(one => one.Key).ToArray())
        {
            End(circuit, RelayCut.Time, outbox);
        }

        foreach (Reservation held in _reservations.Values)
        {
            next = held.Ends < next ? held.Ends : next;
        }

        foreach (Circuit open in _circuits.Values)
        {
            next = open.Ends < next ? open.Ends : next;
        }

        Schedule(next, outbox);
    }

    private void End(long circuit, RelayCut cut, Outbox<RelayOutput> outbox)
    {
        _circuits.Remove(circuit);
        outbox.Add(new(RelayOutputKind.EndCircuit, Circuit: circuit, Cut: cut));
    }

    private void Schedule(WeftInstant due, Outbox<RelayOutput> outbox)
    {
        if (due < _due)
        {
            _due = due;
            outbox.Add(new(RelayOutputKind.StartTimer, Due: due));
        }
    }

    private readonly record struct Reservation(NetworkRange Network, WeftInstant Ends);

    private sealed class Circuit(PeerId source, PeerId target)
    {
        public PeerId Source => source;

        public PeerId Target => target;

        public WeftInstant Ends { get; set; } = WeftInstant.Never;

        public long FromSource { get; set; }

        public long FromTarget { get; set; }
    }
}
