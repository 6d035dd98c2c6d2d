namespace Weft.Libp2p;

/// <summary>What a host holds now.</summary>
/// <param name="InboundConnections">Connections that others opened, handshakes included.</param>
/// <param name="OutboundConnections">Connections opened here, handshakes included.</param>
/// <param name="InboundHandshakes">Inbound connections whose handshake has not ended.</param>
/// <param name="InboundStreams">Streams that others opened.</param>
/// <param name="OutboundStreams">Streams opened here.</param>
/// <param name="TransientStreams">Inbound streams that have not named their protocol yet.</param>
/// <param name="Peers">Peers with anything at all.</param>
/// <param name="MemoryBytes">Bytes received and not read, and bytes that windows have grown by.</param>
/// <param name="Descriptors">Connections of the system's, attempts included; those through relays are none.</param>
/// <param name="Circuits">Inbound connections through relays.</param>
public readonly record struct ResourceUse(
    int InboundConnections,
    int OutboundConnections,
    int InboundHandshakes,
    int InboundStreams,
    int OutboundStreams,
    int TransientStreams,
    int Peers,
    long MemoryBytes,
    int Descriptors,
    int Circuits);

/// <summary>Inbound streams of one protocol.</summary>
/// <param name="Protocol">The protocol.</param>
/// <param name="Streams">Streams that are being answered, of all peers.</param>
/// <param name="MostOfOnePeer">Streams of the peer that has the most of them.</param>
public readonly record struct ProtocolUse(string Protocol, int Streams, int MostOfOnePeer);

/// <summary>A ceiling of a host: see <see cref="Libp2pLimits"/>.</summary>
public enum Libp2pCeiling
{
    /// <summary>Connections that others opened.</summary>
    InboundConnections = 0,

    /// <summary>Connections opened here.</summary>
    OutboundConnections,

    /// <summary>Handshakes of inbound connections.</summary>
    InboundHandshakes,

    /// <summary>Connections with one peer.</summary>
    PeerConnections,

    /// <summary>Connections of the system's.</summary>
    Descriptors,

    /// <summary>Inbound connections through relays.</summary>
    CircuitConnections,

    /// <summary>Inbound connections of one address.</summary>
    AddressConnections,

    /// <summary>Inbound connections of one range of addresses.</summary>
    RangeConnections,

    /// <summary>New inbound connections of one address a second.</summary>
    AddressRate,

    /// <summary>Streams that others opened.</summary>
    InboundStreams,

    /// <summary>Streams opened here.</summary>
    OutboundStreams,

    /// <summary>Inbound streams that have not named their protocol.</summary>
    TransientStreams,

    /// <summary>Streams that one peer opened.</summary>
    PeerStreams,

    /// <summary>Inbound streams of one protocol.</summary>
    ProtocolStreams,

    /// <summary>Inbound streams of one peer for one protocol.</summary>
    ProtocolPeerStreams,

    /// <summary>Bytes held for all peers: a stream was reset, or a window was not widened.</summary>
    Memory,

    /// <summary>Bytes held for one peer: a stream was reset, or a window was not widened.</summary>
    PeerMemory,
}
