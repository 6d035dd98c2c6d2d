using System.Buffers;
using Weft.Log;
using Weft.Storage.Tier;

namespace Weft.Storage.Logs;

/// <summary>Brings the logs of a memory table into the disk tier, inside of the caller's transaction.</summary>
internal sealed class LogFlush : IDisposable
{
    private readonly Db _db;
    private readonly Statement _find;
    private readonly Statement _add;
    private readonly Statement _change;
    private readonly Statement _row;
    private readonly Statement _put;
    private readonly Statement _remove;
    private readonly Statement _removeRange;
    private readonly ArrayBufferWriter<byte> _bytes = new(1 << 16);

    public LogFlush(Db db)
    {
        _db = db;
        _find = db.Prepare("SELECT id, restored, state, meta FROM logs WHERE key=?1");
        _add = db.Prepare("INSERT INTO logs(key, restored, state, meta) VALUES(?1, ?2, ?3, ?4)");
        _change = db.Prepare("UPDATE logs SET restored=?2, state=?3, meta=?4 WHERE id=?1");
        _row = db.Prepare("SELECT data FROM logrows WHERE log=?1 AND kind=?2 AND number=?3");
        _put = db.Prepare(
            "INSERT INTO logrows(log, kind, number, data) VALUES(?1, ?2, ?3, ?4) "
            + "ON CONFLICT(log, kind, number) DO UPDATE SET data=excluded.data");
        _remove = db.Prepare("DELETE FROM logrows WHERE log=?1 AND kind=?2 AND number=?3");
        _removeRange = db.Prepare("DELETE FROM logrows WHERE log=?1 AND kind=?2 AND number>=?3 AND number<?4");
    }

    public void Write(LogTable table)
    {
        foreach ((Hash32 key, LogLayer layer) in table.Layers)
        {
            long log = WriteLog(key, layer);
            if (layer.Cut != long.MaxValue)
            {
                Cut(log, layer.Cut);
            }

            foreach (LogBitRange range in layer.Cleared)
            {
                Clear(log, range.Start, range.Start + range.Length);
            }

            WriteBlocks(log, layer);
            WriteNodes(log, layer, WriteBits(log, layer));
        }
    }

    public void Dispose()
    {
        foreach (Statement statement in (Statement[])[_find, _add, _change, _row, _put, _remove, _removeRange])
        {
            statement.Dispose();
        }
    }

    private long WriteLog(in Hash32 key, LogLayer layer)
    {
        LogRecord? before = _find.Bind(1, key.Span).Step()
            ? LogRecord.Read(_find.Number(0), _find.Number(1) != 0, _find.Blob(2), _find.Blob(3).ToArray())
            : null;
        _find.Reset();
        var state = new LogDelta
        {
            Key = key,
            Head = layer.Head ?? before?.State.Head,
            Manifest = layer.Manifest ?? before?.State.Manifest,
            Evidence = layer.Evidence ?? before?.State.Evidence,
            IsRecovering = layer.IsRecovering ?? before?.State.IsRecovering,
        };
        long restored = layer.IsRecovering is null && before is { IsRestored: true } ? 1 : 0;
        ReadOnlyMemory<byte> meta = layer.Meta ?? before?.Meta ?? default;
        if (before is not null)
        {
            _change.Bind(1, before.Id).Bind(2, restored).Bind(3, LogRecord.Encode(state).Span).Bind(4, meta.Span).Run();
            return before.Id;
        }

        _add.Bind(1, key.Span).Bind(2, 0).Bind(3, LogRecord.Encode(state).Span).Bind(4, meta.Span).Run();
        return _db.ReadNumber("SELECT last_insert_rowid()");
    }

    /// <summary>Removes blocks from a number on, and nodes that reach so far.</summary>
    private void Cut(long log, long cut)
    {
        Clear(log, cut, long.MaxValue);
        for (int kind = LogRowKind.Nodes; kind < LogRowKind.Nodes + LogRowKind.Levels; kind++)
        {
            long span = LogRowKind.SpanOf(kind);
            long edge = cut / span;
            RemoveRows(log, kind, edge + 1, long.MaxValue);
            ReadOnlyMemory<byte> row = Row(log, kind, edge);
            if (row.IsEmpty)
            {
                continue;
            }

            var nodes = new NodeRow();
            nodes.Read(row.Span);
            for (int slot = 0; slot < 127; slot++)
            {
                if (LogLeaf.LastBlockOf(LogRowKind.NodeOf(kind, edge, slot)) >= cut)
                {
                    nodes.Remove(slot);
                }
            }

            Put(log, kind, edge, nodes);
        }
    }

    /// <summary>Removes the data of blocks.</summary>
    private void Clear(long log, long start, long end)
    {
        RemoveRows(log, LogRowKind.LargeBlock, start, end);
        long firstWhole = (start + LogRowKind.BlocksPerRow - 1) / LogRowKind.BlocksPerRow;
        long lastWhole = end / LogRowKind.BlocksPerRow;
        if (firstWhole < lastWhole)
        {
            RemoveRows(log, LogRowKind.Blocks, firstWhole, end == long.MaxValue ? end : lastWhole);
        }

        ClearInRow(log, start / LogRowKind.BlocksPerRow, start, end);
        if (end != long.MaxValue && lastWhole != start / LogRowKind.BlocksPerRow)
        {
            ClearInRow(log, lastWhole, start, end);
        }
    }

    private void ClearInRow(long log, long number, long start, long end)
    {
        ReadOnlyMemory<byte> bytes = Row(log, LogRowKind.Blocks, number);
        if (bytes.IsEmpty)
        {
            return;
        }

        var row = new BlockRow();
        row.Read(bytes);
        for (int slot = 0; slot < LogRowKind.BlocksPerRow; slot++)
        {
            long index = (number * LogRowKind.BlocksPerRow) + slot;
            if (index >= start && index < end)
            {
                row.Remove(slot);
            }
        }

        Put(log, number, row);
    }

    private void WriteBlocks(long log, LogLayer layer)
    {
        long[] indexes = [.. layer.Blocks.Keys];
        Array.Sort(indexes);
        for (int at = 0; at < indexes.Length;)
        {
            long number = indexes[at] / LogRowKind.BlocksPerRow;
            var row = new BlockRow();
            row.Read(Row(log, LogRowKind.Blocks, number));
            for (; at < indexes.Length && indexes[at] / LogRowKind.BlocksPerRow == number; at++)
            {
                ReadOnlyMemory<byte> block = layer.Blocks[indexes[at]];
                bool isLarge = block.Length >= LogRowKind.LargeBytes;
                row.Put((int)(indexes[at] % LogRowKind.BlocksPerRow), block, isLarge);
                if (isLarge)
                {
                    PutRow(log, LogRowKind.LargeBlock, indexes[at], block.Span);
                }
            }

            Put(log, number, row);
        }
    }

    private BitPages WriteBits(long log, LogLayer layer)
    {
        var pages = new BitPages(
            number => Row(log, LogRowKind.Bits, number),
            (from, to) => RemoveRows(log, LogRowKind.Bits, from, to));
        foreach (LogBitRange range in layer.Bits)
        {
            pages.Apply(range);
        }

        foreach ((long number, ReadOnlyMemory<byte> bytes) in pages.Written())
        {
            PutRow(log, LogRowKind.Bits, number, bytes.Span);
        }

        return pages;
    }

    /// <summary>Writes nodes; leaves of blocks that are here are left out: reading computes them.</summary>
    private void WriteNodes(long log, LogLayer layer, BitPages bits)
    {
        var nodes = new List<(int Kind, long Number, int Slot, TreeNode Node)>(layer.Nodes.Count);
        foreach (TreeNode node in layer.Nodes.Values)
        {
            if ((node.Index & 1) != 0 || !bits[node.Index / 2])
            {
                (int kind, long number, int slot) = LogRowKind.OfNode(node.Index);
                nodes.Add((kind, number, slot, node));
            }
        }

        nodes.Sort(static (left, right) =>
            left.Kind != right.Kind ? left.Kind.CompareTo(right.Kind) : left.Number.CompareTo(right.Number));
        for (int at = 0; at < nodes.Count;)
        {
            (int kind, long number, _, _) = nodes[at];
            var row = new NodeRow();
            row.Read(Row(log, kind, number).Span);
            for (; at < nodes.Count && nodes[at].Kind == kind && nodes[at].Number == number; at++)
            {
                row.Put(nodes[at].Slot, nodes[at].Node);
            }

            for (int slot = 0; kind == LogRowKind.Nodes && slot < 127; slot += 2)
            {
                if (row.Has(slot) && bits[LogRowKind.NodeOf(kind, number, slot) / 2])
                {
                    row.Remove(slot);
                }
            }

            Put(log, kind, number, row);
        }
    }

    private ReadOnlyMemory<byte> Row(long log, int kind, long number)
    {
        byte[] row = _row.Bind(1, log).Bind(2, kind).Bind(3, number).Step() ? _row.Blob(0).ToArray() : [];
        _row.Reset();
        return row;
    }

    private void Put(long log, long number, BlockRow row)
    {
        _bytes.ResetWrittenCount();
        row.Write(_bytes);
        PutRow(log, LogRowKind.Blocks, number, row.IsEmpty ? default : _bytes.WrittenSpan);
    }

    private void Put(long log, int kind, long number, NodeRow row)
    {
        _bytes.ResetWrittenCount();
        row.Write(_bytes);
        PutRow(log, kind, number, row.IsEmpty ? default : _bytes.WrittenSpan);
    }

    private void PutRow(long log, int kind, long number, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty && kind != LogRowKind.LargeBlock)
        {
            _remove.Bind(1, log).Bind(2, kind).Bind(3, number).Run();
            return;
        }

        _put.Bind(1, log).Bind(2, kind).Bind(3, number).Bind(4, bytes).Run();
    }

    private void RemoveRows(long log, int kind, long from, long to) =>
        _removeRange.Bind(1, log).Bind(2, kind).Bind(3, from).Bind(4, to).Run();
}
