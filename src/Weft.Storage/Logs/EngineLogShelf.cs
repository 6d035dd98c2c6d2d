using Weft.Crypto;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Storage.Logs;

/// <summary>
/// The logs of the engine: changes are its commits, reads look at its memory tables and its disk tier.
/// </summary>
internal sealed class EngineLogShelf(
    Func<CommitBatch, ValueTask<CommitReceipt>> append, Func<(LogTable Active, LogTable? Flushing)> tables,
    LogRowReader tier, ColdBlocks cold) : ILogShelf
{
    public ILogArchive Archive => cold;

    internal ColdBlocks Cold => cold;

    public IReadOnlyList<StoredLog> List()
    {
        (LogTable active, LogTable? flushing) = tables();
        var keys = new SortedDictionary<string, Hash32>(StringComparer.Ordinal);
        IEnumerable<Hash32> inMemory = active.Layers.Concat(flushing?.Layers ?? []).Select(layer => layer.Key);
        foreach (Hash32 key in inMemory.Concat(tier.Keys()))
        {
            keys[key.ToString()] = key;
        }

        return [.. keys.Values.Select(key => new StoredLog(key, MetaOf(key, active, flushing)))];
    }

    public ILogStore Open(Hash32 key, ICrypto crypto) => new EngineLogStore(this, key, new LogLeaf(crypto));

    public long WriteMeta(Hash32 key, ReadOnlyMemory<byte> meta) => Write(new LogDelta { Key = key, Meta = meta });

    internal (LogTable Active, LogTable? Flushing) Tables => tables();

    internal LogRowReader Tier => tier;

    internal long Write(LogDelta delta)
    {
        // On the lowest level the answer is there at once, or the refusal is.
        ValueTask<CommitReceipt> answer = append(
            new CommitBatch([], [], [], double.NegativeInfinity) { Logs = [delta] });
        return answer.IsCompleted
            ? answer.Result.Sequence
            : throw new InvalidOperationException("A commit on the level of memory was not answered at once.");
    }

    private ReadOnlyMemory<byte> MetaOf(in Hash32 key, LogTable active, LogTable? flushing) =>
        active.Find(key)?.Meta ?? flushing?.Find(key)?.Meta ?? tier.Log(key)?.Meta ?? default;
}

/// <summary>One log of the engine.</summary>
internal sealed class EngineLogStore(EngineLogShelf shelf, Hash32 key, LogLeaf leaves) : ILogStore
{
    private LogState? _last;

    public LogState? ReadState()
    {
        (LogTable active, LogTable? flushing) = shelf.Tables;
        LogLayer? newest = active.Find(key);
        LogLayer? older = flushing?.Find(key);
        LogRecord? kept = shelf.Tier.Log(key);
        LogHead? head = newest?.Head ?? older?.Head ?? kept?.State.Head;
        LogEvidence? evidence = newest?.Evidence ?? older?.Evidence ?? kept?.State.Evidence;
        bool? inMemory = newest?.IsRecovering ?? older?.IsRecovering;
        bool recovering = inMemory ?? (kept is not null && (kept.IsRestored || kept.State.IsRecovering == true));
        _last = head is null && evidence is null && !recovering ? null : new LogState
        {
            Key = key,
            Head = head ?? LogHead.Empty,
            Manifest = newest?.Manifest ?? older?.Manifest ?? kept?.State.Manifest ?? default,
            Evidence = evidence,
            IsRecovering = recovering,
        };
        return _last;
    }

    public void ReadBits(LogBitfield bits)
    {
        (LogTable active, LogTable? flushing) = shelf.Tables;
        shelf.Tier.Bits(key, bits);
        foreach (LogLayer? layer in (LogLayer?[])[flushing?.Find(key), active.Find(key)])
        {
            foreach (LogBitRange range in layer?.Bits ?? [])
            {
                bits.Apply(range);
            }
        }
    }

    public bool TryReadNode(long index, out TreeNode node)
    {
        node = default;
        (LogTable active, LogTable? flushing) = shelf.Tables;
        LogLayer? layer = active.Find(key);
        if (layer is not null && TryIn(layer, index, out node))
        {
            return true;
        }

        if (layer is not null && !layer.KeepsNode(index))
        {
            return false;
        }

        LogLayer? older = flushing?.Find(key);
        if (older is not null && TryIn(older, index, out node))
        {
            return true;
        }

        if (older is not null && !older.KeepsNode(index))
        {
            return false;
        }

        (int kind, long number, int slot) = LogRowKind.OfNode(index);
        if (NodeRow.TryFind(shelf.Tier.Row(key, kind, number).Span, slot, index, out node))
        {
            return true;
        }

        if ((index & 1) != 0 || !TryReadTierBlock(index / 2, out ReadOnlyMemory<byte> block))
        {
            return false;
        }

        node = leaves.Of(index / 2, block.Span);
        return true;
    }

    public bool TryReadBlock(long index, out ReadOnlyMemory<byte> block)
    {
        (LogTable active, LogTable? flushing) = shelf.Tables;
        foreach (LogLayer? layer in (LogLayer?[])[active.Find(key), flushing?.Find(key)])
        {
            if (layer is not null)
            {
                if (layer.Blocks.TryGetValue(index, out block))
                {
                    return true;
                }

                if (!layer.KeepsBlock(index))
                {
                    return shelf.Cold.TryRead(key, index, out block);
                }
            }
        }

        return TryReadTierBlock(index, out block);
    }

    public long Write(LogCommit commit)
    {
        LogDelta delta = Delta(commit);
        long number = shelf.Write(delta);
        _last = commit.State;
        return number;
    }

    /// <summary>The change, with the leaves that would go with cleared blocks.</summary>
    private LogDelta Delta(LogCommit commit)
    {
        LogDelta delta = LogDelta.Of(commit, _last);
        if (commit.Cleared is not LogBitRange cleared)
        {
            return delta;
        }

        var nodes = new List<TreeNode>(delta.Nodes);
        for (long index = cleared.Start; index < cleared.Start + cleared.Length; index++)
        {
            if (TryReadNode(2 * index, out TreeNode leaf))
            {
                nodes.Add(leaf);
            }
        }

        return delta with { Nodes = nodes };
    }

    private bool TryIn(LogLayer layer, long index, out TreeNode node)
    {
        if (layer.Nodes.TryGetValue(index, out node))
        {
            return true;
        }

        if ((index & 1) != 0 || !layer.Blocks.TryGetValue(index / 2, out ReadOnlyMemory<byte> block))
        {
            return false;
        }

        node = leaves.Of(index / 2, block.Span);
        return true;
    }

    private bool TryReadTierBlock(long index, out ReadOnlyMemory<byte> block)
    {
        ReadOnlyMemory<byte> row = shelf.Tier.Row(key, LogRowKind.Blocks, index / LogRowKind.BlocksPerRow);
        if (!BlockRow.TryFind(row, (int)(index % LogRowKind.BlocksPerRow), out block, out bool isLarge))
        {
            return shelf.Cold.TryRead(key, index, out block);
        }

        block = isLarge ? shelf.Tier.Row(key, LogRowKind.LargeBlock, index) : block;
        return true;
    }
}
