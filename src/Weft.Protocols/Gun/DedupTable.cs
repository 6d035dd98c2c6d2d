using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>Message ids seen lately, bounded by age and by number; the oldest goes first.</summary>
internal sealed class DedupTable(TimeSpan age, int idsMax)
{
    private readonly Dictionary<string, (long Peer, int Print, bool Done)> _seen = new(StringComparer.Ordinal);
    private readonly Queue<(string Id, WeftInstant At)> _order = new();

    public int Count => _seen.Count;

    /// <summary>Notes an id.</summary>
    /// <returns>False when it is known already; then the out values tell by whom and what it carried.</returns>
    public bool TryAdd(string id, long peer, int print, WeftInstant now, out (long Peer, int Print, bool Done) known)
    {
        while (_order.TryPeek(out (string Id, WeftInstant At) oldest)
            && (_seen.Count >= idsMax || now - oldest.At > age))
        {
            _order.Dequeue();
            _seen.Remove(oldest.Id);
        }

        if (_seen.TryGetValue(id, out known))
        {
            return false;
        }

        _seen.Add(id, (peer, print, false));
        _order.Enqueue((id, now));
        return true;
    }

    /// <summary>Notes that the put with this id was stored.</summary>
    public void MarkDone(string id, int print)
    {
        if (_seen.TryGetValue(id, out (long Peer, int Print, bool Done) known) && known.Print == print)
        {
            _seen[id] = known with { Done = true };
        }
    }
}
