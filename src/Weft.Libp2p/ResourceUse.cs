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
public readonly record struct ResourceUse(
    int InboundConnections,
    int OutboundConnections,
    int InboundHandshakes,
    int InboundStreams,
    int OutboundStreams,
    int TransientStreams,
    int Peers,
    long MemoryBytes,
    int Descriptors);
