using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Kad;

/// <summary>What a DHT peer is made of, besides its options.</summary>
/// <param name="Crypto">The primitives.</param>
/// <param name="Records">Keeps the records.</param>
/// <param name="Rules">What is valid, by namespace.</param>
/// <param name="Random">Seeded.</param>
/// <param name="Preimages">Keys of places; cores of one thread may share it.</param>
public sealed record KadParts(
    ICrypto Crypto, IRecordStore Records, RecordRules Rules, WeftRandom Random, KadPreimages Preimages)
{
    /// <summary>
    /// The addresses of a peer that the driver knows; of this peer itself, its own. The default knows none.
    /// </summary>
    public Func<PeerId, IReadOnlyList<Multiaddr>> AddressesOf { get; init; } = _ => [];

    /// <summary>Places of keys; cores of one thread may share it. Null, the default: the core has its own.</summary>
    public KadPlaces? Places { get; init; }
}

/// <summary>
/// One peer of a Kademlia DHT: routing table, lookups, records, providers, upkeep. It finds the peers closest to a
/// key in
/// O(log n) steps, and keeps what belongs to it.
/// </summary>
/// <remarks>
/// Pure: no clock, no socket, no task, one caller at a time. The driver calls <see cref="Start"/> once, reports peers
/// as
/// identify tells of them, hands in questions and answers, and carries out the outputs. Wall time, in milliseconds
/// since
/// 1970, serves for the ends of records alone. Source: libp2p specs, kad-dht/README.md; docs/spec/dht.md.
/// </remarks>
public sealed partial class KadCore
{
    private readonly KadOptions _options;
    private readonly KadParts _parts;
    private readonly KadKey _place;
    private readonly KadPlaces _places;
    private readonly RoutingTable _table;
    private readonly ProviderTable _providers;
    private readonly RttEstimator _roundTrips;
    private readonly Dictionary<long, KadQuery> _queries = [];
    private readonly Dictionary<long, KadAsk> _asks = [];
    private readonly RouteEntry[] _nearest;
    private long _nextQuery;
    private long _nextAsk;
    private int _commands; // Queries that somebody waits for.
    private bool _isServer;

    /// <summary>Makes a peer that knows nobody.</summary>
    /// <param name="self">This peer.</param>
    /// <param name="options">Knobs and ceilings.</param>
    /// <param name="parts">What it is made of.</param>
    public KadCore(PeerId self, KadOptions options, KadParts parts)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.K is >= 1 and <= 32, true, nameof(options.K));
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.Alpha is >= 1 and <= 32, true, nameof(options.Alpha));
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.Paths is >= 1 and <= 8, true, nameof(options.Paths));
        Self = self;
        _options = options;
        _parts = parts;
        _places = parts.Places ?? new(parts.Crypto);
        _place = _places.Of(self.Span);
        _table = new(_place, options);
        _providers = new(_place, options);
        _roundTrips = new(options);
        _nearest = new RouteEntry[options.K * options.Paths];
    }

    /// <summary>This peer.</summary>
    public PeerId Self { get; }

    /// <summary>Whether it answers questions.</summary>
    public bool IsServer => _isServer;

    /// <summary>Peers in the routing table.</summary>
    public int RouteCount => _table.Count;

    /// <summary>Commands and lookups of upkeep at work.</summary>
    public int QueryCount => _queries.Count;

    /// <summary>Questions on their way.</summary>
    public int RequestCount => _asks.Count;

    /// <summary>States that others keep now, since this peer is no longer one of the closest.</summary>
    public long HandedOverCount => _handedOver;

    /// <summary>Keys for which providers are kept.</summary>
    public int ProviderKeyCount => _providers.Keys;

    /// <summary>Begins: upkeep runs, and a server answers.</summary>
    public void Start(WeftInstant now, Outbox<KadOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (_options.Mode == KadMode.Server)
        {
            SetServer(true, outbox);
        }

        _bootstrapAt = now;
        outbox.Add(new(KadOutputKind.NeedPeers));
        StartTimer(now + (_options.UpkeepInterval * _parts.Random.NextDouble()), new(KadTimerKind.Upkeep), outbox);
    }

    /// <summary>Others can, or cannot, reach this peer. Only in mode auto does it change anything.</summary>
    public void OnReachable(bool isReachable, Outbox<KadOutput> outbox)
    {
        if (_options.Mode == KadMode.Auto && isReachable != _isServer)
        {
            SetServer(isReachable, outbox);
        }
    }

    /// <summary>Identify says that a peer speaks this DHT.</summary>
    /// <param name="peer">Who.</param>
    /// <param name="addresses">Where.</param>
    /// <param name="now">The moment.</param>
    /// <param name="nowMs">The wall time.</param>
    /// <param name="outbox">What to do.</param>
    /// <param name="isConnected">
    /// The connection stays, and <see cref="OnPeerGone"/> tells its end: such a peer needs no check.
    /// </param>
    public void OnPeerServes(
        PeerId peer,
        IReadOnlyList<Multiaddr> addresses,
        WeftInstant now,
        double nowMs,
        Outbox<KadOutput> outbox,
        bool isConnected = true)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        bool wasEmpty = _table.Count == 0;
        Enter(peer, _places.Of(peer.Span), Shareable(addresses), now, outbox);
        if (_table.Find(peer) is { } entry)
        {
            entry.IsConnected |= isConnected;
        }

        if (wasEmpty && _table.Count > 0)
        {
            EnqueueBootstrap(now, nowMs, outbox);
        }
    }

    /// <summary>Identify says that a peer speaks this DHT no more.</summary>
    public void OnPeerStops(PeerId peer, WeftInstant now, Outbox<KadOutput> outbox)
    {
        if (_table.Remove(peer, out RouteEntry? successor))
        {
            OnLeft(peer, successor, outbox);
            NoteChange(_places.Of(peer.Span), now, outbox);
        }
    }

    /// <summary>The connection with a peer is gone. It stays in the table until it does not answer.</summary>
    public void OnPeerGone(PeerId peer, WeftInstant now, Outbox<KadOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (_table.Find(peer) is { } entry)
        {
            entry.IsConnected = false;
            entry.SeenAt = now;
            if (_options.RepairDelay > TimeSpan.Zero && !entry.IsChecking)
            {
                Check(entry, now, outbox); // Whether it lives decides who keeps what.
            }
        }
    }

    /// <summary>A timer fell due. A late or second call is harmless.</summary>
    public void OnTimer(KadTimer timer, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        switch (timer.Kind)
        {
            case KadTimerKind.Upkeep:
                Upkeep(now, nowMs, outbox);
                break;
            case KadTimerKind.Patience when _asks.TryGetValue(timer.Id, out KadAsk? slow):
                OnSlow(slow, now, nowMs, outbox);
                break;
            case KadTimerKind.Request when _asks.ContainsKey(timer.Id):
                outbox.Add(new(KadOutputKind.Abandon, timer.Id));
                OnFailure(timer.Id, now, nowMs, outbox);
                break;
            case KadTimerKind.Query when _queries.TryGetValue(timer.Id, out KadQuery? late):
                Finish(late, KadStatus.TimedOut, now, nowMs, outbox);
                break;
            case KadTimerKind.Repair:
                Repair(now, nowMs, outbox);
                break;
        }
    }

    /// <summary>The peers of the routing table, bucket by bucket, nearest bucket last.</summary>
    public IReadOnlyList<KadRoute> ReadRoutes(WeftInstant now)
    {
        var routes = new List<KadRoute>(_table.Count);
        for (int bucket = 0; bucket <= _table.Deepest; bucket++)
        {
            foreach (RouteEntry entry in _table.Of(bucket))
            {
                routes.Add(new(
                    bucket, entry.Peer, entry.Addresses, entry.IsConnected, entry.Failures, now - entry.SeenAt));
            }
        }

        return routes;
    }

    /// <summary>How many peers there are in the whole network, by how densely they stand; 0 when unknown.</summary>
    public double EstimateSize() => Math.Max(_sizes.Median(), EstimateFromTable());

    private void SetServer(bool isServer, Outbox<KadOutput> outbox)
    {
        _isServer = isServer;
        outbox.Add(new(KadOutputKind.Mode, IsServer: isServer));
    }

    private IReadOnlyList<Multiaddr> Shareable(IReadOnlyList<Multiaddr> addresses) =>
        KadAddresses.Shareable(addresses, _options.KeepsLoopback);

    private IReadOnlyList<Multiaddr> AddressesOf(PeerId peer)
    {
        IReadOnlyList<Multiaddr> addresses = _parts.AddressesOf(peer);
        return Shareable(addresses.Count > 0 ? addresses : _table.Find(peer)?.Addresses ?? []);
    }

    private void Enter(
        PeerId peer, in KadKey key, IReadOnlyList<Multiaddr> addresses, WeftInstant now, Outbox<KadOutput> outbox)
    {
        if (peer != Self && _table.OnSeen(peer, key, addresses, now))
        {
            outbox.Add(new(KadOutputKind.RouteAdded, Peer: peer));
            NoteChange(key, now, outbox);
        }
    }

    private static void OnLeft(PeerId peer, RouteEntry? successor, Outbox<KadOutput> outbox)
    {
        outbox.Add(new(KadOutputKind.RouteRemoved, Peer: peer));
        if (successor is not null)
        {
            outbox.Add(new(KadOutputKind.RouteAdded, Peer: successor.Peer));
        }
    }

    private static void StartTimer(WeftInstant due, KadTimer timer, Outbox<KadOutput> outbox) =>
        outbox.Add(new(KadOutputKind.StartTimer, Due: due, Timer: timer));
}

/// <summary>A peer of the routing table.</summary>
/// <param name="Bucket">How many bits it shares with this peer.</param>
/// <param name="Peer">Who.</param>
/// <param name="Addresses">Where.</param>
/// <param name="IsConnected">Connected now.</param>
/// <param name="Failures">Questions in a row that it did not answer.</param>
/// <param name="SeenAgo">How long ago it answered or was connected.</param>
public readonly record struct KadRoute(
    int Bucket, PeerId Peer, IReadOnlyList<Multiaddr> Addresses, bool IsConnected, int Failures, TimeSpan SeenAgo);
