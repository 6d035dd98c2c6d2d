using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Storage;

/// <summary>Where a store keeps blobs, beside the graph: under the same lock, sealed with the same key.</summary>
/// <remarks>
/// Calls touch the disk and come back when they are done. Safe to use from many threads; one file has one writer at a
/// time. Failures of the disk are <see cref="WeftException"/>: DiskFull, DiskFailed, FileDamaged. Source:
/// docs/spec/blobs.md, section 6.
/// </remarks>
public interface IBlobShelf
{
    /// <summary>Every blob that is kept, whole or in part, in the order of their ids. What an interrupted add left goes.</summary>
    IReadOnlyList<StoredBlob> List();

    /// <summary>Begins to keep content whose id is not known yet.</summary>
    IBlobDraft Begin();

    /// <summary>Begins to keep a blob of which nothing but the root is known, or gives the file that is there.</summary>
    /// <param name="id">The blob.</param>
    /// <param name="tree">Its tree, with a root that belongs to the id.</param>
    IBlobFile BeginPart(BlobId id, BlobTree tree);

    /// <summary>Opens a blob.</summary>
    /// <returns>Null when nothing is kept of it.</returns>
    IBlobFile? Open(BlobId id);

    /// <summary>Removes a blob; who has it open reads on.</summary>
    /// <returns>The bytes that were given back; 0 when it was not there.</returns>
    long Remove(BlobId id);

    /// <summary>Notes when a blob was last used; costs no flush.</summary>
    void Touch(BlobId id, DateTimeOffset at);
}

/// <summary>A blob that a store keeps.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Size">Bytes of its content.</param>
/// <param name="IsWhole">All of it is here.</param>
/// <param name="IsPinned">It stays until somebody says otherwise.</param>
/// <param name="UsedAt">When it was last used, about.</param>
public sealed record StoredBlob(BlobId Id, long Size, bool IsWhole, bool IsPinned, DateTimeOffset UsedAt)
{
    /// <summary>It was whole once, and a part of it could not be read.</summary>
    public bool IsDamaged { get; init; }
}

/// <summary>Content on its way into a store. Disposing it before the commit throws everything away.</summary>
public interface IBlobDraft : IDisposable
{
    /// <summary>Adds the next chunk.</summary>
    /// <param name="data">A whole chunk; a shorter one is the last.</param>
    void Append(ReadOnlySpan<byte> data);

    /// <summary>
    /// Computes the id, and makes the blob durable under it in one step: after a crash it is there whole or not at all.
    /// </summary>
    /// <param name="isPinned">It stays until somebody says otherwise.</param>
    /// <param name="expected">The id that is wanted; null takes any.</param>
    /// <param name="now">When it is used first.</param>
    /// <param name="isNew">False when the same content was here before.</param>
    /// <exception cref="WeftException">BlobMismatch: the content has another id; nothing was kept.</exception>
    StoredBlob Commit(bool isPinned, BlobId? expected, DateTimeOffset now, out bool isNew);
}

/// <summary>What became of reading a chunk.</summary>
public enum BlobChunkRead
{
    /// <summary>It is right.</summary>
    Right = 0,

    /// <summary>It was never here.</summary>
    NotHere,

    /// <summary>It was here; what the disk gives now is not it. It counts as not here from now on.</summary>
    Damaged,
}

/// <summary>An open blob.</summary>
public interface IBlobFile : IDisposable
{
    /// <summary>The blob.</summary>
    BlobId Id { get; }

    /// <summary>Bytes of its content.</summary>
    long Size { get; }

    /// <summary>All of it is here, as far as is known.</summary>
    bool IsWhole { get; }

    /// <summary>It stays until somebody says otherwise.</summary>
    bool IsPinned { get; }

    /// <summary>Its tree as far as it is known; whoever writes chunks adds to it.</summary>
    BlobTree Tree { get; }

    /// <summary>True when a chunk is here, as far as is known.</summary>
    bool IsHere(int chunk);

    /// <summary>Reads a chunk and checks it.</summary>
    /// <param name="chunk">Which.</param>
    /// <param name="target">Takes <see cref="BlobLimits.ChunkLength"/> bytes; other bytes unless the result is Right.</param>
    BlobChunkRead Read(int chunk, Span<byte> target);

    /// <summary>Keeps a chunk that the tree knows; durable after <see cref="Flush"/>.</summary>
    void Write(int chunk, ReadOnlySpan<byte> data);

    /// <summary>Makes everything written durable; says so when all of it is here.</summary>
    /// <returns>True when the blob is whole.</returns>
    bool Flush();

    /// <summary>Pins or unpins, durably.</summary>
    void Pin(bool isPinned);
}
