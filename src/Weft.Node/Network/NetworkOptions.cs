using Weft.Libp2p;
using Weft.Protocols.Mesh;
using Weft.Protocols.Peers;
using Weft.Protocols.Replication;

namespace Weft.Node.Network;

/// <summary>What a node is to others on the libp2p network.</summary>
public enum NetworkProfile
{
    /// <summary>A peer like any other.</summary>
    Default = 0,

    /// <summary>
    /// For tests on one machine: no limits or penalties by address on loopback, 1,000 inbound streams a connection,
    /// <c>/echo/1.0.0</c> and <c>/perf/1.0.0</c> served. Not for an open network: anybody may spend this node's bytes.
    /// </summary>
    Test,

    /// <summary>A peer with room to spare: larger ceilings, and services for others (storage, discovery, relay).</summary>
    Super,
}

/// <summary>How connections are protected.</summary>
public enum NetworkSecurity
{
    /// <summary>By Noise.</summary>
    Noise = 0,

    /// <summary>By Noise, and by TLS 1.3 with peers that speak only that. A dial takes a round trip more.</summary>
    Both,

    /// <summary>By TLS 1.3 alone: peers that speak only Noise are not reached.</summary>
    Tls,
}

/// <summary>How a node takes part in libp2p. Section "Weft:Network" of the configuration.</summary>
/// <remarks>Nothing set, the default: no host is started, nobody is dialled, nothing is listened at.</remarks>
public sealed class NetworkOptions
{
    /// <summary>
    /// Where to listen: multiaddrs such as <c>/ip4/127.0.0.1/tcp/8766</c> or <c>/ip4/127.0.0.1/tcp/8767/ws</c>; port 0
    /// takes a free one. At most 16. Default: none.
    /// </summary>
    public IList<string> Listen { get; set; } = [];

    /// <summary>
    /// Peers to dial at the start and whenever they are not connected, for as long as the node runs: multiaddrs, best
    /// with the peer id at their end. At most 64. Default: none.
    /// </summary>
    public IList<string> Bootstrap { get; set; } = [];

    /// <summary>Topics to join at the start: 1 to 255 characters each, at most 256. Default: none.</summary>
    public IList<string> Subscribe { get; set; } = [];

    /// <summary>
    /// Relays that keep topics: dialled like bootstrap peers and asked first; a node that is a relay itself keeps what they
    /// keep. Multiaddrs with the peer id at their end, at most 16. Default: none; connected relays are asked.
    /// </summary>
    public IList<string> TopicRelays { get; set; } = [];

    /// <summary>
    /// What the node is to others. Null, the default, is <see cref="NetworkProfile.Default"/> and turns nothing on.
    /// </summary>
    public NetworkProfile? Profile { get; set; }

    /// <summary>
    /// Synchronize the graph with connected peers that speak <c>/weft/sync/1</c>. Default: true. Whoever connects may then
    /// read it, as at <c>/gun</c>.
    /// </summary>
    public bool Sync { get; set; } = true;

    /// <summary>
    /// Prefixes of souls that this node wants of its peers; an empty one for everything. At most 63. Default: everything.
    /// The system's records (<c>weft:</c>) are always wanted. What peers want of this node is theirs to say.
    /// </summary>
    public IList<string> SyncPrefixes { get; set; } = [""];

    /// <summary>Peers kept connected, bootstrap and added ones together: 1 to 1,024. Default: 256.</summary>
    public int LinksMax { get; set; } = 256;

    /// <summary>Banned peers: 0 to 100,000; one more is refused. Default: 1,024.</summary>
    public int BansMax { get; set; } = 1_024;

    /// <summary>The first wait before a peer is dialled again: 10 ms to 1 h. Default: 500 ms.</summary>
    public TimeSpan RedialMin { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest wait before a peer is dialled again: up to 1 day. Default: 60 s.</summary>
    public TimeSpan RedialMax { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How often connected peers are pinged: 100 ms to 1 h. Default: 1 s.</summary>
    public TimeSpan PingInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How connections are protected. Default: <see cref="NetworkSecurity.Noise"/>.</summary>
    public NetworkSecurity Security { get; set; }

    /// <summary>
    /// Connections the node opens and keeps by itself, to peers it learned of: 0 to 256. Default: 0; only those it was
    /// told of are dialled.
    /// </summary>
    public int OutboundTarget { get; set; }

    /// <summary>Peers of its own choice that are dialled first after a restart: 0 to 8. Default: 2.</summary>
    public int AnchorsMax { get; set; } = 2;

    /// <summary>
    /// A short label for where the node is, told to connected peers, over which the choice of connections is spread: at
    /// most 32 bytes. Null, the default: not told.
    /// </summary>
    public string? Region { get; set; }

    /// <summary>
    /// A PEM file with the certificate, and its chain, with which "/tls/ws" and "/wss" are listened at. Null: they are
    /// not.
    /// </summary>
    public string? TlsCertificateFile { get; set; }

    /// <summary>The PEM file of its private key.</summary>
    public string? TlsKeyFile { get; set; }

    /// <summary>
    /// DNS servers that are asked for "/dnsaddr" names: addresses or address:port, at most 4. Default: the system's.
    /// </summary>
    public IList<string> DnsServers { get; set; } = [];

    /// <summary>
    /// Single ceilings by name (<see cref="NetworkCeilings.Names"/>), in place of those of the profile. Default: none.
    /// </summary>
    public IDictionary<string, long> Ceilings { get; set; } =
        new Dictionary<string, long>(StringComparer.OrdinalIgnoreCase);

    /// <summary>The distributed hash table.</summary>
    public NetworkDhtOptions Dht { get; set; } = new();

    /// <summary>Replication by policy.</summary>
    public ReplicationOptions Replication { get; set; } = new();

    /// <summary>When losing peers counts as a partition.</summary>
    public PartitionOptions Partition { get; set; } = new();

    /// <summary>How it learns of others.</summary>
    public NetworkDiscoveryOptions Discovery { get; set; } = new();

    /// <summary>Ceilings of connections and streams; null for those of the profile.</summary>
    public Libp2pLimits? Limits { get; set; }

    /// <summary>True when anything asks for libp2p.</summary>
    public bool IsOn => Profile is not null
        || Listen.Count + Bootstrap.Count + Subscribe.Count + TopicRelays.Count > 0
        || Discovery.Relays.Count + Discovery.Rendezvous.Count > 0;

    /// <summary>The profile that counts.</summary>
    public NetworkProfile EffectiveProfile => Profile ?? NetworkProfile.Default;

    /// <summary>What is out of bounds: the key, the value, and what is allowed.</summary>
    public IEnumerable<string> FindFaults()
    {
        foreach (string fault in Addresses("Listen", Listen, 16).Concat(Addresses("Bootstrap", Bootstrap, 64)))
        {
            yield return fault;
        }

        if (Subscribe.Count > 256 || Subscribe.Any(topic => topic.Length is 0 or > 255 || topic.Any(char.IsControl)))
        {
            yield return "Network:Subscribe takes at most 256 topics of 1 to 255 characters.";
        }

        if (TopicRelays.Count > 16 || TopicRelays.Any(
            text => !Multiaddr.TryParse(text, out Multiaddr? address) || address.Peer.IsEmpty))
        {
            yield return "Network:TopicRelays takes at most 16 multiaddrs with a peer id at their end.";
        }

        if (SyncPrefixes.Count > 63 || SyncPrefixes.Any(prefix => prefix.Length > 1_024))
        {
            yield return "Network:SyncPrefixes takes at most 63 prefixes of at most 1024 characters.";
        }

        if (Profile is { } profile && !Enum.IsDefined(profile))
        {
            yield return $"Network:Profile is {profile}; allowed: default, test, super.";
        }

        if (!Enum.IsDefined(Security))
        {
            yield return $"Network:Security is {Security}; allowed: noise, both, tls.";
        }

        if (Region is { } region && (region.Length is 0 or > 32 || !region.All(one => one is > ' ' and < '\x7F' and not '/')))
        {
            yield return "Network:Region has 1 to 32 visible ASCII characters without a slash.";
        }

        if (TlsCertificateFile is null != TlsKeyFile is null)
        {
            yield return "Network:TlsCertificateFile and Network:TlsKeyFile go together; one of them is missing.";
        }

        if (DnsServers.Count > 4 || DnsServers.Any(one => !System.Net.IPEndPoint.TryParse(one, out _)))
        {
            yield return "Network:DnsServers takes at most 4 IP addresses, with or without a port.";
        }

        foreach (string fault in Dht.FindFaults().Concat(Discovery.FindFaults()).Concat(Replication.FindFaults())
            .Concat(NetworkCeilings.FindFaults(Ceilings)))
        {
            yield return fault;
        }

        foreach ((string key, double value, double min, double max) in Numbers())
        {
            if (!(value >= min && value <= max))
            {
                yield return $"Network:{key} is {value}; allowed: {min} to {max}.";
            }
        }
    }

    private (string Key, double Value, double Min, double Max)[] Numbers() =>
    [
        ("LinksMax", LinksMax, 1, 1_024),
        ("BansMax", BansMax, 0, 100_000),
        ("OutboundTarget", OutboundTarget, 0, 256),
        ("AnchorsMax", AnchorsMax, 0, 8),
        ("RedialMin (ms)", RedialMin.TotalMilliseconds, 10, 3_600_000),
        ("RedialMax (ms)", RedialMax.TotalMilliseconds, 10, 86_400_000),
        ("PingInterval (ms)", PingInterval.TotalMilliseconds, 100, 3_600_000),
    ];

    private static IEnumerable<string> Addresses(string key, IList<string> texts, int countMax)
    {
        if (texts.Count > countMax)
        {
            yield return $"Network:{key} has {texts.Count} addresses; allowed: {countMax}.";
        }

        foreach (string text in texts)
        {
            if (!Multiaddr.TryParse(text, out _))
            {
                string plain = string.Concat(text.Take(100).Select(unit => char.IsControl(unit) ? '?' : unit));
                yield return $"Network:{key} has \"{plain}\"; allowed: a multiaddr, such as /ip4/127.0.0.1/tcp/8766.";
            }
        }
    }
}
