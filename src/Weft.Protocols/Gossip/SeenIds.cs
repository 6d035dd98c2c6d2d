using Weft.Primitives;

namespace Weft.Protocols.Gossip;

/// <summary>The ids of messages that came, for a time; bounded, the oldest go.</summary>
internal sealed class SeenIds(int max, TimeSpan ttl)
{
    private readonly Dictionary<GossipMessageId, bool> _ids = []; // True: the message was refused.
    private readonly Queue<(GossipMessageId Id, WeftInstant Until)> _order = [];

    internal int Count => _ids.Count;

    internal bool Contains(in GossipMessageId id) => _ids.ContainsKey(id);

    internal bool Contains(in GossipMessageId id, out bool wasRefused) => _ids.TryGetValue(id, out wasRefused);

    internal void Add(in GossipMessageId id, bool isRefused, WeftInstant now)
    {
        if (_ids.TryAdd(id, isRefused))
        {
            _order.Enqueue((id, now + ttl));
            if (_order.Count > max)
            {
                _ids.Remove(_order.Dequeue().Id);
            }
        }
    }

    internal void Expire(WeftInstant now)
    {
        while (_order.TryPeek(out (GossipMessageId Id, WeftInstant Until) oldest) && oldest.Until <= now)
        {
            _ids.Remove(_order.Dequeue().Id);
        }
    }
}
