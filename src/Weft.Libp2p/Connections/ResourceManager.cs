using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Connections;

/// <summary>Counts connections, streams and bytes by scope, and says no where a ceiling is reached.</summary>
/// <remarks>Safe to use from many threads: a few numbers behind one lock; bytes are counted without it.</remarks>
internal sealed class ResourceManager(Libp2pLimits limits, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, PeerScope> _peers = [];
    private readonly Dictionary<string, int> _protocols = new(StringComparer.Ordinal);
    private readonly long[] _refusals = new long[Enum.GetValues<Libp2pCeiling>().Length];
    private readonly AddressGate _addresses = new(limits.Addresses);
    private int _inbound;
    private int _outbound;
    private int _handshakes;
    private int _descriptors;
    private int _circuits;
    private int _inboundStreams;
    private int _outboundStreams;
    private int _transientStreams;
    private long _memory;

    /// <summary>What is in use now.</summary>
    public ResourceUse Use
    {
        get
        {
            lock (_gate)
            {
                return new(
                    _inbound, _outbound, _handshakes, _inboundStreams, _outboundStreams, _transientStreams, _peers.Count,
                    Interlocked.Read(ref _memory), _descriptors, _circuits);
            }
        }
    }

    /// <summary>True while no other inbound handshake may begin.</summary>
    public bool IsFullOfHandshakes
    {
        get
        {
            lock (_gate)
            {
                return _handshakes >= limits.InboundHandshakesMax;
            }
        }
    }

    /// <summary>Inbound streams of each protocol now, and of the peer with the most of them.</summary>
    public IReadOnlyList<ProtocolUse> Protocols
    {
        get
        {
            lock (_gate)
            {
                return
                [
                    .. _protocols.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => new ProtocolUse(
                        one.Key, one.Value, _peers.Values.Max(peer => peer.Protocols?.GetValueOrDefault(one.Key) ?? 0))),
                ];
            }
        }
    }

    /// <summary>How often each ceiling has said no.</summary>
    public long RefusalsOf(Libp2pCeiling ceiling) => Interlocked.Read(ref _refusals[(int)ceiling]);

    /// <summary>Takes room for an inbound connection whose peer is not known yet.</summary>
    /// <returns>Null when it has it; else why not, for the log.</returns>
    public string? TryOpenInbound(ITransportConnection connection)
    {
        lock (_gate)
        {
            if (_inbound >= limits.InboundConnectionsMax)
            {
                return Refuse(Libp2pCeiling.InboundConnections, "too many inbound connections");
            }

            if (_handshakes >= limits.InboundHandshakesMax)
            {
                return Refuse(Libp2pCeiling.InboundHandshakes, "too many handshakes");
            }

            if (IsCircuit(connection))
            {
                // The relay's address says nothing of who comes, and one relay must not fill every place.
                if (_circuits >= limits.CircuitConnectionsMax)
                {
                    return Refuse(Libp2pCeiling.CircuitConnections, "too many connections through relays");
                }

                _circuits++;
            }
            else
            {
                if (_descriptors >= limits.DescriptorsMax)
                {
                    return Refuse(Libp2pCeiling.Descriptors, "too many descriptors");
                }

                GateAnswer answer = _addresses.TryEnter(connection.RemoteAddress, time.Instant());
                if (answer != GateAnswer.Open)
                {
                    return answer switch
                    {
                        GateAnswer.AddressFull =>
                            Refuse(Libp2pCeiling.AddressConnections, "too many connections of its address"),
                        GateAnswer.RangeFull =>
                            Refuse(Libp2pCeiling.RangeConnections, "too many connections of its range of addresses"),
                        _ => Refuse(Libp2pCeiling.AddressRate, "its address connects too quickly"),
                    };
                }

                _descriptors++;
            }

            _inbound++;
            _handshakes++;
            return null;
        }
    }

    /// <summary>Takes room for an attempt to connect.</summary>
    public bool TryOpenOutbound()
    {
        lock (_gate)
        {
            if (_outbound >= limits.OutboundConnectionsMax || _descriptors >= limits.DescriptorsMax)
            {
                Refuse(_outbound >= limits.OutboundConnectionsMax
                    ? Libp2pCeiling.OutboundConnections
                    : Libp2pCeiling.Descriptors);
                return false;
            }

            _outbound++;
            _descriptors++;
            return true;
        }
    }

    /// <summary>The handshake has ended well: the connection now counts as the peer's.</summary>
    /// <returns>False when the peer has too many; the connection then still counts as before.</returns>
    public bool TryAssign(PeerId peer, bool isInbound)
    {
        lock (_gate)
        {
            PeerScope scope = ScopeOf(peer);
            if (scope.Connections >= limits.PeerConnectionsMax)
            {
                Refuse(Libp2pCeiling.PeerConnections);
                return false;
            }

            _handshakes -= isInbound ? 1 : 0;
            scope.Connections++;
            return true;
        }
    }

    /// <summary>The bytes a peer makes this side hold; valid while it has a connection.</summary>
    public MemoryScope MemoryOf(PeerId peer)
    {
        lock (_gate)
        {
            return ScopeOf(peer);
        }
    }

    /// <summary>An outbound attempt, or the connection it became, is gone.</summary>
    /// <param name="peer">Whose it was; empty when it was nobody's yet.</param>
    public void CloseOutbound(PeerId peer)
    {
        lock (_gate)
        {
            _outbound--;
            _descriptors--;
            Leave(peer);
        }
    }

    /// <summary>An inbound connection is gone.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="peer">Whose it was; empty when its handshake did not end well.</param>
    public void CloseInbound(ITransportConnection connection, PeerId peer)
    {
        lock (_gate)
        {
            _inbound--;
            _handshakes -= peer.IsEmpty ? 1 : 0;
            if (IsCircuit(connection))
            {
                _circuits--;
            }
            else
            {
                _descriptors--;
                _addresses.OnClosed(connection.RemoteAddress);
            }

            Leave(peer);
        }
    }

    /// <summary>Takes room for a stream; an inbound one is transient until <see cref="NameStream"/>.</summary>
    public bool TryOpenStream(PeerId peer, bool isInbound)
    {
        lock (_gate)
        {
            if (!isInbound)
            {
                bool fits = _outboundStreams < limits.OutboundStreamsMax;
                _outboundStreams += fits ? 1 : 0;
                if (!fits)
                {
                    Refuse(Libp2pCeiling.OutboundStreams);
                }

                return fits;
            }

            PeerScope scope = ScopeOf(peer);
            if (_inboundStreams >= limits.InboundStreamsMax || _transientStreams >= limits.TransientStreamsMax
                || scope.InboundStreams >= limits.PeerInboundStreamsMax)
            {
                Refuse(_inboundStreams >= limits.InboundStreamsMax ? Libp2pCeiling.InboundStreams
                    : _transientStreams >= limits.TransientStreamsMax ? Libp2pCeiling.TransientStreams
                    : Libp2pCeiling.PeerStreams);
                return false;
            }

            _inboundStreams++;
            _transientStreams++;
            scope.InboundStreams++;
            return true;
        }
    }

    /// <summary>An inbound stream has named its protocol.</summary>
    public void NameStream()
    {
        lock (_gate)
        {
            _transientStreams--;
        }
    }

    /// <summary>An inbound stream is about to be answered: takes room among those of its protocol.</summary>
    /// <returns>False when the protocol, or the peer within it, has too many.</returns>
    public bool TryEnterProtocol(PeerId peer, string protocol)
    {
        lock (_gate)
        {
            PeerScope scope = ScopeOf(peer);
            int all = _protocols.GetValueOrDefault(protocol);
            int own = scope.Protocols?.GetValueOrDefault(protocol) ?? 0;
            if (all >= limits.ProtocolStreamsMax || own >= limits.ProtocolPeerStreamsMax)
            {
                Refuse(all >= limits.ProtocolStreamsMax ? Libp2pCeiling.ProtocolStreams : Libp2pCeiling.ProtocolPeerStreams);
                return false;
            }

            _protocols[protocol] = all + 1;
            (scope.Protocols ??= new(StringComparer.Ordinal))[protocol] = own + 1;
            return true;
        }
    }

    /// <summary>Such a stream is answered.</summary>
    public void LeaveProtocol(PeerId peer, string protocol)
    {
        lock (_gate)
        {
            Lower(_protocols, protocol);
            PeerScope scope = ScopeOf(peer);
            if (scope.Protocols is { } own)
            {
                Lower(own, protocol);
            }

            Forget(peer, scope);
        }

        static void Lower(Dictionary<string, int> counts, string protocol)
        {
            int left = counts.GetValueOrDefault(protocol) - 1;
            if (left > 0)
            {
                counts[protocol] = left;
            }
            else
            {
                counts.Remove(protocol);
            }
        }
    }

    /// <summary>A stream is gone.</summary>
    public void CloseStream(PeerId peer, bool isInbound, bool isNamed)
    {
        lock (_gate)
        {
            if (!isInbound)
            {
                _outboundStreams--;
                return;
            }

            _inboundStreams--;
            _transientStreams -= isNamed ? 0 : 1;
            PeerScope scope = ScopeOf(peer);
            scope.InboundStreams--;
            Forget(peer, scope);
        }
    }

    private static bool IsCircuit(ITransportConnection connection) =>
        connection.IsLimited || connection.RemoteAddress.TryFind(MultiaddrCode.Circuit, out _);

    private PeerScope ScopeOf(PeerId peer)
    {
        if (!_peers.TryGetValue(peer, out PeerScope? scope))
        {
            _peers[peer] = scope = new PeerScope(this, limits);
        }

        return scope;
    }

    private string? Refuse(Libp2pCeiling ceiling, string? reason = null)
    {
        Interlocked.Increment(ref _refusals[(int)ceiling]);
        return reason;
    }

    private void Leave(PeerId peer)
    {
        if (!peer.IsEmpty)
        {
            PeerScope scope = ScopeOf(peer);
            scope.Connections--;
            Forget(peer, scope);
        }
    }

    private void Forget(PeerId peer, PeerScope scope)
    {
        if (scope.Connections + scope.InboundStreams + (scope.Protocols?.Count ?? 0) == 0)
        {
            _peers.Remove(peer); // Nothing is kept of a peer that has nothing.
        }
    }

    private sealed class PeerScope(ResourceManager manager, Libp2pLimits limits) : MemoryScope
    {
        private long _held;

        internal int Connections { get; set; }

        internal int InboundStreams { get; set; }

        internal Dictionary<string, int>? Protocols { get; set; }

        public override bool TryTake(long bytes)
        {
            if (Interlocked.Add(ref _held, bytes) <= limits.PeerMemoryBytesMax)
            {
                if (Interlocked.Add(ref manager._memory, bytes) <= limits.MemoryBytesMax)
                {
                    return true;
                }

                Interlocked.Add(ref manager._memory, -bytes);
                manager.Refuse(Libp2pCeiling.Memory);
            }
            else
            {
                manager.Refuse(Libp2pCeiling.PeerMemory);
            }

            Interlocked.Add(ref _held, -bytes);
            return false;
        }

        public override void Return(long bytes)
        {
            Interlocked.Add(ref _held, -bytes);
            Interlocked.Add(ref manager._memory, -bytes);
        }
    }
}

/// <summary>
/// Bytes held for one peer: what it sent and nobody read yet, and what its windows grew by. Safe from many threads.
/// </summary>
internal abstract class MemoryScope : Weft.Protocols.Yamux.IWindowBudget
{
    /// <summary>Takes room; the peer's and the system's ceilings are the bound.</summary>
    public abstract bool TryTake(long bytes);

    /// <summary>Gives room back.</summary>
    public abstract void Return(long bytes);
}
