using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Storage.Blobs;

/// <summary>Content on its way into a file of its own, which gets its name when the last byte is on the disk.</summary>
internal sealed class BlobDraft(BlobFolder folder, string path, BlobPieces pieces, UInt128 salt) : IBlobDraft
{
    private readonly BlobHasher _hasher = new(folder.Crypto);
    private byte[] _leaves = new byte[64 * BlobLimits.HashBytes];
    private int _chunks;
    private long _size;
    private bool _isOver;

    public void Append(ReadOnlySpan<byte> data)
    {
        if (_size != (long)_chunks * BlobLimits.ChunkBytes || data.Length > BlobLimits.ChunkBytes)
        {
            throw new ArgumentException("Only the last chunk is shorter than the others.", nameof(data));
        }

        if (_leaves.Length < (_chunks + 1) * BlobLimits.HashBytes)
        {
            Array.Resize(ref _leaves, _leaves.Length * 2);
        }

        _hasher.Leaf(data, _leaves.AsSpan(_chunks * BlobLimits.HashBytes, BlobLimits.HashBytes));
        try
        {
            pieces.WriteChunk(salt, _chunks, data);
        }
        catch (Exception failure) when (BlobFolder.IsOfDisk(failure))
        {
            throw folder.Explain(failure);
        }

        _chunks++;
        _size += data.Length;
    }

    public StoredBlob Commit(bool isPinned, BlobId? expected, DateTimeOffset now, out bool isNew)
    {
        if (_chunks == 0)
        {
            Append([]);
        }

        var tree = new BlobTree(_size);
        for (int chunk = 0; chunk < _chunks; chunk++)
        {
            tree.SetLeaf(chunk, _leaves.AsSpan(chunk * BlobLimits.HashBytes, BlobLimits.HashBytes));
        }

        BlobId id = tree.Build(_hasher);
        if (expected is { } wanted && wanted != id)
        {
            throw BlobMismatch.Of(wanted, id);
        }

        using (IBlobFile? known = folder.Open(id))
        {
            if (known is { IsWhole: true })
            {
                isNew = false;
                known.Pin(isPinned || known.IsPinned);
                folder.Touch(id, now);
                return new(id, _size, IsWhole: true, known.IsPinned, now);
            }

            isPinned |= known?.IsPinned ?? false;
        }

        var head = new BlobHead(id, _size, IsWhole: true, isPinned, IsDamaged: false, salt, Generation: 1);
        folder.Guard(() =>
        {
            pieces.WriteTree(salt, tree);
            pieces.WriteHead(head);
            pieces.WriteHead(head with { Generation = 2 });
            pieces.Sync();
        });
        pieces.Dispose();
        folder.Rename(path, id, _size);
        _isOver = true;
        isNew = true;
        return new(id, _size, IsWhole: true, isPinned, now);
    }

    public void Dispose()
    {
        if (!_isOver)
        {
            _isOver = true;
            pieces.Dispose();
            folder.Discard(path);
        }
    }
}
