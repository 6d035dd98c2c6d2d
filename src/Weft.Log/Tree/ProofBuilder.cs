using Weft.Log.Wire;

namespace Weft.Log.Tree;

/// <summary>Puts an answer together from stored nodes. The request is a peer's: it may ask for anything.</summary>
/// <remarks>Source: docs/spec/log.md, section 6.</remarks>
internal sealed class ProofBuilder
{
    private readonly ITreeNodes _store;
    private readonly MerkleTree _head;
    private readonly LogRequest _request;
    private readonly List<TreeNode> _upgrade = [];
    private readonly List<TreeNode> _additional = [];
    private List<TreeNode>? _path;
    private List<TreeNode>? _seek;

    private ProofBuilder(ITreeNodes store, MerkleTree head, LogRequest request)
    {
        _store = store;
        _head = head;
        _request = request;
    }

    /// <summary>Answers a request; the value of a block and the manifest are the caller's to add.</summary>
    /// <param name="store">The stored nodes.</param>
    /// <param name="head">The tree whose head is signed.</param>
    /// <param name="signature">That signature.</param>
    /// <param name="fork">Its fork.</param>
    /// <param name="request">What is asked.</param>
    /// <returns>Null when it cannot be proven: out of range, contradictory, or a node is not stored.</returns>
    public static LogProof? Build(
        ITreeNodes store, MerkleTree head, ReadOnlyMemory<byte> signature, long fork, LogRequest request)
    {
        var builder = new ProofBuilder(store, head, request);
        return builder.TryCollect() ? builder.Finish(signature, fork) : null;
    }

    private long? NodeIndex => _request.Block is NodeRequest block ? 2 * block.Index : _request.Hash?.Index;

    private bool TryCollect()
    {
        long from = _request.Upgrade?.Start ?? 0;
        long to = _request.Upgrade is UpgradeRequest upgrade ? upgrade.Start + upgrade.Length : _head.Length;
        if (_head.Length == 0 || from >= to || to > _head.Length)
        {
            return false;
        }

        long? index = NodeIndex;
        if (index is long inside && FlatTree.RightSpan(inside) >= 2 * to)
        {
            return false;
        }

        long subtree = 2 * _head.Length;
        bool isOld = index is long old
            && (_request.Upgrade is null || FlatTree.RightSpan(old) / 2 < _request.Upgrade.Value.Start);
        if (index is not null && !isOld && _request.Seek is not null)
        {
            return false; // One subtree at most may stand in for a node of the upgrade.
        }

        if (isOld)
        {
            if (!TryCollectOld(index!.Value, to))
            {
                return false;
            }
        }
        else if (_request.Upgrade is not null && (index is not null || _request.Seek is not null))
        {
            subtree = index ?? SeekFromHead(to);
            if (subtree < 0)
            {
                return false;
            }
        }

        return _request.Upgrade is null
            || (TryCollectUpgrade(from, to, subtree) && TryCollectPlain(to, _head.Length, _additional)
                && (index is null || _path is not null));
    }

    /// <summary>A block or hash in the part that the asker knows: climbs as many levels as it asked for.</summary>
    private bool TryCollectOld(long index, long to)
    {
        NodeRequest node = _request.Block ?? _request.Hash!.Value;
        if (node.Nodes > FlatTree.RootsMax)
        {
            return false;
        }

        long root = index;
        for (long i = 0; i < node.Nodes; i++)
        {
            root = FlatTree.Parent(root);
            if (FlatTree.RightSpan(root) >= 2 * to)
            {
                return false;
            }
        }

        long seekRoot = -1;
        if (_request.Seek is SeekRequest seek && !TrySeekBelow(root, seek, out seekRoot))
        {
            return false;
        }

        return TryCollectPath(index, seekRoot, root);
    }

    private bool TryCollectUpgrade(long from, long to, long subtree)
    {
        for (long start = from; start < to;)
        {
            long index = FlatTree.NextSubtree(start, to);
            start += FlatTree.LeafCount(index);
            bool standsIn = _path is null && _seek is null && FlatTree.Contains(index, subtree);
            bool isDone = standsIn
                ? NodeIndex is long node ? TryCollectPath(node, -1, index) : TryCollectSeek(subtree, index)
                : TryAdd(index, _upgrade);
            if (!isDone)
            {
                return false;
            }
        }

        return true;
    }

    private bool TryCollectPlain(long from, long to, List<TreeNode> target)
    {
        for (long start = from; start < to;)
        {
            long index = FlatTree.NextSubtree(start, to);
            start += FlatTree.LeafCount(index);
            if (!TryAdd(index, target))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryCollectPath(long index, long seekRoot, long root)
    {
        _path = [];
        if (_request.Block is null && !TryAdd(index, _path))
        {
            return false;
        }

        for (long at = index; at != root; at = FlatTree.Parent(at))
        {
            long sibling = FlatTree.Sibling(at);
            bool isAdded = seekRoot >= 0 && sibling != seekRoot && FlatTree.Contains(sibling, seekRoot)
                ? TryCollectSeek(seekRoot, sibling)
                : TryAdd(sibling, _path);
            if (!isAdded)
            {
                return false;
            }
        }

        return true;
    }

    private bool TryCollectSeek(long seekRoot, long root)
    {
        _seek = [];
        if (!TryAdd(seekRoot, _seek))
        {
            return false;
        }

        for (long at = seekRoot; at != root; at = FlatTree.Parent(at))
        {
            if (!TryAdd(FlatTree.Sibling(at), _seek))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryAdd(long index, List<TreeNode> target)
    {
        if (!_store.TryReadNode(index, out TreeNode node))
        {
            return false;
        }

        target.Add(node);
        return true;
    }

    /// <summary>The deepest known node at a byte that should lie below <paramref name="root"/>.</summary>
    private bool TrySeekBelow(long root, SeekRequest seek, out long found)
    {
        found = -1;
        if (seek.Padding > byte.MaxValue
            || !MerkleTree.TryByteOffset(_head.Roots, root, _store, out long offset)
            || !_store.TryReadNode(root, out TreeNode node))
        {
            return false;
        }

        offset -= seek.Padding * FlatTree.LeftSpan(root) / 2;
        long rest = seek.Bytes - offset;
        if (rest < 0 || (rest > 0 && MerkleTree.Unpadded(node, (int)seek.Padding) <= rest))
        {
            return false;
        }

        found = rest == 0 ? root : Descend(root, rest, (int)seek.Padding);
        return true;
    }

    private long SeekFromHead(long to)
    {
        SeekRequest seek = _request.Seek!.Value;
        if (seek.Padding > byte.MaxValue)
        {
            return -1;
        }

        long rest = seek.Bytes;
        for (long start = 0; start < to;)
        {
            long root = FlatTree.NextSubtree(start, to);
            start += FlatTree.LeafCount(root);
            if (!_store.TryReadNode(root, out TreeNode node))
            {
                return -1;
            }

            long size = MerkleTree.Unpadded(node, (int)seek.Padding);
            if (rest <= size)
            {
                return rest == size || rest == 0 ? root : Descend(root, rest, (int)seek.Padding);
            }

            rest -= size;
        }

        return 2 * to;
    }

    private long Descend(long at, long rest, int padding)
    {
        while ((at & 1) != 0)
        {
            long left = FlatTree.LeftChild(at);
            if (!_store.TryReadNode(left, out TreeNode node))
            {
                return at;
            }

            long size = MerkleTree.Unpadded(node, padding);
            if (size == rest)
            {
                return left;
            }

            at = size > rest ? left : FlatTree.RightChild(at);
            rest -= size > rest ? 0 : size;
        }

        return at;
    }

    private LogProof Finish(ReadOnlyMemory<byte> signature, long fork) => new()
    {
        Request = _request.Id,
        Fork = fork,
        Block = _request.Block is NodeRequest block && _path is not null
            ? new BlockProof(block.Index, ReadOnlyMemory<byte>.Empty, _path)
            : null,
        Hash = _request.Block is null && _request.Hash is NodeRequest hash && _path is not null
            ? new HashProof(hash.Index, _path)
            : null,
        Seek = _request.Seek is SeekRequest seek && _seek is not null ? new SeekProof(seek.Bytes, _seek) : null,
        Upgrade = _request.Upgrade is UpgradeRequest upgrade
            ? new UpgradeProof(upgrade.Start, upgrade.Length, _upgrade, _additional, signature)
            : null,
    };
}
