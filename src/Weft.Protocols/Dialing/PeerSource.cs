namespace Weft.Protocols.Dialing;

/// <summary>Who told of an address. A later one counts for more.</summary>
public enum PeerSource
{
    /// <summary>A peer that told of another one.</summary>
    PeerExchange = 0,

    /// <summary>The distributed hash table.</summary>
    Dht,

    /// <summary>A rendezvous point.</summary>
    Rendezvous,

    /// <summary>The peer itself, unsigned (identify).</summary>
    Identify,

    /// <summary>The peer itself, in the local network.</summary>
    Mdns,

    /// <summary>The peer itself, signed.</summary>
    SignedRecord,

    /// <summary>A connection that was opened there and proved who answers.</summary>
    Connected,

    /// <summary>The operator: configuration, command line, bootstrap list. It does not expire.</summary>
    Configured,
}

/// <summary>What an address book holds at most, and how long.</summary>
public sealed class AddressBookOptions
{
    /// <summary>Peers: 1 and up. Default: 4,096.</summary>
    public int PeersMax { get; set; } = 4_096;

    /// <summary>Addresses of one peer: 1 and up. Default: 16.</summary>
    public int AddressesPerPeerMax { get; set; } = 16;

    /// <summary>Addresses of all peers: 1 and up. Default: 16,384.</summary>
    public int AddressesMax { get; set; } = 16_384;

    /// <summary>
    /// Addresses in one public range (/16 of IPv4, /32 of IPv6) at which no more of it are taken, but for those that
    /// worked or are configured. Default: 1,024.
    /// </summary>
    public int RangeAddressesMax { get; set; } = 1_024;

    /// <summary>How long an address told by others is kept. Default: 1 h.</summary>
    public TimeSpan HearsayLifetime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long an address the peer itself told of is kept. Default: 2 h.</summary>
    public TimeSpan ToldLifetime { get; set; } = TimeSpan.FromHours(2);

    /// <summary>How long an address that worked is kept after it worked last. Default: 7 days.</summary>
    public TimeSpan ProvedLifetime { get; set; } = TimeSpan.FromDays(7);

    /// <summary>First wait after a failure; it doubles with each. Default: 1 s.</summary>
    public TimeSpan BackoffMin { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait after a failure. Default: 10 min.</summary>
    public TimeSpan BackoffMax { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Failures in a row after which an address that never worked is forgotten, unless configured. Default: 8.
    /// </summary>
    public int FailuresMax { get; set; } = 8;

    internal TimeSpan LifetimeOf(PeerSource source) => source switch
    {
        PeerSource.Configured => TimeSpan.MaxValue,
        PeerSource.Connected => ProvedLifetime,
        PeerSource.SignedRecord or PeerSource.Mdns or PeerSource.Identify => ToldLifetime,
        _ => HearsayLifetime,
    };
}
