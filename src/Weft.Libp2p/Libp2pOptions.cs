using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Crypto;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;
using Weft.Protocols.Ping;
using Weft.Protocols.Yamux;

namespace Weft.Libp2p;

/// <summary>How a host is started.</summary>
public sealed class Libp2pOptions
{
    /// <summary>The primitives. Default: the managed provider; the platform's is many times quicker.</summary>
    public ICrypto Crypto { get; set; } = new BouncyCastleCrypto();

    /// <summary>The identity; the host disposes it. Null makes a new one for this run.</summary>
    public Ed25519KeyPair? Identity { get; set; }

    /// <summary>How peers are reached, in the order in which they are asked; at least one.</summary>
    public IList<ITransport> Transports { get; } = [];

    /// <summary>Where to listen; none makes a host that only dials.</summary>
    public IList<Multiaddr> Listen { get; } = [];

    /// <summary>
    /// Ways to protect a connection beside Noise, in the order in which they are proposed after it. Default: none. With
    /// any, a dial takes a round trip more, because the first message of Noise no longer goes out with the proposal.
    /// </summary>
    public IList<ISecurity> Security { get; } = [];

    /// <summary>Speak Noise. Default: true; false needs a <see cref="Security"/>.</summary>
    public bool UseNoise { get; set; } = true;

    /// <summary>Which connections are kept. By default nobody is dialled unasked.</summary>
    public PlannerOptions Planner { get; set; } = new();

    /// <summary>Peers the planner dials before any other: <see cref="Libp2pHost.Anchors"/> of the last run.</summary>
    public IList<PeerAnchor> Anchors { get; } = [];

    /// <summary>
    /// A short label for where this host is, told to connected peers; the planner spreads its choice over regions. Null,
    /// the default: not told.
    /// </summary>
    public string? Region { get; set; }

    /// <summary>
    /// Close a second connection with a peer once it carries no stream. Default: true.
    /// </summary>
    public bool ClosesDuplicates { get; set; } = true;

    /// <summary>Ceilings and times of a dial.</summary>
    public DialOptions Dialing { get; set; } = new();

    /// <summary>
    /// Looks names up. Null, the default: "/dns", "/dns4" and "/dns6" are left to the transports, and "/dnsaddr" leads
    /// nowhere.
    /// </summary>
    public INameResolver? Names { get; set; }

    /// <summary>Ceilings of the address book.</summary>
    public AddressBookOptions Book { get; set; } = new();

    /// <summary>
    /// The nearest addresses that are taken from others. Null, the default: a peer tells of nothing nearer than it is
    /// itself.
    /// </summary>
    public AddressScope? NearestTold { get; set; }

    /// <summary>What identify says of the program. Default: "weft".</summary>
    public string AgentVersion { get; set; } = "weft";

    /// <summary>The family of protocols, as identify says it. Default: "weft/1".</summary>
    public string ProtocolVersion { get; set; } = "weft/1";

    /// <summary>Ceilings of connections and streams.</summary>
    public Libp2pLimits Limits { get; set; } = new();

    /// <summary>Ceilings of each muxed connection.</summary>
    public YamuxOptions Yamux { get; set; } = new();

    /// <summary>Name the muxer within the Noise handshake, which saves a round trip. Default: true.</summary>
    public bool EarlyMuxer { get; set; } = true;

    /// <summary>Time from the first byte of a connection to the end of its handshake. Default: 10 s.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time to reach an address. Default: 10 s.</summary>
    public TimeSpan DialTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time to agree on a stream's protocol. Default: 10 s.</summary>
    public TimeSpan NegotiationTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a stream that was disposed here waits for the other side's end. Default: 10 s.</summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Ping every peer again and again, and end the connection with one that stops answering. Default: null, no; the
    /// muxer asks every 15 s in any case.
    /// </summary>
    public PingOptions? Heartbeat { get; set; }

    /// <summary>Answer <c>/echo/1.0.0</c>: everything comes back. Default: false.</summary>
    public bool ServeEcho { get; set; }

    /// <summary>
    /// Answer <c>/perf/1.0.0</c>. Default: false, because it spends as many bytes as the peer asks for.
    /// </summary>
    public bool ServePerf { get; set; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>Takes the logs.</summary>
    public ILoggerFactory Loggers { get; set; } = NullLoggerFactory.Instance;

    /// <summary>
    /// Sets what peers under test need: echo and perf are served, loopback addresses are taken from everyone and not
    /// counted, and a peer may open 1,000 streams. Never for a node that strangers reach.
    /// </summary>
    public void UseTestProfile()
    {
        ServeEcho = true;
        ServePerf = true;
        NearestTold = AddressScope.Process;
        Limits.Addresses.IsLoopbackFree = true;
        Yamux.InboundStreamsMax = 1_000;
        Limits.PeerInboundStreamsMax = 1_000;
        Limits.TransientStreamsMax = 1_000;
        Limits.ProtocolStreamsMax = 16_384;
        Limits.ProtocolPeerStreamsMax = 16_384;
    }
}

/// <summary>A peer that a host chose itself, and where it reached it.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Addresses">Where it is: at most as many as the address book keeps of one peer.</param>
public sealed record PeerAnchor(PeerId Peer, IReadOnlyList<Multiaddr> Addresses);

/// <summary>
/// What the host holds at most. Scopes: the whole system, what has not told its purpose yet (transient), each peer.
/// </summary>
/// <remarks>Source: docs/spec/libp2p.md; the scopes are those of go-libp2p's resource manager.</remarks>
public sealed class Libp2pLimits
{
    /// <summary>Connections that others opened. Default: 256.</summary>
    public int InboundConnectionsMax { get; set; } = 256;

    /// <summary>
    /// Those of them that come through relays. Default: 64. They count under no address: a relay's says nothing of who
    /// comes.
    /// </summary>
    public int CircuitConnectionsMax { get; set; } = 64;

    /// <summary>Connections opened here. Default: 256; no inbound one takes their place.</summary>
    public int OutboundConnectionsMax { get; set; } = 256;

    /// <summary>Inbound connections whose handshake has not ended. Default: 32.</summary>
    public int InboundHandshakesMax { get; set; } = 32;

    /// <summary>Connections with one peer. Default: 8.</summary>
    public int PeerConnectionsMax { get; set; } = 8;

    /// <summary>Streams that others opened, over all connections. Default: 2,048.</summary>
    public int InboundStreamsMax { get; set; } = 2_048;

    /// <summary>Streams opened here, over all connections. Default: 4,096.</summary>
    public int OutboundStreamsMax { get; set; } = 4_096;

    /// <summary>Inbound streams that have not named their protocol yet. Default: 256.</summary>
    public int TransientStreamsMax { get; set; } = 256;

    /// <summary>Streams that one peer opened, over all its connections. Default: 256.</summary>
    public int PeerInboundStreamsMax { get; set; } = 256;

    /// <summary>Streams that others opened for one protocol, over all connections. Default: 1,024.</summary>
    public int ProtocolStreamsMax { get; set; } = 1_024;

    /// <summary>Streams that one peer opened for one protocol. Default: 128.</summary>
    public int ProtocolPeerStreamsMax { get; set; } = 128;

    /// <summary>
    /// Connections of the system's, either direction, attempts included. Default: no ceiling beyond those of the two
    /// directions.
    /// </summary>
    public int DescriptorsMax { get; set; } = int.MaxValue;

    /// <summary>
    /// Bytes received and not read by anyone, and bytes that windows have grown by, of all peers. Default: 256 MiB. A
    /// stream that goes beyond is reset; a window that would is not widened.
    /// </summary>
    public long MemoryBytesMax { get; set; } = 256L << 20;

    /// <summary>The same of one peer. Default: 64 MiB.</summary>
    public long PeerMemoryBytesMax { get; set; } = 64L << 20;

    /// <summary>
    /// Bytes a second this side sends over one connection, with a burst of as many; 0 for as many as the network takes.
    /// Default: 0.
    /// </summary>
    public long ConnectionBytesPerSecond { get; set; }

    /// <summary>Inbound connections by address and range, and how quickly they come.</summary>
    public AddressGateOptions Addresses { get; set; } = new();

    /// <summary>Banned peers and ranges of addresses. Default: 10,000.</summary>
    public int BansMax { get; set; } = 10_000;
}
