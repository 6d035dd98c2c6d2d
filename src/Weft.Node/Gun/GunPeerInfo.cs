using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

/// <summary>What is known about a connection when it is handed over.</summary>
/// <param name="Address">The remote address, or the URL of a link.</param>
/// <param name="Role">Who dialled.</param>
public readonly record struct GunConnectionInfo(string Address, GunRole Role = GunRole.Accepted);

/// <summary>What a peer is.</summary>
public enum GunPeerKind
{
    /// <summary>It has not said yet.</summary>
    Unknown = 0,

    /// <summary>A gun.js client.</summary>
    GunClient,

    /// <summary>A GUN relay this node dials.</summary>
    GunRelay,

    /// <summary>A Weft peer that asks for what it wants.</summary>
    WeftClient,

    /// <summary>A Weft peer with which everything is replicated.</summary>
    WeftRelay,
}

/// <summary>Where a connection stands.</summary>
public enum GunPeerState
{
    /// <summary>Open.</summary>
    Connected = 0,

    /// <summary>A link being dialled.</summary>
    Dialling,

    /// <summary>A link waiting to be dialled again.</summary>
    Waiting,

    /// <summary>A link that leads back to this node itself.</summary>
    Self,

    /// <summary>A link to a peer that is connected already by another way.</summary>
    Duplicate,
}

/// <summary>One connection or configured link, as people see it.</summary>
/// <param name="Connection">Its number in this process; 0 while a link is not connected.</param>
/// <param name="Pid">The peer's name for its process, or null.</param>
/// <param name="StoreId">The identifier of a Weft peer's store, or null.</param>
/// <param name="Address">Its address, or the URL of the link.</param>
/// <param name="Kind">What it is.</param>
/// <param name="State">Where it stands.</param>
/// <param name="IsLink">True for a configured link.</param>
/// <param name="RoundTrip">Measured by the hello; null when unknown.</param>
/// <param name="MessagesIn">Messages received.</param>
/// <param name="MessagesOut">Messages sent.</param>
/// <param name="BytesIn">Bytes received.</param>
/// <param name="BytesOut">Bytes sent.</param>
/// <param name="Pending">Changed fields that wait to be sent.</param>
/// <param name="Cursor">For a relay: the commit up to which it has everything; else 0.</param>
/// <param name="Since">When it connected; null while it is not.</param>
/// <param name="LastError">Why a link is not connected, or the last error text the peer sent.</param>
/// <param name="Key">The Ed25519 key the peer has proven to hold; null for none.</param>
public sealed record GunPeerInfo(
    long Connection,
    string? Pid,
    string? StoreId,
    string Address,
    GunPeerKind Kind,
    GunPeerState State,
    bool IsLink,
    TimeSpan? RoundTrip,
    long MessagesIn,
    long MessagesOut,
    long BytesIn,
    long BytesOut,
    int Pending,
    long Cursor,
    DateTimeOffset? Since,
    string? LastError,
    string? Key = null);
