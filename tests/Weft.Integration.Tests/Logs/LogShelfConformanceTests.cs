using Weft.Crypto;
using Weft.Integration.Tests.Storage;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Integration.Tests.Logs;

/// <summary>What every place for logs must do, whatever it is made of.</summary>
public abstract class LogShelfConformanceTests : IAsyncLifetime
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    /// <summary>The store under test.</summary>
    protected IStore Store { get; set; } = null!;

    private ILogShelf Shelf => Store.Logs!;

    public async Task InitializeAsync() => Store = await OpenAsync();

    public virtual async Task DisposeAsync() => await Store.DisposeAsync();

    [Fact]
    public void A_new_shelf_is_empty()
    {
        ILogStore store = Shelf.Open(new Hash32(new byte[32]), Crypto);

        Assert.Empty(Shelf.List());
        Assert.Null(store.ReadState());
        Assert.False(store.TryReadNode(0, out _));
        Assert.False(store.TryReadBlock(0, out _));
    }

    [Fact]
    public async Task What_was_noted_about_logs_is_listed_in_order_of_their_keys()
    {
        Hash32[] keys =
            [.. Enumerable.Range(0, 20).Select(i => new Hash32([.. Enumerable.Repeat((byte)(97 * i), 32)]))];
        for (int i = 0; i < keys.Length; i++)
        {
            Shelf.WriteMeta(keys[i], new[] { (byte)i });
            if (i == 12)
            {
                await Store.FlushAsync();
            }
        }

        Shelf.WriteMeta(keys[3], new byte[] { 99 });
        await ReopenAsync();

        IReadOnlyList<StoredLog> listed = Shelf.List();
        Assert.Equal(keys.OrderBy(key => key.ToString(), StringComparer.Ordinal), listed.Select(log => log.Key));
        Assert.Equal([99], listed.Single(log => log.Key == keys[3]).Meta.ToArray());
        Assert.Equal([7], listed.Single(log => log.Key == keys[7]).Meta.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Any_history_of_a_log_reads_back_as_it_does_from_memory(ulong seed)
    {
        var random = new WeftRandom(seed);
        using var keys = new LogKeyPair(Crypto, new byte[32]);
        var memory = new MemoryLogStore();
        using LogCore expected = LogCore.OpenOwn(Crypto, memory, keys);
        LogCore actual = LogCore.OpenOwn(Crypto, Shelf.Open(expected.Key, Crypto), keys);
        for (int step = 0; step < 60; step++)
        {
            int choice = random.Next(0, 10);
            if (choice < 6)
            {
                ReadOnlyMemory<byte>[] blocks =
                    [.. Enumerable.Range(0, random.Next(1, 90)).Select(_ => Block(random))];
                Assert.Equal(LogVerdict.Accepted, expected.Append(blocks));
                Assert.Equal(LogVerdict.Accepted, actual.Append(blocks));
            }
            else if (choice == 6 && expected.Length > 0)
            {
                long length = random.Next(0, (int)expected.Length);
                Assert.Equal(LogVerdict.Accepted, expected.Truncate(length));
                Assert.Equal(LogVerdict.Accepted, actual.Truncate(length));
            }
            else if (choice == 7)
            {
                long start = random.Next(0, (int)expected.Length + 1);
                long end = start + random.Next(0, (int)(expected.Length - start) + 1);
                Assert.Equal(LogVerdict.Accepted, expected.Clear(start, end));
                Assert.Equal(LogVerdict.Accepted, actual.Clear(start, end));
            }
            else if (choice == 8)
            {
                await Store.FlushAsync();
            }
            else if (choice == 9)
            {
                actual.Dispose();
                await ReopenAsync();
                actual = LogCore.OpenOwn(Crypto, Shelf.Open(expected.Key, Crypto), keys);
            }

            AssertSame(expected, memory, actual, Shelf.Open(expected.Key, Crypto), $"seed {seed}, step {step}");
        }

        actual.Dispose();
    }

    [Fact]
    public async Task A_change_of_a_log_and_of_the_graph_are_one_commit()
    {
        using var keys = new LogKeyPair(Crypto, new byte[32]);
        var memory = new MemoryLogStore();
        using LogCore log = LogCore.OpenOwn(Crypto, memory, keys);
        log.Append("one"u8.ToArray());
        var commit = new LogCommit
        {
            State = memory.ReadState()!, Blocks = [new(0, "one"u8.ToArray())], Bits = [new(0, 1, true)],
        };
        CommitBatch batch = StoreKit.Batch(new Graph.FieldWrite("soul", "field", "value", 1));

        await Store.AppendAsync(batch with { Logs = [LogDelta.Of(commit, null)] }, Durability.Disk);
        await ReopenAsync();

        using LogCore read = LogCore.OpenOwn(Crypto, Shelf.Open(log.Key, Crypto), keys);
        Assert.True(read.TryGet(0, out ReadOnlyMemory<byte> block));
        Assert.Equal("one"u8.ToArray(), block.ToArray());
        Assert.Equal(KeepsAfterReopen ? "\"value\"" : null, await Store.GetAsync("soul", "field"));
    }

    [Fact]
    public async Task Evidence_and_a_peers_log_with_gaps_survive()
    {
        var key = new Hash32([.. Enumerable.Repeat((byte)5, 32)]);
        ILogStore store = Shelf.Open(key, Crypto);
        var head = new LogHead(
            3, 1L << 40, 1L << 45, new[] { new TreeNode((1L << 40) - 1, 1L << 45, key) }, new byte[] { 1 });
        var state = new LogState
        {
            Key = key, Head = head, Manifest = new byte[] { 9, 9 },
            Evidence = new LogEvidence(new byte[] { 1 }, new byte[] { 2, 3 }),
        };
        long far = (1L << 39) + 7;
        store.Write(new LogCommit
        {
            State = state,
            Nodes = [new TreeNode((1L << 40) - 1, 1L << 45, key), new TreeNode((2 * far) + 2, 77, key)],
            Blocks = [new(far, new byte[] { 42 })],
            Bits = [new(far, 1, true)],
        });
        await Store.FlushAsync();
        store.Write(new LogCommit { State = state with { IsRecovering = true } });
        await ReopenAsync();

        store = Shelf.Open(key, Crypto);
        LogState read = store.ReadState()!;
        var bits = new LogBitfield();
        store.ReadBits(bits);
        Assert.Equal(
            (3L, 1L << 40, 1L << 45, true),
            (read.Head.Fork, read.Head.Length, read.Head.ByteLength, read.IsRecovering));
        Assert.Equal(head.Roots.ToArray(), read.Head.Roots.ToArray());
        Assert.Equal([9, 9], read.Manifest.ToArray());
        Assert.Equal([2, 3], read.Evidence!.Other.ToArray());
        Assert.Equal((1, far), (bits.Count, bits.FirstSet(0, long.MaxValue)));
        Assert.True(store.TryReadNode((1L << 40) - 1, out TreeNode root) && root.Size == 1L << 45);
        Assert.True(store.TryReadNode(2 * far, out TreeNode leaf) && leaf.Size == 1);
        Assert.True(store.TryReadNode((2 * far) + 2, out TreeNode sibling) && sibling.Size == 77);
        Assert.True(store.TryReadBlock(far, out ReadOnlyMemory<byte> block) && block.Span[0] == 42);
        Assert.False(store.TryReadBlock(far + 1, out _));

        // A peer that claims any length costs no time when its log is cut.
        store.Write(new LogCommit { State = state, TruncateTo = 1, Bits = [new(1, (1L << 40) - 1, false)] });
        await Store.FlushAsync();
        Assert.False(store.TryReadBlock(far, out _));
        Assert.False(store.TryReadNode(2 * far, out _));
    }

    /// <summary>Opens the store.</summary>
    protected abstract ValueTask<IStore> OpenAsync();

    /// <summary>Closes it and opens it again, where that keeps anything.</summary>
    protected abstract ValueTask ReopenAsync();

    /// <summary>True when the graph is there after it was opened again.</summary>
    protected virtual bool KeepsAfterReopen => true;

    private static ReadOnlyMemory<byte> Block(WeftRandom random)
    {
        byte[] block = new byte[random.Next(0, 30) == 0 ? random.Next(900, 5_000) : random.Next(0, 120)];
        random.Fill(block);
        return block;
    }

    private static void AssertSame(LogCore expected, MemoryLogStore memory, LogCore actual, ILogStore store, string at)
    {
        Assert.Equal((at, expected.Head.Fork, expected.Length, expected.ByteLength),
            (at, actual.Head.Fork, actual.Length, actual.ByteLength));
        Assert.Equal(expected.Head.Signature.ToArray(), actual.Head.Signature.ToArray());
        Assert.Equal(expected.Bits.Count, actual.Bits.Count);
        for (long index = 0; index < expected.Length; index++)
        {
            bool isThere = expected.TryGet(index, out ReadOnlyMemory<byte> block);
            Assert.True(isThere == actual.TryGet(index, out ReadOnlyMemory<byte> read), $"{at}, block {index}");
            Assert.True(block.Span.SequenceEqual(read.Span), $"{at}, block {index}");
        }

        for (long index = 0; index < (2 * expected.Length) + 300; index++)
        {
            bool isThere = memory.TryReadNode(index, out TreeNode node);
            Assert.True(isThere == store.TryReadNode(index, out TreeNode read), $"{at}, node {index}");
            Assert.True(node == read, $"{at}, node {index}");
        }
    }
}
