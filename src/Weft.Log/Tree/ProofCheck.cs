using Weft.Log.Wire;

namespace Weft.Log.Tree;

/// <summary>
/// Folds the parts of an answer to the one node that must be known already, or that an upgrade takes in. Says nothing
/// about truth: that is a stored hash's or a signature's to say.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 6.</remarks>
internal sealed class ProofCheck(LogHasher hasher)
{
    private readonly List<TreeNode> _made = [];

    /// <summary>Every node that was received or computed; to be stored once the proof holds.</summary>
    public List<TreeNode> Made => _made;

    /// <summary>
    /// What the block, hash and seek parts fold to; null when there are none, or an upgrade took it in.
    /// </summary>
    public TreeNode? Root { get; private set; }

    /// <summary>Folds seek, then block or hash. False when a node is not where it should be.</summary>
    public bool TryFold(LogProof proof)
    {
        TreeNode? seekRoot = null;
        if (proof.Seek is { Nodes.Count: > 0 } seek)
        {
            if (!TryClimb(seek.Nodes[0], seek.Nodes, 1, null, out TreeNode folded))
            {
                return false;
            }

            seekRoot = folded;
            Root = folded;
        }

        if (proof.Block is BlockProof block)
        {
            var leaf = new TreeNode(2 * block.Index, block.Value.Length, hasher.Leaf(block.Value.Span));
            return TryTake(leaf, block.Nodes, 0, seekRoot);
        }

        if (proof.Hash is HashProof hash)
        {
            return hash.Nodes.Count > 0 && hash.Nodes[0].Index == hash.Index
                && TryTake(hash.Nodes[0], hash.Nodes, 1, seekRoot);
        }

        return true;
    }

    /// <summary>Grows a tree by an upgrade and by what lies between it and the signed head.</summary>
    /// <returns>False when a node is not where it should be.</returns>
    public bool TryUpgrade(UpgradeProof upgrade, MerkleTree tree)
    {
        if (upgrade.Start != tree.Length || upgrade.Length <= 0 || upgrade.Length > LogLimits.LengthMax - upgrade.Start)
        {
            return false;
        }

        long end = upgrade.Start + upgrade.Length;
        int next = 0;
        while (tree.Length < end)
        {
            long index = FlatTree.NextSubtree(tree.Length, end);
            TreeNode node;
            if (Root is TreeNode root && root.Index == index)
            {
                node = root;
                Root = null;
            }
            else if (next < upgrade.Nodes.Count && upgrade.Nodes[next].Index == index)
            {
                node = upgrade.Nodes[next++];
            }
            else
            {
                return false;
            }

            if (!tree.TryAppend(node, _made))
            {
                return false;
            }
        }

        foreach (TreeNode node in upgrade.Additional)
        {
            if (!tree.TryAppend(node, _made))
            {
                return false;
            }
        }

        return next == upgrade.Nodes.Count;
    }

    private bool TryTake(in TreeNode start, IReadOnlyList<TreeNode> nodes, int next, TreeNode? extra)
    {
        bool isFolded = TryClimb(start, nodes, next, extra, out TreeNode root);
        Root = root;
        return isFolded;
    }

    /// <summary>Climbs from a node, with each sibling from the list, or once the extra one where it fits.</summary>
    private bool TryClimb(
        in TreeNode start, IReadOnlyList<TreeNode> nodes, int next, TreeNode? extra, out TreeNode root)
    {
        root = start;
        if (start.Index > 2 * LogLimits.LengthMax)
        {
            return false;
        }

        _made.Add(root);
        while (next < nodes.Count || extra is not null)
        {
            if (FlatTree.Depth(root.Index) >= FlatTree.RootsMax)
            {
                return false;
            }

            long sibling = FlatTree.Sibling(root.Index);
            TreeNode node;
            if (extra is TreeNode other && other.Index == sibling)
            {
                node = other;
                extra = null;
            }
            else if (next < nodes.Count && nodes[next].Index == sibling)
            {
                node = nodes[next++];
                _made.Add(node);
            }
            else
            {
                return false;
            }

            if (node.Size > LogLimits.NumberMax - root.Size)
            {
                return false;
            }

            root = node.Index < root.Index ? hasher.Parent(node, root) : hasher.Parent(root, node);
            _made.Add(root);
        }

        return true;
    }
}
