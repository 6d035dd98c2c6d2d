using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Weft.Storage.Files;

/// <summary>The real files.</summary>
internal sealed partial class DiskFileSystem : IFileSystem
{
    public static DiskFileSystem Instance { get; } = new();

    public IFile Open(string path, bool create)
    {
        if (create)
        {
            CreateForOwner(path);
        }

        return new DiskFile(File.OpenHandle(
            path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete));
    }

    /// <summary>Makes an empty file that only its owner may read and write.</summary>
    public static void CreateForOwner(string path)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        new FileStream(path, options).Dispose();
    }

    public bool Exists(string path) => File.Exists(path);

    public void Delete(string path) => File.Delete(path);

    public void Move(string from, string to) => File.Move(from, to);

    public IReadOnlyList<string> List(string folder) =>
        [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public void SyncFolder(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // Elsewhere a folder has no flush of its own.
        }

        int handle = Native.Open(folder, 0);
        if (handle < 0)
        {
            throw new IOException($"The folder '{folder}' cannot be opened.", Marshal.GetLastPInvokeError());
        }

        int result = Native.Fsync(handle);
        int error = Marshal.GetLastPInvokeError();
        Native.Close(handle);
        if (result != 0)
        {
            throw new IOException($"The folder '{folder}' cannot be flushed.", error);
        }
    }

    private sealed class DiskFile(SafeFileHandle handle) : IFile
    {
        public long Length => RandomAccess.GetLength(handle);

        public int Read(long offset, Span<byte> target)
        {
            int total = 0;
            while (total < target.Length)
            {
                int read = RandomAccess.Read(handle, target[total..], offset + total);
                if (read == 0)
                {
                    break;
                }

                total += read;
            }

            return total;
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(handle, bytes, offset);

        /// <summary>
        /// On Linux without the times of the file: the log's space is written in advance, so nothing but the bytes
        /// themselves has to reach the disk, and no journal of the file system is waited for.
        /// </summary>
        public void Sync()
        {
            if (!OperatingSystem.IsLinux())
            {
                RandomAccess.FlushToDisk(handle);
                return;
            }

            bool added = false;
            try
            {
                handle.DangerousAddRef(ref added);
                if (Native.Fdatasync((int)handle.DangerousGetHandle()) != 0)
                {
                    throw new IOException("A flush to the disk failed.", Marshal.GetLastPInvokeError());
                }
            }
            finally
            {
                if (added)
                {
                    handle.DangerousRelease();
                }
            }
        }

        public void Dispose() => handle.Dispose();
    }

    private static partial class Native
    {
        [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
        internal static partial int Fdatasync(int file);

        [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
        internal static partial int Fsync(int file);

        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
        internal static partial int Close(int file);
    }
}
