namespace Weft.Protocols.Relay;

/// <summary>What a relay gives to others, and how much of it.</summary>
/// <remarks>
/// The defaults are those of go-libp2p, but for circuits: 128 at all, and no more than 8 of one peer.
/// </remarks>
public sealed class RelayOptions
{
    /// <summary>Places at all: 0 and up. Default: 128.</summary>
    public int ReservationsMax { get; set; } = 128;

    /// <summary>
    /// Places for peers of one IPv4 address, or of one /64 of IPv6. Default: 8; 0 sets no limit, as tests on one
    /// machine
    /// need.
    /// </summary>
    public int ReservationsPerAddressMax { get; set; } = 8;

    /// <summary>How long a place is kept without being asked for again: 1 min to 24 h. Default: 1 h.</summary>
    public TimeSpan ReservationTime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Circuits at all: 0 and up. Default: 128.</summary>
    public int CircuitsMax { get; set; } = 128;

    /// <summary>Circuits from one peer, and circuits to one peer. Default: 8 each.</summary>
    public int CircuitsPerPeerMax { get; set; } = 8;

    /// <summary>How long a circuit may last, in whole seconds; zero for no limit. Default: 2 min.</summary>
    public TimeSpan CircuitTime { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Bytes a circuit may carry each way; zero for no limit. Default: 128 KiB.</summary>
    public long CircuitBytes { get; set; } = 128 * 1024;

    /// <summary>The limit as it is told.</summary>
    public RelayLimit Limit => new(CircuitTime, CircuitBytes);
}
