using Weft.Primitives;

namespace Weft.Libp2p.Connections;

/// <summary>Counts connections and streams by scope, and says no where a ceiling is reached.</summary>
/// <remarks>Safe to use from many threads: a few numbers behind one lock.</remarks>
internal sealed class ResourceManager(Libp2pLimits limits)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, PeerScope> _peers = [];
    private int _inbound;
    private int _outbound;
    private int _handshakes;
    private int _inboundStreams;
    private int _outboundStreams;
    private int _transientStreams;

    /// <summary>What is in use now.</summary>
    public ResourceUse Use
    {
        get
        {
            lock (_gate)
            {
                return new(
                    _inbound, _outbound, _handshakes, _inboundStreams, _outboundStreams, _transientStreams, _peers.Count);
            }
        }
    }

    /// <summary>Takes room for a connection whose peer is not known yet.</summary>
    public bool TryOpenConnection(bool isInbound)
    {
        lock (_gate)
        {
            if (isInbound)
            {
                if (_inbound >= limits.InboundConnectionsMax || _handshakes >= limits.InboundHandshakesMax)
                {
                    return false;
                }

                _inbound++;
                _handshakes++;
                return true;
            }

            if (_outbound >= limits.OutboundConnectionsMax)
            {
                return false;
            }

            _outbound++;
            return true;
        }
    }

    /// <summary>The handshake has ended well: the connection now counts as the peer's.</summary>
    /// <returns>False when the peer has too many; the connection then still counts as before.</returns>
    public bool TryAssign(PeerId peer, bool isInbound)
    {
        lock (_gate)
        {
            PeerScope scope = _peers.GetValueOrDefault(peer);
            if (scope.Connections >= limits.PeerConnectionsMax)
            {
                return false;
            }

            _handshakes -= isInbound ? 1 : 0;
            _peers[peer] = scope with { Connections = scope.Connections + 1 };
            return true;
        }
    }

    /// <summary>A connection is gone.</summary>
    /// <param name="isInbound">Who opened it.</param>
    /// <param name="peer">Whose it was; empty when its handshake did not end well.</param>
    public void CloseConnection(bool isInbound, PeerId peer)
    {
        lock (_gate)
        {
            _inbound -= isInbound ? 1 : 0;
            _outbound -= isInbound ? 0 : 1;
            if (peer.IsEmpty)
            {
                _handshakes -= isInbound ? 1 : 0;
                return;
            }

            PeerScope scope = _peers[peer];
            Keep(peer, scope with { Connections = scope.Connections - 1 });
        }
    }

    /// <summary>Takes room for a stream; an inbound one is transient until <see cref="NameStream"/>.</summary>
    public bool TryOpenStream(PeerId peer, bool isInbound)
    {
        lock (_gate)
        {
            PeerScope scope = _peers.GetValueOrDefault(peer);
            if (!isInbound)
            {
                bool fits = _outboundStreams < limits.OutboundStreamsMax;
                _outboundStreams += fits ? 1 : 0;
                return fits;
            }

            if (_inboundStreams >= limits.InboundStreamsMax || _transientStreams >= limits.TransientStreamsMax
                || scope.InboundStreams >= limits.PeerInboundStreamsMax)
            {
                return false;
            }

            _inboundStreams++;
            _transientStreams++;
            _peers[peer] = scope with { InboundStreams = scope.InboundStreams + 1 };
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
            PeerScope scope = _peers[peer];
            Keep(peer, scope with { InboundStreams = scope.InboundStreams - 1 });
        }
    }

    private void Keep(PeerId peer, PeerScope scope)
    {
        if (scope == default)
        {
            _peers.Remove(peer); // Nothing is kept of a peer that has nothing.
        }
        else
        {
            _peers[peer] = scope;
        }
    }

    private readonly record struct PeerScope(int Connections, int InboundStreams);
}
