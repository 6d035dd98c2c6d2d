using Weft.Log.Wire;

namespace Weft.Log.Tree;

/// <summary>
/// The search for the block up to which a higher fork agrees with the own log: compares roots, then asks its way down
/// to
/// the first leaf that differs. The new head is verified before this begins.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 6.</remarks>
internal sealed class LogReorg
{
    private readonly LogHasher _hasher;
    private readonly ITreeNodes _own;
    private readonly long _ownLength;
    private readonly Dictionary<long, TreeNode> _known = [];
    private TreeNode? _difference;

    public LogReorg(LogHasher hasher, ITreeNodes own, long ownLength, LogHead head, IEnumerable<TreeNode> nodes)
    {
        _hasher = hasher;
        _own = own;
        _ownLength = ownLength;
        Head = head;
        Learn(nodes);
        Ancestors = Math.Min(ownLength, head.Length);
        foreach (TreeNode root in head.Roots.Span)
        {
            if (!IsShared(root))
            {
                Narrow(root);
                break;
            }
        }
    }

    /// <summary>The new head.</summary>
    public LogHead Head { get; }

    /// <summary>Blocks from the start that both have in common, as far as is known: it only falls.</summary>
    public long Ancestors { get; private set; }

    /// <summary>True when nothing more needs to be asked.</summary>
    public bool IsFound => _difference is null;

    /// <summary>The hash to ask for next; null when found.</summary>
    public NodeRequest? Wanted => _difference is TreeNode node
        ? new NodeRequest(FlatTree.LeftSpan(node.Index), FlatTree.Depth(node.Index))
        : null;

    /// <summary>Every node of the new tree that is known.</summary>
    public IReadOnlyList<TreeNode> Nodes => [.. _known.Values];

    /// <summary>Takes the answer to <see cref="Wanted"/>.</summary>
    /// <returns>False when it does not lead to the node that differs.</returns>
    public bool TryTake(LogProof proof)
    {
        var check = new ProofCheck(_hasher);
        if (_difference is not TreeNode difference || proof.Fork != Head.Fork || !check.TryFold(proof)
            || check.Root is not TreeNode root || root.Index != difference.Index || root.Hash != difference.Hash)
        {
            return false;
        }

        Learn(check.Made);
        Narrow(difference);
        return true;
    }

    private void Learn(IEnumerable<TreeNode> nodes)
    {
        foreach (TreeNode node in nodes)
        {
            _known[node.Index] = node;
        }
    }

    private bool IsShared(in TreeNode node) =>
        FlatTree.RightSpan(node.Index) < 2 * _ownLength
        && _own.TryReadNode(node.Index, out TreeNode own) && own.Hash == node.Hash;

    /// <summary>Goes down from a node that differs, as far as the new tree is known.</summary>
    private void Narrow(TreeNode node)
    {
        while ((node.Index & 1) != 0
            && FlatTree.LeftSpan(node.Index) < 2 * _ownLength
            && _known.TryGetValue(FlatTree.LeftChild(node.Index), out TreeNode left)
            && _known.TryGetValue(FlatTree.RightChild(node.Index), out TreeNode right))
        {
            node = IsShared(left) ? right : left;
        }

        long start = FlatTree.LeftSpan(node.Index) / 2;
        Ancestors = Math.Min(_ownLength, start);
        _difference = (node.Index & 1) == 0 || start >= _ownLength ? null : node;
    }
}
