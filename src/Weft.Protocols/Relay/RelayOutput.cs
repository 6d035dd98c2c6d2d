using Weft.Primitives;

namespace Weft.Protocols.Relay;

/// <summary>What the core of a relay asks its driver to do.</summary>
public enum RelayOutputKind
{
    /// <summary>Call OnTimer at Due.</summary>
    StartTimer = 0,

    /// <summary>End the circuit at once; Cut says why. The core has forgotten it.</summary>
    EndCircuit,

    /// <summary>The place of Peer has ended.</summary>
    ReservationEnded,
}

/// <summary>Why a relay ended a circuit.</summary>
public enum RelayCut
{
    /// <summary>It did not.</summary>
    None = 0,

    /// <summary>The bytes it may carry one way are used up.</summary>
    Bytes,

    /// <summary>Its time is over.</summary>
    Time,
}

/// <summary>One wish of the core; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Circuit">Which circuit.</param>
/// <param name="Peer">Which peer.</param>
/// <param name="Cut">Why.</param>
/// <param name="Due">When a timer is due.</param>
public readonly record struct RelayOutput(
    RelayOutputKind Kind, long Circuit = 0, PeerId Peer = default, RelayCut Cut = RelayCut.None,
    WeftInstant Due = default);
