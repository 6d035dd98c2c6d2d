using Weft.Log;
using Weft.Log.Tree;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>
/// Random histories against a naive tree, random damage against the verifier. Each failure names its seed.
/// </summary>
public sealed class LogCoreProperties
{
    [Fact]
    public void Any_history_of_appends_truncations_and_restarts_ends_as_the_naive_tree_says()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var random = new WeftRandom(seed);
            var store = new MemoryLogStore();
            using LogKeyPair keys = LogVectors.Keys(0);
            LogCore log = LogCore.OpenOwn(LogVectors.Crypto, store, keys);
            var blocks = new List<byte[]>();
            long fork = 0;
            for (int step = 0; step < 25; step++)
            {
                switch (random.Next(6))
                {
                    case 0 when blocks.Count > 0:
                        int length = random.Next(blocks.Count);
                        Assert.Equal(LogVerdict.Accepted, log.Truncate(length));
                        blocks.RemoveRange(length, blocks.Count - length);
                        fork++;
                        break;
                    case 1:
                        log.Dispose();
                        log = LogCore.OpenOwn(LogVectors.Crypto, store, keys);
                        break;
                    default:
                        byte[][] more = [.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => Block(random))];
                        Assert.Equal(
                            LogVerdict.Accepted,
                            log.Append([.. more.Select(block => (ReadOnlyMemory<byte>)block)]));
                        blocks.AddRange(more);
                        break;
                }

                Check(seed, log, blocks, fork, random);
            }

            log.Dispose();
        }
    }

    [Fact]
    public void A_reader_follows_any_history_over_forks_and_holds_the_same_log()
    {
        for (ulong seed = 1; seed <= 15; seed++)
        {
            var random = new WeftRandom(seed);
            using LogCore writer = LogVectors.Log(0);
            using LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
            for (int step = 0; step < 12; step++)
            {
                if (writer.Length > 0 && random.Chance(0.3))
                {
                    Assert.Equal(LogVerdict.Accepted, writer.Truncate(random.Next((int)writer.Length)));
                }

                IEnumerable<byte[]> more = Enumerable.Range(0, random.Next(1, 9)).Select(_ => Block(random));
                Assert.Equal(
                    LogVerdict.Accepted, writer.Append([.. more.Select(block => (ReadOnlyMemory<byte>)block)]));
                writer.OnDurable(writer.LastCommit);
                Follow(seed, writer, reader, random);
                Assert.True(writer.Head.Roots.Span.SequenceEqual(reader.Head.Roots.Span), $"seed {seed}");
                Assert.Equal(writer.Fork, reader.Fork);
                for (long i = 0; i < reader.Length; i++)
                {
                    if (reader.TryGet(i, out ReadOnlyMemory<byte> got))
                    {
                        Assert.True(writer.TryGet(i, out ReadOnlyMemory<byte> own));
                        Assert.True(got.Span.SequenceEqual(own.Span), $"seed {seed}, block {i}");
                    }
                }
            }
        }
    }

    [Fact]
    public void Ten_thousand_changed_bits_are_all_refused()
    {
        var random = new WeftRandom(2026);
        using LogCore writer = LogVectors.Log(33);
        (LogRequest Request, int Start, bool Knows)[] cases =
        [
            (new() { Block = new(5, 0), Upgrade = new(0, 33), Manifest = true }, 0, false),
            (new() { Upgrade = new(0, 33), Manifest = true }, 0, false),
            (new() { Block = new(20, 0), Upgrade = new(7, 20) }, 7, true),
            (new() { Upgrade = new(9, 24) }, 9, true),
            (new() { Block = new(21, 5) }, 33, true),
            (new() { Block = new(32, 0) }, 33, true),
            (new() { Hash = new(19, 3) }, 33, true),
            (new() { Hash = new(31, 0) }, 33, true), // Known already: only its size could be a lie.
            (new() { Block = new(4, 5), Seek = new(100, 0) }, 33, true),
        ];
        MemoryLogStore[] stores = [.. cases.Select(_ => new MemoryLogStore())];
        LogCore[] readers = [.. cases.Select((one, i) => Reader(writer, one.Start, one.Knows, stores[i]))];
        byte[][] proofs = [.. cases.Select(one => LogVectors.Encode(writer.Prove(one.Request)!))];
        int[] nodes = [.. stores.Select(store => store.NodeCount)];
        int refused = 0;
        int same = 0;
        for (int i = 0; refused < 10_000; i++)
        {
            int at = i % cases.Length;
            byte[] honest = proofs[at];
            byte[] changed = [.. honest];
            changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
            LogProof? proof = LogCodec.ReadProof(changed);
            if (proof is not null && Meaning(proof) == Meaning(LogCodec.ReadProof(honest)!))
            {
                same++; // The request's number, a flag nobody knows, the echo of a seek: nothing that is verified.
                continue;
            }

            LogVerdict verdict = proof is null ? LogVerdict.Malformed : readers[at].Accept(proof);
            Assert.True(verdict != LogVerdict.Accepted, $"case {at}: {LogVectors.Hex(changed)}");
            Assert.Equal(
                (cases[at].Start, nodes[at], 0),
                ((int)readers[at].Length, stores[at].NodeCount, stores[at].BlockCount));
            refused++;
        }

        // The readers were not spoiled by all this: each takes the honest proof.
        Assert.All(readers.Zip(proofs), pair => Assert.Equal(
            LogVerdict.Accepted, pair.First.Accept(LogCodec.ReadProof(pair.Second)!)));
        Assert.InRange(same, 1, 1_000);
    }

    [Fact]
    public void A_bitfield_is_its_set_of_numbers_and_survives_a_snapshot()
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            var random = new WeftRandom(seed);
            var bits = new LogBitfield();
            var model = new SortedSet<long>();
            for (int step = 0; step < 40; step++)
            {
                long start = random.Next(3) * 32_768L + random.Next(40_000);
                int length = random.Chance(0.2) ? random.Next(70_000) : random.Next(70);
                bool isSet = random.Chance(0.6);
                bits.Apply(new LogBitRange(start, length, isSet));
                for (long i = start; i < start + length; i++)
                {
                    _ = isSet ? model.Add(i) : model.Remove(i);
                }
            }

            var target = new System.Buffers.ArrayBufferWriter<byte>();
            bits.WriteSnapshot(target);
            LogBitfield? read = LogBitfield.ReadSnapshot(target.WrittenSpan);
            foreach (LogBitfield field in new[] { bits, read! })
            {
                Assert.Equal(model.Count, field.Count);
                for (int probe = 0; probe < 200; probe++)
                {
                    long at = random.Next(200_000);
                    Assert.Equal(model.Contains(at), field[at]);
                    Assert.Equal(FirstUnset(model, at), field.FirstUnset(at));
                    SortedSet<long> after = model.GetViewBetween(at, at + 50_000);
                    Assert.Equal(after.Count == 0 ? -1 : after.Min, field.FirstSet(at, at + 50_001));
                }
            }
        }
    }

    private static long FirstUnset(SortedSet<long> model, long at)
    {
        while (model.Contains(at))
        {
            at++;
        }

        return at;
    }

    private static byte[] Block(WeftRandom random)
    {
        byte[] block = new byte[random.Chance(0.1) ? 0 : random.Next(40)];
        random.Fill(block);
        return block;
    }

    private static void Check(ulong seed, LogCore log, List<byte[]> blocks, long fork, WeftRandom random)
    {
        Assert.True(blocks.Count == log.Length, $"seed {seed}");
        Assert.Equal(fork, log.Fork);
        Assert.Equal(blocks.Sum(block => (long)block.Length), log.ByteLength);
        Assert.Equal(NaiveTree.Roots(blocks), log.Head.Roots.ToArray());
        Assert.Equal(blocks.Count, log.ContiguousLength);
        for (int i = 0; i < blocks.Count; i++)
        {
            Assert.True(log.TryGet(i, out ReadOnlyMemory<byte> block), $"seed {seed}, block {i}");
            Assert.Equal(blocks[i], block.ToArray());
        }

        Assert.False(log.TryGet(blocks.Count, out _));
        if (log.ByteLength > 0)
        {
            long bytes = random.Next((int)log.ByteLength);
            Assert.True(log.TrySeek(bytes, out long index, out long offset));
            Assert.Equal(bytes, blocks.Take((int)index).Sum(block => (long)block.Length) + offset);
            Assert.True(offset < blocks[(int)index].Length, $"seed {seed}");
        }
    }

    /// <summary>What a verified proof says: without its number, without what is only an echo.</summary>
    private static string Meaning(LogProof proof) => LogVectors.Hex(LogVectors.Encode(
        proof with { Request = 0, Seek = proof.Seek is null ? null : proof.Seek with { Bytes = 0 } }));

    /// <summary>A reader with a head of that length, and no block.</summary>
    private static LogCore Reader(LogCore writer, int length, bool knows, MemoryLogStore store)
    {
        LogCore reader = knows
            ? LogCore.OpenManifest(LogVectors.Crypto, store, LogVectors.Manifest("single"))
            : LogCore.OpenKey(LogVectors.Crypto, store, writer.Key);
        if (length > 0)
        {
            Assert.Equal(LogVerdict.Accepted, reader.Accept(Upgrades[length]));
        }

        return reader;
    }

    private static readonly Dictionary<int, LogProof> Upgrades =
        new[] { 7, 9, 33 }.ToDictionary(length => length, UpgradeTo);

    private static LogProof UpgradeTo(int length)
    {
        using LogCore log = LogVectors.Log(length);
        return log.Prove(new LogRequest { Upgrade = new UpgradeRequest(0, length) })!;
    }

    /// <summary>
    /// What a replicating reader does, without the wire: catch up or change fork, then fetch some blocks.
    /// </summary>
    private static void Follow(ulong seed, LogCore writer, LogCore reader, WeftRandom random)
    {
        if (writer.Fork > reader.Fork)
        {
            var whole = new LogRequest
            {
                Fork = writer.Fork, Upgrade = new UpgradeRequest(0, writer.Length), Manifest = reader.Manifest is null,
            };
            Assert.Equal(LogVerdict.Accepted, reader.BeginReorg(writer.Prove(whole)!, out LogReorg? reorg));
            for (int asked = 0; reorg!.Wanted is NodeRequest wanted; asked++)
            {
                LogProof answer = writer.Prove(new LogRequest { Fork = writer.Fork, Hash = wanted })!;
                Assert.True(reorg.TryTake(answer), $"seed {seed}");
                Assert.True(asked < 60, $"seed {seed}: the search does not end");
            }

            Assert.Equal(LogVerdict.Accepted, reader.CommitReorg(reorg));
        }
        else if (writer.Length > reader.Length)
        {
            var rest = new LogRequest
            {
                Fork = writer.Fork, Upgrade = new UpgradeRequest(reader.Length, writer.Length - reader.Length),
                Manifest = reader.Manifest is null,
            };
            Assert.Equal(LogVerdict.Accepted, reader.Accept(writer.Prove(rest)!));
        }

        for (int i = 0; i < 6; i++)
        {
            long index = random.Next((int)writer.Length);
            LogProof proof = writer.Prove(new LogRequest
            {
                Fork = writer.Fork, Block = new NodeRequest(index, reader.MissingNodes(2 * index)),
            })!;
            Assert.True(reader.Accept(proof) == LogVerdict.Accepted, $"seed {seed}, block {index}");
        }
    }
}
