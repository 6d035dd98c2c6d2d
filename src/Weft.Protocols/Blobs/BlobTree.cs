using System.Numerics;

namespace Weft.Protocols.Blobs;

/// <summary>
/// The tree over the chunks of one blob, whole or in part. A hash is in it only when it was computed from the content,
/// or when everything above it up to the id holds. One writer at a time.
/// </summary>
/// <remarks>
/// Nodes stand in order: chunk i is node 2i, and the node above chunks a to b, which divides them at m, is node 2m - 1. A
/// subtree of n chunks is divided behind the largest power of two below n. Source: docs/spec/blobs.md, section 1.
/// </remarks>
public sealed class BlobTree
{
    private readonly byte[] _hashes;
    private readonly ulong[] _known;

    /// <summary>Makes a tree without hashes.</summary>
    /// <param name="size">Bytes of the blob: 0 to <see cref="BlobLimits.BytesMax"/>.</param>
    public BlobTree(long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, BlobLimits.BytesMax);
        Size = size;
        Chunks = BlobLimits.ChunksOf(size);
        _hashes = new byte[NodeCount * BlobLimits.HashBytes];
        _known = new ulong[(NodeCount + 63) / 64];
    }

    /// <summary>Bytes of the blob.</summary>
    public long Size { get; }

    /// <summary>Its chunks: 1 and up.</summary>
    public int Chunks { get; }

    /// <summary>Nodes of the tree: twice the chunks, less one.</summary>
    public int NodeCount => (2 * Chunks) - 1;

    /// <summary>The node above everything.</summary>
    public int RootNode => NodeOf(0, Chunks);

    /// <summary>The hash of the whole tree, 32 bytes; zeros while it is not known.</summary>
    public ReadOnlySpan<byte> Root => Hash(RootNode);

    /// <summary>Where a subtree is divided: the largest power of two below its chunks.</summary>
    /// <param name="count">Chunks of the subtree: 2 and up.</param>
    public static int Split(int count) => 1 << BitOperations.Log2((uint)(count - 1));

    /// <summary>The number of the node above some chunks.</summary>
    /// <param name="first">The first chunk.</param>
    /// <param name="count">How many; they make a subtree.</param>
    public static int NodeOf(int first, int count) => count == 1 ? 2 * first : (2 * (first + Split(count))) - 1;

    /// <summary>True when the hash of a node is known, and right.</summary>
    public bool Has(int node) => (Volatile.Read(ref _known[node >> 6]) >> (node & 63) & 1) != 0;

    /// <summary>The hash of a node: 32 bytes; zeros while it is not known.</summary>
    public ReadOnlySpan<byte> Hash(int node) => _hashes.AsSpan(node * BlobLimits.HashBytes, BlobLimits.HashBytes);

    /// <summary>Notes the hash of a chunk that was computed from its content; <see cref="Build"/> makes it count.</summary>
    public void SetLeaf(int chunk, ReadOnlySpan<byte> hash) => Set(2 * chunk, hash);

    /// <summary>Computes everything above the leaves, which are all there.</summary>
    /// <returns>The blob's id.</returns>
    public BlobId Build(BlobHasher hasher)
    {
        Compute(0, Chunks, hasher);
        return hasher.Id(Size, Root);
    }

    /// <summary>Takes a root that somebody claims.</summary>
    /// <returns>False when size and root are not this id's.</returns>
    public bool TrySetRoot(BlobId id, ReadOnlySpan<byte> root, BlobHasher hasher)
    {
        if (root.Length != BlobLimits.HashBytes || hasher.Id(Size, root) != id)
        {
            return false;
        }

        Set(RootNode, root);
        return true;
    }

    /// <summary>Takes the two hashes below a node that is known.</summary>
    /// <param name="first">The first chunk below the node.</param>
    /// <param name="count">Chunks below it: 2 and up.</param>
    /// <param name="left">32 bytes.</param>
    /// <param name="right">32 bytes.</param>
    /// <param name="hasher">Computes.</param>
    /// <returns>False when they do not make the node's hash, or that is not known.</returns>
    public bool TryAddChildren(
        int first, int count, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, BlobHasher hasher)
    {
        int node = NodeOf(first, count);
        Span<byte> hash = stackalloc byte[BlobLimits.HashBytes];
        hasher.Parent(left, right, hash);
        if (!Has(node) || !hash.SequenceEqual(Hash(node)))
        {
            return false;
        }

        int split = Split(count);
        Set(NodeOf(first, split), left);
        Set(NodeOf(first + split, count - split), right);
        return true;
    }

    /// <summary>True when this is the content of a chunk whose hash is known.</summary>
    public bool IsChunk(int chunk, ReadOnlySpan<byte> data, BlobHasher hasher)
    {
        Span<byte> hash = stackalloc byte[BlobLimits.HashBytes];
        if (!Has(2 * chunk) || data.Length != BlobLimits.ChunkLength(Size, chunk))
        {
            return false;
        }

        hasher.Leaf(data, hash);
        return hash.SequenceEqual(Hash(2 * chunk));
    }

    /// <summary>
    /// Takes the hashes of a kept tree, in the order of its nodes, and believes those that hold from the id downwards.
    /// </summary>
    /// <param name="id">The id they must belong to.</param>
    /// <param name="hashes">32 bytes for each node; zeros stand for one that was not known.</param>
    /// <param name="hasher">Computes.</param>
    /// <returns>False when not even the root belongs to the id; then nothing is known.</returns>
    public bool TryLoad(BlobId id, ReadOnlySpan<byte> hashes, BlobHasher hasher)
    {
        Array.Clear(_known);
        int root = RootNode * BlobLimits.HashBytes;
        return hashes.Length == NodeCount * BlobLimits.HashBytes
            && TrySetRoot(id, hashes.Slice(root, BlobLimits.HashBytes), hasher)
            && Load(0, Chunks, hashes, hasher);
    }

    /// <summary>The hashes of all nodes in order; zeros for those not known.</summary>
    public ReadOnlySpan<byte> Bytes => _hashes;

    private bool Load(int first, int count, ReadOnlySpan<byte> hashes, BlobHasher hasher)
    {
        if (count > 1)
        {
            int split = Split(count);
            int left = NodeOf(first, split) * BlobLimits.HashBytes;
            int right = NodeOf(first + split, count - split) * BlobLimits.HashBytes;
            if (TryAddChildren(
                first, count, hashes.Slice(left, BlobLimits.HashBytes), hashes.Slice(right, BlobLimits.HashBytes),
                hasher))
            {
                Load(first, split, hashes, hasher);
                Load(first + split, count - split, hashes, hasher);
            }
        }

        return true;
    }

    private void Compute(int first, int count, BlobHasher hasher)
    {
        if (count == 1)
        {
            return;
        }

        int split = Split(count);
        Compute(first, split, hasher);
        Compute(first + split, count - split, hasher);
        Span<byte> hash = stackalloc byte[BlobLimits.HashBytes];
        hasher.Parent(Hash(NodeOf(first, split)), Hash(NodeOf(first + split, count - split)), hash);
        Set(NodeOf(first, count), hash);
    }

    private void Set(int node, ReadOnlySpan<byte> hash)
    {
        hash.CopyTo(_hashes.AsSpan(node * BlobLimits.HashBytes));
        Volatile.Write(ref _known[node >> 6], _known[node >> 6] | 1UL << (node & 63)); // After the hash: readers look here.
    }
}
