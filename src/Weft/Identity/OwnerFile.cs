namespace Weft;

/// <summary>Files that only their owner may read, replaced as a whole.</summary>
public static class OwnerFile
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Replaces the file: readers see the old one or the new one, and a crash leaves one of the two.</summary>
    /// <param name="path">The file; its folder is made if missing.</param>
    /// <param name="content">All of it.</param>
    /// <exception cref="IOException">The disk failed; the old file is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write there.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string fresh = path + ".new";
        File.Delete(fresh);
        var creation = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            creation.UnixCreateMode = Mode;
        }

        using (var stream = new FileStream(fresh, creation))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }

    /// <summary>Takes the rights of others away from a file that exists. On Windows the folder's rights hold.</summary>
    /// <exception cref="UnauthorizedAccessException">The file is another user's.</exception>
    public static void Restrict(string path)
    {
        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(path) != Mode)
        {
            File.SetUnixFileMode(path, Mode);
        }
    }
}
