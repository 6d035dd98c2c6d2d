using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Relay;

/// <summary>How a relay answers, and how the peer at the end of a circuit does.</summary>
public enum RelayStatus
{
    /// <summary>No status was given.</summary>
    None = 0,

    /// <summary>Granted.</summary>
    Ok = 100,

    /// <summary>No reservation: for example, there are too many.</summary>
    ReservationRefused = 200,

    /// <summary>Too many circuits of this peer, to this peer, or at all.</summary>
    ResourceLimitExceeded = 201,

    /// <summary>Not for this peer.</summary>
    PermissionDenied = 202,

    /// <summary>The peer at the end could not be reached, or does not want to.</summary>
    ConnectionFailed = 203,

    /// <summary>The peer at the end has no reservation.</summary>
    NoReservation = 204,

    /// <summary>The message cannot be read.</summary>
    MalformedMessage = 400,

    /// <summary>The message is none that may come here.</summary>
    UnexpectedMessage = 401,
}

/// <summary>What a message on the way to a relay is.</summary>
public enum HopKind
{
    /// <summary>Asks for a reservation.</summary>
    Reserve = 0,

    /// <summary>Asks for a circuit to a peer.</summary>
    Connect = 1,

    /// <summary>Answers.</summary>
    Status = 2,
}

/// <summary>What a message between a relay and the peer at the end of a circuit is.</summary>
public enum StopKind
{
    /// <summary>Somebody wants to reach the peer.</summary>
    Connect = 0,

    /// <summary>Answers.</summary>
    Status = 1,
}

/// <summary>What a circuit may cost. The default value sets no limit.</summary>
/// <param name="Duration">How long it may last, in whole seconds; zero for no limit.</param>
/// <param name="Bytes">How many bytes may go each way; zero for no limit.</param>
public readonly record struct RelayLimit(TimeSpan Duration, long Bytes)
{
    /// <summary>True when something is limited.</summary>
    public bool IsSet => Duration > TimeSpan.Zero || Bytes > 0;
}

/// <summary>A place at a relay.</summary>
/// <param name="ExpiresAt">When it ends, in seconds since 1970-01-01 UTC by the relay's clock.</param>
/// <param name="Addresses">
/// Where the relay can be dialled; at most <see cref="RelayCodec.AddressesMax"/>, those Weft cannot read left out.
/// </param>
/// <param name="Voucher">The signed <see cref="RelayVoucher"/>; empty when none was given.</param>
public sealed record RelayReservation(
    long ExpiresAt, IReadOnlyList<Multiaddr> Addresses, ReadOnlyMemory<byte> Voucher);

/// <summary>A message between a peer and a relay.</summary>
/// <param name="Kind">What it is.</param>
public sealed record HopMessage(HopKind Kind)
{
    /// <summary>The peer to be reached, in a <see cref="HopKind.Connect"/>; else empty.</summary>
    public PeerId Peer { get; init; }

    /// <summary>What was granted, in the answer to a <see cref="HopKind.Reserve"/>.</summary>
    public RelayReservation? Reservation { get; init; }

    /// <summary>What circuits may cost.</summary>
    public RelayLimit Limit { get; init; }

    /// <summary>The answer.</summary>
    public RelayStatus Status { get; init; }
}

/// <summary>A message between a relay and the peer at the end of a circuit.</summary>
/// <param name="Kind">What it is.</param>
public sealed record StopMessage(StopKind Kind)
{
    /// <summary>Who wants to reach the peer, as the relay says; the handshake over the circuit proves it.</summary>
    public PeerId Peer { get; init; }

    /// <summary>What the circuit may cost.</summary>
    public RelayLimit Limit { get; init; }

    /// <summary>The answer.</summary>
    public RelayStatus Status { get; init; }
}
