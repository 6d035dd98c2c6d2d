using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>
/// Decides which connections a host keeps: dials peers of the book until enough are there, spreads them over ranges of
/// addresses and regions, and closes the worst where there are too many.
/// </summary>
/// <remarks>
/// Pure; one caller at a time. Who dials in never takes the place of a connection opened here, and is never one of the
/// anchors: an attacker who fills every inbound place changes nothing about whom this host chose itself. A score is made
/// of round trip, uptime and behaviour. Source: docs/spec/libp2p.md; Heilman et al., "Eclipse Attacks on Bitcoin's
/// Peer-to-Peer Network" (2015), for anchors and the spread over ranges.
/// </remarks>
/// <param name="options">Targets and ceilings.</param>
/// <param name="book">Where peers can be reached.</param>
/// <param name="self">This host.</param>
/// <param name="random">Draws.</param>
public sealed partial class ConnectionPlannerCore(
    PlannerOptions options, AddressBook book, PeerId self, WeftRandom random)
{
    private const int RegionBytesMax = 32;

    private readonly SortedDictionary<long, PlannedConnection> _connections = [];
    private readonly Dictionary<PeerId, int> _counts = [];
    private readonly HashSet<PeerId> _dialling = [];
    private readonly HashSet<PeerId> _protected = [];
    private readonly Dictionary<PeerId, PlannedPeer> _peers = [];
    private List<PeerId> _anchors = [];
    private WeftInstant _rotateAt = WeftInstant.Never;

    /// <summary>Connections the planner has chosen itself, those that are closing left out.</summary>
    public int OutboundCount => _connections.Values.Count(IsOwnChoice);

    /// <summary>All connections.</summary>
    public int Count => _connections.Count;

    /// <summary>Peers whose behaviour or region is remembered.</summary>
    public int RememberedCount => _peers.Count;

    /// <summary>Peers it dials now.</summary>
    public int DiallingCount => _dialling.Count;

    /// <summary>
    /// The peers of its own choice that are there the longest: keep them over a restart, and give them to
    /// <see cref="SetAnchors"/>.
    /// </summary>
    public IReadOnlyList<PeerId> Anchors =>
        [.. _connections.Values.Where(IsOwnChoice).OrderBy(one => one.Since).Select(one => one.Peer).Take(options.AnchorsMax)];

    /// <summary>The anchors of the last run: dialled before anyone else.</summary>
    public void SetAnchors(IEnumerable<PeerId> anchors) => _anchors = [.. anchors.Take(options.AnchorsMax)];

    /// <summary>Begins: looks at once.</summary>
    public void Start(WeftInstant now, Outbox<PlannerOutput> outbox) => OnTimer(now, outbox);

    /// <summary>A connection is there.</summary>
    /// <param name="connection">Its number, chosen by the driver; not used twice.</param>
    /// <param name="peer">The peer.</param>
    /// <param name="address">Where it is.</param>
    /// <param name="isInbound">The other side opened it.</param>
    /// <param name="isLimited">It runs through a relay.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    public void OnConnected(
        long connection,
        PeerId peer,
        Multiaddr address,
        bool isInbound,
        bool isLimited,
        WeftInstant now,
        Outbox<PlannerOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        _connections[connection] = new()
        {
            Id = connection,
            Peer = peer,
            IsInbound = isInbound,
            IsChosen = !isInbound && !isLimited && _dialling.Contains(peer),
            Range = RangeOf(address),
            Since = now,
        };
        _counts[peer] = _counts.GetValueOrDefault(peer) + 1;
        _dialling.Remove(peer);
        if (_connections.Count > options.ConnectionsMax)
        {
            outbox.Add(new(PlannerOutputKind.StartTimer, Due: now));
        }
    }

    /// <summary>A connection is gone.</summary>
    public void OnClosed(long connection, WeftInstant now, Outbox<PlannerOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (!_connections.Remove(connection, out PlannedConnection? gone))
        {
            return;
        }

        int left = _counts[gone.Peer] - 1;
        if (left == 0)
        {
            _counts.Remove(gone.Peer);
        }
        else
        {
            _counts[gone.Peer] = left;
        }

        if (gone.IsChosen && options.OutboundTarget > 0)
        {
            // Soon, and not all peers of one that stopped at the same moment.
            outbox.Add(new(PlannerOutputKind.StartTimer, Due: now + (random.NextDouble() * TimeSpan.FromSeconds(1))));
        }
    }

    /// <summary>A dial asked for has ended; a connection, if there is one, is told by <see cref="OnConnected"/>.</summary>
    public void OnDialEnded(PeerId peer, bool isConnected, WeftInstant now, Outbox<PlannerOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        _dialling.Remove(peer);
        _anchors.Remove(peer); // One try: an anchor that is gone is a peer like any other.
        if (!isConnected)
        {
            outbox.Add(new(PlannerOutputKind.StartTimer, Due: now + TimeSpan.FromMilliseconds(100)));
        }
    }

    /// <summary>A round trip was measured.</summary>
    public void OnRoundTrip(long connection, TimeSpan roundTrip)
    {
        if (_connections.TryGetValue(connection, out PlannedConnection? known))
        {
            known.RoundTrip = known.RoundTrip == default ? roundTrip : ((7 * known.RoundTrip) + roundTrip) / 8;
        }
    }

    /// <summary>A service has found that a peer does good or harm.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="change">-1 to 1; what a single finding is worth: 0.01 for a useful answer, -0.5 for a lie.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    public void OnBehaviour(PeerId peer, double change, WeftInstant now, Outbox<PlannerOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        double behaviour = Math.Clamp(BehaviourOf(peer, now) + Math.Clamp(change, -1, 1), -1, 1);
        Remember(peer, new(behaviour, now, _peers.GetValueOrDefault(peer).Region ?? ""), now);
        if (behaviour < options.BehaviourMin && !_protected.Contains(peer))
        {
            foreach (PlannedConnection one in _connections.Values.Where(one => one.Peer == peer && !one.IsClosing))
            {
                one.IsClosing = true;
                outbox.Add(new(PlannerOutputKind.Drop, peer, one.Id));
            }
        }
    }

    /// <summary>A peer declares where it is.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="region">A short label; a longer one than 32 characters counts as none.</param>
    /// <param name="now">The moment.</param>
    public void OnRegion(PeerId peer, string region, WeftInstant now)
    {
        ArgumentNullException.ThrowIfNull(region);
        string label = region.Length > RegionBytesMax ? "" : region;
        Remember(peer, new(BehaviourOf(peer, now), now, label), now);
    }

    /// <summary>A peer matters, or no longer does: its connections are not closed to make room.</summary>
    public void Protect(PeerId peer, bool isProtected)
    {
        if (isProtected)
        {
            _protected.Add(peer);
        }
        else
        {
            _protected.Remove(peer);
        }
    }

    /// <summary>How good a connection is: 0 to 1, made of round trip, uptime and behaviour.</summary>
    /// <returns>0 when there is none of this number.</returns>
    public double ScoreOf(long connection, WeftInstant now) =>
        _connections.TryGetValue(connection, out PlannedConnection? known) ? Score(known, now) : 0;

    /// <summary>A timer asked for has come.</summary>
    public void OnTimer(WeftInstant now, Outbox<PlannerOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        Trim(now, outbox);
        Rotate(now, outbox);
        Grow(now, outbox);
        outbox.Add(new(
            PlannerOutputKind.StartTimer, Due: now + ((0.75 + (0.5 * random.NextDouble())) * options.Interval)));
    }

    private static bool IsOwnChoice(PlannedConnection one) => one.IsChosen && !one.IsClosing;

    /// <summary>Neighbours in a public network share an owner; on one machine or at home they say nothing.</summary>
    private static IpRange? RangeOf(Multiaddr address) =>
        AddressScopes.Of(address) == AddressScope.Public && IpRange.TryOf(address, out IpRange range, 16, 32) ? range : null;

    private double BehaviourOf(PeerId peer, WeftInstant now)
    {
        if (!_peers.TryGetValue(peer, out PlannedPeer known) || known.Behaviour == 0)
        {
            return 0;
        }

        double halves = Math.Max(0, (now - known.At).TotalSeconds) / options.BehaviourHalfLife.TotalSeconds;
        return known.Behaviour * Math.Pow(0.5, halves);
    }

    private void Remember(PeerId peer, PlannedPeer known, WeftInstant now)
    {
        if (_peers.Count >= options.RememberedMax && !_peers.ContainsKey(peer))
        {
            // Whoever is not connected and was not heard of for the longest time is forgotten, a quarter at once.
            foreach (PeerId old in _peers.Where(one => !_counts.ContainsKey(one.Key))
                .OrderBy(one => one.Value.At).ThenBy(one => one.Key).Take(1 + (options.RememberedMax / 4))
                .Select(one => one.Key).ToArray())
            {
                _peers.Remove(old);
            }

            if (_peers.Count >= options.RememberedMax)
            {
                return; // All of them are connected; there are ceilings for that.
            }
        }

        _peers[peer] = known with { At = now };
    }

    private double Score(PlannedConnection one, WeftInstant now)
    {
        double nearness = one.RoundTrip == default ? 0.5 : 1 / (1 + (one.RoundTrip.TotalMilliseconds / 200));
        double minutes = Math.Max(0, (now - one.Since).TotalMinutes);
        double uptime = minutes / (minutes + 10);
        double behaviour = (1 + BehaviourOf(one.Peer, now)) / 2;
        return (0.3 * nearness) + (0.3 * uptime) + (0.4 * behaviour);
    }
}
