using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Kad;

/// <summary>Who provides which key, for others; and what this peer provides itself.</summary>
internal sealed class ProviderTable(in KadKey self, KadOptions options)
{
    private readonly KadKey _self = self;
    private readonly SortedDictionary<KadKey, Entry> _keys = []; // By distance from this peer: the farthest is last.
    private readonly SortedDictionary<KadKey, Own> _own = [];

    internal int Keys => _keys.Count;

    internal int OwnKeys => _own.Count;

    internal int CountOf(in KadKey place) =>
        _keys.TryGetValue(place.DistanceTo(_self), out Entry? entry) ? entry.Providers.Count : 0;

    /// <summary>A provider announced itself.</summary>
    /// <returns>False when there is no room for a key so far away.</returns>
    internal bool Add(in KadKey place, PeerId peer, IReadOnlyList<Multiaddr> addresses, WeftInstant now)
    {
        KadKey distance = place.DistanceTo(_self);
        if (!_keys.TryGetValue(distance, out Entry? entry))
        {
            if (_keys.Count >= options.ProviderKeysMax)
            {
                KadKey farthest = _keys.Keys.Last();
                if (farthest <= distance)
                {
                    return false;
                }

                _keys.Remove(farthest);
            }

            _keys.Add(distance, entry = new());
        }

        entry.Providers.RemoveAll(known => known.Peer == peer);
        if (entry.Providers.Count >= options.ProvidersPerKeyMax)
        {
            entry.Providers.RemoveAt(0); // The one that ends first: they stand in the order of their announcements.
        }

        entry.Providers.Add(new(peer, addresses, now));
        return true;
    }

    /// <summary>The providers of a key that have not ended; addresses only while they are fresh.</summary>
    internal IReadOnlyList<KadPeer> Find(in KadKey place, WeftInstant now)
    {
        if (!_keys.TryGetValue(place.DistanceTo(_self), out Entry? entry))
        {
            return [];
        }

        var found = new List<KadPeer>(entry.Providers.Count);
        foreach (Provider provider in entry.Providers)
        {
            if (now - provider.At < options.ProviderTtl)
            {
                bool isFresh = now - provider.At < options.ProviderAddressTtl;
                found.Add(new(provider.Peer, isFresh ? provider.Addresses : []));
            }
        }

        return found;
    }

    /// <summary>This peer provides a key from now on; false when it provides too many.</summary>
    internal bool AddOwn(in KadKey place, byte[] key, WeftInstant now)
    {
        if (!_own.ContainsKey(place) && _own.Count >= options.OwnProvidesMax)
        {
            return false;
        }

        _own[place] = new(key, now);
        return true;
    }

    internal bool RemoveOwn(in KadKey place) => _own.Remove(place);

    internal bool IsOwn(in KadKey place) => _own.ContainsKey(place);

    internal IReadOnlyList<byte[]> ListOwn() => [.. _own.Values.Select(own => own.Key)];

    /// <summary>Keys to announce again; they count as announced now.</summary>
    internal IReadOnlyList<byte[]> TakeDue(WeftInstant now, int keysMax)
    {
        var due = new List<byte[]>();
        foreach ((KadKey place, Own own) in _own.ToList())
        {
            if (due.Count < keysMax && now - own.At >= options.ProvideInterval)
            {
                due.Add(own.Key);
                _own[place] = own with { At = now };
            }
        }

        return due;
    }

    /// <summary>Removes announcements that have ended.</summary>
    internal int Clean(WeftInstant now)
    {
        int removed = 0;
        foreach ((KadKey distance, Entry entry) in _keys.ToList())
        {
            removed += entry.Providers.RemoveAll(provider => now - provider.At >= options.ProviderTtl);
            if (entry.Providers.Count == 0)
            {
                _keys.Remove(distance);
            }
        }

        return removed;
    }

    private sealed class Entry
    {
        internal List<Provider> Providers { get; } = [];
    }

    private readonly record struct Provider(PeerId Peer, IReadOnlyList<Multiaddr> Addresses, WeftInstant At);

    private readonly record struct Own(byte[] Key, WeftInstant At);
}
