using Weft.Primitives;

namespace Weft.Protocols.Gossip;

/// <summary>
/// Of each IWANT one id is remembered: if its message comes from nobody in time, the peer that announced it has lied.
/// </summary>
internal sealed class GossipPromises(int max)
{
    private readonly Dictionary<GossipMessageId, int> _open = []; // How many wait for it.
    private readonly Queue<(GossipMessageId Id, GossipPeer Peer, WeftInstant Due)> _order = [];

    internal int Count => _order.Count;

    internal void Add(in GossipMessageId id, GossipPeer peer, WeftInstant due)
    {
        if (_order.Count < max) // Beyond, a lie goes unpunished; nothing else does.
        {
            _open[id] = _open.GetValueOrDefault(id) + 1;
            _order.Enqueue((id, peer, due));
        }
    }

    /// <summary>The message has come, from whomever.</summary>
    internal void Keep(in GossipMessageId id)
    {
        if (_open.Count > 0)
        {
            _open.Remove(id);
        }
    }

    /// <summary>The next peer whose time is over and whose message did not come.</summary>
    internal GossipPeer? NextBroken(WeftInstant now)
    {
        while (_order.TryPeek(out (GossipMessageId Id, GossipPeer Peer, WeftInstant Due) first) && first.Due <= now)
        {
            _order.Dequeue();
            if (_open.TryGetValue(first.Id, out int waiting))
            {
                if (waiting == 1)
                {
                    _open.Remove(first.Id);
                }
                else
                {
                    _open[first.Id] = waiting - 1;
                }

                return first.Peer;
            }
        }

        return null;
    }
}
