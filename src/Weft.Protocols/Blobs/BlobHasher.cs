using System.Buffers.Binary;
using Weft.Crypto;

namespace Weft.Protocols.Blobs;

/// <summary>The three hashes of a blob, all SHA-256, told apart by their first byte. One caller at a time.</summary>
/// <remarks>Source: docs/spec/blobs.md, section 1.</remarks>
public sealed class BlobHasher(ICrypto crypto)
{
    private const byte LeafMark = 0;
    private const byte ParentMark = 1;
    private const byte IdMark = 2;

    private readonly byte[] _leaf = new byte[1 + BlobLimits.ChunkBytes];

    /// <summary>The hash of a chunk.</summary>
    /// <param name="data">At most <see cref="BlobLimits.ChunkBytes"/>.</param>
    /// <param name="hash">Takes 32 bytes.</param>
    public void Leaf(ReadOnlySpan<byte> data, Span<byte> hash)
    {
        _leaf[0] = LeafMark;
        data.CopyTo(_leaf.AsSpan(1));
        crypto.Sha256(_leaf.AsSpan(0, 1 + data.Length), hash);
    }

    /// <summary>The hash of two subtrees.</summary>
    /// <param name="left">32 bytes.</param>
    /// <param name="right">32 bytes.</param>
    /// <param name="hash">Takes 32 bytes.</param>
    public void Parent(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> hash)
    {
        Span<byte> bytes = stackalloc byte[1 + (2 * BlobLimits.HashBytes)];
        bytes[0] = ParentMark;
        left.CopyTo(bytes[1..]);
        right.CopyTo(bytes[(1 + BlobLimits.HashBytes)..]);
        crypto.Sha256(bytes, hash);
    }

    /// <summary>The id of a blob.</summary>
    /// <param name="size">Its bytes.</param>
    /// <param name="root">The hash of its whole tree, 32 bytes.</param>
    public BlobId Id(long size, ReadOnlySpan<byte> root)
    {
        Span<byte> bytes = stackalloc byte[1 + sizeof(ulong) + BlobLimits.HashBytes];
        bytes[0] = IdMark;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[1..], (ulong)size);
        root.CopyTo(bytes[(1 + sizeof(ulong))..]);
        Span<byte> hash = stackalloc byte[BlobLimits.HashBytes];
        crypto.Sha256(bytes, hash);
        return new BlobId(hash);
    }
}
