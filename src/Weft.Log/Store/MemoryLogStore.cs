using Weft.Log.Tree;

namespace Weft.Log;

/// <summary>A log in memory: for tests, and for logs that are meant to be forgotten.</summary>
public sealed class MemoryLogStore : ILogStore
{
    private readonly Dictionary<long, TreeNode> _nodes = [];
    private readonly Dictionary<long, ReadOnlyMemory<byte>> _blocks = [];
    private readonly LogBitfield _bits = new();
    private LogState? _state;
    private long _number;

    /// <summary>Nodes kept.</summary>
    public int NodeCount => _nodes.Count;

    /// <summary>Blocks kept.</summary>
    public int BlockCount => _blocks.Count;

    /// <inheritdoc/>
    public LogState? ReadState() => _state;

    /// <inheritdoc/>
    public void ReadBits(LogBitfield bits)
    {
        for (long start = _bits.FirstSet(0, long.MaxValue); start >= 0;)
        {
            long end = _bits.FirstUnset(start);
            bits.Apply(new LogBitRange(start, end - start, true));
            start = _bits.FirstSet(end, long.MaxValue);
        }
    }

    /// <inheritdoc/>
    public bool TryReadNode(long index, out TreeNode node) => _nodes.TryGetValue(index, out node);

    /// <inheritdoc/>
    public bool TryReadBlock(long index, out ReadOnlyMemory<byte> block) => _blocks.TryGetValue(index, out block);

    /// <inheritdoc/>
    public long Write(LogCommit commit)
    {
        if (commit.TruncateTo is long length)
        {
            foreach (long index in _nodes.Keys.Where(index => FlatTree.RightSpan(index) >= 2 * length).ToArray())
            {
                _nodes.Remove(index);
            }

            foreach (long index in _blocks.Keys.Where(index => index >= length).ToArray())
            {
                _blocks.Remove(index);
            }
        }

        if (commit.Cleared is LogBitRange cleared)
        {
            foreach (long index in _blocks.Keys
                .Where(index => index >= cleared.Start && index < cleared.Start + cleared.Length).ToArray())
            {
                _blocks.Remove(index);
            }
        }

        foreach (TreeNode node in commit.Nodes)
        {
            _nodes[node.Index] = node;
        }

        foreach ((long index, ReadOnlyMemory<byte> block) in commit.Blocks)
        {
            _blocks[index] = block.ToArray();
        }

        foreach (LogBitRange range in commit.Bits)
        {
            _bits.Apply(range);
        }

        _state = commit.State;
        return ++_number;
    }
}
