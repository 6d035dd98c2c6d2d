using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>Peers and ranges of addresses that nothing is to be had with, for a time or for good.</summary>
/// <remarks>Pure; one caller at a time.</remarks>
/// <param name="entriesMax">Entries at most: 1 and up.</param>
public sealed class BanList(int entriesMax)
{
    private readonly Dictionary<PeerId, WeftInstant> _peers = [];
    private readonly Dictionary<IpRange, WeftInstant> _ranges = [];

    /// <summary>Entries, those that ran out and were not looked at since counted in.</summary>
    public int Count => _peers.Count + _ranges.Count;

    /// <summary>The banned peers, sorted, each with the moment its ban ends.</summary>
    public IReadOnlyList<(PeerId Peer, WeftInstant Until)> Peers =>
        [.. _peers.Select(entry => (entry.Key, entry.Value)).OrderBy(entry => entry.Key)];

    /// <summary>The banned ranges, sorted, each with the moment its ban ends.</summary>
    public IReadOnlyList<(IpRange Range, WeftInstant Until)> Ranges =>
        [.. _ranges.Select(entry => (entry.Key, entry.Value)).OrderBy(entry => entry.Key)];

    /// <summary>Bans a peer.</summary>
    /// <returns>False when the list is full.</returns>
    public bool Ban(PeerId peer, WeftInstant until, WeftInstant now) => Add(_peers, peer, until, now);

    /// <summary>Bans a range of addresses.</summary>
    /// <returns>False when the list is full.</returns>
    public bool Ban(IpRange range, WeftInstant until, WeftInstant now) => Add(_ranges, range, until, now);

    /// <summary>Lifts a ban.</summary>
    /// <returns>False when there was none.</returns>
    public bool Unban(PeerId peer) => _peers.Remove(peer);

    /// <summary>Lifts the ban of exactly this range.</summary>
    /// <returns>False when there was none.</returns>
    public bool Unban(IpRange range) => _ranges.Remove(range);

    /// <summary>True while the peer is banned.</summary>
    public bool IsBanned(PeerId peer, WeftInstant now) => _peers.TryGetValue(peer, out WeftInstant until) && until > now;

    /// <summary>True while the address lies in a range that is banned.</summary>
    public bool IsBanned(Multiaddr address, WeftInstant now)
    {
        if (_ranges.Count == 0 || !IpRange.TryOf(address, out IpRange single))
        {
            return false;
        }

        foreach ((IpRange range, WeftInstant until) in _ranges)
        {
            if (until > now && range.Contains(single))
            {
                return true;
            }
        }

        return false;
    }

    private bool Add<TKey>(Dictionary<TKey, WeftInstant> entries, TKey key, WeftInstant until, WeftInstant now)
        where TKey : notnull
    {
        if (Count >= entriesMax && !entries.ContainsKey(key))
        {
            DropEnded(_peers, now);
            DropEnded(_ranges, now);
            if (Count >= entriesMax)
            {
                return false;
            }
        }

        entries[key] = until;
        return true;
    }

    private static void DropEnded<TKey>(Dictionary<TKey, WeftInstant> entries, WeftInstant now)
        where TKey : notnull
    {
        foreach ((TKey key, WeftInstant until) in entries)
        {
            if (until <= now)
            {
                entries.Remove(key);
            }
        }
    }
}
