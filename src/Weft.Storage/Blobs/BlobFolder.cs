using System.Buffers.Binary;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;
using Weft.Storage.Files;
using Weft.Storage.Sealing;

namespace Weft.Storage.Blobs;

/// <summary>The blobs of the engine: a file each, in the folder "blobs" beside the graph.</summary>
/// <remarks>
/// A file has its name only when its content is flushed, so what has a name is whole or says that it is not. In an
/// encrypted store the name is no hash of the content. Source: docs/spec/blobs.md, section 6.
/// </remarks>
internal sealed class BlobFolder : IBlobShelf
{
    /// <summary>The folder's name in a data folder.</summary>
    public const string Name = "blobs";

    private const string Extension = ".blob";
    private const string DraftExtension = ".new";

    private readonly string _folder;
    private readonly IFileSystem _files;
    private readonly Sealer? _sealer;
    private readonly Lock _gate = new();
    private readonly Dictionary<BlobId, BlobSlot> _open = [];
    private readonly HashSet<string> _drafts = [];
    private long _bytes;

    public BlobFolder(string dataFolder, IFileSystem files, Sealer? sealer, ICrypto crypto)
    {
        _folder = Path.Combine(dataFolder, Name);
        _files = files;
        _sealer = sealer;
        Crypto = crypto;
    }

    internal ICrypto Crypto { get; }

    public IReadOnlyList<StoredBlob> List()
    {
        var blobs = new SortedDictionary<BlobId, StoredBlob>();
        long bytes = 0;
        foreach (string name in Names())
        {
            if (name.EndsWith(DraftExtension, StringComparison.Ordinal))
            {
                RemoveLeftover(name);
            }
            else if (ReadHead(name) is { } head)
            {
                blobs[head.Id] = new(
                    head.Id, head.Size, head.IsWhole, head.IsPinned, File.GetLastWriteTimeUtc(PathOf(name)))
                {
                    IsDamaged = head.IsDamaged,
                };
                bytes += BlobPieces.FileBytes(head.Size, _sealer is not null);
            }
        }

        Interlocked.Exchange(ref _bytes, bytes);
        return [.. blobs.Values];
    }

    /// <summary>The names of all files of blobs, in order; none when the folder is not there.</summary>
    public IReadOnlyList<string> Names() => Directory.Exists(_folder) ? _files.List(_folder) : [];

    /// <summary>The head of a file.</summary>
    /// <returns>Null when it has none that is good, or that of another blob than its name says, or is gone.</returns>
    public BlobHead? ReadHead(string name)
    {
        try
        {
            using var pieces = new BlobPieces(_files.Open(PathOf(name), create: false), _sealer);
            return pieces.ReadHead() is { } head && NameOf(head.Id) == name ? head : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (IOException)
        {
            return null; // Verifying says what is wrong.
        }
    }

    public IBlobDraft Begin()
    {
        string name = RandomNumberGenerator.GetHexString(32, lowercase: true) + DraftExtension;
        lock (_gate)
        {
            _drafts.Add(name);
        }

        return new BlobDraft(this, PathOf(name), Make(PathOf(name)), NewSalt());
    }

    public IBlobFile BeginPart(BlobId id, BlobTree tree) => Open(id, () =>
    {
        BlobPieces pieces = Make(PathOf(NameOf(id)));
        var head = new BlobHead(
            id, tree.Size, IsWhole: false, IsPinned: false, IsDamaged: false, NewSalt(), Generation: 1);
        Guard(() =>
        {
            pieces.WriteHead(head);
            pieces.WriteTree(head.Salt, tree);
            pieces.Sync();
            _files.SyncFolder(_folder);
        });
        Interlocked.Add(ref _bytes, BlobPieces.FileBytes(tree.Size, _sealer is not null));
        return new BlobFile(this, pieces, head, tree, isTreeRight: false);
    })!;

    public IBlobFile? Open(BlobId id) => Open(id, static () => null);

    public long Remove(BlobId id)
    {
        lock (_gate)
        {
            var file = new FileInfo(PathOf(NameOf(id)));
            if (!file.Exists)
            {
                return 0;
            }

            long bytes = Math.Max(1, file.Length);
            _open.Remove(id); // Who reads goes on with the file that has no name any more.
            Guard(() => _files.Delete(file.FullName));
            Interlocked.Add(ref _bytes, -bytes);
            return bytes;
        }
    }

    public void Touch(BlobId id, DateTimeOffset at)
    {
        try
        {
            File.SetLastWriteTimeUtc(PathOf(NameOf(id)), at.UtcDateTime);
        }
        catch (IOException)
        {
            // It was removed meanwhile; a note of its use has no worth then.
        }
    }

    /// <summary>Bytes of all files, parts counted as if they were whole; right once they were listed.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Reads a file to its end, and changes nothing.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="onBytes">Takes what each step read.</param>
    /// <param name="onDamage">Takes the blob when it is known, a place, and what does not fit there.</param>
    /// <param name="cancellation">Stops early.</param>
    public void Check(
        string name, Action<long> onBytes, Action<BlobId?, string, string> onDamage, CancellationToken cancellation)
    {
        if (!name.EndsWith(Extension, StringComparison.Ordinal))
        {
            return;
        }

        if (ReadHead(name) is not { } head)
        {
            if (_files.Exists(PathOf(name)))
            {
                onDamage(null, "its head", "it cannot be read, or is another blob's");
            }

            return;
        }

        if (!head.IsWhole)
        {
            return; // What is here of it is looked at when it is fetched on.
        }

        try
        {
            using var pieces = new BlobPieces(_files.Open(PathOf(name), create: false), _sealer);
            Check(pieces, head, onBytes, onDamage, cancellation);
        }
        catch (FileNotFoundException)
        {
            // Removed since it was listed.
        }
        catch (IOException failure)
        {
            onDamage(head.Id, "the file", failure.Message);
        }
    }

    internal static bool IsOfDisk(Exception failure) => failure is IOException or UnauthorizedAccessException;

    /// <summary>The error of ours for a failure of the disk.</summary>
    internal WeftException Explain(Exception failure) => StorageErrors.Classify(failure) == WeftError.DiskFull
        ? StorageErrors.Full(_folder, failure)
        : StorageErrors.Failed($"A blob in '{_folder}' cannot be written", failure);

    /// <summary>Runs something on the disk; what it fails with becomes an error of ours.</summary>
    internal void Guard(Action run)
    {
        try
        {
            run();
        }
        catch (Exception failure) when (IsOfDisk(failure))
        {
            throw Explain(failure);
        }
    }

    /// <summary>Gives finished content its name; what is there of it by now has to go.</summary>
    internal void Rename(string draft, BlobId id, long contentBytes)
    {
        lock (_gate)
        {
            string path = PathOf(NameOf(id));
            long size = BlobPieces.FileBytes(contentBytes, _sealer is not null);
            _open.Remove(id);
            Guard(() =>
            {
                if (_files.Exists(path))
                {
                    _files.Delete(path);
                    Interlocked.Add(ref _bytes, -size);
                }

                _files.Move(draft, path);
                _files.SyncFolder(_folder);
            });
            Interlocked.Add(ref _bytes, size);
            _drafts.Remove(Path.GetFileName(draft));
        }
    }

    internal void Discard(string draft)
    {
        lock (_gate)
        {
            _drafts.Remove(Path.GetFileName(draft));
        }

        try
        {
            _files.Delete(draft);
        }
        catch (IOException)
        {
            // The next start removes it.
        }
    }

    internal void Release(BlobSlot slot)
    {
        lock (_gate)
        {
            if (--slot.Users == 0)
            {
                if (_open.GetValueOrDefault(slot.Id) == slot)
                {
                    _open.Remove(slot.Id);
                }

                slot.File?.Close();
            }
        }
    }

    private void Check(
        BlobPieces pieces, BlobHead head, Action<long> onBytes, Action<BlobId?, string, string> onDamage,
        CancellationToken cancellation)
    {
        var tree = new BlobTree(head.Size);
        var hasher = new BlobHasher(Crypto);
        if (!tree.TryLoad(head.Id, pieces.ReadTree(head.Salt, tree), hasher) || !IsFull(tree))
        {
            onDamage(head.Id, "its tree", "its hashes do not make the id");
        }

        byte[] data = new byte[BlobLimits.ChunkBytes];
        for (int chunk = 0; chunk < tree.Chunks; chunk++)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<byte> target = data.AsSpan(0, BlobLimits.ChunkLength(head.Size, chunk));
            if (tree.Has(2 * chunk)
                && (!pieces.TryReadChunk(head.Salt, chunk, target) || !tree.IsChunk(chunk, target, hasher)))
            {
                onDamage(head.Id, $"chunk {chunk}", "it is not what the id stands for");
            }

            onBytes(target.Length);
        }
    }

    private static UInt128 NewSalt() =>
        BinaryPrimitives.ReadUInt128LittleEndian(RandomNumberGenerator.GetBytes(16));

    // Opening a part reads all of it; others are not kept waiting for that.
    private BlobHandle? Open(BlobId id, Func<BlobFile?> make)
    {
        BlobSlot? slot;
        lock (_gate)
        {
            if (!_open.TryGetValue(id, out slot))
            {
                _open.Add(id, slot = new BlobSlot(id));
            }

            slot.Users++;
        }

        try
        {
            lock (slot.Gate)
            {
                if ((slot.File ??= Find(id) ?? make()) is { } file)
                {
                    return new BlobHandle(this, slot, file);
                }
            }
        }
        catch
        {
            Release(slot);
            throw;
        }

        Release(slot);
        return null;
    }

    private BlobFile? Find(BlobId id)
    {
        string path = PathOf(NameOf(id));
        BlobPieces pieces;
        try
        {
            pieces = new BlobPieces(_files.Open(path, create: false), _sealer);
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        try
        {
            if (pieces.ReadHead() is not { } head || head.Id != id)
            {
                throw StorageErrors.Damaged($"{Name}/{Path.GetFileName(path)}", "its head", "it cannot be read");
            }

            var tree = new BlobTree(head.Size);
            var hasher = new BlobHasher(Crypto);
            bool isRight = tree.TryLoad(id, pieces.ReadTree(head.Salt, tree), hasher) && IsFull(tree);
            if (!isRight && head.IsWhole && Rebuild(pieces, head, hasher) is { } rebuilt)
            {
                tree = rebuilt;
                isRight = true;
            }

            return new BlobFile(this, pieces, head, tree, isRight);
        }
        catch (Exception failure)
        {
            pieces.Dispose();
            throw IsOfDisk(failure) ? Explain(failure) : failure;
        }
    }

    /// <summary>Computes a damaged tree again from content that is right, and writes it.</summary>
    private BlobTree? Rebuild(BlobPieces pieces, BlobHead head, BlobHasher hasher)
    {
        var tree = new BlobTree(head.Size);
        byte[] data = new byte[BlobLimits.ChunkBytes];
        Span<byte> hash = stackalloc byte[BlobLimits.HashBytes];
        for (int chunk = 0; chunk < tree.Chunks; chunk++)
        {
            Span<byte> target = data.AsSpan(0, BlobLimits.ChunkLength(head.Size, chunk));
            if (!pieces.TryReadChunk(head.Salt, chunk, target))
            {
                return null;
            }

            hasher.Leaf(target, hash);
            tree.SetLeaf(chunk, hash);
        }

        if (tree.Build(hasher) != head.Id)
        {
            return null;
        }

        Guard(() =>
        {
            pieces.WriteTree(head.Salt, tree);
            pieces.Sync();
        });
        return tree;
    }

    private static bool IsFull(BlobTree tree)
    {
        for (int node = 0; node < tree.NodeCount; node++)
        {
            if (!tree.Has(node))
            {
                return false;
            }
        }

        return true;
    }

    private BlobPieces Make(string path)
    {
        BlobPieces? made = null;
        Guard(() =>
        {
            if (!Directory.Exists(_folder))
            {
                if (OperatingSystem.IsWindows())
                {
                    Directory.CreateDirectory(_folder);
                }
                else
                {
                    Directory.CreateDirectory(
                        _folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                }

                _files.SyncFolder(Path.GetDirectoryName(_folder)!);
            }

            made = new BlobPieces(_files.Open(path, create: true), _sealer);
        });
        return made!;
    }

    private void RemoveLeftover(string name)
    {
        lock (_gate)
        {
            if (!_drafts.Contains(name))
            {
                Guard(() => _files.Delete(PathOf(name)));
            }
        }
    }

    private string NameOf(BlobId id)
    {
        if (_sealer is null)
        {
            return id + Extension;
        }

        Span<byte> name = stackalloc byte[BlobId.Length];
        _sealer.Name(id.Span, name);
        return Convert.ToHexStringLower(name) + Extension;
    }

    private string PathOf(string name) => Path.Combine(_folder, name);
}
