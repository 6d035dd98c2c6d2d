using Weft.Primitives;
using Weft.Protocols.Identify;

namespace Weft.Libp2p.Connections;

/// <summary>Why a connection ended.</summary>
public enum ConnectionEnd
{
    /// <summary>It has not.</summary>
    None = 0,

    /// <summary>It was closed here.</summary>
    Local,

    /// <summary>The other side closed it.</summary>
    Remote,

    /// <summary>The network broke it.</summary>
    Broken,

    /// <summary>The other side sent what does not open: changed, repeated or reordered bytes.</summary>
    Undecryptable,

    /// <summary>The other side broke the rules of the muxer; it is cut off.</summary>
    ProtocolError,

    /// <summary>The other side floods; it is cut off.</summary>
    Flood,

    /// <summary>The other side does not answer.</summary>
    Silent,

    /// <summary>The other side does not read what it makes this side send.</summary>
    NotReading,

    /// <summary>The peer, or the range its address lies in, was banned here.</summary>
    Banned,

    /// <summary>Closed here to make room for better ones.</summary>
    Trimmed,

    /// <summary>There is another connection with the peer, which both ends prefer; this one had no streams left.</summary>
    Duplicate,

    /// <summary>Services found too much fault with the peer.</summary>
    Misbehaved,
}

/// <summary>Something that happened to a connection.</summary>
/// <param name="Kind">What.</param>
/// <param name="Peer">The peer.</param>
/// <param name="Connection">The connection.</param>
/// <param name="End">Why it ended, where it did.</param>
/// <param name="Identity">
/// What the peer says of itself (protocols, addresses, the address it sees this host at, agent); null before it has.
/// </param>
public sealed record PeerEvent(
    PeerEventKind Kind,
    PeerId Peer,
    PeerConnection Connection,
    ConnectionEnd End = ConnectionEnd.None,
    IdentifyMessage? Identity = null)
{
    /// <summary>Events before this one that its reader was too slow for, and that are lost to it. Mostly 0.</summary>
    public long Missed { get; init; }
}

/// <summary>What happened to a connection.</summary>
public enum PeerEventKind
{
    /// <summary>It is there: both ends have proved who they are.</summary>
    Connected = 0,

    /// <summary>The peer has said who it is and what it speaks, or that this has changed.</summary>
    Identified,

    /// <summary>It is gone.</summary>
    Disconnected,
}
