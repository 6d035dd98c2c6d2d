using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Connections;

/// <summary>Where a connection stands in its life.</summary>
public enum ConnectionPhase
{
    /// <summary>An address is being tried.</summary>
    Discovery = 0,

    /// <summary>The transport is connected; the two ends agree on how to protect it.</summary>
    Handshake,

    /// <summary>Both ends have proved who they are.</summary>
    Authentication,

    /// <summary>They tell each other what they are and speak (identify).</summary>
    Sync,

    /// <summary>That is known; the first sign of life is being waited for.</summary>
    Heartbeat,

    /// <summary>All is known, and the peer answers.</summary>
    Active,

    /// <summary>It has ended, or was never made.</summary>
    Disconnect,
}

/// <summary>A connection, or the attempt to make one, has gone on.</summary>
/// <param name="Peer">The peer; empty while it is not known.</param>
/// <param name="Address">Where it is.</param>
/// <param name="Phase">Where it stands now.</param>
/// <param name="Connection">The connection; null before <see cref="ConnectionPhase.Authentication"/>.</param>
/// <param name="Reason">Why it ended, where it did; else empty.</param>
public sealed record PhaseChange(
    PeerId Peer, Multiaddr Address, ConnectionPhase Phase, PeerConnection? Connection = null, string Reason = "")
{
    /// <summary>Changes before this one that its reader was too slow for, and that are lost to it. Mostly 0.</summary>
    public long Missed { get; init; }
}
