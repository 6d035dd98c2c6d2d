using Weft.Primitives;

namespace Weft.Node.Network;

/// <summary>A peer this node wants no connection with.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Since">When it was banned.</param>
/// <param name="Reason">Why, in the words of who banned it: at most 200 characters; may be empty.</param>
public sealed record BannedPeer(PeerId Peer, DateTimeOffset Since, string Reason = "");

/// <summary>Where a connection, or a peer to keep, stands.</summary>
public enum NetworkPeerState
{
    /// <summary>Connected.</summary>
    Connected = 0,

    /// <summary>Being dialled.</summary>
    Dialling,

    /// <summary>Waiting to be dialled again.</summary>
    Waiting,
}

/// <summary>One libp2p connection, or a peer to keep that is not connected.</summary>
/// <param name="Peer">The peer; empty for an address without a peer id that never answered.</param>
/// <param name="Agent">What it says of its program; null until it has.</param>
/// <param name="Transport">By what it is reached: "tcp", "ws", "relay", "memory".</param>
/// <param name="Address">Where it is.</param>
/// <param name="IsInbound">True when the other side opened the connection.</param>
/// <param name="IsKept">True for bootstrap peers and those that were added: dialled whenever they are away.</param>
/// <param name="State">Where it stands.</param>
/// <param name="RoundTrip">Measured by ping; null before the first answer.</param>
/// <param name="Score">How good a peer it is, 0 to 1; null while nothing judges.</param>
/// <param name="Streams">Streams open now, either side's.</param>
/// <param name="Since">When it connected; null while it is not.</param>
/// <param name="Protocols">What it says it speaks; empty until it has.</param>
/// <param name="LastError">Why it is not connected; null for no reason known.</param>
public sealed record NetworkPeer(
    PeerId Peer,
    string? Agent,
    string Transport,
    string Address,
    bool IsInbound,
    bool IsKept,
    NetworkPeerState State,
    TimeSpan? RoundTrip,
    double? Score,
    int Streams,
    DateTimeOffset? Since,
    IReadOnlyList<string> Protocols,
    string? LastError);
