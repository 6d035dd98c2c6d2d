using Weft.Crypto;

namespace Weft.Protocols.Blobs;

/// <summary>Computes the id of content that comes in parts of any size. One caller.</summary>
public sealed class BlobNamer(ICrypto crypto)
{
    private readonly BlobHasher _hasher = new(crypto);
    private readonly byte[] _chunk = new byte[BlobLimits.ChunkBytes];
    private readonly List<byte[]> _leaves = [];
    private int _filled;

    /// <summary>Bytes so far.</summary>
    public long Size => ((long)_leaves.Count * BlobLimits.ChunkBytes) + _filled;

    /// <summary>Takes the next bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, _chunk.Length - _filled);
            bytes[..count].CopyTo(_chunk.AsSpan(_filled));
            _filled += count;
            bytes = bytes[count..];
            if (_filled == _chunk.Length)
            {
                AddLeaf();
            }
        }
    }

    /// <summary>The id of what came; nothing may follow.</summary>
    public BlobId Finish()
    {
        long size = Size;
        if (_filled > 0 || size == 0)
        {
            AddLeaf();
        }

        var tree = new BlobTree(size);
        for (int chunk = 0; chunk < tree.Chunks; chunk++)
        {
            tree.SetLeaf(chunk, _leaves[chunk]);
        }

        return tree.Build(_hasher);
    }

    private void AddLeaf()
    {
        byte[] leaf = new byte[BlobLimits.HashBytes];
        _hasher.Leaf(_chunk.AsSpan(0, _filled), leaf);
        _leaves.Add(leaf);
        _filled = 0;
    }
}
