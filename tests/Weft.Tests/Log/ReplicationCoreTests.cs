using Weft.Log;
using Weft.Log.Manifests;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>Logs that replicate with each other in memory.</summary>
public sealed class ReplicationCoreTests
{
    [Fact]
    public void A_reader_downloads_a_whole_log()
    {
        (ReplicationRig rig, LogCore writer, LogCore reader) = Pair(200);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, 200, rig.Now, outbox));
        rig.Join(0, 1);

        Assert.True(rig.Settle());

        Assert.Equal(200, reader.ContiguousLength);
        AssertSame(writer, reader);
        Assert.Single(rig.Events, one => one.Output.Kind == ReplicationOutputKind.Done);
        Assert.Equal(200, rig.Events.Count(one => one.Output.Kind == ReplicationOutputKind.Stored));
        Assert.Equal(201, rig.Delivered[LogMessageKind.Data]); // Each block once, and one upgrade.
        Assert.InRange(rig.NodesDelivered, 1, 210); // Each node of the tree once, and few are not computed.
        Assert.NotNull(reader.Manifest);
    }

    [Fact]
    public void A_sparse_reader_fetches_what_it_asks_for_and_nothing_else()
    {
        (ReplicationRig rig, LogCore writer, LogCore reader) = Pair(500);
        rig.Join(0, 1);
        Assert.True(rig.Settle());
        Assert.Equal((500, 0), (reader.Length, reader.Bits.Count));

        rig.Do(1, (core, outbox) => Assert.True(core.Want(321, rig.Now, outbox)));
        rig.Do(1, (core, outbox) => core.DownloadRange(40, 45, rig.Now, outbox));
        Assert.True(rig.Settle());

        Assert.Equal(6, reader.Bits.Count);
        Assert.True(reader.TryGet(321, out ReadOnlyMemory<byte> block));
        Assert.Equal(LogVectors.Block(321), block.ToArray());
        Assert.False(reader.TryGet(320, out _));
    }

    [Fact]
    public void A_live_reader_gets_what_is_appended_later()
    {
        (ReplicationRig rig, LogCore writer, LogCore reader) = Pair(3);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, null, rig.Now, outbox));
        rig.Join(0, 1);
        Assert.True(rig.Settle());
        for (int i = 0; i < 20; i++)
        {
            Append(rig, writer, LogVectors.Block(writer.Length));
            Assert.True(rig.Settle());
            Assert.Equal(writer.Length, reader.ContiguousLength);
        }

        AssertSame(writer, reader);
    }

    [Fact]
    public void A_reader_follows_a_truncation_and_keeps_what_is_common()
    {
        (ReplicationRig rig, LogCore writer, LogCore reader) = Pair(40);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, null, rig.Now, outbox));
        rig.Join(0, 1);
        Assert.True(rig.Settle());
        int before = rig.Delivered[LogMessageKind.Data];

        rig.Do(0, (_, _) => Assert.Equal(LogVerdict.Accepted, writer.Truncate(33)));
        for (int i = 0; i < 5; i++)
        {
            Append(rig, writer, "another story"u8.ToArray());
        }

        Assert.True(rig.Settle());

        Assert.Equal((38, 1), (reader.Length, reader.Fork));
        AssertSame(writer, reader);
        Assert.Contains(
            rig.Events, one => one.Side == 1 && one.Output is { Kind: ReplicationOutputKind.Forked, Index: 33 });
        Assert.InRange(rig.Delivered[LogMessageKind.Data] - before, 1, 20); // Not the whole log again.
    }

    [Fact]
    public void A_reader_that_was_away_follows_several_forks_at_once()
    {
        (ReplicationRig rig, LogCore writer, LogCore reader) = Pair(40);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, null, rig.Now, outbox));
        int link = rig.Join(0, 1);
        Assert.True(rig.Settle());
        rig.Cut(link);

        foreach (int length in new[] { 30, 29, 12, 20 })
        {
            rig.Do(0, (_, _) => writer.Truncate(length));
            Append(rig, writer, LogVectors.Block(1_000 + length), LogVectors.Block(2_000 + length));
            Append(rig, writer, LogVectors.Block(3_000 + length));
            for (int i = 0; i < 9; i++)
            {
                Append(rig, writer, LogVectors.Block(i));
            }
        }

        rig.Join(0, 1);
        Assert.True(rig.Settle());

        Assert.Equal((writer.Length, writer.Fork), (reader.Length, reader.Fork));
        AssertSame(writer, reader);
    }

    [Fact]
    public void A_download_goes_on_where_it_was_cut()
    {
        (ReplicationRig rig, LogCore writer, LogCore reader) = Pair(300);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, 300, rig.Now, outbox));
        int link = rig.Join(0, 1);
        Assert.False(rig.Settle(deliveriesMax: 250));
        long had = reader.Bits.Count;
        rig.Cut(link);
        Assert.InRange(had, 1, 299);

        rig.Join(0, 1);
        Assert.True(rig.Settle());

        AssertSame(writer, reader);
        Assert.Equal(300, rig.Events.Count(one => one.Output.Kind == ReplicationOutputKind.Stored)); // None twice.
    }

    [Fact]
    public void A_reader_opened_again_from_its_store_goes_on()
    {
        using LogCore writer = LogVectors.Log(100);
        var store = new MemoryLogStore();
        var first = new ReplicationRig();
        first.Add(writer);
        first.Add(LogCore.OpenKey(LogVectors.Crypto, store, writer.Key));
        first.Do(1, (core, outbox) => core.DownloadRange(0, 60, first.Now, outbox));
        first.Join(0, 1);
        Assert.True(first.Settle());

        using LogCore again = LogCore.OpenKey(LogVectors.Crypto, store, writer.Key);
        Assert.Equal((100, 60), (again.Length, again.ContiguousLength));
        var second = new ReplicationRig();
        second.Add(writer);
        second.Add(again);
        second.Do(1, (core, outbox) => core.DownloadRange(0, null, second.Now, outbox));
        second.Join(0, 1);
        Assert.True(second.Settle());

        AssertSame(writer, again);
        Assert.Equal(40, second.Events.Count(one => one.Output.Kind == ReplicationOutputKind.Stored));
    }

    [Fact]
    public void Blocks_travel_through_a_sparse_peer_that_knows_only_some()
    {
        using LogCore writer = LogVectors.Log(64);
        var rig = new ReplicationRig();
        rig.Add(writer);
        LogCore middle = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
        LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
        rig.Add(middle);
        rig.Add(reader);
        rig.Do(1, (core, outbox) => core.DownloadRange(10, 20, rig.Now, outbox));
        int first = rig.Join(0, 1);
        Assert.True(rig.Settle());
        rig.Cut(first);

        rig.Do(2, (core, outbox) => core.DownloadRange(0, 64, rig.Now, outbox));
        rig.Join(1, 2);
        Assert.True(rig.Settle());

        Assert.Equal(64, reader.Length);
        Assert.Equal(10, reader.Bits.Count);
        Assert.True(reader.TryGet(19, out _));

        rig.Join(0, 2);
        Assert.True(rig.Settle());
        AssertSame(writer, reader);
    }

    [Fact]
    public void What_one_reader_fetches_others_learn_of_and_fetch_from_it()
    {
        using LogCore writer = LogVectors.Log(50);
        var rig = new ReplicationRig(seed: 3);
        rig.Add(writer);
        for (int i = 1; i <= 4; i++)
        {
            rig.Add(LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key));
            rig.Do(i, (core, outbox) => core.DownloadRange(0, null, rig.Now, outbox));
            rig.Join(i - 1, i); // A chain: only the first reader knows the writer.
        }

        Assert.True(rig.Settle());
        Append(rig, writer, "news"u8.ToArray());
        Assert.True(rig.Settle());

        for (int i = 1; i <= 4; i++)
        {
            AssertSame(writer, rig[i].Log);
        }
    }

    [Fact]
    public void Tampered_blocks_are_refused_and_fetched_from_someone_honest()
    {
        using LogCore writer = LogVectors.Log(100);
        using LogCore liar = LogVectors.Log(100);
        LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
        var rig = new ReplicationRig();
        rig.Add(liar);
        rig.Add(reader);
        rig.Add(writer);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, 100, rig.Now, outbox));
        rig.Join(0, 1, (kind, body) =>
        {
            LogProof? proof = kind == LogMessageKind.Data ? LogCodec.ReadProof(body) : null;
            return proof?.Block is null
                ? body
                : LogVectors.Encode(proof with { Block = proof.Block with { Value = "forged!"u8.ToArray() } });
        });
        Assert.True(rig.Settle());

        Assert.Equal((100, 0), (reader.Length, reader.Bits.Count));
        Assert.Contains(rig.Events, one => one.Side == 1 && one.Output is
            { Kind: ReplicationOutputKind.Refused, Verdict: LogVerdict.WrongHash });

        rig.Join(2, 1);
        Assert.True(rig.Settle());
        AssertSame(writer, reader);
        Assert.Null(reader.Evidence);
    }

    [Fact]
    public void A_log_signed_by_someone_else_is_refused()
    {
        using LogCore writer = LogVectors.Log(10);
        (ReplicationRig rig, _, LogCore reader) = Pair(10, spoiler: (kind, body) =>
        {
            LogProof? proof = kind == LogMessageKind.Data ? LogCodec.ReadProof(body) : null;
            if (proof?.Upgrade is null)
            {
                return body;
            }

            byte[] signature = proof.Upgrade.Signature.ToArray();
            signature[20] ^= 4;
            return LogVectors.Encode(proof with { Upgrade = proof.Upgrade with { Signature = signature } });
        });

        Assert.True(rig.Settle());

        Assert.Equal(0, reader.Length);
        Assert.Contains(rig.Events, one => one.Output is
            { Kind: ReplicationOutputKind.Refused, Verdict: LogVerdict.WrongSignature });
    }

    [Fact]
    public void Two_stories_under_one_key_are_found_out_over_the_wire()
    {
        using LogCore first = LogVectors.Log(20);
        using LogCore second = LogVectors.Log(15);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(LogVerdict.Accepted, second.Append("other"u8.ToArray()));
        }

        second.OnDurable(second.LastCommit);
        LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), first.Key);
        var rig = new ReplicationRig();
        rig.Add(first);
        rig.Add(reader);
        rig.Add(second);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, null, rig.Now, outbox));
        rig.Join(0, 1);
        Assert.True(rig.Settle());
        rig.Join(2, 1);
        Assert.True(rig.Settle());

        Assert.Contains(rig.Events, one => one.Side == 1 && one.Output.Kind == ReplicationOutputKind.Conflict);
        Assert.True(EvidenceCheck.Holds(LogVectors.Crypto, first.Key, reader.Evidence!));
        Assert.Equal(20, reader.Length);
        Assert.NotNull(second.Evidence); // The writer who is shown it writes no more.
        Assert.NotNull(first.Evidence);
    }

    [Fact]
    public void A_peer_that_is_silent_is_dropped_and_another_asked()
    {
        using LogCore writer = LogVectors.Log(30);
        using LogCore mute = LogVectors.Log(30);
        LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
        var rig = new ReplicationRig();
        rig.Add(mute);
        rig.Add(reader);
        rig.Add(writer);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, 30, rig.Now, outbox));
        rig.Join(0, 1, (kind, body) => kind == LogMessageKind.Data ? null : body);
        rig.Join(2, 1);
        Assert.True(rig.Settle());
        Assert.True(reader.Bits.Count < 30);
        Assert.Contains(rig.Events, one => one.Output.Kind == ReplicationOutputKind.StartTimer);

        rig.Now += TimeSpan.FromSeconds(15);
        rig.Do(1, (core, outbox) => core.OnTimer(rig.Now, outbox));
        Assert.DoesNotContain(rig.Events, one => one.Output.Kind == ReplicationOutputKind.Drop);
        rig.Now += TimeSpan.FromSeconds(15);
        rig.Do(1, (core, outbox) => core.OnTimer(rig.Now, outbox));
        Assert.True(rig.Settle());

        Assert.Contains(rig.Events, one => one.Output is { Kind: ReplicationOutputKind.Drop, Peer: 1 });
        AssertSame(writer, reader);
    }

    [Fact]
    public void An_answer_that_never_comes_does_not_spoil_those_that_lean_on_it()
    {
        using LogCore writer = LogVectors.Log(40);
        LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
        var rig = new ReplicationRig();
        rig.Add(writer);
        rig.Add(reader);
        rig.Do(1, (core, outbox) => core.DownloadRange(0, 40, rig.Now, outbox));
        rig.Join(0, 1, (kind, body) =>
            kind == LogMessageKind.Data && LogCodec.ReadProof(body)?.Block?.Index == 0 ? null : body);

        Assert.True(rig.Settle());

        Assert.Equal(39, reader.Bits.Count);
        Assert.DoesNotContain(rig.Events, one => one.Output.Kind == ReplicationOutputKind.Refused);
        Assert.InRange(rig.Delivered[LogMessageKind.Request], 40, 90); // Each is asked again once at most.
    }

    [Fact]
    public void Cleared_blocks_are_not_asked_for_for_ever()
    {
        (ReplicationRig rig, LogCore writer, LogCore reader) = Pair(20);
        rig.Do(0, (core, outbox) =>
        {
            Assert.Equal(LogVerdict.Accepted, writer.Clear(5, 8));
        });
        rig.Do(1, (core, outbox) => core.DownloadRange(0, 20, rig.Now, outbox));
        rig.Join(0, 1);

        Assert.True(rig.Settle());

        Assert.Equal(17, reader.Bits.Count);
        Assert.DoesNotContain(rig.Events, one => one.Output.Kind == ReplicationOutputKind.Done);
    }

    [Fact]
    public void A_log_from_a_backup_learns_its_length_from_its_peers_before_it_appends()
    {
        var store = new MemoryLogStore();
        using LogCore backup = LogVectors.Log(10, store);
        store.Write(new LogCommit { State = store.ReadState()! with { IsRecovering = true } });
        using LogKeyPair keys = LogVectors.Keys(0);
        LogCore restored = LogCore.OpenOwn(LogVectors.Crypto, store, keys);
        var rig = new ReplicationRig();
        rig.Add(restored);
        rig.Add(LogVectors.Log(14)); // What a peer had seen before the loss.
        rig.Add(LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), restored.Key)); // A peer that knows nothing.
        rig.Join(0, 2);
        Assert.True(rig.Settle());
        rig.Now += TimeSpan.FromMinutes(5);
        rig.Do(0, (core, outbox) => core.OnTimer(rig.Now, outbox));
        Assert.Equal(LogVerdict.Recovering, restored.Append("x"u8.ToArray()));

        rig.Join(0, 1);
        Assert.True(rig.Settle());
        Assert.Equal(14, restored.Length);
        rig.Do(0, (core, outbox) => core.OnTimer(rig.Now + TimeSpan.FromSeconds(7), outbox));
        Assert.Equal(LogVerdict.Recovering, restored.Append("x"u8.ToArray()));
        rig.Do(0, (core, outbox) => core.OnTimer(rig.Now + TimeSpan.FromSeconds(8), outbox));

        Assert.Contains(rig.Events, one => one.Output is { Kind: ReplicationOutputKind.Recovered, Index: 14 });
        Append(rig, restored, "after"u8.ToArray());
        Assert.True(rig.Settle());
        Assert.Equal((15, 0), (rig[1].Log.Length, rig[1].Log.Fork));
        Assert.All([rig[0], rig[1], rig[2]], core => Assert.Null(core.Log.Evidence));
    }

    [Fact]
    public void Blocks_that_a_peer_turns_out_not_to_have_are_not_asked_for_for_ever()
    {
        (ReplicationRig rig, LogCore writer, LogCore reader) = Pair(20);
        rig.Join(0, 1);
        Assert.True(rig.Settle());
        rig.Do(0, (_, _) => Assert.Equal(LogVerdict.Accepted, writer.Clear(5, 8))); // And tells nobody.
        rig.Do(1, (core, outbox) => core.DownloadRange(0, 20, rig.Now, outbox));

        Assert.True(rig.Settle(deliveriesMax: 5_000));

        Assert.Equal(17, reader.Bits.Count);
        Assert.Equal(3, rig.Delivered[LogMessageKind.NoData]);
    }

    [Fact]
    public void A_true_answer_to_another_question_is_refused()
    {
        using LogCore honest = LogVectors.Log(20);
        (ReplicationRig rig, _, LogCore reader) = Pair(20, spoiler: (kind, body) =>
        {
            LogProof? proof = kind == LogMessageKind.Data ? LogCodec.ReadProof(body) : null;
            return proof?.Block?.Index != 3 ? body : LogVectors.Encode(honest.Prove(
                new LogRequest { Id = proof.Request, Block = new NodeRequest(16, 2) })!);
        });
        rig.Do(1, (core, outbox) => core.Want(3, rig.Now, outbox));

        Assert.True(rig.Settle());

        Assert.Contains(rig.Events, one => one.Output is
            { Kind: ReplicationOutputKind.Refused, Verdict: LogVerdict.Malformed });
        Assert.Equal(0, reader.Bits.Count);
    }

    [Fact]
    public void An_encrypted_log_is_carried_by_a_peer_that_cannot_read_it()
    {
        using LogKeyPair keys = LogVectors.Keys(0);
        using LogCore writer = LogCore.OpenOwn(LogVectors.Crypto, new MemoryLogStore(), keys);
        writer.UseEncryption(new byte[32]);
        Assert.Equal(LogVerdict.Accepted, writer.Append("secret"u8.ToArray()));
        writer.OnDurable(writer.LastCommit);
        var rig = new ReplicationRig();
        rig.Add(writer);
        rig.Add(LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key));
        rig.Add(LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key));
        rig[2].Log.UseEncryption(new byte[32]);
        for (int i = 1; i <= 2; i++)
        {
            rig.Do(i, (core, outbox) => core.DownloadRange(0, null, rig.Now, outbox));
            rig.Join(i - 1, i);
        }

        Assert.True(rig.Settle());

        Assert.True(rig[1].Log.TryGet(0, out ReadOnlyMemory<byte> blind));
        Assert.Equal(-1, blind.Span.IndexOf("secret"u8));
        Assert.True(rig[2].Log.TryGet(0, out ReadOnlyMemory<byte> read));
        Assert.Equal("secret"u8, read.Span);
    }

    /// <summary>A writer with blocks (side 0) and a reader (side 1); joined already when there is a spoiler.</summary>
    private static (ReplicationRig Rig, LogCore Writer, LogCore Reader) Pair(
        int length, ReplicationRig.Spoiler? spoiler = null)
    {
        var rig = new ReplicationRig();
        LogCore writer = LogVectors.Log(length);
        LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
        rig.Add(writer);
        rig.Add(reader);
        if (spoiler is not null)
        {
            rig.Join(0, 1, spoiler);
        }

        return (rig, writer, reader);
    }

    private static void Append(ReplicationRig rig, LogCore writer, params byte[][] blocks) =>
        rig.Do(0, (_, _) => Assert.Equal(
            LogVerdict.Accepted, writer.Append([.. blocks.Select(block => (ReadOnlyMemory<byte>)block)])));

    private static void AssertSame(LogCore writer, LogCore reader)
    {
        Assert.Equal(writer.Length, reader.Length);
        Assert.Equal(writer.Length, reader.ContiguousLength);
        Assert.True(writer.Head.Roots.Span.SequenceEqual(reader.Head.Roots.Span));
        for (long i = 0; i < writer.Length; i++)
        {
            Assert.True(writer.TryGet(i, out ReadOnlyMemory<byte> own));
            Assert.True(reader.TryGet(i, out ReadOnlyMemory<byte> got));
            Assert.True(own.Span.SequenceEqual(got.Span), $"block {i}");
        }
    }
}
