using Weft.Crypto;
using Weft.Log.Tree;

namespace Weft.Log;

/// <summary>The leaves of a log's tree, for stores that compute them from the blocks instead of keeping them.</summary>
/// <param name="crypto">The primitives.</param>
public sealed class LogLeaf(ICrypto crypto)
{
    private readonly LogHasher _hasher = new(crypto);

    /// <summary>The leaf of a block.</summary>
    /// <param name="index">The block's number.</param>
    /// <param name="block">The block as it is stored.</param>
    public TreeNode Of(long index, ReadOnlySpan<byte> block) => new(2 * index, block.Length, _hasher.Leaf(block));

    /// <summary>The number of the last block below a node of the tree.</summary>
    public static long LastBlockOf(long nodeIndex) => FlatTree.RightSpan(nodeIndex) / 2;
}
