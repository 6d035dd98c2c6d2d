using Weft.Node.Storage;
using Weft.Protocols.Blobs;

namespace Weft.Storage.Blobs;

/// <summary>One blob's file, open; shared by all who use it. See <see cref="BlobHandle"/>.</summary>
internal sealed class BlobFile
{
    private readonly BlobFolder _folder;
    private readonly BlobPieces _pieces;
    private readonly Lock _gate = new();
    private readonly BlobHasher _hasher;
    private readonly bool[] _here;
    private BlobHead _head;
    private bool _isDirty;

    public BlobFile(BlobFolder folder, BlobPieces pieces, BlobHead head, BlobTree tree, bool isTreeRight)
    {
        _folder = folder;
        _pieces = pieces;
        _head = head;
        _hasher = new BlobHasher(folder.Crypto);
        Tree = tree;
        _here = new bool[tree.Chunks];
        if (head.IsWhole && isTreeRight)
        {
            Array.Fill(_here, true);
        }
        else
        {
            FindChunks();
            bool isWhole = Array.TrueForAll(_here, static here => here) && head.IsWhole;
            _head = head with { IsWhole = isWhole, IsDamaged = head.IsDamaged || (head.IsWhole && !isWhole) };
        }
    }

    public BlobId Id => _head.Id;

    public long Size => _head.Size;

    public BlobTree Tree { get; }

    public bool IsPinned => Volatile.Read(ref _head).IsPinned;

    public bool IsWhole => Volatile.Read(ref _head).IsWhole;

    public bool IsHere(int chunk) => Volatile.Read(ref _here[chunk]);

    public BlobChunkRead Read(int chunk, Span<byte> target, BlobHasher hasher)
    {
        if (!IsHere(chunk))
        {
            return BlobChunkRead.NotHere;
        }

        if (Guarded(chunk, target) && Tree.IsChunk(chunk, target, hasher))
        {
            return BlobChunkRead.Right;
        }

        lock (_gate)
        {
            if (_here[chunk])
            {
                _here[chunk] = false;
                PutHead(_head with { IsWhole = false, IsDamaged = true }); // The next start looks at every chunk.
            }
        }

        return BlobChunkRead.Damaged;
    }

    public void Write(int chunk, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            if (!Tree.IsChunk(chunk, data, _hasher))
            {
                throw new ArgumentException("The tree does not know this chunk.", nameof(data));
            }

            if (!_here[chunk])
            {
                try
                {
                    _pieces.WriteChunk(_head.Salt, chunk, data);
                }
                catch (Exception failure) when (BlobFolder.IsOfDisk(failure))
                {
                    throw _folder.Explain(failure);
                }

                _isDirty = true;
                Volatile.Write(ref _here[chunk], true);
            }
        }
    }

    public bool Flush()
    {
        lock (_gate)
        {
            if (_isDirty)
            {
                _folder.Guard(() =>
                {
                    _pieces.WriteTree(_head.Salt, Tree);
                    _pieces.Sync();
                });
                _isDirty = false;
            }

            if (!_head.IsWhole && Array.TrueForAll(_here, static here => here))
            {
                PutHead(_head with { IsWhole = true, IsDamaged = false });
            }

            return _head.IsWhole;
        }
    }

    public void Pin(bool isPinned)
    {
        lock (_gate)
        {
            if (_head.IsPinned != isPinned)
            {
                PutHead(_head with { IsPinned = isPinned });
            }
        }
    }

    public void Close() => _pieces.Dispose();

    private bool Guarded(int chunk, Span<byte> target)
    {
        try
        {
            return _pieces.TryReadChunk(_head.Salt, chunk, target);
        }
        catch (IOException)
        {
            return false; // A bad sector is damage like any other.
        }
    }

    private void PutHead(BlobHead head)
    {
        head = head with { Generation = head.Generation + 1 };
        _folder.Guard(() =>
        {
            _pieces.WriteHead(head);
            _pieces.Sync();
        });
        Volatile.Write(ref _head, head);
    }

    // Whether a chunk of a part came before a crash, only the chunk itself can tell.
    private void FindChunks()
    {
        byte[] data = new byte[BlobLimits.ChunkBytes];
        for (int chunk = 0; chunk < _here.Length; chunk++)
        {
            Span<byte> target = data.AsSpan(0, BlobLimits.ChunkLength(Size, chunk));
            _here[chunk] = Tree.Has(2 * chunk) && Guarded(chunk, target) && Tree.IsChunk(chunk, target, _hasher);
        }
    }
}

/// <summary>One user's hold on a <see cref="BlobFile"/>.</summary>
internal sealed class BlobHandle(BlobFolder folder, BlobSlot slot, BlobFile file) : IBlobFile
{
    [ThreadStatic]
    private static BlobHasher? _hasher;

    private int _isDisposed;

    public BlobId Id => file.Id;

    public long Size => file.Size;

    public bool IsWhole => file.IsWhole;

    public bool IsPinned => file.IsPinned;

    public BlobTree Tree => file.Tree;

    public bool IsHere(int chunk) => file.IsHere(chunk);

    public BlobChunkRead Read(int chunk, Span<byte> target)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);
        return file.Read(chunk, target, _hasher ??= new BlobHasher(folder.Crypto)); // Reading runs on many threads.
    }

    public void Write(int chunk, ReadOnlySpan<byte> data) => file.Write(chunk, data);

    public bool Flush() => file.Flush();

    public void Pin(bool isPinned) => file.Pin(isPinned);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            folder.Release(slot);
        }
    }
}

/// <summary>Where an open file stands; under the folder's gate but for the opening itself, which has a gate of its own.</summary>
internal sealed class BlobSlot(BlobId id)
{
    public BlobId Id => id;

    public Lock Gate { get; } = new();

    public BlobFile? File { get; set; }

    public int Users { get; set; }
}
