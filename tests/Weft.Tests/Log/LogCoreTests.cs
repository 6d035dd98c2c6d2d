using Weft.Log;
using Weft.Log.Manifests;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>What a log lets be done to it, and what stops it.</summary>
public sealed class LogCoreTests
{
    [Fact]
    public void Two_writers_with_one_key_are_found_out_and_the_log_stops_with_both_proofs()
    {
        using LogCore first = LogVectors.Log(9);
        using LogCore second = LogVectors.Log(6);
        Assert.Equal(LogVerdict.Accepted, second.Append("other"u8.ToArray(), "story"u8.ToArray(), "told"u8.ToArray()));
        second.OnDurable(second.LastCommit);
        var store = new MemoryLogStore();
        using LogCore reader = ReaderOf(first, store);
        LogProof shown = second.Prove(Whole(9))!;

        Assert.Equal(LogVerdict.Conflict, reader.CheckConflict(shown));

        Assert.True(EvidenceCheck.Holds(LogVectors.Crypto, reader.Key, reader.Evidence!));
        Assert.Equal(LogVerdict.Stopped, reader.Accept(shown));
        using LogCore again = LogCore.OpenKey(LogVectors.Crypto, store, reader.Key);
        Assert.NotNull(again.Evidence);
        Assert.Equal(LogVerdict.Stopped, again.Accept(shown));
    }

    [Fact]
    public void A_longer_contradicting_log_is_found_out_at_the_readers_length()
    {
        using LogCore first = LogVectors.Log(6);
        using LogCore second = LogVectors.Log(3);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(LogVerdict.Accepted, second.Append("other"u8.ToArray()));
        }

        second.OnDurable(second.LastCommit);
        using LogCore reader = ReaderOf(first, new MemoryLogStore());

        Assert.Equal(LogVerdict.Conflict, reader.CheckConflict(second.Prove(Whole(6))!));
        Assert.True(EvidenceCheck.Holds(LogVectors.Crypto, reader.Key, reader.Evidence!));
    }

    [Fact]
    public void A_writer_who_is_shown_a_contradiction_writes_no_more()
    {
        using LogCore first = LogVectors.Log(4);
        using LogCore second = LogVectors.Log(3);
        Assert.Equal(LogVerdict.Accepted, second.Append("other"u8.ToArray()));
        second.OnDurable(second.LastCommit);

        Assert.Equal(LogVerdict.Conflict, first.CheckConflict(second.Prove(Whole(4))!));

        Assert.Equal(LogVerdict.Stopped, first.Append("more"u8.ToArray()));
        Assert.Equal(LogVerdict.Stopped, first.Truncate(1));
        Assert.Equal(4, first.Length);
    }

    [Fact]
    public void An_honest_longer_log_is_no_contradiction()
    {
        using LogCore first = LogVectors.Log(9);
        using LogCore longer = LogVectors.Log(33);
        using LogCore reader = ReaderOf(first, new MemoryLogStore());

        Assert.Equal(LogVerdict.Accepted, reader.CheckConflict(longer.Prove(Whole(9))!));
        Assert.Equal(LogVerdict.Stale, reader.CheckConflict(longer.Prove(Whole(10))!));
        Assert.Null(reader.Evidence);
    }

    [Fact]
    public void What_is_forged_is_no_evidence()
    {
        using LogCore first = LogVectors.Log(9);
        using LogCore reader = ReaderOf(first, new MemoryLogStore());
        using LogKeyPair wrong = LogVectors.Keys(1);
        using LogCore stranger = LogCore.OpenOwn(LogVectors.Crypto, new MemoryLogStore(), wrong);
        Assert.Equal(
            LogVerdict.Accepted, stranger.Append([.. Enumerable.Repeat((ReadOnlyMemory<byte>)new byte[3], 9)]));
        stranger.OnDurable(stranger.LastCommit);

        Assert.Equal(LogVerdict.WrongSignature, reader.CheckConflict(stranger.Prove(Whole(9))!));
        Assert.Null(reader.Evidence);
        byte[] own = LogVectors.Encode(first.Prove(Whole(9) with { Manifest = true })!);
        Assert.False(EvidenceCheck.Holds(LogVectors.Crypto, reader.Key, new LogEvidence(own, own)));
        Assert.False(EvidenceCheck.Holds(LogVectors.Crypto, reader.Key, new LogEvidence(own, new byte[] { 1, 2, 3 })));
    }

    [Fact]
    public void A_log_from_a_backup_appends_only_after_it_has_asked()
    {
        var store = new MemoryLogStore();
        using LogCore before = LogVectors.Log(5, store);
        store.Write(new LogCommit { State = store.ReadState()! with { IsRecovering = true } });
        using LogKeyPair keys = LogVectors.Keys(0);
        using LogCore log = LogCore.OpenOwn(LogVectors.Crypto, store, keys);
        using LogCore peer = LogVectors.Log(8);

        Assert.Equal(LogVerdict.Recovering, log.Append("x"u8.ToArray()));
        Assert.Equal(LogVerdict.Recovering, log.Truncate(2));
        Assert.Equal(
            LogVerdict.Accepted, log.Accept(peer.Prove(new LogRequest { Upgrade = new UpgradeRequest(5, 3) })!));
        log.EndRecovery();

        Assert.Equal(LogVerdict.Accepted, log.Append("x"u8.ToArray()));
        Assert.Equal(9, log.Length);
        Assert.False(store.ReadState()!.IsRecovering);
    }

    [Fact]
    public void Peers_are_shown_only_what_is_durable()
    {
        using LogCore log = LogVectors.Log(3);
        Assert.Equal(LogVerdict.Accepted, log.Append("a"u8.ToArray()));
        long first = log.LastCommit;
        Assert.Equal(LogVerdict.Accepted, log.Append("b"u8.ToArray()));

        Assert.Equal(3, log.Published.Length);
        Assert.Null(log.Prove(Whole(4)));
        log.OnDurable(first);
        Assert.Equal(4, log.Published.Length);
        LogProof proof = log.Prove(Whole(4))!;
        Assert.Empty(proof.Upgrade!.Additional);
        log.OnDurable(log.LastCommit);
        Assert.Single(log.Prove(Whole(4))!.Upgrade!.Additional);
        Assert.Equal(LogVerdict.Accepted, log.Truncate(1));
        Assert.Null(log.Prove(Whole(1)));
        log.OnDurable(log.LastCommit);
        Assert.NotNull(log.Prove(Whole(1) with { Fork = 1 }));
    }

    [Fact]
    public void A_store_that_fails_leaves_the_log_as_it_was()
    {
        var store = new FailingStore();
        using LogKeyPair keys = LogVectors.Keys(0);
        using LogCore log = LogCore.OpenOwn(LogVectors.Crypto, store, keys);
        Assert.Equal(LogVerdict.Accepted, log.Append("a"u8.ToArray()));
        store.Fails = true;

        Assert.Throws<IOException>(() => log.Append("b"u8.ToArray()));
        Assert.Throws<IOException>(() => log.Truncate(0));
        Assert.Throws<IOException>(() => log.Clear(0, 1));

        Assert.Equal((1, 0, 1), (log.Length, log.Fork, log.ContiguousLength));
        store.Fails = false;
        Assert.Equal(LogVerdict.Accepted, log.Append("c"u8.ToArray()));
        Assert.True(log.TryGet(1, out ReadOnlyMemory<byte> block));
        Assert.Equal("c"u8, block.Span);
    }

    [Fact]
    public void Cleared_blocks_are_gone_and_come_back_with_a_proof()
    {
        using LogCore full = LogVectors.Log(33);
        var store = new MemoryLogStore();
        using LogCore log = LogVectors.Log(33, store);

        Assert.Equal(LogVerdict.Accepted, log.Clear(3, 20));

        Assert.False(log.TryGet(3, out _));
        Assert.True(log.TryGet(20, out _));
        Assert.Equal((16, 3), (store.BlockCount, log.ContiguousLength));
        Assert.Null(log.Prove(new LogRequest { Block = new NodeRequest(3, 0) }));
        Assert.Equal(0, log.MissingNodes(2 * 7));
        Assert.Equal(LogVerdict.Accepted, log.Accept(full.Prove(new LogRequest { Block = new NodeRequest(7, 0) })!));
        Assert.True(log.TryGet(7, out _));
        Assert.Equal(LogVerdict.OutOfRange, log.Clear(30, 34));
        Assert.Equal(LogVerdict.OutOfRange, log.Clear(-1, 3));
        Assert.Equal(LogVerdict.OutOfRange, log.Clear(3, 2));
    }

    [Fact]
    public void A_block_may_be_15_MiB_and_no_larger()
    {
        using LogCore log = LogVectors.Log(0);

        Assert.Equal(LogVerdict.Accepted, log.Append(new byte[LogLimits.BlockBytesMax]));
        Assert.Equal(LogVerdict.TooLarge, log.Append(new byte[LogLimits.BlockBytesMax + 1]));
        log.UseEncryption(new byte[32]);
        Assert.Equal(LogVerdict.TooLarge, log.Append(new byte[LogLimits.BlockBytesMax - 7]));
        Assert.Equal(1, log.Length);
    }

    [Fact]
    public void Only_the_one_signer_writes()
    {
        using LogKeyPair keys = LogVectors.Keys(0);
        using LogKeyPair other = LogVectors.Keys(1);
        LogManifest single = LogVectors.Manifest("single");
        using LogCore stranger = LogCore.OpenManifest(LogVectors.Crypto, new MemoryLogStore(), single, other);
        using LogCore many = LogCore.OpenManifest(
            LogVectors.Crypto, new MemoryLogStore(), LogVectors.Manifest("multi"), keys);
        using LogCore compat = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), keys.PublicKey, keys);

        Assert.Equal(LogVerdict.NotWritable, stranger.Append("x"u8.ToArray()));
        Assert.Equal(LogVerdict.NotWritable, many.Append("x"u8.ToArray()));
        Assert.True(compat.IsCompat);
        Assert.Equal(LogVerdict.Accepted, compat.Append("block-0"u8.ToArray()));
        Assert.Equal(
            LogVectors.At("compatTree", "states")[0].Text("signature"), LogVectors.Hex(compat.Head.Signature.Span));
    }

    [Fact]
    public void A_store_with_another_log_or_a_damaged_head_is_not_opened()
    {
        var store = new MemoryLogStore();
        using LogCore log = LogVectors.Log(5, store);
        using LogKeyPair other = LogVectors.Keys(1);
        Assert.Throws<InvalidDataException>(() => LogCore.OpenOwn(LogVectors.Crypto, store, other));

        LogState state = store.ReadState()!;
        byte[] signature = state.Head.Signature.ToArray();
        signature[10] ^= 1;
        store.Write(new LogCommit { State = state with { Head = state.Head with { Signature = signature } } });
        Assert.Throws<InvalidDataException>(() => LogCore.OpenKey(LogVectors.Crypto, store, log.Key));
    }

    [Fact]
    public void A_key_pair_does_not_show_its_seed()
    {
        using LogKeyPair keys = LogVectors.Keys(0);
        string seed = LogVectors.List("keyPairs").First().Text("seed");

        Assert.DoesNotContain(seed, keys.ToString(), StringComparison.Ordinal);
        keys.Dispose();
        Assert.Throws<ObjectDisposedException>(() => keys.Seed.Length);
    }

    private static LogRequest Whole(long length) => new() { Upgrade = new UpgradeRequest(0, length) };

    /// <summary>A reader that has caught up with a writer and fetched the first block.</summary>
    private static LogCore ReaderOf(LogCore writer, MemoryLogStore store)
    {
        LogCore reader = LogCore.OpenKey(LogVectors.Crypto, store, writer.Key);
        LogProof proof = writer.Prove(Whole(writer.Length) with { Block = new NodeRequest(0, 0), Manifest = true })!;
        Assert.Equal(LogVerdict.Accepted, reader.Accept(proof));
        return reader;
    }

    /// <summary>A disk that is full, from a moment on.</summary>
    private sealed class FailingStore : ILogStore
    {
        private readonly MemoryLogStore _inner = new();

        public bool Fails { get; set; }

        public LogState? ReadState() => _inner.ReadState();

        public void ReadBits(LogBitfield bits) => _inner.ReadBits(bits);

        public bool TryReadNode(long index, out TreeNode node) => _inner.TryReadNode(index, out node);

        public bool TryReadBlock(long index, out ReadOnlyMemory<byte> block) => _inner.TryReadBlock(index, out block);

        public long Write(LogCommit commit) =>
            Fails ? throw new IOException("The disk is full.") : _inner.Write(commit);
    }
}
