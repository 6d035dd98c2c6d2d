using Weft.Primitives;

namespace Weft.Protocols.Sync;

/// <summary>How much of this side's work each peer may ask for: ranges to compare, fields to look up.</summary>
/// <remarks>
/// Pure; one caller at a time. It is the peer's, not the session's: a new session begins where the last one left off. Who
/// asks for more is answered later, not refused.
/// </remarks>
/// <param name="options">The rate.</param>
public sealed class SyncBudget(SyncOptions options)
{
    private const int IdsPerToken = 16; // What a page lists costs about as much as adding one up.

    private readonly Dictionary<PeerId, TokenBucket> _buckets = [];
    private readonly Queue<PeerId> _order = new();

    /// <summary>Peers that are remembered.</summary>
    public int Count => _buckets.Count;

    /// <summary>What a message costs: one for each range, for every 16 fields asked for, and for each question.</summary>
    public static int CostOf(SyncMessage message) => message switch
    {
        SyncRanges ranges => ranges.Ranges.Count,
        SyncWant want => 1 + (want.Ids.Count / IdsPerToken),
        SyncAsk or SyncProbe => 1,
        _ => 0,
    };

    /// <summary>A message has come.</summary>
    /// <returns>How long to wait before the next one is read; mostly zero.</returns>
    public TimeSpan Take(PeerId peer, SyncMessage message, WeftInstant now)
    {
        int cost = CostOf(message);
        if (cost == 0)
        {
            return TimeSpan.Zero;
        }

        if (!_buckets.TryGetValue(peer, out TokenBucket bucket))
        {
            bucket = new(options.RangesPerSecond, options.RangesBurst);
            _order.Enqueue(peer);
            if (_order.Count > options.BudgetsMax)
            {
                _buckets.Remove(_order.Dequeue());
            }
        }

        TimeSpan wait = bucket.Take(cost, now);
        _buckets[peer] = bucket;
        return wait;
    }
}
