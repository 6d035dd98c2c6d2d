using System.Buffers;
using System.Buffers.Binary;
using Weft.Protocols.Blobs;
using Weft.Storage.Files;
using Weft.Storage.Sealing;

namespace Weft.Storage.Blobs;

/// <summary>
/// The places in a blob's file: two heads, then the chunks, then the hashes of the tree in pages of 4 KiB; each sealed on
/// its own in an encrypted store.
/// </summary>
/// <remarks>Source: docs/spec/blobs.md, section 6.</remarks>
internal sealed class BlobPieces(IFile file, Sealer? sealer) : IDisposable
{
    public const int TreePageBytes = 4_096;

    private const int BoundBytes = 24;

    private int Overhead => sealer is null ? 0 : Sealer.Overhead;

    /// <summary>Bytes of the file of a blob.</summary>
    public static long FileBytes(long size, bool isSealed)
    {
        int overhead = isSealed ? Sealer.Overhead : 0;
        long tree = ((2L * BlobLimits.ChunksOf(size)) - 1) * BlobLimits.HashBytes;
        long pages = (tree + TreePageBytes - 1) / TreePageBytes;
        return BlobHead.End + size + tree + ((BlobLimits.ChunksOf(size) + pages) * overhead);
    }

    /// <summary>Reads the newer good head.</summary>
    /// <returns>Null when there is none.</returns>
    public BlobHead? ReadHead()
    {
        BlobHead? newest = null;
        Span<byte> bytes = stackalloc byte[BlobHead.Bytes];
        for (int slot = 0; slot < 2; slot++)
        {
            if (TryRead(SealKind.BlobHead, slot * BlobHead.SlotBytes, 0, slot, bytes)
                && BlobHead.Read(bytes) is { } head && head.Generation >= (newest?.Generation ?? 0))
            {
                newest = head;
            }
        }

        return newest;
    }

    /// <summary>Writes a head where the older one stands.</summary>
    public void WriteHead(BlobHead head)
    {
        Span<byte> bytes = stackalloc byte[BlobHead.Bytes];
        head.Write(bytes);
        int slot = (int)(head.Generation & 1);
        Write(SealKind.BlobHead, slot * BlobHead.SlotBytes, 0, slot, bytes);
    }

    /// <summary>Reads a chunk.</summary>
    /// <returns>False when it is not there whole, or does not open.</returns>
    public bool TryReadChunk(UInt128 salt, int chunk, Span<byte> target) =>
        TryRead(SealKind.BlobChunk, ChunkAt(chunk), salt, chunk, target);

    public void WriteChunk(UInt128 salt, int chunk, ReadOnlySpan<byte> data) =>
        Write(SealKind.BlobChunk, ChunkAt(chunk), salt, chunk, data);

    /// <summary>Reads the hashes of a tree; what cannot be read stays zero.</summary>
    public byte[] ReadTree(UInt128 salt, BlobTree like)
    {
        byte[] hashes = new byte[like.NodeCount * BlobLimits.HashBytes];
        for (int page = 0; page * TreePageBytes < hashes.Length; page++)
        {
            Span<byte> part = Page(hashes, page);
            if (!TryRead(SealKind.BlobTree, TreeAt(like.Size, page), salt, page, part))
            {
                part.Clear();
            }
        }

        return hashes;
    }

    public void WriteTree(UInt128 salt, BlobTree tree)
    {
        ReadOnlySpan<byte> hashes = tree.Bytes;
        for (int page = 0; page * TreePageBytes < hashes.Length; page++)
        {
            int start = page * TreePageBytes;
            Write(
                SealKind.BlobTree, TreeAt(tree.Size, page), salt, page,
                hashes.Slice(start, Math.Min(TreePageBytes, hashes.Length - start)));
        }
    }

    public void Sync() => file.Sync();

    public void Dispose() => file.Dispose();

    private static Span<byte> Page(byte[] hashes, int page)
    {
        int start = page * TreePageBytes;
        return hashes.AsSpan(start, Math.Min(TreePageBytes, hashes.Length - start));
    }

    private long ChunkAt(int chunk) => BlobHead.End + ((long)chunk * (BlobLimits.ChunkBytes + Overhead));

    private long TreeAt(long size, int page) =>
        BlobHead.End + size + ((long)BlobLimits.ChunksOf(size) * Overhead) + ((long)page * (TreePageBytes + Overhead));

    private bool TryRead(SealKind kind, long at, UInt128 salt, long number, Span<byte> plain)
    {
        if (sealer is null)
        {
            return file.Read(at, plain) == plain.Length;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(plain.Length + Overhead);
        try
        {
            Span<byte> piece = rented.AsSpan(0, plain.Length + Overhead);
            Span<byte> bound = stackalloc byte[BoundBytes];
            return file.Read(at, piece) == piece.Length && sealer.TryOpen(kind, piece, Bind(bound, salt, number), plain);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void Write(SealKind kind, long at, UInt128 salt, long number, ReadOnlySpan<byte> plain)
    {
        if (sealer is null)
        {
            file.Write(at, plain);
            return;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(plain.Length + Overhead);
        try
        {
            Span<byte> piece = rented.AsSpan(0, plain.Length + Overhead);
            Span<byte> bound = stackalloc byte[BoundBytes];
            sealer.Seal(kind, plain, Bind(bound, salt, number), piece);
            file.Write(at, piece);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static ReadOnlySpan<byte> Bind(Span<byte> bound, UInt128 salt, long number)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(bound, salt);
        BinaryPrimitives.WriteInt64LittleEndian(bound[16..], number);
        return bound;
    }
}
