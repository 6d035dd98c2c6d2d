using Weft.Libp2p;

namespace Weft.Node.Network;

/// <summary>How much of one ceiling is in use.</summary>
/// <param name="Scope">"system", "transient", "address", "peer", "protocol", "connection", "relay", "rendezvous" or "node".</param>
/// <param name="What">What is counted.</param>
/// <param name="Used">In use now; for a peer, protocol, connection or address the one that uses most.</param>
/// <param name="Max">The ceiling.</param>
public readonly record struct LimitUse(string Scope, string What, long Used, long Max);

/// <content>What is in use of what is allowed.</content>
public sealed partial class NodeNetwork
{
    /// <summary>Every ceiling of the host, and how much of it is in use.</summary>
    public IReadOnlyList<LimitUse> ListLimits()
    {
        ResourceUse use = Host.Use;
        Libp2pLimits limits = _ceilings.Host.Limits;
        IReadOnlyList<ProtocolUse> protocols = Host.ProtocolUses;
        ILookup<Primitives.PeerId, int> streams =
            Host.Connections.ToLookup(connection => connection.Remote, connection => connection.StreamCount);
        return
        [
            new("system", "inbound connections", use.InboundConnections, limits.InboundConnectionsMax),
            new("system", "outbound connections", use.OutboundConnections, limits.OutboundConnectionsMax),
            new("system", "inbound connections through relays", use.Circuits, limits.CircuitConnectionsMax),
            new("system", "inbound streams", use.InboundStreams, limits.InboundStreamsMax),
            new("system", "outbound streams", use.OutboundStreams, limits.OutboundStreamsMax),
            new("system", "bytes received and not read", use.MemoryBytes, limits.MemoryBytesMax),
            new("system", "descriptors of connections", use.Descriptors, limits.DescriptorsMax),
            new("transient", "inbound handshakes", use.InboundHandshakes, limits.InboundHandshakesMax),
            new("transient", "inbound streams", use.TransientStreams, limits.TransientStreamsMax),
            new("peer", "connections", Most(streams.Select(peer => peer.Count())), limits.PeerConnectionsMax),
            new("peer", "streams", Most(streams.Select(peer => peer.Sum())), limits.PeerInboundStreamsMax),
            new("protocol", "streams of one protocol", Most(protocols.Select(one => one.Streams)), limits.ProtocolStreamsMax),
            new("protocol", "streams of one peer for one protocol",
                Most(protocols.Select(one => one.MostOfOnePeer)), limits.ProtocolPeerStreamsMax),
            .. protocols.Select(one => new LimitUse("protocol", one.Protocol, one.Streams, limits.ProtocolStreamsMax)),
            new("connection", "streams", Most(streams.SelectMany(peer => peer)), _ceilings.Host.Yamux.InboundStreamsMax),
            .. ListServed(),
            new("node", "peers to keep", CountKept(), Options.LinksMax),
            new("node", "banned peers", ListBans().Count, Options.BansMax),
        ];
    }

    private IEnumerable<LimitUse> ListServed()
    {
        if (RelayService is { } relay)
        {
            yield return new("relay", "places", relay.Reservations, _ceilings.Relay.ReservationsMax);
            yield return new("relay", "circuits", relay.Circuits, _ceilings.Relay.CircuitsMax);
        }

        if (RendezvousService is { } point)
        {
            yield return new("rendezvous", "registrations", point.Count, _ceilings.Rendezvous.RegistrationsMax);
        }
    }

    private static int Most(IEnumerable<int> numbers) => numbers.DefaultIfEmpty(0).Max();

    private int CountKept()
    {
        lock (_gate)
        {
            return _kept.Count;
        }
    }
}
