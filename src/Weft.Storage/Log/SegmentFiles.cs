using System.Globalization;
using Weft.Storage.Files;

namespace Weft.Storage.Log;

/// <summary>The files of the commit log: one per segment.</summary>
internal sealed class SegmentFiles(IFileSystem files, string folder)
{
    private const string Prefix = "commits-";
    private const string Suffix = ".log";
    private const int FillBytes = 1 << 20;

    public string Folder => folder;

    /// <summary>The numbers of all segments, rising.</summary>
    public List<long> List()
    {
        var numbers = new List<long>();
        foreach (string name in files.List(folder))
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal)
                && long.TryParse(name.AsSpan(Prefix.Length, name.Length - Prefix.Length - Suffix.Length),
                    NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            {
                numbers.Add(number);
            }
        }

        numbers.Sort();
        return numbers;
    }

    public static string NameOf(long number) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D10}{Suffix}");

    public string PathOf(long number) => Path.Combine(folder, NameOf(number));

    /// <summary>
    /// Makes a segment whose space is really there: filled with zeros and flushed, so that later writes change nothing but
    /// bytes and cannot meet a full disk.
    /// </summary>
    public IFile Create(long number, long bytes)
    {
        string path = PathOf(number);
        IFile? file = null;
        try
        {
            file = files.Open(path, create: true);
            byte[] zeros = new byte[Math.Min(bytes, FillBytes)];
            for (long at = 0; at < bytes; at += zeros.Length)
            {
                file.Write(at, zeros.AsSpan(0, (int)Math.Min(zeros.Length, bytes - at)));
            }

            file.Sync();
            files.SyncFolder(folder);
            return file;
        }
        catch (Exception failure) when (StorageErrors.IsWorld(failure))
        {
            file?.Dispose();
            TryDelete(number);
            throw;
        }
    }

    public byte[] ReadWhole(long number)
    {
        using IFile file = files.Open(PathOf(number), create: false);
        byte[] bytes = GC.AllocateUninitializedArray<byte>(checked((int)file.Length));
        int read = file.Read(0, bytes);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    /// <summary>True for a segment that was prepared and never written.</summary>
    public bool IsBlank(long number)
    {
        using IFile file = files.Open(PathOf(number), create: false);
        byte[] head = new byte[Node.Commits.CommitRecordCodec.SegmentHeaderBytes];
        return head.AsSpan(0, file.Read(0, head)).IndexOfAnyExcept((byte)0) < 0;
    }

    public void TryDelete(long number)
    {
        try
        {
            files.Delete(PathOf(number));
        }
        catch (Exception failure) when (StorageErrors.IsWorld(failure))
        {
            // It costs its space until the next start looks again.
        }
    }

    /// <summary>Keeps a damaged segment for later, out of the way.</summary>
    public void Quarantine(long number, byte[] content)
    {
        string aside = Path.Combine(folder, "quarantine");
        Directory.CreateDirectory(aside);
        string path = Path.Combine(aside, NameOf(number));
        if (!files.Exists(path))
        {
            using IFile copy = files.Open(path, create: true);
            copy.Write(0, content);
            copy.Sync();
        }
    }
}
