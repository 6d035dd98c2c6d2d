namespace Weft.Storage.Files;

/// <summary>
/// The file access of the engine in one place, so that a test can fail the Nth operation, tear a write, drop what was
/// not flushed, or flip a bit. Failures are <see cref="IOException"/> and <see cref="UnauthorizedAccessException"/>.
/// </summary>
internal interface IFileSystem
{
    /// <summary>Opens a file for reading and writing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="create">True to make it; it must not exist.</param>
    IFile Open(string path, bool create);

    bool Exists(string path);

    void Delete(string path);

    void Move(string from, string to);

    /// <summary>The files of a folder, by name without the folder.</summary>
    IReadOnlyList<string> List(string folder);

    /// <summary>Makes names in a folder durable.</summary>
    void SyncFolder(string folder);
}

/// <summary>One open file.</summary>
internal interface IFile : IDisposable
{
    long Length { get; }

    /// <summary>Reads until the target is full or the file ends.</summary>
    int Read(long offset, Span<byte> target);

    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Flushes content, and the length when it has changed.</summary>
    void Sync();
}
