using Weft.Log;
using Weft.Node.Storage;
using Weft.Storage.Files;
using Weft.Storage.Sealing;

namespace Weft.Storage.Logs;

/// <summary>
/// The archive of a store: older blocks of logs in files of a folder that may lie on a slower disk. Read on demand.
/// </summary>
internal sealed class ColdBlocks : ILogArchive
{
    /// <summary>The folder, beside the store's other files; it may be a link to another disk.</summary>
    public const string FolderName = "cold";

    private const int OpenMax = 3; // Files kept open in memory, of some MiB each.

    private readonly Lock _gate = new();
    private readonly string _folder;
    private readonly Sealer? _sealer;
    private readonly Dictionary<Hash32, List<ColdFile>> _files = [];
    private readonly LinkedList<(ColdFile File, ReadOnlyMemory<byte>[] Blocks)> _open = [];

    public ColdBlocks(string folder, Sealer? sealer)
    {
        _folder = Path.Combine(folder, FolderName);
        _sealer = sealer;
        foreach (ColdFile file in List(folder).Select(ColdFile.OfName).OfType<ColdFile>())
        {
            Add(file);
        }
    }

    /// <summary>The names of the files in a store's archive, in order.</summary>
    public static IReadOnlyList<string> List(string folder)
    {
        string cold = Path.Combine(folder, FolderName);
        return Directory.Exists(cold)
            ? [.. Directory.EnumerateFiles(cold, "*" + ColdFile.Ending).Select(path => Path.GetFileName(path)!)
                .Where(name => ColdFile.OfName(name) is not null).Order(StringComparer.Ordinal)]
            : [];
    }

    /// <inheritdoc/>
    public long FirstOutside(Hash32 key, long index)
    {
        lock (_gate)
        {
            while (Find(key, index) is { } file)
            {
                index = file.End;
            }

            return index;
        }
    }

    /// <inheritdoc/>
    public long Write(Hash32 key, long fork, long start, IReadOnlyList<ReadOnlyMemory<byte>> blocks)
    {
        (ColdFile file, byte[] content) = ColdFile.Write(key, fork, start, blocks, _sealer);
        WriteFile(_folder, file.Name, content);
        lock (_gate)
        {
            Add(file);
        }

        return content.Length;
    }

    public bool TryRead(in Hash32 key, long index, out ReadOnlyMemory<byte> block)
    {
        block = default;
        lock (_gate)
        {
            if (Find(key, index) is not { } file)
            {
                return false;
            }

            block = BlocksOf(file)[(int)(index - file.Start)];
            return true;
        }
    }

    /// <summary>Writes a file of an archive, durably, and whole or not at all.</summary>
    public static void WriteFile(string cold, string name, ReadOnlySpan<byte> content)
    {
        try
        {
            Directory.CreateDirectory(cold);
            string path = Path.Combine(cold, name);
            string partial = path + ".partial";
            File.Delete(partial);
            using (IFile file = DiskFileSystem.Instance.Open(partial, create: true))
            {
                file.Write(0, content);
                file.Sync();
            }

            File.Move(partial, path, overwrite: true);
            DiskFileSystem.Instance.SyncFolder(cold);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw StorageErrors.Classify(failure) == Primitives.WeftError.DiskFull
                ? StorageErrors.Full(cold, failure)
                : StorageErrors.Failed($"'{cold}' cannot be written; the blocks stay where they were", failure);
        }
    }

    private void Add(ColdFile file)
    {
        if (!_files.TryGetValue(file.Key, out List<ColdFile>? files))
        {
            _files.Add(file.Key, files = []);
        }

        files.Add(file);
    }

    /// <summary>The file that holds a block: of several the one of the highest fork.</summary>
    private ColdFile? Find(in Hash32 key, long index)
    {
        ColdFile? found = null;
        foreach (ColdFile file in _files.GetValueOrDefault(key, []))
        {
            if (index >= file.Start && index < file.End && (found is null || file.Fork > found.Fork))
            {
                found = file;
            }
        }

        return found;
    }

    private ReadOnlyMemory<byte>[] BlocksOf(ColdFile file)
    {
        for (LinkedListNode<(ColdFile File, ReadOnlyMemory<byte>[] Blocks)>? node = _open.First; node is not null;
            node = node.Next)
        {
            if (node.Value.File.Name == file.Name)
            {
                _open.Remove(node);
                _open.AddFirst(node);
                return node.Value.Blocks;
            }
        }

        byte[] content;
        try
        {
            content = File.ReadAllBytes(Path.Combine(_folder, file.Name));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw StorageErrors.Failed($"'{file.Name}' of the archive cannot be read", failure);
        }

        ReadOnlyMemory<byte>[] blocks = file.Read(content, _sealer)
            ?? throw StorageErrors.Damaged(file.Name, FolderName, "its checksum does not fit");
        _open.AddFirst((file, blocks));
        while (_open.Count > OpenMax)
        {
            _open.RemoveLast();
        }

        return blocks;
    }
}
