using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Noise;
using Weft.Protocols.Peers;
using Weft.Protocols.Yamux;

namespace Weft.Libp2p.Connections;

/// <summary>What a connection asks of the host. The first three are called with the connection's gate held.</summary>
internal interface IConnectionOwner
{
    bool TryOpenStream(PeerConnection connection, bool isInbound);

    void OnStreamClosed(PeerConnection connection, bool isInbound, bool isNamed);

    void OnStreamNamed();

    void OnInboundStream(PeerStream stream);

    /// <summary>The bytes this peer makes this side hold.</summary>
    MemoryScope MemoryOf(PeerConnection connection);

    void OnPhase(PeerConnection connection, string reason);

    void OnClosed(PeerConnection connection, ConnectionEnd end);
}

/// <summary>What all connections of a host share.</summary>
internal sealed record ConnectionSettings(
    TimeProvider Time, YamuxOptions Yamux, TimeSpan DrainTimeout, long BytesPerSecond);

/// <summary>A connection whose handshake has ended well.</summary>
/// <param name="Transport">Carries the frames.</param>
/// <param name="Send">Seals them; null where the transport does.</param>
/// <param name="Receive">Opens them; null where the transport does.</param>
/// <param name="Remote">Who is there.</param>
/// <param name="RemoteKey">Its key.</param>
/// <param name="IsInbound">Who opened it.</param>
/// <param name="Raw">Frames that came with the last message of the handshake.</param>
/// <param name="Plain">Opened bytes that came with the agreement on the muxer.</param>
internal sealed record UpgradedConnection(
    ITransportConnection Transport,
    NoiseCipher? Send,
    NoiseCipher? Receive,
    PeerId Remote,
    PeerPublicKey RemoteKey,
    bool IsInbound,
    ReadOnlyMemory<byte> Raw,
    ReadOnlyMemory<byte> Plain);
