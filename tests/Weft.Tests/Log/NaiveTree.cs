using Weft.Log;
using Weft.Log.Tree;

namespace Weft.Tests.Log;

/// <summary>A log's tree computed afresh from all blocks, by the definition and by nothing clever.</summary>
internal static class NaiveTree
{
    public static TreeNode[] Roots(IReadOnlyList<byte[]> blocks)
    {
        var roots = new List<TreeNode>();
        for (int start = 0; start < blocks.Count;)
        {
            int size = 1;
            while (size * 2 <= blocks.Count - start)
            {
                size *= 2;
            }

            roots.Add(Node(blocks, start, size));
            start += size;
        }

        return [.. roots];
    }

    private static TreeNode Node(IReadOnlyList<byte[]> blocks, int start, int size)
    {
        long index = (2L * start) + size - 1;
        if (size == 1)
        {
            return new TreeNode(index, blocks[start].Length, LogVectors.Hasher.Leaf(blocks[start]));
        }

        TreeNode left = Node(blocks, start, size / 2);
        TreeNode right = Node(blocks, start + (size / 2), size / 2);
        byte[] joined =
        [
            1, .. BitConverter.GetBytes(left.Size + right.Size), .. left.Hash.Span, .. right.Hash.Span,
        ];
        return new TreeNode(index, left.Size + right.Size, LogVectors.Hasher.Plain(joined));
    }
}
