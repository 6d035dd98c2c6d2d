using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;
using Weft.Tests.Protocols.Gossip;

namespace Weft.Tests.Protocols.Topics;

public sealed class TopicReaderCoreTests
{
    private static readonly WeftInstant Now = new(1_000_000);

    private readonly Outbox<TopicReaderOutput> _outbox = new();

    [Fact]
    public void Messages_that_came_late_to_a_relay_are_given_in_the_order_of_their_author_and_each_once()
    {
        GossipMessage[] chain = TopicRig.Chain(1, 20);
        var random = new WeftRandom(seed: 5);
        for (int round = 0; round < 200; round++)
        {
            _outbox.Clear();
            var core = new TopicReaderCore(new(), isFromStart: true);
            foreach (GossipMessage message in chain.Concat(chain.Take(5)).OrderBy(_ => random.NextDouble()))
            {
                Give(core, message);
            }

            core.OnCaughtUp(_outbox);
            Assert.Equal(chain.Select(TopicRig.Text), Texts());
            Assert.Equal((0, 0), (core.Gaps, core.HeldCount));
        }
    }

    [Fact]
    public void A_record_that_no_relay_gives_is_a_gap_before_those_behind_it()
    {
        GossipMessage[] chain = TopicRig.Chain(1, 6);
        var core = new TopicReaderCore(new(), isFromStart: true);
        foreach (int i in (int[])[0, 1, 3, 4, 5])
        {
            Give(core, chain[i]);
        }

        Assert.Equal(["1:0", "1:1"], Texts());
        core.OnCaughtUp(_outbox);
        Assert.Equal(["1:0", "1:1", "gap", "1:3", "1:4", "1:5"], Texts());
    }

    [Fact]
    public void Where_the_oldest_are_gone_nothing_is_held_for_ever_and_no_gap_is_claimed()
    {
        GossipMessage[] chain = TopicRig.Chain(1, 40);
        var core = new TopicReaderCore(new() { HeldMax = 8 }, isFromStart: true);
        foreach (GossipMessage message in chain[10..])
        {
            Give(core, message);
        }

        Assert.InRange(core.HeldCount, 0, 8);
        core.OnCaughtUp(_outbox);
        Assert.Equal(chain[10..].Select(TopicRig.Text), Texts());

        _outbox.Clear();
        core = new(new(), isFromStart: false);
        Give(core, chain[7]);
        Assert.Equal(["1:7"], Texts()); // Behind a cursor nobody knows what was before.
    }

    [Fact]
    public void Live_a_missing_record_becomes_a_gap_only_when_it_does_not_come_in_time()
    {
        GossipMessage[] chain = TopicRig.Chain(1, 6);
        var core = new TopicReaderCore(new(), isFromStart: false);
        core.OnCaughtUp(_outbox);
        Give(core, chain[0]);
        Give(core, chain[2]);
        Give(core, chain[1]); // Late.
        Give(core, chain[4]);
        core.OnTick(Now + TimeSpan.FromSeconds(4), _outbox);
        Assert.Equal(["1:0", "1:2", "1:1", "1:4"], Texts());
        core.OnTick(Now + TimeSpan.FromSeconds(6), _outbox);
        core.OnTick(Now + TimeSpan.FromSeconds(9), _outbox);
        Assert.Equal(["1:0", "1:2", "1:1", "1:4", "gap"], Texts());
    }

    [Fact]
    public void Values_that_were_replaced_make_no_gap()
    {
        var core = new TopicReaderCore(new(), isFromStart: true);
        GossipMessage[] chain = TopicRig.Chain(1, 2);
        Give(core, chain[0]);
        Give(core, TopicRig.Value(1, 9, "k", "the tenth"));
        Give(core, chain[1]);
        core.OnCaughtUp(_outbox);
        Assert.Equal(["1:0", "the tenth", "1:1"], Texts());
    }

    [Fact]
    public void Only_the_last_signature_of_a_chain_is_verified_and_whatever_is_changed_is_seen()
    {
        GossipMessage[] chain = [.. TopicRig.Chain(1, 50).Zip(TopicRig.Chain(2, 50)).SelectMany(two =>
            (GossipMessage[])[two.First, two.Second])];
        Assert.True(TopicChain.Verify(chain, GossipRig.Crypto, out GossipMessageId[] hashes, out int signatures));
        Assert.Equal(2, signatures);
        Assert.Equal(chain.Select(TopicRig.HashOf), hashes);

        GossipMessage plain = GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 9, "t", "plain"u8);
        Assert.True(TopicChain.Verify([.. chain, plain], GossipRig.Crypto, out _, out signatures));
        Assert.Equal(3, signatures);

        var random = new WeftRandom(seed: 2);
        for (int round = 0; round < 300; round++)
        {
            GossipMessage[] changed = [.. chain];
            int at = random.Next(chain.Length);
            byte[] body = TopicWire.BodyOf(chain[at]).ToArray();
            body[random.Next(body.Length)] ^= (byte)(1 << random.Next(8));
            if (TopicWire.ReadBody(body, "t", new()) is { } message)
            {
                changed[at] = message;
                Assert.False(TopicChain.Verify(changed, GossipRig.Crypto, out _, out _), $"round {round}");
            }
        }

        // Another author's link vouches for nothing.
        GossipMessage forged = Forge(chain[0]);
        GossipMessage thief = TopicRig.Event(7, 5, "thief", TopicRig.HashOf(forged));
        Assert.False(TopicChain.Verify([forged, thief], GossipRig.Crypto, out _, out _));
    }

    [Fact]
    public void Ceilings_hold()
    {
        var options = new TopicReaderOptions { RememberedMax = 10, PointsMax = 10, LateCountMax = 2, AuthorsMax = 3 };
        var core = new TopicReaderCore(options, isFromStart: true);
        foreach (GossipMessage message in TopicRig.Chain(1, 30))
        {
            Give(core, message);
        }

        Assert.False(core.CanCompare);
        Assert.InRange(core.IndexOf(TopicSpace.Events, GossipRig.Crypto).Count, 1, 10);
        core.OnCaughtUp(_outbox);
        GossipMessage[] chain = TopicRig.Chain(2, 30);
        for (int i = 0; i < chain.Length; i += 2)
        {
            Give(core, chain[i]);
        }

        core.OnTick(Now + TimeSpan.FromMinutes(1), _outbox);
        Assert.Equal(14, core.Gaps); // Those beyond the ceiling were told at once.
    }

    private static GossipMessage Forge(GossipMessage message)
    {
        byte[] body = TopicWire.BodyOf(message).ToArray();
        body[^1] ^= 1;
        return TopicWire.ReadBody(body, "t", new())!;
    }

    private void Give(TopicReaderCore core, GossipMessage message) =>
        core.OnMessage(message, TopicRig.HashOf(message), null, Now, _outbox);

    private List<string> Texts() =>
        [.. _outbox.Items.ToArray().Select(output => output.Message is { } message ? TopicRig.Text(message) : "gap")];
}
