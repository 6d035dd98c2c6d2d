using Weft.Graph;

namespace Weft.Tests.Graph;

public sealed class LossJournalTests
{
    [Fact]
    public void The_newest_stay_and_the_oldest_go()
    {
        var journal = new LossJournal(new GraphOptions { JournalMax = 3 });

        Add(journal, 5);

        Assert.Equal([3L, 4L, 5L], journal.Items.Select(loss => loss.Number));
        Assert.Equal(5, journal.Total);
    }

    [Fact]
    public void Exactly_the_count_allowed_stays()
    {
        var journal = new LossJournal(new GraphOptions { JournalMax = 3 });

        Add(journal, 3);

        Assert.Equal([1L, 2L, 3L], journal.Items.Select(loss => loss.Number));
    }

    [Fact]
    public void Bytes_are_bounded_too()
    {
        var journal = new LossJournal(new GraphOptions { JournalBytesMax = 10_000 });

        Add(journal, 1_000, new string('x', 500));

        Assert.InRange(journal.Items.Count, 5, 20);
        Assert.Equal(1_000, journal.Total);
        Assert.Equal(1_000, journal.Items.Last().Number);
    }

    [Fact]
    public void A_journal_without_room_holds_nothing_and_still_counts()
    {
        var journal = new LossJournal(new GraphOptions { JournalBytesMax = 0 });

        Add(journal, 10);

        Assert.Empty(journal.Items);
        Assert.Equal(10, journal.Total);
    }

    [Fact]
    public void A_long_value_is_cut_and_says_so()
    {
        var journal = new LossJournal(new GraphOptions());
        string fits = new('x', LossJournal.ValueBytesMax - 2); // The quotes count.

        Add(journal, 1, fits);
        Add(journal, 1, fits + "x");

        Assert.Equal([false, true], journal.Items.Select(loss => loss.ValueCut));
        Assert.Equal([fits, null], journal.Items.Select(loss => loss.Value.AsText()));
    }

    [Fact]
    public void Entries_say_who_what_and_why()
    {
        var journal = new LossJournal(new GraphOptions());

        journal.Add(new FieldWrite("s", "f", "v", 5), 6, HamVerdict.KnownNewer, "peer", 7);

        Assert.Equal(new Loss(1, "s", "f", "v", 5, 6, HamVerdict.KnownNewer, "peer", 7), Assert.Single(journal.Items));
    }

    [Fact]
    public void Numbers_go_on_after_a_restart()
    {
        var first = new LossJournal(new GraphOptions());
        Add(first, 4);
        var second = new LossJournal(new GraphOptions());
        foreach (Loss loss in first.Items)
        {
            second.Restore(loss);
        }

        Add(second, 1);

        Assert.Equal([1L, 2L, 3L, 4L, 5L], second.Items.Select(loss => loss.Number));
    }

    private static void Add(LossJournal journal, int times, string value = "v")
    {
        for (int i = 0; i < times; i++)
        {
            journal.Add(new FieldWrite("s", "f", value, i), i + 1, HamVerdict.KnownNewer, "peer", 0);
        }
    }
}
