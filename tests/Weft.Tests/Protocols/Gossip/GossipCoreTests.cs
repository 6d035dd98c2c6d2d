using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Gossip;

public sealed class GossipCoreTests
{
    [Fact]
    public void A_peer_is_told_what_is_joined_when_it_comes_and_when_it_changes()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Core.Connect(
            GossipRig.Key(1).PublicKey.ToPeerId(), new(GossipVersion.V12), rig.Now, rig.Outbox)!;
        rig.Core.Leave("t", rig.Now, rig.Outbox);

        byte[][] frames = [.. rig.Of(GossipOutputKind.Send).Select(output => output.Frame.ToArray())];
        Assert.Equal(2, frames.Length);
        Assert.Equal(GossipRig.Subscribe("t"), frames[0][1..]);
        Assert.Equal(GossipRig.Subscribe("t", joins: false), frames[1][1..]);
        Assert.All(rig.Of(GossipOutputKind.Send), output => Assert.Same(peer, output.Peer));
    }

    [Fact]
    public void A_mesh_is_filled_when_it_has_too_few_links_and_cut_when_it_has_too_many()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer[] peers = [.. Enumerable.Range(1, 20).Select(number => rig.Add(number))];
        rig.Beat();
        Assert.InRange(rig.Core.MeshOf("t").Count, 4, 6);

        foreach (GossipPeer peer in peers.Take(12))
        {
            rig.Core.OnRpc(peer, GossipRig.Graft("t"), rig.Now, rig.Outbox);
        }

        Assert.Equal(12, rig.Core.MeshOf("t").Count); // Whoever asks is linked up to the upper bound,
        rig.Core.OnRpc(peers[19], GossipRig.Graft("t"), rig.Now, rig.Outbox);
        rig.Core.OnRpc(peers[18], GossipRig.Graft("t"), rig.Now, rig.Outbox);
        Assert.InRange(rig.Core.MeshOf("t").Count, 12, 14); // and not beyond it.
        Assert.True(rig.Core.MeshOf("t").Count == 12 || rig.Core.MeshOf("t").Contains(peers[18]));
    }

    [Fact]
    public void Outbound_links_beyond_the_upper_bound_are_taken_and_the_heartbeat_cuts_to_the_degree()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        for (int number = 1; number <= 14; number++)
        {
            GossipPeer peer = rig.Add(number, isOutbound: number > 12);
            rig.Core.OnRpc(peer, GossipRig.Graft("t"), rig.Now, rig.Outbox);
        }

        Assert.Equal(14, rig.Core.MeshOf("t").Count);
        rig.Outbox.Clear();
        rig.Beat();

        Assert.Equal(6, rig.Core.MeshOf("t").Count);
        Assert.Equal(2, rig.Core.MeshOf("t").Count(peer => peer.Info.IsOutbound));
        Assert.Equal(8, rig.Of(GossipOutputKind.Pruned).Length);
    }

    [Fact]
    public void A_message_goes_to_the_mesh_but_not_back_and_only_once()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer[] peers = [.. Enumerable.Range(1, 4).Select(number => rig.Add(number))];
        GossipMessage message = rig.Message(author: 2);
        rig.Outbox.Clear();

        rig.Accept(peers[0], message);

        Assert.Single(rig.Of(GossipOutputKind.Deliver));
        Assert.Equal([peers[2], peers[3]], rig.Sent); // Neither to who brought it, nor to its author.
        rig.Outbox.Clear();
        rig.Bring(peers[2], message);
        Assert.Empty(rig.Outbox.Items.ToArray());
    }

    [Fact]
    public void A_copy_that_comes_during_the_judging_is_not_judged_again_nor_sent_to_its_bringer()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer[] peers = [.. Enumerable.Range(1, 3).Select(number => rig.Add(number))];
        GossipMessage message = rig.Message(author: 9);
        rig.Outbox.Clear();
        rig.Bring(peers[0], message);
        rig.Bring(peers[1], message);
        GossipMessage judged = Assert.Single(rig.Of(GossipOutputKind.Judge)).Message!;

        rig.Core.OnVerdict(judged, GossipVerdict.Accept, rig.Now, rig.Outbox);
        rig.Core.OnVerdict(judged, GossipVerdict.Accept, rig.Now, rig.Outbox); // A driver's mistake is harmless.

        Assert.Equal([peers[2]], rig.Sent);
        Assert.Single(rig.Of(GossipOutputKind.Deliver));
        Assert.Equal(0, rig.Core.PendingCount);
    }

    [Fact]
    public void A_forged_copy_does_not_shut_out_the_real_message()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer liar = rig.Add(1);
        GossipPeer honest = rig.Add(2);
        GossipMessage real = GossipSigning.Sign(GossipRig.Key(9), GossipRig.Crypto, 5, "t", "real"u8);
        GossipMessage other = GossipSigning.Sign(GossipRig.Key(8), GossipRig.Crypto, 5, "t", "fake"u8);
        byte[] forged = GossipRig.Rpc(other);
        real.From.Span.CopyTo(forged.AsSpan(forged.AsSpan().IndexOf(other.From.Span))); // Under another's name.

        rig.Core.OnRpc(liar, forged, rig.Now, rig.Outbox);
        rig.Bring(honest, real);
        GossipMessage[] judged = [.. rig.Of(GossipOutputKind.Judge).Select(output => output.Message!)];
        Assert.Equal(2, judged.Length);
        Assert.Equal(judged[0].Id, judged[1].Id);
        foreach (GossipMessage message in judged)
        {
            bool fits = GossipSigning.Verify(message, GossipRig.Crypto);
            rig.Core.OnVerdict(
                message, fits ? GossipVerdict.Accept : GossipVerdict.BadSignature, rig.Now, rig.Outbox);
        }

        GossipMessage delivered = Assert.Single(rig.Of(GossipOutputKind.Deliver)).Message!;
        Assert.Equal("real"u8.ToArray(), delivered.Data.ToArray());
        Assert.True(rig.Core.Score(liar) < 0);
        Assert.True(rig.Core.Score(honest) > 0);
    }

    [Fact]
    public void What_the_application_rejects_costs_everyone_who_brings_it_and_what_it_ignores_costs_nobody()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer first = rig.Add(1);
        GossipPeer second = rig.Add(2);
        GossipMessage wrong = rig.Message(9);
        rig.Bring(first, wrong);
        rig.Core.OnVerdict(rig.Of(GossipOutputKind.Judge)[^1].Message!, GossipVerdict.Reject, rig.Now, rig.Outbox);
        rig.Bring(second, wrong);
        Assert.Equal([-20, -20], [rig.Core.Score(first), rig.Core.Score(second)]);

        GossipPeer third = rig.Add(3);
        rig.Bring(third, rig.Message(9));
        rig.Core.OnVerdict(rig.Of(GossipOutputKind.Judge)[^1].Message!, GossipVerdict.Ignore, rig.Now, rig.Outbox);

        Assert.Equal(0, rig.Core.Score(third));
        Assert.Empty(rig.Of(GossipOutputKind.Deliver));
    }

    [Fact]
    public void An_own_message_goes_to_every_peer_of_the_topic_or_to_the_mesh_alone()
    {
        foreach (bool floods in new[] { true, false })
        {
            var rig = new GossipRig(options => options.FloodPublish = floods);
            rig.Core.Join("t", rig.Now, rig.Outbox);
            for (int number = 1; number <= 20; number++)
            {
                rig.Add(number);
            }

            rig.Beat();
            rig.Outbox.Clear();
            int reached = rig.Core.Publish(rig.Message(author: 0), rig.Now, rig.Outbox);

            Assert.Equal(floods ? 20 : rig.Core.MeshOf("t").Count, reached);
            Assert.Equal(reached, rig.Sent.Length);
            Assert.Single(rig.Of(GossipOutputKind.Deliver));
        }
    }

    [Fact]
    public void A_topic_that_is_not_joined_is_published_to_over_a_fanout_that_is_forgotten_in_time()
    {
        var rig = new GossipRig(options => options.FloodPublish = false);
        for (int number = 1; number <= 20; number++)
        {
            rig.Add(number);
        }

        Assert.Equal(6, rig.Core.Publish(rig.Message(author: 0), rig.Now, rig.Outbox));
        Assert.Empty(rig.Of(GossipOutputKind.Deliver));
        GossipPeer[] fanout = rig.Sent;
        rig.Outbox.Clear();
        rig.Core.Publish(rig.Message(author: 0), rig.Now, rig.Outbox);
        Assert.Equal(fanout, rig.Sent); // The same ones,

        rig.Core.Join("t", rig.Now, rig.Outbox);
        Assert.Equal(fanout.ToHashSet(), rig.Core.MeshOf("t").ToHashSet()); // who become the mesh.
    }

    [Fact]
    public void Peers_outside_of_the_mesh_are_told_ids_and_sent_what_they_ask_for_three_times_at_most()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer[] peers = [.. Enumerable.Range(1, 20).Select(number => rig.Add(number))];
        rig.Beat();
        GossipMessage message = rig.Message(author: 99);
        rig.Outbox.Clear();
        rig.Accept(rig.Core.MeshOf("t")[0], message);
        rig.Outbox.Clear();
        rig.Beat();

        GossipPeer[] told = [.. peers.Where(peer => rig.Control(peer, GossipFields.IHave).Count > 0)];
        Assert.Equal(6, told.Length);
        Assert.Empty(told.Intersect(rig.Core.MeshOf("t")));
        byte[] id = GossipRig.Fields(rig.Control(told[0], GossipFields.IHave)[0], 2)[0];
        rig.Outbox.Clear();
        for (int i = 0; i < 5; i++)
        {
            rig.Core.OnRpc(told[0], GossipRig.Ids(GossipFields.IWant, id), rig.Now, rig.Outbox);
        }

        Assert.Equal(3, rig.Sent.Length);
        rig.Beat(5);
        rig.Outbox.Clear();
        rig.Core.OnRpc(told[1], GossipRig.Ids(GossipFields.IWant, id), rig.Now, rig.Outbox);
        Assert.Empty(rig.Sent); // Nothing is kept for longer than five heartbeats.
    }

    [Fact]
    public void What_a_peer_announces_is_asked_for_and_a_broken_promise_costs()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer honest = rig.Add(1);
        GossipPeer liar = rig.Add(2);
        GossipMessage message = rig.Message(author: 9);
        GossipMessageId id = GossipIds.Of(GossipIdRule.FromSequence, GossipRig.Crypto, message.View);
        GossipMessageId.TryRead([1, 2, 3], out GossipMessageId lie);
        rig.Outbox.Clear();
        rig.Core.OnRpc(honest, GossipRig.IHave("t", id), rig.Now, rig.Outbox);
        rig.Core.OnRpc(liar, GossipRig.IHave("t", lie), rig.Now, rig.Outbox);
        rig.Core.OnRpc(liar, GossipRig.IHave("unknown", lie), rig.Now, rig.Outbox);

        Assert.Equal(id.Span.ToArray(), GossipRig.Fields(Assert.Single(rig.Control(honest, GossipFields.IWant)), 1)[0]);
        Assert.Single(rig.Control(liar, GossipFields.IWant));
        rig.Outbox.Clear();
        rig.Accept(honest, message);
        rig.Beat(5);

        Assert.Equal([GossipReason.BrokenPromise], rig.Refusals);
        Assert.True(rig.Core.Score(liar) < 0);
        Assert.True(rig.Core.Score(honest) > 0);
        Assert.Equal(0, rig.Core.PromiseCount);
    }

    [Fact]
    public void A_link_that_was_cut_is_not_made_again_before_its_time_and_asking_too_early_costs()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Add(1);
        Assert.Single(rig.Core.MeshOf("t"));
        rig.Core.OnRpc(peer, GossipRig.Prune("t", backoff: 30), rig.Now, rig.Outbox);
        rig.Beat(29);
        Assert.Empty(rig.Core.MeshOf("t"));
        Assert.Equal(0, rig.Core.Score(peer));

        rig.Core.OnRpc(peer, GossipRig.Graft("t"), rig.Now, rig.Outbox);
        Assert.True(rig.Core.Score(peer) < 0);
        Assert.Contains(GossipReason.GraftTooEarly, rig.Refusals);
        Assert.NotEmpty(rig.Control(peer, GossipFields.Prune));
        Assert.Empty(rig.Core.MeshOf("t"));
    }

    [Fact]
    public void Time_apart_and_a_bad_score_outlive_the_connection()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Add(1);
        rig.Bring(peer, rig.Message(9));
        rig.Core.OnVerdict(rig.Of(GossipOutputKind.Judge)[^1].Message!, GossipVerdict.Reject, rig.Now, rig.Outbox);
        rig.Core.Disconnect(peer, rig.Now, rig.Outbox);
        Assert.Empty(rig.Core.MeshOf("t"));

        GossipPeer again = rig.Add(1);

        Assert.Equal(-20, rig.Core.Score(again));
        Assert.Empty(rig.Core.MeshOf("t"));
    }

    [Fact]
    public void A_pruned_peer_is_named_others_with_their_signed_records()
    {
        var rig = new GossipRig(options =>
        {
            options.Degree = options.DegreeLow = options.DegreeHigh = 1;
            options.DegreeScore = 1;
            options.DegreeOut = 0;
        });
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer first = rig.Add(1);
        using Ed25519KeyPair key = GossipRig.Key(1);
        byte[] record = new PeerRecord(first.Id, 1, [Multiaddr.Parse("/ip4/127.0.0.1/tcp/1")])
            .Seal(key, GossipRig.Crypto);
        GossipCore.SetRecord(first, record);
        GossipPeer second = rig.Add(2);
        rig.Outbox.Clear();

        rig.Core.OnRpc(second, GossipRig.Graft("t"), rig.Now, rig.Outbox);

        byte[] prune = Assert.Single(rig.Control(second, GossipFields.Prune));
        byte[] named = Assert.Single(GossipRig.Fields(prune, 2));
        Assert.Equal(first.Id.Span.ToArray(), GossipRig.Fields(named, 1)[0]);
        Assert.Equal(record, GossipRig.Fields(named, 2)[0]);
    }

    [Fact]
    public void Peers_that_are_named_are_tried_only_when_a_good_peer_names_them()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer peer = rig.Add(1);
        byte[] prune = GossipRig.Prune("t", 60, (GossipRig.Key(7).PublicKey.ToPeerId(), [1, 2, 3]));
        rig.Core.OnRpc(peer, prune, rig.Now, rig.Outbox);
        Assert.Empty(rig.Of(GossipOutputKind.Exchange));

        GossipCore.SetApplicationScore(peer, 10);
        rig.Core.OnRpc(peer, prune, rig.Now, rig.Outbox);

        GossipOutput named = Assert.Single(rig.Of(GossipOutputKind.Exchange));
        Assert.Equal(GossipRig.Key(7).PublicKey.ToPeerId(), named.Candidate);
        Assert.Equal([1, 2, 3], named.Frame.ToArray());
    }

    [Fact]
    public void A_large_message_is_declined_at_others_and_what_others_decline_is_not_sent_to_them()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer source = rig.Add(1);
        GossipPeer modern = rig.Add(2);
        GossipPeer old = rig.Add(3, version: GossipVersion.V11);
        GossipMessage large = rig.Message(author: 9, size: 512);
        GossipMessageId id = GossipIds.Of(GossipIdRule.FromSequence, GossipRig.Crypto, large.View);
        rig.Outbox.Clear();
        rig.Bring(source, rig.Message(author: 9, size: 511));
        Assert.Empty(rig.Control(modern, GossipFields.IDontWant));
        rig.Outbox.Clear();
        rig.Core.OnRpc(modern, GossipRig.Ids(GossipFields.IDontWant, id.Span.ToArray()), rig.Now, rig.Outbox);
        rig.Bring(source, large);

        Assert.Single(rig.Control(modern, GossipFields.IDontWant));
        Assert.Empty(rig.Control(old, GossipFields.IDontWant));
        Assert.Empty(rig.Control(source, GossipFields.IDontWant));
        GossipMessage judged = Assert.Single(rig.Of(GossipOutputKind.Judge)).Message!;
        rig.Outbox.Clear();
        rig.Core.OnVerdict(judged, GossipVerdict.Accept, rig.Now, rig.Outbox);
        Assert.Equal([old], rig.Sent);
    }

    [Fact]
    public void A_peer_without_a_mesh_gets_every_message()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer flood = rig.Add(1, version: GossipVersion.Flood);
        GossipPeer direct = rig.Add(2, isDirect: true);
        GossipPeer source = rig.Add(3);
        rig.Outbox.Clear();

        rig.Accept(source, rig.Message(9));

        Assert.Equal([flood, direct], rig.Sent);
        Assert.Equal([source], rig.Core.MeshOf("t"));
    }

    [Fact]
    public void Js_default_ids_are_understood_and_spoken_to_who_speaks_them()
    {
        var rig = new GossipRig();
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer js = rig.Add(1);
        rig.Outbox.Clear();
        GossipMessage message = rig.Message(author: 9);
        byte[] keyForm = GossipIds.Of(GossipIdRule.KeySequence, GossipRig.Crypto, message.View).Span.ToArray();
        GossipMessageId.TryRead(keyForm, out GossipMessageId id);

        rig.Core.OnRpc(js, GossipRig.IHave("t", id), rig.Now, rig.Outbox);
        Assert.Equal(keyForm, GossipRig.Fields(Assert.Single(rig.Control(js, GossipFields.IWant)), 1)[0]);
        rig.Outbox.Clear();
        rig.Accept(rig.Add(2), message);
        rig.Outbox.Clear();
        rig.Core.OnRpc(js, GossipRig.Ids(GossipFields.IWant, keyForm), rig.Now, rig.Outbox);

        Assert.Equal([js], rig.Sent);
    }

    [Fact]
    public void Forwarding_allocates_the_stored_message_and_nothing_else_of_weight()
    {
        var rig = new GossipRig(options => (options.SeenMax, options.CacheBytesMax) = (500, 100_000));
        rig.Core.Join("t", rig.Now, rig.Outbox);
        GossipPeer[] peers = [.. Enumerable.Range(1, 5).Select(number => rig.Add(number))];
        byte[][] messages = [.. Enumerable.Range(0, 2_000).Select(_ => GossipRig.Rpc(rig.Message(9, size: 200)))];
        Forward(messages.AsSpan(0, 1_000)); // The tables have grown.
        long before = GC.GetAllocatedBytesForCurrentThread();
        Forward(messages.AsSpan(1_000));
        long each = (GC.GetAllocatedBytesForCurrentThread() - before) / 1_000;

        Assert.InRange(each, 300, 700); // A frame of about 340 bytes, and the object that holds it.

        void Forward(ReadOnlySpan<byte[]> batch)
        {
            foreach (byte[] rpc in batch)
            {
                rig.Outbox.Clear();
                rig.Core.OnRpc(peers[0], rpc, rig.Now, rig.Outbox);
                rig.Core.OnVerdict(rig.Outbox.Items[0].Message!, GossipVerdict.Accept, rig.Now, rig.Outbox);
                foreach (GossipPeer peer in peers)
                {
                    rig.Core.OnRpc(peer, rpc, rig.Now, rig.Outbox);
                }
            }
        }
    }
}
