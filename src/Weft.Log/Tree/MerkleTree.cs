using System.Runtime.InteropServices;

namespace Weft.Log.Tree;

/// <summary>Where nodes that are already stored are read from.</summary>
internal interface ITreeNodes
{
    /// <summary>Reads a node; false when it is not there.</summary>
    bool TryReadNode(long index, out TreeNode node);
}

/// <summary>
/// The growing end of a log's tree: its roots, left to right. What lies below them is stored elsewhere.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 2.</remarks>
internal sealed class MerkleTree
{
    private readonly LogHasher _hasher;
    private readonly List<TreeNode> _roots;

    public MerkleTree(LogHasher hasher, ReadOnlySpan<TreeNode> roots = default)
    {
        _hasher = hasher;
        _roots = [.. roots];
        foreach (ref readonly TreeNode root in roots)
        {
            Length += FlatTree.LeafCount(root.Index);
            ByteLength += root.Size;
        }
    }

    /// <summary>Blocks.</summary>
    public long Length { get; private set; }

    /// <summary>Bytes of all blocks.</summary>
    public long ByteLength { get; private set; }

    public ReadOnlySpan<TreeNode> Roots => CollectionsMarshal.AsSpan(_roots);

    public Hash32 Hash() => _hasher.Tree(Roots);

    public MerkleTree Clone() => new(_hasher, Roots);

    /// <summary>Adds a block, and every node that it completes to <paramref name="made"/>.</summary>
    /// <returns>False when the log would grow beyond what numbers on the wire can say.</returns>
    public bool TryAppend(ReadOnlySpan<byte> block, List<TreeNode> made) =>
        TryAppend(new TreeNode(2 * Length, block.Length, _hasher.Leaf(block)), made);

    /// <summary>Adds a whole subtree that begins where the tree ends, and every node that it completes.</summary>
    /// <returns>False when it does not begin there, or is larger than what the tree can take whole.</returns>
    public bool TryAppend(in TreeNode node, List<TreeNode> made)
    {
        long leaves = FlatTree.LeafCount(node.Index);
        if (node.Index < 0
            || FlatTree.LeftSpan(node.Index) != 2 * Length
            || leaves > LogLimits.LengthMax - Length
            || node.Size < 0
            || node.Size > LogLimits.NumberMax - ByteLength)
        {
            return false;
        }

        Length += leaves;
        ByteLength += node.Size;
        TreeNode last = node;
        made.Add(last);
        while (_roots.Count > 0 && _roots[^1].Index == FlatTree.Sibling(last.Index))
        {
            last = _hasher.Parent(_roots[^1], last);
            made.Add(last);
            _roots.RemoveAt(_roots.Count - 1);
        }

        _roots.Add(last);
        return true;
    }

    /// <summary>The tree as it was at a smaller length, from stored nodes.</summary>
    /// <returns>Null when a root is not stored.</returns>
    public static MerkleTree? At(long length, LogHasher hasher, ITreeNodes nodes)
    {
        Span<long> indexes = stackalloc long[FlatTree.RootsMax];
        int count = FlatTree.FullRoots(length, indexes);
        var roots = new TreeNode[count];
        for (int i = 0; i < count; i++)
        {
            if (!nodes.TryReadNode(indexes[i], out roots[i]))
            {
                return null;
            }
        }

        return new MerkleTree(hasher, roots);
    }

    /// <summary>How many bytes lie before a node.</summary>
    /// <returns>False when a node on the way is not stored, or the index lies outside.</returns>
    public static bool TryByteOffset(
        ReadOnlySpan<TreeNode> roots, long index, ITreeNodes nodes, out long offset)
    {
        index = FlatTree.LeftSpan(index);
        offset = 0;
        foreach (ref readonly TreeNode root in roots)
        {
            if (index > FlatTree.RightSpan(root.Index))
            {
                offset += root.Size;
                continue;
            }

            long at = root.Index;
            while (at != index && FlatTree.LeftSpan(at) != index)
            {
                long left = FlatTree.LeftChild(at);
                if (index <= FlatTree.RightSpan(left))
                {
                    at = left;
                    continue;
                }

                if (!nodes.TryReadNode(left, out TreeNode node))
                {
                    return false;
                }

                offset += node.Size;
                at = FlatTree.RightChild(at);
            }

            return true;
        }

        return false;
    }

    /// <summary>The block that holds a byte, as far as stored nodes tell.</summary>
    /// <param name="roots">The tree's roots.</param>
    /// <param name="bytes">The byte, counted without padding.</param>
    /// <param name="padding">Bytes of each block that are not content.</param>
    /// <param name="nodes">The stored nodes.</param>
    /// <param name="rest">Takes the bytes from the start of the node to the byte.</param>
    /// <returns>
    /// The deepest known node with the byte, as a tree index: a leaf when all is known; twice the length when the byte
    /// is the end; -1 beyond the end.
    /// </returns>
    public static long Seek(
        ReadOnlySpan<TreeNode> roots, long bytes, int padding, ITreeNodes nodes, out long rest)
    {
        rest = bytes;
        long end = 0;
        foreach (ref readonly TreeNode root in roots)
        {
            long size = Unpadded(root, padding);
            end = FlatTree.RightSpan(root.Index) + 2;
            if (rest < size)
            {
                return Descend(root.Index, ref rest, padding, nodes);
            }

            rest -= size;
        }

        return rest == 0 ? end : -1;
    }

    /// <summary>Bytes below a node that are content.</summary>
    public static long Unpadded(in TreeNode node, int padding) =>
        node.Size - (padding * FlatTree.LeafCount(node.Index));

    private static long Descend(long at, ref long rest, int padding, ITreeNodes nodes)
    {
        while ((at & 1) != 0)
        {
            long left = FlatTree.LeftChild(at);
            if (!nodes.TryReadNode(left, out TreeNode node))
            {
                return at;
            }

            long size = Unpadded(node, padding);
            if (rest < size)
            {
                at = left;
                continue;
            }

            rest -= size;
            at = FlatTree.RightChild(at);
        }

        return at;
    }
}
