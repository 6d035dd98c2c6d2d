using Weft.Protocols.Kad;

namespace Weft.Node.Network;

/// <summary>How a node takes part in a DHT. Section "Weft:Network:Dht" of the configuration.</summary>
public sealed class NetworkDhtOptions
{
    /// <summary>Whether the node takes part at all, once it speaks libp2p. Default: true.</summary>
    public bool IsOn { get; set; } = true;

    /// <summary>
    /// The protocol. Default: <c>/weft/kad/1.0.0</c>; others speak <c>/ipfs/kad/1.0.0</c>, for example.
    /// </summary>
    public string Protocol { get; set; } = KadOptions.WeftProtocol;

    /// <summary>
    /// Whether it answers others. Null, the default, is server in the profiles test and super, and auto else.
    /// </summary>
    public KadMode? Mode { get; set; }

    /// <summary>
    /// Namespaces in which anybody may write without a signature, at most 16: for tests, and for peers of other makes.
    /// Default: none.
    /// </summary>
    public IList<string> OpenNamespaces { get; set; } = [];

    /// <summary>Records kept: 1 to 1,000,000. Default: 16,384.</summary>
    public int RecordsMax { get; set; } = 16_384;

    /// <summary>Mebibytes of records kept, all in memory: 1 to 65,536. Default: 64.</summary>
    public int RecordsMiB { get; set; } = 64;

    /// <summary>Life of a record: 1 min to 30 days. Default: 48 h.</summary>
    public TimeSpan RecordTtl { get; set; } = TimeSpan.FromHours(48);

    /// <summary>Peers that keep a record: 1 to 32, the same on all peers of one DHT. Default: 20.</summary>
    public int Copies { get; set; } = 20;

    /// <summary>
    /// How soon a record is put again whose holders came or went: up to 1 h. Null, the default, is 30 s, and 2 s in the
    /// profile test.
    /// </summary>
    public TimeSpan? RepairDelay { get; set; }

    internal IEnumerable<string> FindFaults()
    {
        if (Protocol.Length is 0 or > 256 || Protocol[0] != '/')
        {
            yield return "Network:Dht:Protocol is a name of at most 256 characters that begins with \"/\".";
        }

        if (OpenNamespaces.Count > 16 || OpenNamespaces.Any(name => name.Length is 0 or > 64 || name.Contains('/'))
            || OpenNamespaces.Any(name => name is "weft" or "pk"))
        {
            yield return "Network:Dht:OpenNamespaces takes at most 16 names without \"/\"; not \"weft\" and \"pk\".";
        }

        foreach ((string key, double value, double min, double max) in ((string, double, double, double)[])
            [
                ("RecordsMax", RecordsMax, 1, 1_000_000),
                ("RecordsMiB", RecordsMiB, 1, 65_536),
                ("RecordTtl (s)", RecordTtl.TotalSeconds, 60, 30 * 86_400),
                ("Copies", Copies, 1, 32),
                ("RepairDelay (s)", RepairDelay?.TotalSeconds ?? 30, 0.05, 3_600),
            ])
        {
            if (!(value >= min && value <= max))
            {
                yield return $"Network:Dht:{key} is {value}; allowed: {min} to {max}.";
            }
        }
    }
}
