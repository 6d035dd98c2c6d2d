using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Tests.Protocols.Blobs;

/// <summary>Content for tests, and its tree.</summary>
internal static class TestBlob
{
    public const string EmptyId = "c0e50f0d90d6e2fea1e6f53d4f758ed5fc9035a399a8eb215c29c6ff3ea05425";
    public const string HelloId = "4d76842189e75ff7bcccdedc3a83370648000cc9bd968a5b9da9830ec7521411";
    public const string ZerosId = "08f0d6c67e306226068d7af1d9e7ecb45cfe847d856f8f9c55d5b67b5809d7ca";

    public static byte[] Bytes(int size, ulong seed)
    {
        byte[] content = new byte[size];
        new WeftRandom(seed).Fill(content);
        return content;
    }

    public static ReadOnlySpan<byte> Chunk(byte[] content, int chunk) =>
        content.AsSpan(chunk * BlobLimits.ChunkBytes, BlobLimits.ChunkLength(content.Length, chunk));

    public static BlobTree Tree(byte[] content, BlobHasher hasher)
    {
        var tree = new BlobTree(content.Length);
        Span<byte> hash = stackalloc byte[32];
        for (int chunk = 0; chunk < tree.Chunks; chunk++)
        {
            hasher.Leaf(Chunk(content, chunk), hash);
            tree.SetLeaf(chunk, hash);
        }

        tree.Build(hasher);
        return tree;
    }
}
