using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Kad;

/// <summary>A peer of the routing table.</summary>
internal sealed class RouteEntry(PeerId peer, in KadKey key, IReadOnlyList<Multiaddr> addresses)
{
    internal readonly KadKey Key = key;

    internal PeerId Peer { get; } = peer;

    internal IReadOnlyList<Multiaddr> Addresses { get; set; } = addresses;

    /// <summary>When it last answered, or was last seen on a connection.</summary>
    internal WeftInstant SeenAt { get; set; }

    internal int Failures { get; set; }

    internal bool IsConnected { get; set; }

    internal bool IsChecking { get; set; }
}

/// <summary>
/// The peers this one knows, in buckets by how many bits they share with it. Who has been there long stays while it
/// lives; who comes to a full bucket waits behind it.
/// </summary>
/// <remarks>Source: Maymounkov and Mazieres, "Kademlia" (2002), sections 2.2 and 4.1.</remarks>
internal sealed class RoutingTable(in KadKey self, KadOptions options)
{
    private readonly KadKey _self = self;
    private readonly Bucket?[] _buckets = new Bucket?[KadKey.Bits];
    private readonly Dictionary<PeerId, RouteEntry> _entries = [];
    private KadKey[] _distances = new KadKey[32]; // Scratch of Closest.
    private int _deepest = -1; // No bucket beyond this one has peers.

    internal int Count => _entries.Count;

    /// <summary>The highest bucket that has, or had, peers; -1 when none has.</summary>
    internal int Deepest => _deepest;

    internal int CountOf(int bucket) => _buckets[bucket]?.Live.Count ?? 0;

    internal RouteEntry? Find(PeerId peer) => _entries.GetValueOrDefault(peer);

    /// <summary>The peers of one bucket, the one not seen for longest first.</summary>
    internal IReadOnlyList<RouteEntry> Of(int bucket) => _buckets[bucket]?.Live ?? (IReadOnlyList<RouteEntry>)[];

    internal WeftInstant RefreshedAt(int bucket) => _buckets[bucket]?.RefreshedAt ?? default;

    /// <summary>Notes a lookup that went through a bucket.</summary>
    internal void OnLookup(in KadKey target, WeftInstant now)
    {
        int bucket = Math.Min(_self.CommonPrefix(target), KadKey.Bits - 1);
        (_buckets[bucket] ??= new()).RefreshedAt = now; // Also one that stays empty: it was looked for.
    }

    /// <summary>A peer answered, or told that it serves.</summary>
    /// <returns>True when it is new in the table.</returns>
    internal bool OnSeen(PeerId peer, in KadKey key, IReadOnlyList<Multiaddr> addresses, WeftInstant now)
    {
        if (_entries.TryGetValue(peer, out RouteEntry? known))
        {
            known.SeenAt = now;
            known.Failures = 0;
            known.Addresses = addresses.Count > 0 ? addresses : known.Addresses;
            Bucket home = _buckets[_self.CommonPrefix(known.Key)]!;
            home.Live.Remove(known); // To the end: the least lately seen stands first.
            home.Live.Add(known);
            return false;
        }

        int index = _self.CommonPrefix(key);
        if (index >= KadKey.Bits)
        {
            return false; // This peer itself.
        }

        Bucket bucket = _buckets[index] ??= new() { RefreshedAt = now };
        var entry = new RouteEntry(peer, key, addresses) { SeenAt = now };
        if (bucket.Live.Count < options.K && HasRoom(bucket, addresses))
        {
            Add(bucket, entry, index);
            return true;
        }

        bucket.Waiting.RemoveAll(waiting => waiting.Peer == peer);
        if (bucket.Waiting.Count >= options.ReplacementsMax && bucket.Waiting.Count > 0)
        {
            bucket.Waiting.RemoveAt(0);
        }

        if (options.ReplacementsMax > 0)
        {
            bucket.Waiting.Add(entry);
        }

        return false;
    }

    /// <summary>A peer did not answer. It goes when another waits for its place, or after some failures.</summary>
    /// <param name="peer">Who.</param>
    /// <param name="successor">Who took its place, if any.</param>
    /// <returns>True when it left.</returns>
    internal bool OnFailed(PeerId peer, out RouteEntry? successor)
    {
        successor = null;
        if (!_entries.TryGetValue(peer, out RouteEntry? entry))
        {
            return false;
        }

        entry.Failures++;
        entry.IsChecking = false;
        Bucket bucket = _buckets[_self.CommonPrefix(entry.Key)]!;
        return (bucket.Waiting.Count > 0 || entry.Failures >= options.FailuresMax) && Remove(peer, out successor);
    }

    /// <summary>Takes a peer out; the one that waited last takes its place.</summary>
    internal bool Remove(PeerId peer, out RouteEntry? successor)
    {
        successor = null;
        if (!_entries.Remove(peer, out RouteEntry? entry))
        {
            return false;
        }

        int index = _self.CommonPrefix(entry.Key);
        Bucket bucket = _buckets[index]!;
        bucket.Live.Remove(entry);
        for (int i = bucket.Waiting.Count - 1; i >= 0; i--)
        {
            RouteEntry waiting = bucket.Waiting[i];
            if (HasRoom(bucket, waiting.Addresses))
            {
                bucket.Waiting.RemoveAt(i);
                Add(bucket, waiting, index);
                successor = waiting;
                break;
            }
        }

        return true;
    }

    /// <summary>The peers closest to a place, nearest first; those that failed last are left out.</summary>
    internal int Closest(in KadKey target, Span<RouteEntry> result, PeerId except = default)
    {
        if (_distances.Length < result.Length)
        {
            _distances = new KadKey[result.Length];
        }

        int near = Math.Min(_self.CommonPrefix(target), KadKey.Bits - 1);
        int found = Collect(near, target, result, 0, except);
        if (found < result.Length)
        {
            // All of these differ from the target in the same bit: only their sum is ordered.
            for (int bucket = near + 1; bucket <= _deepest; bucket++)
            {
                found = Collect(bucket, target, result, found, except);
            }
        }

        for (int bucket = near - 1; bucket >= 0 && found < result.Length; bucket--)
        {
            found = Collect(bucket, target, result, found, except);
        }

        return found;
    }

    /// <summary>True when all of a bucket and of those beyond it would fit into one answer.</summary>
    internal bool IsSparse(int bucket)
    {
        int count = 0;
        for (int i = bucket; i <= _deepest && count < options.K; i++)
        {
            count += CountOf(i);
        }

        return count < options.K;
    }

    /// <summary>Puts the peers of a bucket into their places among those that were found nearest so far.</summary>
    private int Collect(int bucket, in KadKey target, Span<RouteEntry> result, int found, PeerId except)
    {
        if (_buckets[bucket] is not { } there)
        {
            return found;
        }

        foreach (RouteEntry entry in there.Live)
        {
            if (entry.Failures > 0 || (!except.IsEmpty && entry.Peer == except))
            {
                continue;
            }

            KadKey distance = entry.Key.DistanceTo(target);
            if (found == result.Length && _distances[found - 1] <= distance)
            {
                continue;
            }

            int at = found < result.Length ? found++ : found - 1;
            for (; at > 0 && distance < _distances[at - 1]; at--)
            {
                _distances[at] = _distances[at - 1];
                result[at] = result[at - 1];
            }

            _distances[at] = distance;
            result[at] = entry;
        }

        return found;
    }

    private void Add(Bucket bucket, RouteEntry entry, int index)
    {
        bucket.Live.Add(entry);
        _entries[entry.Peer] = entry;
        _deepest = Math.Max(_deepest, index);
    }

    /// <summary>One operator's network must not fill a bucket: see SubnetPeersMax.</summary>
    private bool HasRoom(Bucket bucket, IReadOnlyList<Multiaddr> addresses)
    {
        if (options.SubnetPeersMax == 0 || KadAddresses.SubnetOf(addresses) is not { } subnet)
        {
            return true;
        }

        int same = 0;
        foreach (RouteEntry entry in bucket.Live)
        {
            same += KadAddresses.SubnetOf(entry.Addresses) == subnet ? 1 : 0;
        }

        return same < options.SubnetPeersMax;
    }

    private sealed class Bucket
    {
        internal List<RouteEntry> Live { get; } = [];

        internal List<RouteEntry> Waiting { get; } = [];

        internal WeftInstant RefreshedAt { get; set; }
    }
}
