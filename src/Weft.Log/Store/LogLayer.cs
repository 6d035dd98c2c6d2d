using System.Runtime.InteropServices;
using Weft.Log.Tree;

namespace Weft.Log;

/// <summary>
/// What changed in one log since some moment, in memory: a layer over an older one, or over nothing. One writer at a
/// time; who reads beside it must be kept apart by its owner.
/// </summary>
public sealed class LogLayer
{
    private const int NodeCost = 96;  // A node, its place in the table, and what the table keeps free.
    private const int BlockCost = 64;
    private const int RangeCost = 24;

    private readonly Dictionary<long, TreeNode> _nodes = [];
    private readonly Dictionary<long, ReadOnlyMemory<byte>> _blocks = [];
    private readonly List<LogBitRange> _cleared = [];
    private readonly List<LogBitRange> _bits = [];

    /// <summary>The newest head; null when it did not change.</summary>
    public LogHead? Head { get; private set; }

    /// <summary>The manifest; null when it did not change.</summary>
    public ReadOnlyMemory<byte>? Manifest { get; private set; }

    /// <summary>The evidence; null when it did not change.</summary>
    public LogEvidence? Evidence { get; private set; }

    /// <summary>Whether the log asks its peers first; null when that did not change.</summary>
    public bool? IsRecovering { get; private set; }

    /// <summary>What the node notes about the log; null when it did not change.</summary>
    public ReadOnlyMemory<byte>? Meta { get; private set; }

    /// <summary>
    /// Of the layers below, blocks from this number on are gone, and nodes that reach so far. The largest number
    /// when
    /// nothing was cut.
    /// </summary>
    public long Cut { get; private set; } = long.MaxValue;

    /// <summary>Of the layers below, these blocks were cleared.</summary>
    public IReadOnlyList<LogBitRange> Cleared => _cleared;

    /// <summary>Nodes that came.</summary>
    public IReadOnlyDictionary<long, TreeNode> Nodes => _nodes;

    /// <summary>Blocks that came.</summary>
    public IReadOnlyDictionary<long, ReadOnlyMemory<byte>> Blocks => _blocks;

    /// <summary>How the bitfield changed, in order.</summary>
    public IReadOnlyList<LogBitRange> Bits => _bits;

    /// <summary>Memory it takes, about.</summary>
    public long Bytes { get; private set; }

    /// <summary>True for a node of a layer below that is still there.</summary>
    public bool KeepsNode(long index) => Cut == long.MaxValue || FlatTree.RightSpan(index) < 2 * Cut;

    /// <summary>True for a block of a layer below that is still there.</summary>
    public bool KeepsBlock(long index)
    {
        if (index >= Cut)
        {
            return false;
        }

        foreach (ref readonly LogBitRange range in CollectionsMarshal.AsSpan(_cleared))
        {
            if (index >= range.Start && index < range.Start + range.Length)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes a change.</summary>
    public void Apply(LogDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        Head = delta.Head ?? Head;
        Manifest = delta.Manifest ?? Manifest;
        Evidence = delta.Evidence ?? Evidence;
        IsRecovering = delta.IsRecovering ?? IsRecovering;
        Meta = delta.Meta ?? Meta;
        Bytes += (delta.Meta?.Length ?? 0) + (delta.Evidence is LogEvidence e ? e.Own.Length + e.Other.Length : 0);
        if (delta.TruncateTo is long length)
        {
            Truncate(length);
        }

        if (delta.Cleared is LogBitRange cleared)
        {
            Clear(cleared);
        }

        for (int i = 0; i < delta.Nodes.Count; i++)
        {
            TreeNode node = delta.Nodes[i];
            Bytes += _nodes.ContainsKey(node.Index) ? 0 : NodeCost;
            _nodes[node.Index] = node;
        }

        for (int i = 0; i < delta.Blocks.Count; i++)
        {
            (long index, ReadOnlyMemory<byte> block) = delta.Blocks[i];
            Bytes += block.Length + BlockCost - (_blocks.TryGetValue(index, out var old) ? old.Length + BlockCost : 0);
            _blocks[index] = block;
        }

        for (int i = 0; i < delta.Bits.Count; i++)
        {
            NoteBits(delta.Bits[i]);
        }
    }

    private void Truncate(long length)
    {
        Cut = Math.Min(Cut, length);
        foreach (long index in _nodes.Keys.Where(index => FlatTree.RightSpan(index) >= 2 * length).ToArray())
        {
            _nodes.Remove(index);
            Bytes -= NodeCost;
        }

        foreach (long index in _blocks.Keys.Where(index => index >= length).ToArray())
        {
            RemoveBlock(index);
        }
    }

    private void Clear(in LogBitRange range)
    {
        long start = range.Start;
        long end = range.Start + range.Length;
        if (_blocks.Count < range.Length)
        {
            foreach (long index in _blocks.Keys.Where(index => index >= start && index < end).ToArray())
            {
                RemoveBlock(index);
            }
        }
        else
        {
            for (long index = start; index < end; index++)
            {
                RemoveBlock(index);
            }
        }

        Merge(_cleared, new LogBitRange(start, end - start, false));
    }

    private void RemoveBlock(long index)
    {
        if (_blocks.Remove(index, out ReadOnlyMemory<byte> block))
        {
            Bytes -= block.Length + BlockCost;
        }
    }

    private void NoteBits(in LogBitRange range) => Merge(_bits, range);

    /// <summary>Appends a range, or lets the last one grow.</summary>
    private void Merge(List<LogBitRange> ranges, in LogBitRange range)
    {
        if (ranges.Count > 0 && ranges[^1] is var last && last.IsSet == range.IsSet
            && last.Start + last.Length == range.Start)
        {
            ranges[^1] = last with { Length = last.Length + range.Length };
            return;
        }

        ranges.Add(range);
        Bytes += RangeCost;
    }
}
