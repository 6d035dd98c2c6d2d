using Weft.Graph;
using Weft.Graph.History;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Integration.Tests.Storage;

/// <summary>What every store must do, whatever it is made of.</summary>
public abstract class StoreConformanceTests : IAsyncLifetime
{
    /// <summary>The store under test.</summary>
    protected IStore Store { get; private set; } = null!;

    public async Task InitializeAsync() => Store = await OpenAsync();

    public virtual async Task DisposeAsync() => await Store.DisposeAsync();

    [Fact]
    public async Task A_new_store_is_empty()
    {
        Assert.Null(await Store.ReadFieldAsync("soul", "field"));
        Assert.Empty((await Store.ReadNodeAsync("soul", LexRange.All, 10, 1_000)).Fields);
        Assert.Empty(await Store.ListSoulsAsync(LexRange.All, 10));
        Assert.Empty(await Store.ReadLinksToAsync("soul", null, 10));
        Assert.Empty(await Store.ChangesAsync(0));
        Assert.Empty(Store.Deferred);
        Assert.Empty(Store.SavedJournal);
        Assert.Equal((0L, double.NegativeInfinity), (Store.CommittedSequence, Store.ClockHigh));
        Assert.Matches("^[0-9a-f]{16}$", Store.StoreId);
    }

    [Fact]
    public async Task A_field_reads_back_as_it_was_written()
    {
        var extras = new FieldExtras(new byte[] { 1, 2, 3 }, new byte[] { 4 }, 0, 9);
        var write = new FieldWrite("soul", "field", "text", 17.25, extras);

        CommitReceipt receipt = await Store.AppendAsync(StoreKit.Batch(write), Durability.Disk);

        StoredField read = Assert.NotNull(await Store.ReadFieldAsync("soul", "field"));
        Assert.Equal(("field", "\"text\"", 17.25, receipt.Sequence), (read.Field, read.Value.ToString(), read.State, read.Sequence));
        Assert.Equal([1, 2, 3], read.Extras!.Author.ToArray());
        Assert.Equal([4], read.Extras.Signature.ToArray());
        Assert.Equal(9u, read.Extras.Policy);
        Assert.Null(await Store.ReadFieldAsync("soul", "other"));
        Assert.Null(await Store.ReadFieldAsync("other", "field"));
    }

    [Fact]
    public async Task What_is_kept_of_the_past_is_read_by_its_soul_and_stands_in_no_list()
    {
        string past = HistorySoul.Of("b");
        for (int i = 0; i < 600; i++)
        {
            CommitBatch batch = StoreKit.Batch(new FieldWrite(i < 3 ? "b" : $"c{i}", "f", i, i + 1));
            FieldWrite[] rows = [new(HistorySoul.Of($"c{i}"), "v", 7, 1), new(past, $"v{i}", i, 1)];
            await Store.AppendAsync(
                new HistoryBatch(batch, rows), i == 599 ? Durability.Disk : Durability.Memory);
        }

        await Store.PutAsync("\uFFFF\uFFFF", "f", 1);
        for (int look = 0; look < 2; look++)
        {
            Assert.Equal("599", await Store.GetAsync(past, "v599"));
            Assert.Equal(600, (await Store.NamesAsync(past)).Length);
            Assert.Equal(599, (await Store.ListSoulsAsync(LexRange.All, 10_000)).Count);
            Assert.Equal("\uFFFF\uFFFF", (await Store.ListSoulsAsync(new LexRange(Reverse: true), 2))[0]);
            Assert.Equal("c99", (await Store.ListSoulsAsync(new LexRange(Reverse: true), 2))[1]);
            Assert.Equal(599, (await Store.ChangesAsync(0)).Count);
            Assert.Equal(["\uFFFF\uFFFF"], (await Store.ChangesAsync(0, "\uFFFF")).Select(change => change.Soul));
            Assert.Equal(past, (await Store.ListSoulsAsync(new LexRange(Prefix: HistorySoul.Prefix), 10))[0]);
            await Store.FlushAsync();
        }
    }

    [Fact]
    public async Task Author_and_signature_of_any_size_survive_beside_short_and_long_values()
    {
        byte[] author = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
        int[] sizes = [0, 1, 110, 300, 301, 1_024, 4_096];
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 70; i++)
            {
                byte[] signature = [.. Enumerable.Range(0, sizes[i % 7]).Select(at => (byte)(at + i + round))];
                var write = new FieldWrite(
                    "soul", $"f{i:D2}", new string('v', i % 3 * 700), round + 1,
                    new FieldExtras(author, signature, i % 2 * 9e15, (uint)i));
                await Store.AppendAsync(StoreKit.Batch(write), Durability.Memory);
            }

            await (round == 1 ? Store.FlushAsync() : Store.AppendAsync(CommitBatch.Empty, Durability.Disk).AsTask());
        }

        for (int look = 0; look < 2; look++)
        {
            NodePage page = await Store.ReadNodeAsync("soul", LexRange.All, 100, long.MaxValue);
            Assert.Equal(70, page.Fields.Count);
            for (int i = 0; i < 70; i++)
            {
                StoredField? alone = await Store.ReadFieldAsync("soul", $"f{i:D2}");
                foreach (StoredField read in (StoredField[])[page.Fields[i], Assert.NotNull(alone)])
                {
                    Assert.Equal((3d, i % 3 * 700), (read.State, read.Value.AsText()!.Length));
                    Assert.Equal((i % 2 * 9e15, (uint)i), (read.Extras!.ExpiresAtMs, read.Extras.Policy));
                    Assert.Equal(author, read.Extras.Author.ToArray());
                    Assert.Equal(sizes[i % 7], read.Extras.Signature.Length);
                    Assert.All(read.Extras.Signature.ToArray().Index(), at => Assert.Equal((byte)(at.Index + i + 2), at.Item));
                }
            }

            await Store.FlushAsync();
        }

        NodePage first = await Store.ReadNodeAsync("soul", LexRange.All, 100, 5_000);
        Assert.True(first.More && first.Fields.Count < 20, $"{first.Fields.Count} fields in a page of 5,000 bytes");
    }

    [Fact]
    public async Task Every_kind_of_value_survives()
    {
        WeftValue[] values =
        [
            WeftValue.Null, true, false, 0d, -1.5e300, 5e-324, "", "\u0000\u001f\"\\", "\ud83d\ude00 \uffff",
            new string('x', 1 << 20), WeftValue.Link("there"), WeftValue.Link("\"quoted\" \ud83d\ude00"),
        ];
        for (int i = 0; i < values.Length; i++)
        {
            await Store.PutAsync("soul", "f" + i, values[i]);
        }

        for (int i = 0; i < values.Length; i++)
        {
            StoredField? read = await Store.ReadFieldAsync("soul", "f" + i);
            Assert.Equal(values[i], read?.Value);
        }
    }

    [Fact]
    public async Task Names_that_look_alike_or_strange_are_distinct()
    {
        string[] names =
        [
            "a", "A", "a ", "\u00e9", "e\u0301", "__proto__", "constructor", "a\u0000", "a\u0000b", "\u0000", "\uffff",
            "\ud83d\ude00", "\ue000", "'; DROP TABLE blocks; --", "%", "*",
        ];
        foreach (string soul in names)
        {
            foreach (string field in names)
            {
                await Store.AppendAsync(StoreKit.Batch(new FieldWrite(soul, field, soul + "|" + field, 1)), Durability.Memory);
            }
        }

        foreach (string soul in names)
        {
            foreach (string field in names)
            {
                Assert.Equal(WeftValue.Text(soul + "|" + field), (await Store.ReadFieldAsync(soul, field))?.Value);
            }

            Assert.Equal(names.Order(StringComparer.Ordinal), await Store.NamesAsync(soul));
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), await Store.ListSoulsAsync(LexRange.All, 100));
    }

    [Fact]
    public async Task A_write_is_visible_when_the_call_returns()
    {
        ValueTask<CommitReceipt> append = Store.AppendAsync(
            StoreKit.Batch(new FieldWrite("soul", "field", 1d, 1)), Durability.Disk);

        string? seen = await Store.GetAsync("soul", "field");
        await append;

        Assert.Equal("1", seen);
    }

    [Fact]
    public async Task Sequences_rise_by_one_and_the_listener_hears_them_in_order()
    {
        var heard = new List<long>();
        Store.OnCommitted(commit => heard.Add(commit.Sequence));
        var appends = new List<Task<CommitReceipt>>();
        for (int i = 0; i < 100; i++)
        {
            appends.Add(Store.AppendAsync(StoreKit.Batch(new FieldWrite("s" + i, "f", i, i)), Durability.Disk).AsTask());
        }

        CommitReceipt[] receipts = await Task.WhenAll(appends);
        CommitReceipt last = await Store.AppendAsync(CommitBatch.Empty, Durability.Disk);

        Assert.Equal(Enumerable.Range(1, 100).Select(at => (long)at), receipts.Select(receipt => receipt.Sequence));
        Assert.Equal(Enumerable.Range(1, 100).Select(at => (long)at), heard);
        Assert.Equal((100L, 100L), (last.Sequence, Store.CommittedSequence));
    }

    [Fact]
    public async Task A_batch_changes_many_nodes_under_one_sequence()
    {
        var writes = Enumerable.Range(0, 50).Select(i => new FieldWrite("s" + (i % 7), "f" + i, i, 1)).ToArray();

        CommitReceipt receipt = await Store.AppendAsync(StoreKit.Batch(writes), Durability.Disk);

        foreach (FieldWrite write in writes)
        {
            StoredField? read = await Store.ReadFieldAsync(write.Soul, write.Field);
            Assert.Equal((write.Value, receipt.Sequence), (read?.Value ?? default, read?.Sequence ?? 0));
        }
    }

    [Fact]
    public async Task A_view_is_filled_with_what_is_known()
    {
        await Store.PutAsync("a", "x", 1, 10);
        await Store.PutAsync("b", "y", 2, 20);
        FieldWrite[] delta = [new("a", "x", 9d, 1), new("a", "z", 9d, 1), new("b", "y", 9d, 1), new("c", "x", 9d, 1)];
        var view = new GraphView();
        view.Begin(delta);

        await Store.LoadAsync(view);

        Assert.True(view.TryGet(0, out StoredField first) && first.State == 10);
        Assert.False(view.TryGet(1, out _));
        Assert.True(view.TryGet(2, out StoredField third) && third.State == 20);
        Assert.False(view.TryGet(3, out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Fields_come_in_ranges_and_pages(bool flushed)
    {
        for (char name = 'a'; name <= 'j'; name++)
        {
            await Store.PutAsync("soul", name.ToString(), name.ToString());
            if (flushed && name == 'e')
            {
                await Store.FlushAsync();
            }
        }

        await Store.PutAsync("soul", "c", WeftValue.Null, 2); // A tombstone is a field.

        Assert.Equal("abcdefghij", string.Concat(await Store.NamesAsync("soul")));
        Assert.Equal("jihgfedcba", string.Concat(await Store.NamesAsync("soul", new LexRange(Reverse: true))));
        Assert.Equal("cde", string.Concat(await Store.NamesAsync("soul", new LexRange(From: "c", To: "e"))));
        Assert.Equal("edc", string.Concat(await Store.NamesAsync("soul", new LexRange(From: "c", To: "e", Reverse: true))));
        Assert.Equal("d", string.Concat(await Store.NamesAsync("soul", new LexRange(Exact: "d"))));
        Assert.Equal("d", string.Concat(await Store.NamesAsync("soul", new LexRange(Exact: "d", Reverse: true))));
        Assert.Equal("f", string.Concat(await Store.NamesAsync("soul", new LexRange(Prefix: "f"))));
        Assert.Equal("f", string.Concat(await Store.NamesAsync("soul", new LexRange(Prefix: "f", Reverse: true))));
        NodePage page = await Store.ReadNodeAsync("soul", LexRange.All, 4, long.MaxValue);
        Assert.Equal(("abcd", true), (string.Concat(page.Fields.Select(field => field.Field)), page.More));
        page = await Store.ReadNodeAsync("soul", LexRange.All, 10, long.MaxValue);
        Assert.Equal((10, false), (page.Fields.Count, page.More));
        page = await Store.ReadNodeAsync("soul", LexRange.All, 100, 1);
        Assert.Equal((1, true), (page.Fields.Count, page.More));
        page = await Store.ReadNodeAsync("soul", new LexRange(From: "k"), 100, 100);
        Assert.Equal((0, false), (page.Fields.Count, page.More));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Souls_come_in_ranges_and_in_order(bool flushed)
    {
        string[] souls = ["a", "a/1", "a/2", "b", "\ud83d\ude00", "\uff00"];
        for (int i = 0; i < souls.Length; i++)
        {
            await Store.PutAsync(souls[i], "f", 1);
            if (flushed && i == 2)
            {
                await Store.FlushAsync();
            }
        }

        Assert.Equal(souls, await Store.ListSoulsAsync(LexRange.All, 100)); // By UTF-16 units, the emoji comes first.
        Assert.Equal(souls.Reverse(), await Store.ListSoulsAsync(new LexRange(Reverse: true), 100));
        Assert.Equal(["a/1", "a/2"], await Store.ListSoulsAsync(new LexRange(Prefix: "a/"), 100));
        Assert.Equal(["a/2", "a/1"], await Store.ListSoulsAsync(new LexRange(Prefix: "a/", Reverse: true), 100));
        Assert.Equal(["a", "a/1"], await Store.ListSoulsAsync(LexRange.All, 2));
        Assert.Equal(["b"], await Store.ListSoulsAsync(new LexRange(From: "a/3", To: "c"), 100));
        Assert.Equal(["b"], await Store.ListSoulsAsync(new LexRange(Exact: "b"), 100));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reverse_links_follow_the_present_values(bool flushed)
    {
        for (int i = 0; i < 10; i++)
        {
            await Store.PutAsync($"from{i}", "to", WeftValue.Link("target"));
        }

        await Store.PutAsync("from0", "also", WeftValue.Link("target"));
        if (flushed)
        {
            await Store.FlushAsync();
        }

        await Store.PutAsync("from3", "to", WeftValue.Link("elsewhere"), 2);
        await Store.PutAsync("from4", "to", WeftValue.Null, 2);
        await Store.PutAsync("from5", "to", "target", 2);

        string[] expected =
            ["from0.also", "from0.to", "from1.to", "from2.to", "from6.to", "from7.to", "from8.to", "from9.to"];
        Assert.Equal(expected, (await Store.ReadLinksToAsync("target", null, 100)).Select(link => $"{link.Soul}.{link.Field}"));
        Assert.Equal([new FieldKey("from3", "to")], await Store.ReadLinksToAsync("elsewhere", null, 100));
        IReadOnlyList<FieldKey> page = await Store.ReadLinksToAsync("target", null, 3);
        Assert.Equal(3, page.Count);
        IReadOnlyList<FieldKey> rest = await Store.ReadLinksToAsync("target", page[^1], 100);
        Assert.Equal(expected.Skip(3), rest.Select(link => $"{link.Soul}.{link.Field}"));
        Assert.Empty(await Store.ReadLinksToAsync("nobody", null, 100));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Changes_after_a_sequence_are_complete_and_present(bool flushed)
    {
        for (int i = 0; i < 20; i++)
        {
            await Store.PutAsync($"s{i % 5}", $"f{i}", i);
        }

        long middle = Store.CommittedSequence;
        await Store.PutAsync("s1", "f1", "changed", 2);
        await Store.PutAsync("s9", "new", "new");
        await Store.PutAsync("s1", "f1", "again", 3);
        if (flushed)
        {
            await Store.FlushAsync();
            await Store.PutAsync("s2", "late", "late");
        }

        List<StoredChange> changes = await Store.ChangesAsync(middle);

        string[] expected = flushed ? ["s1.f1=\"again\"", "s2.late=\"late\"", "s9.new=\"new\""] : ["s1.f1=\"again\"", "s9.new=\"new\""];
        Assert.Equal(expected, changes.Select(change => $"{change.Soul}.{change.Field.Field}={change.Field.Value}").Order());
        Assert.Equal(flushed ? 22 : 21, (await Store.ChangesAsync(0)).Count);
        Assert.Equal("s9", Assert.Single(await Store.ChangesAsync(middle, "s9")).Soul);
        Assert.Empty(await Store.ChangesAsync(Store.CommittedSequence));
    }

    [Fact]
    public async Task Held_writes_are_listed_until_released()
    {
        var first = new FieldWrite("a", "f", 1d, 100);
        var second = new FieldWrite("b", "f", 2d, 200);
        await Store.AppendAsync(new CommitBatch([], [first, second], [], 5), Durability.Disk);
        Assert.Equal([first, second], Store.Deferred.OrderBy(write => write.State));

        await Store.AppendAsync(
            new CommitBatch([new CommitField(first, default, false)], [], [first], 100), Durability.Disk);

        Assert.Equal([second], Store.Deferred);
        Assert.Equal("1", await Store.GetAsync("a", "f"));
    }

    [Fact]
    public async Task The_journal_is_kept()
    {
        Loss[] losses =
        [
            new(3, "soul", "field", "lost", 1.5, 2.5, HamVerdict.KnownNewer, "peer", 99.25),
            new(4, "soul", "other", WeftValue.Null, 1, 1, HamVerdict.KnownLarger, "http", 100, ValueCut: true),
        ];

        await Store.SaveJournalAsync(losses);

        Assert.Equal(losses, Store.SavedJournal);
    }

    [Fact]
    public async Task Many_writers_and_readers_at_once_see_only_what_was_written()
    {
        const int Souls = 8;
        const int Rounds = 200;
        using var stop = new CancellationTokenSource();
        Task[] readers = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            var seen = new double[Souls];
            while (!stop.IsCancellationRequested)
            {
                await Task.Yield(); // Reads from memory never wait; the writers need a turn too.
                for (int soul = 0; soul < Souls; soul++)
                {
                    StoredField? read = await Store.ReadFieldAsync($"s{soul}", "f");
                    double now = read?.State ?? 0;
                    Assert.True(now >= seen[soul], "a field went back");
                    Assert.Equal(read is null ? null : now, read?.Value.AsNumber());
                    seen[soul] = now;
                }
            }
        }))];
        Task[] writers = [.. Enumerable.Range(0, Souls).Select(soul => Task.Run(async () =>
        {
            for (int round = 1; round <= Rounds; round++)
            {
                await Store.WaitForRoomAsync();
                await Store.PutAsync($"s{soul}", "f", (double)round, round);
            }
        }))];

        await Task.WhenAll(writers);
        await stop.CancelAsync();
        await Task.WhenAll(readers);

        Assert.Equal(Souls * Rounds, Store.CommittedSequence);
    }

    [Fact]
    public async Task Verification_finds_nothing_wrong_and_counts()
    {
        for (int i = 0; i < 30; i++)
        {
            await Store.PutAsync("s" + i, "f", WeftValue.Link("s" + (i / 2)));
        }

        await Store.FlushAsync();
        VerifyReport report = await Store.VerifyAsync();

        Assert.Empty(report.Damages);
        Assert.Equal(30, report.Fields);
        Assert.Equal((30, 30), (Store.ReadStats().Nodes, Store.ReadStats().Fields));
    }

    /// <summary>Opens an empty store.</summary>
    protected abstract ValueTask<IStore> OpenAsync();

    /// <summary>For tests that replace the store under them.</summary>
    protected void Replace(IStore store) => Store = store;
}

public sealed class MemoryStoreTests : StoreConformanceTests
{
    protected override ValueTask<IStore> OpenAsync() => new(new MemoryStore());
}
