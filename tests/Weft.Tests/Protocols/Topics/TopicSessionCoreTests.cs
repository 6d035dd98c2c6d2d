using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;
using Weft.Tests.Protocols.Gossip;

namespace Weft.Tests.Protocols.Topics;

/// <summary>Two relays compare what they keep: over the bytes of the wire, without a network.</summary>
public sealed class TopicSessionCoreTests
{
    private readonly Outbox<TopicLogOutput> _outbox = new();

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(300, 0)]
    [InlineData(0, 300)]
    [InlineData(40, 25)]
    public void Two_relays_have_the_same_after_one_session_whatever_each_lacked(int lacksHere, int lacksThere)
    {
        (TopicLogCore here, TopicLogCore there) = (TopicRig.Log(), TopicRig.Log());
        GossipMessage[] all =
        [
            .. TopicRig.Chain(1, 200), .. TopicRig.Chain(2, 200),
            .. Enumerable.Range(0, 50).Select(i => TopicRig.Value(3, (ulong)i + 1, $"k{i}", $"v{i}")),
        ];
        var random = new WeftRandom(seed: 7);
        int[] order = [.. Enumerable.Range(0, all.Length).OrderBy(_ => random.NextDouble())];
        for (int i = 0; i < all.Length; i++)
        {
            Append(order[i] < lacksHere ? there : here, all[i]);
            if (order[i] >= lacksHere + lacksThere)
            {
                Append(there, all[i]);
            }
        }

        TopicSessionCore session = TopicRig.Session(here);
        (string? why, int frames, _) = TopicRig.Run(session, here, request => TopicRig.Serve(there, request));

        Assert.Null(why);
        Assert.Equal((lacksHere, lacksThere, 0), (session.Taken, session.Given, session.Withheld));
        Assert.Equal(Sorted(here), Sorted(there));
        Assert.Equal(all.Length, here.Count);
        Assert.InRange(frames, 2, 60);
        Assert.Equal((0, 0), (here.MissingCount, there.MissingCount));
        (_, frames, int bytes) = TopicRig.Run(
            TopicRig.Session(here), here, request => TopicRig.Serve(there, request));
        Assert.Equal(2, frames); // The same: one question, one answer.
        Assert.InRange(bytes, 1, 1_000);
    }

    [Fact]
    public void A_relay_that_was_wiped_has_everything_again_in_the_order_of_each_author()
    {
        (TopicLogCore wiped, TopicLogCore full) = (TopicRig.Log(), TopicRig.Log());
        GossipMessage[][] chains = [TopicRig.Chain(1, 700), TopicRig.Chain(2, 700), TopicRig.Chain(3, 700)];
        for (int i = 0; i < 2_100; i++)
        {
            Append(full, chains[i % 3][i / 3]);
        }

        TopicRig.Run(TopicRig.Session(wiped), wiped, request => TopicRig.Serve(full, request));

        foreach (GossipMessage[] chain in chains)
        {
            Assert.Equal(
                chain.Select(TopicRig.Text),
                TopicRig.Read(wiped).Where(entry => entry.Message.From == chain[0].From)
                    .Select(entry => TopicRig.Text(entry.Message)));
        }

        Assert.DoesNotContain(_outbox.Items.ToArray(), output => output.Kind == TopicLogOutputKind.Gap);
    }

    [Fact]
    public void One_missing_of_many_costs_few_bytes()
    {
        (TopicLogCore here, TopicLogCore there) = (TopicRig.Log(), TopicRig.Log());
        GossipMessage[] all = TopicRig.Chain(1, 4_000);
        for (int i = 0; i < all.Length; i++)
        {
            Append(there, all[i]);
            if (i != 1_234)
            {
                Append(here, all[i]);
            }
        }

        Assert.Equal(1, here.MissingCount); // The gap is seen before anybody is asked.
        TopicSessionCore session = TopicRig.Session(here);
        (_, int frames, int bytes) = TopicRig.Run(session, here, request => TopicRig.Serve(there, request));

        Assert.Equal((1, 0), (session.Taken, here.MissingCount));
        Assert.InRange(frames, 2, 12);
        Assert.InRange(bytes, 100, 12_000);
    }

    [Fact]
    public void What_was_let_go_for_its_age_or_number_does_not_come_back()
    {
        (TopicLogCore small, TopicLogCore large) = (TopicRig.Log(new() { MessagesMax = 50 }), TopicRig.Log());
        foreach (GossipMessage message in TopicRig.Chain(1, 300))
        {
            Append(small, message);
            Append(large, message);
        }

        TopicSessionCore session = TopicRig.Session(small);
        TopicRig.Run(session, small, request => TopicRig.Serve(large, request));
        Assert.Equal((0, 0, 50), (session.Taken, session.Given, small.Count));

        // The age counts from when it came to the first relay, whoever hands it on.
        var late = TopicRig.Log(new() { Age = TimeSpan.FromHours(1) });
        double later = TopicRig.Start + 3_700_000;
        session = TopicRig.Session(late);
        TopicRig.Run(session, late, request => TopicRig.Serve(large, request, later), later);
        Assert.Equal((300, 0), (session.Taken, late.Count));
        session = TopicRig.Session(late);
        TopicRig.Run(session, late, request => TopicRig.Serve(large, request, later), later);
        Assert.Equal(0, session.Taken); // It remembers what it would not keep.
    }

    [Fact]
    public void The_later_value_of_a_key_wins_on_both_sides()
    {
        (TopicLogCore here, TopicLogCore there) = (TopicRig.Log(), TopicRig.Log());
        Append(here, TopicRig.Value(1, 5, "ada", "new"));
        Append(there, TopicRig.Value(1, 4, "ada", "old"));
        Append(there, TopicRig.Value(2, 9, "bob", "newer"));
        Append(here, TopicRig.Value(2, 8, "bob", "older"));

        TopicRig.Run(TopicRig.Session(here), here, request => TopicRig.Serve(there, request));

        foreach (TopicLogCore log in (TopicLogCore[])[here, there])
        {
            Assert.Equal("new", TopicRig.Text(log.Latest("ada"u8)!.Message));
            Assert.Equal("newer", TopicRig.Text(log.Latest("bob"u8)!.Message));
            Assert.Equal(2, log.Count);
        }
    }

    [Fact]
    public void Forged_messages_and_answers_to_nothing_end_the_session_and_nothing_of_them_is_kept()
    {
        TopicLogCore there = TopicRig.Log();
        foreach (GossipMessage message in TopicRig.Chain(1, 100))
        {
            Append(there, message);
        }

        TopicLogCore forger = TopicRig.Log();
        byte[] forged = TopicWire.BodyOf(TopicRig.Event(1, 7, "forged")).ToArray();
        forged[^1] ^= 1;
        Append(forger, TopicWire.ReadBody(forged, "t", new())!);
        Assert.Contains("sign", Against(request => TopicRig.Serve(forger, request)), StringComparison.Ordinal);
        GossipMessage other = TopicRig.Event(9, 1, "not asked for");
        Assert.Contains("asked", Against(request => request.Kind == TopicRequestKind.Fetch
            ? new(TopicAnswerKind.Batch, [TopicWire.BodyOf(other)], Times: [0])
            : TopicRig.Serve(there, request)), StringComparison.Ordinal);
        Assert.NotNull(Against(_ => new(TopicAnswerKind.CaughtUp)));
        // Ranges that nobody asked about, and points outside of theirs.
        Assert.NotNull(Against(request => request.Kind != TopicRequestKind.Ranges
            ? TopicRig.Serve(there, request)
            : new(TopicAnswerKind.Ranges, Ranges:
            [
                new(
                    TopicSpace.Events, TopicRangeKind.Points, new(5), new(6),
                    Points: [new TopicPoint(7, 1, 1)]),
            ])));
    }

    [Fact]
    public void A_relay_that_splits_for_ever_is_given_up_and_one_that_withholds_is_counted()
    {
        TopicLogCore there = TopicRig.Log();
        foreach (GossipMessage message in TopicRig.Chain(1, 100))
        {
            Append(there, message);
        }

        int rounds = 0;
        string? why = Against(request =>
        {
            if (request.Kind != TopicRequestKind.Ranges)
            {
                return TopicRig.Serve(there, request);
            }

            rounds++;
            return new(TopicAnswerKind.Ranges, Ranges:
                [.. request.Ranges!.Select(range => range with
                {
                    Kind = TopicRangeKind.Fingerprint, Count = 1_000_000, Fingerprint = (UInt128)rounds,
                }),
                ]);
        });
        Assert.NotNull(why);
        Assert.InRange(rounds, 2, new TopicReconcileOptions().RoundsMax + 1);

        TopicLogCore here = TopicRig.Log();
        TopicSessionCore session = TopicRig.Session(here);
        TopicRig.Run(session, here, request => request.Kind == TopicRequestKind.Fetch
            ? new(TopicAnswerKind.Batch)
            : TopicRig.Serve(there, request));
        Assert.Equal((100, 0), (session.Withheld, here.Count));
        Assert.Equal(100UL, Assert.Single(session.Heads).Sequence); // Its own heads say what it kept back.
    }

    private static string? Against(Func<TopicRequest, TopicAnswer> peer)
    {
        TopicLogCore here = TopicRig.Log();
        (string? why, _, _) = TopicRig.Run(TopicRig.Session(here), here, peer);
        Assert.Equal(0, here.Count);
        return why;
    }

    private void Append(TopicLogCore log, GossipMessage message) =>
        Assert.Equal(TopicAppend.Kept, log.Append(message, TopicRig.Start, _outbox, out _));

    private static List<GossipMessageId> Sorted(TopicLogCore log) =>
        [.. TopicRig.Read(log).Select(entry => entry.Hash).OrderBy(hash => hash.ToString(), StringComparer.Ordinal)];
}
