using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols;
using Weft.Protocols.Kad;

namespace Weft.Tests.Protocols.Kad;

/// <summary>The routing table against the simplest way to say the same, and the places it is asked for.</summary>
public sealed class RoutingTableProperties
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    [Fact]
    public void The_closest_of_a_table_are_those_that_sorting_all_of_it_gives()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new WeftRandom(seed);
            var options = new KadOptions { K = 1 + random.Next(20) };
            KadKey self = KadKey.Of(Draw(random), Crypto);
            var table = new RoutingTable(self, options);
            var entries = new List<RouteEntry>();
            for (int i = random.Next(400); i > 0; i--)
            {
                PeerId peer = Draw(random);
                if (table.OnSeen(peer, KadKey.Of(peer, Crypto), [], default))
                {
                    RouteEntry entry = table.Find(peer)!;
                    entry.Failures = random.Chance(0.1) ? 1 : 0;
                    entries.Add(entry);
                }
            }

            PeerId except = entries.Count > 0 ? entries[random.Next(entries.Count)].Peer : default;
            KadKey target = random.Chance(0.2) ? self : KadKey.Of(Draw(random), Crypto);
            var found = new RouteEntry[1 + random.Next(80)];
            int count = table.Closest(target, found, except);

            RouteEntry[] wanted = [.. entries.Where(entry => entry.Failures == 0 && entry.Peer != except)
                .OrderBy(entry => entry.Key.DistanceTo(target)).Take(found.Length)];
            Assert.Equal(wanted, found.Take(count));
        }
    }

    [Fact]
    public void A_bucket_is_sparse_when_it_and_those_beyond_it_would_fit_into_one_answer()
    {
        var random = new WeftRandom(5);
        var options = new KadOptions { K = 4 };
        KadKey self = KadKey.Of(Draw(random), Crypto);
        var table = new RoutingTable(self, options);
        for (int i = 0; i < 300; i++)
        {
            PeerId peer = Draw(random);
            table.OnSeen(peer, KadKey.Of(peer, Crypto), [], default);
        }

        for (int bucket = 0; bucket <= table.Deepest + 1; bucket++)
        {
            int beyond = Enumerable.Range(bucket, 256 - bucket).Sum(table.CountOf);
            Assert.Equal(beyond < 4, table.IsSparse(bucket));
        }

        Assert.False(table.IsSparse(0));
    }

    [Fact]
    public void A_place_is_the_hash_of_its_key_however_many_keys_share_a_slot()
    {
        var random = new WeftRandom(3);
        var places = new KadPlaces(Crypto, slots: 2);
        byte[][] keys = [.. Enumerable.Range(0, 60).Select(length =>
        {
            byte[] key = new byte[1 + length];
            random.Fill(key);
            return key;
        })];
        for (int i = 0; i < 2_000; i++)
        {
            byte[] key = keys[random.Next(keys.Length)];
            Assert.Equal(KadKey.Of(key, Crypto), places.Of(key));
        }
    }

    [Fact]
    public void A_bucket_of_tokens_is_full_again_after_what_was_taken_has_flowed_back()
    {
        var bucket = new TokenBucket(10, 20);
        WeftInstant now = default(WeftInstant) + TimeSpan.FromSeconds(100);
        bucket.Take(0, now);
        Assert.True(bucket.IsFull(now));
        bucket.Take(5, now);

        Assert.False(bucket.IsFull(now + TimeSpan.FromMilliseconds(400)));
        Assert.True(bucket.IsFull(now + TimeSpan.FromMilliseconds(600)));
    }

    private static PeerId Draw(WeftRandom random)
    {
        byte[] id = new byte[34];
        random.Fill(id.AsSpan(2));
        (id[0], id[1]) = (0x12, 32);
        return PeerId.TryRead(id, out PeerId peer) ? peer : throw new InvalidOperationException();
    }
}
