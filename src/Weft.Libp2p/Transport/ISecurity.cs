using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Transport;

/// <summary>
/// A way to protect a connection beside Noise, which every host has: both ends prove who they are, and what follows is
/// encrypted.
/// </summary>
/// <remarks>Implementations are safe to use from many threads.</remarks>
public interface ISecurity
{
    /// <summary>The name it is negotiated by, for example "/tls/1.0.0".</summary>
    string Protocol { get; }

    /// <summary>The host starts: called once, before anything else.</summary>
    /// <param name="self">Who the host is. The key lives as long as the host; it is not the callee's to dispose.</param>
    void Start(SecurityIdentity self);

    /// <summary>Does the handshake.</summary>
    /// <param name="connection">Bytes that follow the agreement on <see cref="Protocol"/>; the caller ends it on failure.</param>
    /// <param name="isInbound">True when the other side opened the connection.</param>
    /// <param name="expected">The peer that was dialled; empty takes anyone. The host compares again.</param>
    /// <param name="cancellationToken">Gives up: the deadline of the handshake.</param>
    /// <exception cref="Libp2pException">The other side is another peer, or proves nothing.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    ValueTask<SecuredConnection> SecureAsync(
        ITransportConnection connection, bool isInbound, PeerId expected, CancellationToken cancellationToken);
}

/// <summary>What a way to protect connections needs to know of its host.</summary>
/// <param name="Key">The identity's key.</param>
/// <param name="Self">The peer id.</param>
/// <param name="Crypto">The primitives.</param>
/// <param name="Muxers">The muxers spoken here, the best first.</param>
/// <param name="Time">The clock.</param>
public sealed record SecurityIdentity(
    Ed25519KeyPair Key, PeerId Self, ICrypto Crypto, IReadOnlyList<string> Muxers, TimeProvider Time);

/// <summary>A connection that is protected from now on.</summary>
/// <param name="Connection">Plain bytes in, plain bytes out; ending it ends what lies under it.</param>
/// <param name="RemoteKey">The key the other side has proved to hold.</param>
/// <param name="Muxer">The muxer both agreed on within the handshake; null: it is negotiated afterwards.</param>
public sealed record SecuredConnection(ITransportConnection Connection, PeerPublicKey RemoteKey, string? Muxer = null);
