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

    /// <summary>The root over leaves.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="leaves">1 and up, 32 bytes each, one behind the other.</param>
    /// <param name="root">Takes 32 bytes.</param>
    public static void Root(ICrypto crypto, ReadOnlySpan<byte> leaves, Span<byte> root)
    {
        int count = leaves.Length / HashLength;
        if (count == 1)
        {
            leaves.CopyTo(root);
            return;
        }

        int split = SplitOf(count) * HashLength;
        Span<byte> halves = stackalloc byte[2 * HashLength];
        Root(crypto, leaves[..split], halves[..HashLength]);
        Root(crypto, leaves[split..], halves[HashLength..]);
        Join(crypto, halves[..HashLength], halves[HashLength..], root);
    }

    /// <summary>The siblings of one leaf, from the leaf up.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="leaves">1 and up, 32 bytes each.</param>
    /// <param name="index">Which leaf.</param>
    /// <param name="path">Takes <see cref="PathLength"/> times 32 bytes.</param>
    public static void Path(ICrypto crypto, ReadOnlySpan<byte> leaves, int index, Span<byte> path)
    {
        int count = leaves.Length / HashLength;
        if (count == 1)
        {
            return;
        }

        int split = SplitOf(count);
        ReadOnlySpan<byte> left = leaves[..(split * HashLength)];
        ReadOnlySpan<byte> right = leaves[(split * HashLength)..];
        bool isLeft = index < split;
        Root(crypto, isLeft ? right : left, path[^HashLength..]); // The sibling nearest to the root stands last.
        Path(crypto, isLeft ? left : right, isLeft ? index : index - split, path[..^HashLength]);
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
