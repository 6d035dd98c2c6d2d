using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;
using Weft.Tests.Protocols.Gossip;

namespace Weft.Tests.Protocols.Topics;

public sealed class TopicRetentionBookTests
{
    [Fact]
    public void The_name_wins_over_patterns_and_a_longer_pattern_over_a_shorter_one()
    {
        var book = new TopicRetentionBook(new() { MessagesMax = 1 });
        book.Set("*", new() { MessagesMax = 2 });
        book.Set("chat/*", new() { MessagesMax = 3 });
        book.Set("chat/room", new() { MessagesMax = 4 });

        Assert.Equal((4, "chat/room"), Found(book, "chat/room"));
        Assert.Equal((3, "chat/*"), Found(book, "chat/other"));
        Assert.Equal((2, "*"), Found(book, "news"));
        book.Set("*", null);
        Assert.Equal((1, ""), Found(book, "news"));
    }

    [Fact]
    public void A_retention_comes_back_and_garbage_and_what_is_out_of_bounds_do_not()
    {
        var retention = new TopicRetention
        {
            MessagesMax = 0, BytesMax = 5_000_000, Age = TimeSpan.FromDays(90), AuthorBytesMax = 1_024, KeysMax = 7,
        };
        TopicRetention read = TopicRetentionBook.TryRead(TopicRetentionBook.Write(retention))!;
        Assert.Equal(
            (0, 5_000_000L, TimeSpan.FromDays(90), 1_024L, 7),
            (read.MessagesMax, read.BytesMax, read.Age, read.AuthorBytesMax, read.KeysMax));
        Assert.Null(TopicRetentionBook.TryRead([8]));
        Assert.NotNull(new TopicRetention { Age = TimeSpan.Zero }.FindFault());
        Assert.NotNull(new TopicRetention { BytesMax = 1 }.FindFault());
        Assert.Null(new TopicRetention().FindFault());
    }

    [Fact]
    public void Only_so_many_patterns_are_held()
    {
        var book = new TopicRetentionBook(new());
        for (int i = 0; i < TopicRetentionBook.PatternsMax; i++)
        {
            Assert.True(book.Set($"t{i}", new()));
        }

        Assert.False(book.Set("one more", new()));
        Assert.True(book.Set("t0", null));
        Assert.True(book.Set("one more", new()));
    }

    [Fact]
    public void A_relay_of_values_only_keeps_no_events()
    {
        var log = new TopicLogCore("t", new() { MessagesMax = 0 }, GossipRig.Crypto);
        var outbox = new Outbox<TopicLogOutput>();
        Assert.Equal(TopicAppend.Quota, log.Append(TopicRig.Event(1, 1, "e"), TopicRig.Start, outbox, out _));
        Assert.Equal(TopicAppend.Kept, log.Append(TopicRig.Value(1, 2, "k", "v"), TopicRig.Start, outbox, out _));
        Assert.Equal(1, log.Count);
    }

    [Fact]
    public void Relays_take_turns_and_only_so_many_at_once()
    {
        var plan = new TopicPlanCore(new() { RunningMax = 2, RelaysMax = 3 }, new WeftRandom(1));
        PeerId[] relays = [.. Enumerable.Range(1, 5).Select(i => GossipRig.Key(i).PublicKey.ToPeerId())];
        var outbox = new Outbox<PeerId>();
        plan.OnTick(relays, new(0), outbox);
        plan.OnTick(relays, new(600_000), outbox);
        Assert.Equal((2, 2, 3), (outbox.Count, plan.RunningCount, plan.Count));
        PeerId first = outbox[0];
        plan.OnEnded(first);
        plan.OnTick(relays, new(700_000), outbox);
        Assert.Equal(3, outbox.Count);
        Assert.NotEqual(first, outbox[2]); // The one that has not had its turn.
        plan.OnTick([], new(800_000), outbox);
        Assert.Equal(0, plan.Count);
    }

    private static (int, string) Found(TopicRetentionBook book, string topic)
    {
        (TopicRetention retention, string pattern) = book.Find(topic);
        return (retention.MessagesMax, pattern);
    }
}
