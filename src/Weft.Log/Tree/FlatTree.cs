using System.Numerics;

namespace Weft.Log.Tree;

/// <summary>
/// Arithmetic on a binary tree whose nodes are numbered in order: leaf i is 2i, and the number of trailing one bits is
/// the height above the leaves.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 2.</remarks>
internal static class FlatTree
{
    /// <summary>Roots that a tree can have: one per bit of its length.</summary>
    public const int RootsMax = 53;

    public static int Depth(long index) => BitOperations.TrailingZeroCount(~index);

    public static long Offset(long index) => index >> (Depth(index) + 1);

    public static long Index(int depth, long offset) => (offset << (depth + 1)) + (1L << depth) - 1;

    public static long Parent(long index)
    {
        int depth = Depth(index);
        return Index(depth + 1, index >> (depth + 2));
    }

    public static long Sibling(long index)
    {
        int depth = Depth(index);
        return Index(depth, (index >> (depth + 1)) ^ 1);
    }

    /// <summary>The left child of a node that is no leaf.</summary>
    public static long LeftChild(long index) => index - (1L << (Depth(index) - 1));

    /// <summary>The right child of a node that is no leaf.</summary>
    public static long RightChild(long index) => index + (1L << (Depth(index) - 1));

    /// <summary>The leftmost leaf below a node, as a tree index.</summary>
    public static long LeftSpan(long index) => index - (1L << Depth(index)) + 1;

    /// <summary>The rightmost leaf below a node, as a tree index.</summary>
    public static long RightSpan(long index) => index + (1L << Depth(index)) - 1;

    /// <summary>Blocks below a node.</summary>
    public static long LeafCount(long index) => 1L << Depth(index);

    /// <summary>True when <paramref name="other"/> is the node itself or lies below it.</summary>
    public static bool Contains(long index, long other) => other >= LeftSpan(index) && other <= RightSpan(index);

    /// <summary>The roots of a tree of <paramref name="length"/> blocks, left to right.</summary>
    /// <param name="length">Blocks.</param>
    /// <param name="roots">Takes up to <see cref="RootsMax"/>.</param>
    /// <returns>How many there are: the one bits of the length.</returns>
    public static int FullRoots(long length, Span<long> roots)
    {
        int count = 0;
        for (long start = 0; start < length;)
        {
            roots[count] = NextSubtree(start, length);
            start += LeafCount(roots[count++]);
        }

        return count;
    }

    /// <summary>
    /// The largest whole subtree that begins at block <paramref name="start"/> and ends by <paramref name="end"/>.
    /// Taking
    /// these one after the other is the order in which an upgrade's nodes are sent.
    /// </summary>
    public static long NextSubtree(long start, long end)
    {
        int depth = BitOperations.Log2((ulong)(end - start));
        if (start != 0)
        {
            depth = Math.Min(depth, BitOperations.TrailingZeroCount(start));
        }

        return Index(depth, start >> depth);
    }

    /// <summary>
    /// How many nodes of the path from a node upwards lie wholly inside a tree of that length, at most.
    /// </summary>
    /// <returns>0 also when the node itself is not inside.</returns>
    public static int PathLengthMax(long index, long length)
    {
        long head = 2 * length;
        if (RightSpan(index) >= head)
        {
            return 0;
        }

        int count = 0;
        for (long at = Parent(index); RightSpan(at) < head; at = Parent(at))
        {
            count++;
        }

        return count;
    }
}
