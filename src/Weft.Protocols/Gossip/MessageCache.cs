namespace Weft.Protocols.Gossip;

/// <summary>
/// The messages of the last heartbeats, to be told of and asked for; bounded by bytes, the oldest go.
/// </summary>
internal sealed class MessageCache(int windows, int bytesMax)
{
    private readonly Dictionary<GossipMessageId, GossipMessage> _byId = [];
    private readonly Queue<(GossipMessage Message, long Tick)> _order = [];
    private long _tick;

    internal int Count => _byId.Count;

    internal long Bytes { get; private set; }

    internal GossipMessage? Find(in GossipMessageId id) => _byId.GetValueOrDefault(id);

    internal void Add(GossipMessage message)
    {
        if (_byId.TryAdd(message.Id, message))
        {
            _order.Enqueue((message, _tick));
            Bytes += message.Frame.Length;
            while (Bytes > bytesMax && _order.Count > 1)
            {
                Drop();
            }
        }
    }

    /// <summary>Puts the ids of the last so many heartbeats with their topics.</summary>
    internal void Tell(int heartbeats)
    {
        foreach ((GossipMessage message, long tick) in _order)
        {
            if (tick > _tick - heartbeats && message.In is { } topic)
            {
                topic.ToTell.Add(message.Id);
            }
        }
    }

    /// <summary>A heartbeat has passed.</summary>
    internal void Shift()
    {
        _tick++;
        while (_order.TryPeek(out (GossipMessage Message, long Tick) oldest) && oldest.Tick <= _tick - windows)
        {
            Drop();
        }
    }

    private void Drop()
    {
        GossipMessage oldest = _order.Dequeue().Message;
        _byId.Remove(oldest.Id);
        Bytes -= oldest.Frame.Length;
    }
}
