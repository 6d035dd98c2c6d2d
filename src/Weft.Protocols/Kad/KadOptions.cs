namespace Weft.Protocols.Kad;

/// <summary>Whether a peer answers the DHT's questions.</summary>
public enum KadMode
{
    /// <summary>It answers once another peer has reached it from outside, and not before. The default.</summary>
    Auto = 0,

    /// <summary>It asks only, and enters no routing table.</summary>
    Client = 1,

    /// <summary>It answers.</summary>
    Server = 2,
}

/// <summary>The knobs and ceilings of the DHT.</summary>
/// <remarks>Times and sizes are those of the specification unless said. Source: docs/spec/dht.md.</remarks>
public sealed class KadOptions
{
    /// <summary>Weft's own DHT.</summary>
    public const string WeftProtocol = "/weft/kad/1.0.0";

    /// <summary>The protocol it is spoken under. Default: <c>/weft/kad/1.0.0</c>.</summary>
    public string Protocol { get; set; } = WeftProtocol;

    /// <summary>Whether this peer answers. Default: auto.</summary>
    public KadMode Mode { get; set; }

    /// <summary>Peers of a bucket, of an answer, and that keep a record: 1 to 32. Default: 20.</summary>
    public int K { get; set; } = 20;

    /// <summary>
    /// Peers that keep a record, unless its namespace's rule says another number: up to K. Default: 20.
    /// </summary>
    public int Copies { get; set; } = 20;

    /// <summary>Questions of one path of a lookup at once: 1 to 32. Default: 3; the specification has 10.</summary>
    public int Alpha { get; set; } = 3;

    /// <summary>
    /// Paths of a lookup that share no peer: 1 to 8. One costs least; four find an honest peer among many others.
    /// Default: 1.
    /// </summary>
    public int Paths { get; set; } = 1;

    /// <summary>Candidates a lookup remembers; the farthest are forgotten. Default: 512.</summary>
    public int CandidatesMax { get; set; } = 512;

    /// <summary>Commands at work at once; more are refused. Default: 256.</summary>
    public int QueriesMax { get; set; } = 256;

    /// <summary>Lookups of upkeep at once; more wait. Default: 4.</summary>
    public int UpkeepQueriesMax { get; set; } = 4;

    /// <summary>Time of a whole command. Default: 60 s.</summary>
    public TimeSpan QueryTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Time after which a question has failed. Default: 10 s.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The shortest time after which a lookup goes on without an answer. The time itself is three times what 95 of 100
    /// answers took. Default: 250 ms.
    /// </summary>
    public TimeSpan PatienceMin { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>That time before anything was measured. Default: 2 s.</summary>
    public TimeSpan PatienceFirst { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Peers in wait behind a full bucket. Default: 10.</summary>
    public int ReplacementsMax { get; set; } = 10;

    /// <summary>
    /// Peers of one bucket that share a public network (16 bits of IPv4, 32 of IPv6). Default: 10; 0 for no bound.
    /// </summary>
    public int SubnetPeersMax { get; set; } = 10;

    /// <summary>Failures in a row after which a peer leaves the table though none waits. Default: 3.</summary>
    public int FailuresMax { get; set; } = 3;

    /// <summary>How often everything below is looked after. Default: 1 min.</summary>
    public TimeSpan UpkeepInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Silence after which a peer of the table is asked whether it lives. Default: 30 min.</summary>
    public TimeSpan CheckAfter { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Peers checked in one upkeep. Default: 16.</summary>
    public int ChecksMax { get; set; } = 16;

    /// <summary>Time after which a bucket without lookups is refreshed. Default: 1 h.</summary>
    public TimeSpan RefreshInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How often a peer looks for itself. Default: 10 min.</summary>
    public TimeSpan BootstrapInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Life of a record. Default: 48 h.</summary>
    public TimeSpan RecordTtl { get; set; } = TimeSpan.FromHours(48);

    /// <summary>How often its publisher puts a record again. Default: 22 h.</summary>
    public TimeSpan RepublishInterval { get; set; } = TimeSpan.FromHours(22);

    /// <summary>
    /// How often a holder puts a record to the peers closest to it, unless another did. Default: 1 h.
    /// </summary>
    public TimeSpan ReplicateInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How soon a holder does so when a peer that should hold the record came or went. Default: 30 s; zero for never.
    /// </summary>
    public TimeSpan RepairDelay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Records replicated or published again in one upkeep. Default: 64.</summary>
    public int ReplicationsMax { get; set; } = 64;

    /// <summary>Life of a provider's announcement. Default: 48 h.</summary>
    public TimeSpan ProviderTtl { get; set; } = TimeSpan.FromHours(48);

    /// <summary>How often a provider announces itself again. Default: 22 h.</summary>
    public TimeSpan ProvideInterval { get; set; } = TimeSpan.FromHours(22);

    /// <summary>How long a provider's addresses are handed on. Default: 30 min.</summary>
    public TimeSpan ProviderAddressTtl { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Keys with providers that are kept for others. Default: 4,096; beyond it the farthest go.</summary>
    public int ProviderKeysMax { get; set; } = 4_096;

    /// <summary>Providers kept for one key. Default: 20; beyond it the one that ends first goes.</summary>
    public int ProvidersPerKeyMax { get; set; } = 20;

    /// <summary>Keys this peer provides itself. Default: 1,024.</summary>
    public int OwnProvidesMax { get; set; } = 1_024;

    /// <summary>Bytes of a value that is kept: up to 60 KiB. Default: 48 KiB.</summary>
    public int ValueBytesMax { get; set; } = 48 << 10;

    /// <summary>Questions a peer may ask in a second, with twice as many at once. Default: 500.</summary>
    public int RequestsPerSecond { get; set; } = 500;

    /// <summary>
    /// Whether loopback addresses are handed on and taken. Default: false; tests on one machine need it.
    /// </summary>
    public bool KeepsLoopback { get; set; }

    /// <summary>
    /// Whether a lookup goes over the whole region of a key when the peers around it stand too close together. Default:
    /// true.
    /// </summary>
    public bool AsksRegion { get; set; } = true;

    /// <summary>Peers of a region that are asked, or given a record, at the most. Default: 64.</summary>
    public int RegionPeersMax { get; set; } = 64;
}
