using System.Buffers.Binary;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Tests.Protocols.Gossip;

/// <summary>Every table of a gossip core is driven over its edge.</summary>
public sealed class GossipCeilingTests
{
    [Fact]
    public void Many_made_up_topics_in_grafts_leave_no_trace()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Add(1);
        for (int i = 0; i < 100_000; i++)
        {
            rig.Core.OnRpc(peer, GossipRig.Graft("made-up-" + i), rig.Now, rig.Outbox);
            rig.Core.OnRpc(peer, GossipRig.Prune("made-up-" + i, 60), rig.Now, rig.Outbox);
            rig.Outbox.Clear();
        }

        Assert.Equal(1, rig.Core.TopicCount);
        Assert.Single(peer.Standing.Topics);
    }

    [Fact]
    public void Topics_are_bounded_by_peer_and_in_all()
    {
        var rig = new GossipRig(options => (options.TopicsPerPeerMax, options.TopicsMax) = (10, 25));
        for (int number = 1; number <= 4; number++)
        {
            GossipPeer peer = rig.Add(number, topic: null);
            for (int i = 0; i < 20; i++)
            {
                rig.Core.OnRpc(peer, GossipRig.Subscribe($"{number}-{i}"), rig.Now, rig.Outbox);
            }

            Assert.InRange(peer.Topics.Count, 0, 10);
        }

        Assert.Equal(25, rig.Core.TopicCount);
        Assert.Contains(GossipReason.TopicLimit, rig.Refusals);
        foreach (GossipPeer peer in rig.Core.Peers.ToArray())
        {
            rig.Core.Disconnect(peer, rig.Now, rig.Outbox);
        }

        Assert.Equal(0, rig.Core.TopicCount);
    }

    [Fact]
    public void Names_that_are_too_long_or_no_text_are_not_kept()
    {
        var rig = new GossipRig(options => options.TopicBytesMax = 8);
        GossipPeer peer = rig.Add(1, topic: null);
        rig.Core.OnRpc(peer, GossipRig.Subscribe("12345678"), rig.Now, rig.Outbox);
        rig.Core.OnRpc(peer, GossipRig.Subscribe("123456789"), rig.Now, rig.Outbox);
        rig.Core.OnRpc(
            peer,
            GossipRig.Build(rpc => rpc.Bytes(1, GossipRig.Build(inner =>
            {
                inner.Number(1, 1);
                inner.Bytes(2, [0xff, 0xfe]);
            }))),
            rig.Now,
            rig.Outbox);

        Assert.Equal(1, rig.Core.TopicCount);
    }

    [Fact]
    public void Peers_are_bounded()
    {
        var rig = new GossipRig(options => options.PeersMax = 2);
        rig.Add(1);
        rig.Add(2);

        Assert.Null(rig.Core.Connect(GossipRig.Key(3).PublicKey.ToPeerId(), default, rig.Now, rig.Outbox));
    }

    [Fact]
    public void Messages_that_await_a_verdict_are_bounded_by_peer_by_id_and_in_all()
    {
        var rig = new GossipRig(options => (options.PendingMax, options.PendingPerPeerMax) = (5, 3));
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer first = rig.Add(1);
        GossipPeer second = rig.Add(2);
        for (int i = 0; i < 4; i++)
        {
            rig.Bring(first, rig.Message(9));
            rig.Bring(second, rig.Message(8));
        }

        Assert.Equal(5, rig.Core.PendingCount);
        Assert.Equal(3, rig.Refusals.Count(reason => reason == GossipReason.Overload));
    }

    [Fact]
    public void Different_messages_under_one_id_are_bounded()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Add(1);
        for (byte i = 0; i < 10; i++)
        {
            rig.Bring(peer, GossipSigning.Sign(GossipRig.Key(9), GossipRig.Crypto, 5, "t", [i]));
        }

        Assert.Equal(4, rig.Core.PendingCount);
    }

    [Fact]
    public void Seen_ids_and_kept_messages_are_bounded_and_expire()
    {
        var rig = new GossipRig(options => (options.SeenMax, options.CacheBytesMax) = (100, 10_000));
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Add(1);
        for (int i = 0; i < 300; i++)
        {
            rig.Outbox.Clear();
            rig.Accept(peer, rig.Message(9));
            Assert.InRange(rig.Core.SeenCount, 1, 100);
            Assert.InRange(rig.Core.CacheBytes, 1, 10_000);
        }

        rig.Beat(125);
        Assert.Equal(0, rig.Core.SeenCount);
        Assert.Equal(0, rig.Core.CacheBytes);
    }

    [Fact]
    public void Announcements_of_one_peer_are_bounded_in_a_heartbeat()
    {
        var rig = new GossipRig(options => options.IHaveIdsMax = 25);
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Add(1);
        rig.Outbox.Clear();
        int next = 0;
        for (int i = 0; i < 20; i++)
        {
            rig.Core.OnRpc(
                peer, GossipRig.IHave("t", [.. Enumerable.Range(0, 10).Select(_ => Id(next++))]), rig.Now, rig.Outbox);
        }

        Assert.Equal(25, rig.Control(peer, GossipFields.IWant).Sum(want => GossipRig.Fields(want, 1).Count));
        Assert.InRange(rig.Core.PromiseCount, 1, 10);
        Assert.Contains(GossipReason.ControlFlood, rig.Refusals);
        rig.Outbox.Clear();
        rig.Beat();
        rig.Core.OnRpc(peer, GossipRig.IHave("t", Id(next)), rig.Now, rig.Outbox);
        Assert.Single(rig.Control(peer, GossipFields.IWant)); // A new heartbeat, a new allowance.
    }

    [Fact]
    public void What_a_peer_does_not_want_is_bounded_and_forgotten()
    {
        var rig = new GossipRig(options => options.IDontWantIdsMax = 50);
        GossipPeer peer = rig.Add(1);
        for (int i = 0; i < 200; i++)
        {
            rig.Core.OnRpc(peer, GossipRig.Ids(GossipFields.IDontWant, Id(i).Span.ToArray()), rig.Now, rig.Outbox);
        }

        Assert.Equal(50, peer.DontWant!.Count);
        rig.Beat(3);
        Assert.Null(peer.DontWant);
    }

    [Fact]
    public void Bad_scores_that_are_remembered_are_bounded_and_forgotten()
    {
        var rig = new GossipRig(options => options.RetainedMax = 5);
        for (int number = 1; number <= 20; number++)
        {
            GossipPeer peer = rig.Add(number);
            GossipCore.SetApplicationScore(peer, -1);
            rig.Core.Disconnect(peer, rig.Now, rig.Outbox);
            Assert.InRange(rig.Core.RetainedCount, 1, 5);
        }

        rig.Now += TimeSpan.FromHours(2);
        GossipPeer again = rig.Add(20);
        Assert.Equal(0, rig.Core.Score(again));
    }

    [Fact]
    public void Many_peers_at_one_place_lose_their_voice_and_a_weight_of_zero_leaves_it_to_them()
    {
        foreach (double weight in new[] { -5.0, 0.0 })
        {
            var rig = new GossipRig(options =>
            {
                options.Score.ColocationWeight = weight;
                options.Score.DefaultTopic.TimeInMeshWeight = 0;
            });
            rig.Core.Join("t", rig.Now, rig.Outbox);
            GossipPeer[] peers = [.. Enumerable.Range(1, 15).Select(number => rig.Add(number, ip: "10.0.0.1"))];
            rig.Beat();
            rig.Outbox.Clear();
            rig.Bring(peers[14], rig.Message(99));

            Assert.Equal(weight * 25, rig.Core.Score(peers[0]), 3);
            Assert.Equal(weight == 0 ? [] : [GossipReason.Graylisted], rig.Refusals);
            rig.Core.Disconnect(peers[0], rig.Now, rig.Outbox);
            Assert.Equal(weight * 16, rig.Core.Score(peers[14]), 3);
        }
    }

    [Fact]
    public void Garbage_never_throws_and_grows_nothing()
    {
        var random = new WeftRandom(seed: 11);
        var rig = new GossipRig(options => options.Score.BehaviourWeight = 0);
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Add(1);
        byte[][] seeds =
        [
            GossipRig.Rpc(rig.Message(9)), GossipRig.Subscribe("x"), GossipRig.Graft("t"),
            GossipRig.Prune("t", 9, (GossipRig.Key(3).PublicKey.ToPeerId(), new byte[9])),
            GossipRig.IHave("t", Id(1), Id(2)), GossipRig.Ids(GossipFields.IWant, [1], [2]),
            GossipRig.Ids(GossipFields.IDontWant, [1], [2]),
        ];
        for (int round = 0; round < 50_000; round++)
        {
            byte[] rpc = [.. seeds[random.Next(seeds.Length)]];
            for (int hits = random.Next(0, 4); hits > 0; hits--)
            {
                rpc[random.Next(rpc.Length)] = (byte)random.Next(256);
            }

            rig.Core.OnRpc(peer, rpc.AsSpan(0, random.Next(rpc.Length + 1)), rig.Now, rig.Outbox);
            foreach (GossipOutput output in rig.Of(GossipOutputKind.Judge))
            {
                rig.Core.OnVerdict(output.Message!, (GossipVerdict)random.Next(5), rig.Now, rig.Outbox);
            }

            rig.Outbox.Clear();
        }

        Assert.InRange(rig.Core.TopicCount, 1, 513);
        Assert.InRange(rig.Core.PendingCount, 0, 4_096);
    }

    private static GossipMessageId Id(int number)
    {
        byte[] bytes = new byte[32];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        GossipMessageId.TryRead(bytes, out GossipMessageId id);
        return id;
    }
}
