using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>The tree of hashes over the writes of one signature, shaped as in RFC 6962, section 2.1.</summary>
internal static class MerkleTree
{
    private const int HashLength = WriteProof.HashLength;
    private const byte NodeTag = 1;

    /// <summary>The longest path of a batch.</summary>
    public const int PathLengthMax = 4;

    /// <summary>How many siblings stand between a leaf and the root.</summary>
    public static int PathLength(int index, int count)
    {
        int length = 0;
        while (count > 1)
        {
            int split = SplitOf(count);
            (index, count) = index < split ? (index, split) : (index - split, count - split);
            length++;
        }

        return length;
    }

    /// <summary>The root, and the siblings of every leaf, with each node of the tree hashed once.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="leaves">1 to 16, 32 bytes each.</param>
    /// <param name="root">Takes 32 bytes.</param>
    /// <param name="paths">
    /// Takes for each leaf <see cref="PathLengthMax"/> times 32 bytes; the first <see cref="PathLength"/> times 32 of them
    /// are its path, the siblings from the leaf up.
    /// </param>
    public static void Paths(ICrypto crypto, ReadOnlySpan<byte> leaves, Span<byte> root, Span<byte> paths)
    {
        int count = leaves.Length / HashLength;
        if (count == 1)
        {
            leaves.CopyTo(root);
            return;
        }

        int split = SplitOf(count);
        Span<byte> left = stackalloc byte[HashLength];
        Span<byte> right = stackalloc byte[HashLength];
        int cut = split * PathLengthMax * HashLength;
        Paths(crypto, leaves[..(split * HashLength)], left, paths[..cut]);
        Paths(crypto, leaves[(split * HashLength)..], right, paths[cut..]);
        for (int i = 0; i < count; i++)
        {
            bool isLeft = i < split;
            int below = isLeft ? PathLength(i, split) : PathLength(i - split, count - split);
            (isLeft ? right : left).CopyTo(paths[(((i * PathLengthMax) + below) * HashLength)..]);
        }

        Join(crypto, left, right, root);
    }

    /// <summary>Climbs from a leaf to the root.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="leaf">32 bytes.</param>
    /// <param name="index">Which leaf.</param>
    /// <param name="count">Of how many.</param>
    /// <param name="path">Exactly <see cref="PathLength"/> times 32 bytes.</param>
    /// <param name="root">Takes 32 bytes.</param>
    public static void Climb(
        ICrypto crypto, ReadOnlySpan<byte> leaf, int index, int count, ReadOnlySpan<byte> path, Span<byte> root)
    {
        if (count == 1)
        {
            leaf.CopyTo(root);
            return;
        }

        int split = SplitOf(count);
        Span<byte> child = stackalloc byte[HashLength];
        ReadOnlySpan<byte> sibling = path[^HashLength..];
        if (index < split)
        {
            Climb(crypto, leaf, index, split, path[..^HashLength], child);
            Join(crypto, child, sibling, root);
        }
        else
        {
            Climb(crypto, leaf, index - split, count - split, path[..^HashLength], child);
            Join(crypto, sibling, child, root);
        }
    }

    /// <summary>The largest power of two below a count.</summary>
    private static int SplitOf(int count)
    {
        int split = 1;
        while (split * 2 < count)
        {
            split *= 2;
        }

        return split;
    }

    private static void Join(ICrypto crypto, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> root)
    {
        Span<byte> bytes = stackalloc byte[1 + (2 * HashLength)];
        bytes[0] = NodeTag; // A node can never be taken for a leaf: those start with 0.
        left.CopyTo(bytes[1..]);
        right.CopyTo(bytes[(1 + HashLength)..]);
        crypto.Sha256(bytes, root);
    }
}
