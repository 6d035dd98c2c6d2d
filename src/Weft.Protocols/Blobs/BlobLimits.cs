namespace Weft.Protocols.Blobs;

/// <summary>Sizes that are part of the format; docs/spec/blobs.md has the reasons.</summary>
public static class BlobLimits
{
    /// <summary>Bytes of a chunk: what is hashed, kept and sent as one. The last one may be shorter.</summary>
    public const int ChunkBytes = 64 << 10;

    /// <summary>Bytes of the largest blob there can be: 64 GiB. A node's own ceiling is below.</summary>
    public const long BytesMax = 64L << 30;

    /// <summary>Bytes of a hash.</summary>
    public const int HashBytes = 32;

    /// <summary>Chunks that one request may ask for: 16 MiB.</summary>
    public const int AskChunksMax = 256;

    /// <summary>Levels of the deepest tree.</summary>
    public const int DepthMax = 20;

    /// <summary>Bytes of the longest frame, without its length: a chunk with a whole path of parents.</summary>
    public const int FrameBytesMax = 2 + (DepthMax * 2 * HashBytes) + ChunkBytes;

    /// <summary>Chunks of a blob: at least 1, because the empty blob has one empty chunk.</summary>
    /// <param name="size">0 to <see cref="BytesMax"/>.</param>
    public static int ChunksOf(long size) => (int)Math.Max(1, (size + ChunkBytes - 1) / ChunkBytes);

    /// <summary>Bytes of one chunk of a blob.</summary>
    /// <param name="size">Bytes of the blob.</param>
    /// <param name="chunk">0 and up, below <see cref="ChunksOf"/>.</param>
    public static int ChunkLength(long size, int chunk) => (int)Math.Min(ChunkBytes, size - ((long)chunk * ChunkBytes));
}
