namespace Weft.Protocols.Mesh;

/// <summary>When losing peers counts as a partition.</summary>
/// <remarks>Source: docs/operate/network.md.</remarks>
public sealed class PartitionOptions
{
    /// <summary>
    /// How long a peer must have been here to count at all: those that come and go prove nothing. Default: 10 s.
    /// </summary>
    public TimeSpan SettledAfter { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Losses within this time count as together. Silence is noticed at different moments by different connections, so it
    /// is longer than the interval of pings. Default: 30 s.
    /// </summary>
    public TimeSpan Window { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long they must stay away before it is said: a redial is quicker. Default: 5 s.</summary>
    public TimeSpan Confirm { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>At least so many peers are lost together: 2 and up. One alone is a peer that left. Default: 2.</summary>
    public int PeersMin { get; set; } = 2;

    /// <summary>At least this share of the peers that were here is lost together: above 0 to 1. Default: a third.</summary>
    public double Share { get; set; } = 1.0 / 3;

    /// <summary>It has healed when this share of the lost peers is back: above 0 to 1. Default: two thirds.</summary>
    public double HealShare { get; set; } = 2.0 / 3;

    /// <summary>After so long those that are still away count as gone for good. Default: 1 h.</summary>
    public TimeSpan GiveUp { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Peers that are followed, those here and those lost; others do not count. Default: 4,096.</summary>
    public int PeersMax { get; set; } = 4_096;
}
