using Weft.Primitives;

namespace Weft.Protocols.Kad;

/// <summary>What the DHT asks its driver to do.</summary>
public enum KadOutputKind
{
    /// <summary>Ask Peer: Message; hand the answer in under Request. An AddProvider has none: report it sent.</summary>
    Ask,

    /// <summary>Nobody waits for Request any more.</summary>
    Abandon,

    /// <summary>Answer the question Token with Message; when IsDurable, not before the store is.</summary>
    Answer,

    /// <summary>Reset the stream of the question Token: it is malformed, too much, or this peer answers none.</summary>
    Refuse,

    /// <summary>A command has ended: Result.</summary>
    Done,

    /// <summary>Peer said that others are at these addresses: Message.Closer and Message.Providers.</summary>
    Learned,

    /// <summary>Call OnTimer with Timer at Due.</summary>
    StartTimer,

    /// <summary>This peer answers from now on, or no more: IsServer.</summary>
    Mode,

    /// <summary>Peer entered the routing table.</summary>
    RouteAdded,

    /// <summary>Peer left the routing table.</summary>
    RouteRemoved,

    /// <summary>There are not enough peers: dial the bootstrap peers.</summary>
    NeedPeers,
}

/// <summary>What a timer is for.</summary>
public enum KadTimerKind
{
    /// <summary>Upkeep of table and records.</summary>
    Upkeep = 0,

    /// <summary>A question takes longer than usual.</summary>
    Patience = 1,

    /// <summary>A question has failed.</summary>
    Request = 2,

    /// <summary>A command's deadline.</summary>
    Query = 3,

    /// <summary>Records are to be put to peers that came, or in place of peers that went.</summary>
    Repair = 4,
}

/// <summary>A timer of the DHT.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Id">The question or command it concerns.</param>
public readonly record struct KadTimer(KadTimerKind Kind, long Id = 0);

/// <summary>One wish of the DHT; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Request">The question's number: 1 and up.</param>
/// <param name="Peer">The peer it concerns.</param>
/// <param name="Message">What to send.</param>
/// <param name="Token">The driver's own number of a question that came.</param>
/// <param name="IsDurable">Wait for the store first.</param>
/// <param name="IsServer">The new mode.</param>
/// <param name="Result">What came of a command.</param>
/// <param name="Due">When a timer is due.</param>
/// <param name="Timer">Which timer.</param>
public readonly record struct KadOutput(
    KadOutputKind Kind,
    long Request = 0,
    PeerId Peer = default,
    KadMessage Message = default,
    long Token = 0,
    bool IsDurable = false,
    bool IsServer = false,
    KadResult? Result = null,
    WeftInstant Due = default,
    KadTimer Timer = default);
