using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>Which connections a host keeps.</summary>
public sealed class PlannerOptions
{
    /// <summary>
    /// Connections this host opens and keeps by itself, to peers of the address book: 0 to 256. Default: 0, nobody is
    /// dialled unasked.
    /// </summary>
    public int OutboundTarget { get; set; }

    /// <summary>Connections beyond which the worst are closed. Default: 384.</summary>
    public int ConnectionsMax { get; set; } = 384;

    /// <summary>Connections that are left then. Default: 320.</summary>
    public int ConnectionsLow { get; set; } = 320;

    /// <summary>
    /// Outbound connections kept into one public range of addresses (/16 of IPv4, /32 of IPv6), while there are peers
    /// elsewhere: 1 and up. Default: 2.
    /// </summary>
    public int RangeMax { get; set; } = 2;

    /// <summary>
    /// Outbound peers that are dialled first after a restart, because they were there the longest: 0 to 8. Default: 2.
    /// </summary>
    public int AnchorsMax { get; set; } = 2;

    /// <summary>
    /// Time after which one more peer is dialled and another let go, so that two halves of a network that had lost each
    /// other grow together again. Anchors stay. Default: 3 min.
    /// </summary>
    public TimeSpan RotateInterval { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>Dials of its own at once. Default: 4.</summary>
    public int DialsMax { get; set; } = 4;

    /// <summary>Time in which a new connection is not closed to make room. Default: 20 s.</summary>
    public TimeSpan Grace { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Time between two looks at the connections. Default: 10 s.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Behaviour below which a peer's connections are closed: -1 to 0. It falls when a service finds fault with the peer,
    /// and heals within minutes. Default: -0.8.
    /// </summary>
    public double BehaviourMin { get; set; } = -0.8;

    /// <summary>Time in which half of what was found is forgiven, good or bad. Default: 5 min.</summary>
    public TimeSpan BehaviourHalfLife { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Peers whose behaviour and region are remembered. Default: 4,096.</summary>
    public int RememberedMax { get; set; } = 4_096;
}

/// <summary>What a planner asks its driver to do.</summary>
public enum PlannerOutputKind
{
    /// <summary>Dial the peer by the book; tell <see cref="ConnectionPlannerCore.OnDialEnded"/> how it ended.</summary>
    Dial = 0,

    /// <summary>Close the connection, which makes room for better ones.</summary>
    Trim,

    /// <summary>Close the connection: its peer behaves too badly.</summary>
    Drop,

    /// <summary>Call <see cref="ConnectionPlannerCore.OnTimer"/> then; late and double calls are harmless.</summary>
    StartTimer,
}

/// <summary>One wish of a <see cref="ConnectionPlannerCore"/>.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Peer">Whom to dial, or whose connection it is.</param>
/// <param name="Connection">The connection to close.</param>
/// <param name="Due">When to call.</param>
public readonly record struct PlannerOutput(
    PlannerOutputKind Kind, PeerId Peer = default, long Connection = 0, WeftInstant Due = default);

/// <summary>A connection, as the planner sees it.</summary>
internal sealed class PlannedConnection
{
    internal required long Id { get; init; }

    internal required PeerId Peer { get; init; }

    internal required bool IsInbound { get; init; }

    /// <summary>The planner itself had the peer dialled.</summary>
    internal required bool IsChosen { get; init; }

    /// <summary>Where it leads; null where addresses say nothing: on this machine, in this network.</summary>
    internal required IpRange? Range { get; init; }

    internal required WeftInstant Since { get; init; }

    internal TimeSpan RoundTrip { get; set; }

    internal bool IsClosing { get; set; }
}

/// <summary>What the planner remembers of a peer beyond its connections.</summary>
/// <param name="Behaviour">-1 to 1.</param>
/// <param name="At">When that was so.</param>
/// <param name="Region">The label it declares; empty for none.</param>
internal readonly record struct PlannedPeer(double Behaviour, WeftInstant At, string Region);
