using Weft.Storage.Memory;

namespace Weft.Storage.Tier;

/// <summary>Removes tombstones past the horizon and expired fields, some blocks at a time.</summary>
internal sealed class Sweeper : IDisposable
{
    private readonly TierWriter _writer;
    private readonly double _horizonMs;
    private readonly double _nowMs;
    private readonly Statement _due;

    public Sweeper(TierWriter writer, double horizonMs, double nowMs)
    {
        _writer = writer;
        _horizonMs = horizonMs;
        _nowMs = nowMs;
        _due = writer.Db.Prepare(
            "SELECT soul, first, data FROM blocks INDEXED BY due WHERE due IS NOT NULL AND due<=?1 AND "
            + "(soul, first)>(?2, ?3) ORDER BY soul, first LIMIT ?4");
    }

    public long Tombstones { get; private set; }

    public long Expired { get; private set; }

    /// <summary>The nodes that the last step changed.</summary>
    public List<string> Touched { get; } = [];

    /// <summary>The fields that the last step removed.</summary>
    public List<(string Soul, string Field)> Removed { get; } = [];

    private RawBlock Last { get; set; } = new([], [], []);

    /// <summary>Does one transaction.</summary>
    /// <returns>False when nothing is left.</returns>
    public bool Step(int blocksMax)
    {
        Touched.Clear();
        Removed.Clear();
        List<RawBlock> blocks = ReadDue(blocksMax);
        if (blocks.Count == 0)
        {
            return false;
        }

        long tombstones = Tombstones;
        long expired = Expired;
        try
        {
            _writer.InTransaction(() => blocks.ForEach(Shrink));
        }
        catch
        {
            (Tombstones, Expired) = (tombstones, expired);
            throw;
        }

        Last = blocks[^1];
        return blocks.Count == blocksMax;
    }

    public void Dispose() => _due.Dispose();

    private List<RawBlock> ReadDue(int max)
    {
        var blocks = new List<RawBlock>();
        _due.Bind(1, (long)Math.Clamp(_nowMs, -9e15, 9e15)).Bind(2, Last.Soul).Bind(3, Last.First).Bind(4, max);
        try
        {
            while (_due.Step())
            {
                blocks.Add(new RawBlock(_due.Blob(0).ToArray(), _due.Blob(1).ToArray(), _due.Blob(2).ToArray()));
            }
        }
        finally
        {
            _due.Reset();
        }

        return blocks;
    }

    private void Shrink(RawBlock block)
    {
        if (!BlockCodec.IsGood(block.Soul, block.First, block.Data))
        {
            return; // Verification and reads report it; nothing is thrown away by guess.
        }

        var kept = new List<PackedField>();
        string soul = KeyText.Decode(block.Soul);
        BlockReader reader = BlockCodec.Read(block.Data);
        int removed = 0;
        while (reader.TryRead(out PackedField field))
        {
            if (TierWriter.DueMs(field, _horizonMs) > _nowMs)
            {
                kept.Add(field);
                continue;
            }

            removed++;
            Removed.Add((soul, NameTable.Get(field.Name.Span)));
            bool isTombstone = field.Json.Span[0] == (byte)'n';
            Tombstones += isTombstone ? 1 : 0;
            Expired += isTombstone ? 0 : 1;
            if (TierWriter.LinkTarget(field) is byte[] target)
            {
                _writer.RemoveLink(target, MemTable.LinkOf(block.Soul, field.Name.Span));
            }
        }

        if (removed > 0)
        {
            Touched.Add(soul);
            _writer.Shrink(block.Soul, block.First, BlockCodec.Flags(block.Data), kept, removed);
        }
    }
}
