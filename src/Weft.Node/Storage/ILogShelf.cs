using Weft.Crypto;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Node.Storage;

/// <summary>Where a store keeps signed logs, beside the graph and in the same commits.</summary>
/// <remarks>
/// A change of a log is a commit of the store: it is durable when
/// <see cref="IStore.AppendAsync(CommitBatch, Durability)"/> of an empty batch has completed. One log has one caller at
/// a time; several logs may be used at once.
/// </remarks>
public interface ILogShelf
{
    /// <summary>The logs that are kept, in order of their keys.</summary>
    /// <exception cref="WeftException">FileDamaged, DiskFailed.</exception>
    IReadOnlyList<StoredLog> List();

    /// <summary>Gives the place of one log, which may be new.</summary>
    /// <param name="key">The log's key.</param>
    /// <param name="crypto">The primitives: leaves are computed from blocks.</param>
    ILogStore Open(Hash32 key, ICrypto crypto);

    /// <summary>Where older blocks can go; null when the store has no such place.</summary>
    ILogArchive? Archive => null;

    /// <summary>Writes what the node notes about a log.</summary>
    /// <returns>The number of the commit.</returns>
    /// <exception cref="WeftException">DiskFull, DiskFailed, StoreStopped.</exception>
    long WriteMeta(Hash32 key, ReadOnlyMemory<byte> meta);
}

/// <summary>Where a store keeps blocks that are seldom read: compressed, checksummed, read on demand.</summary>
/// <remarks>A block in it counts as being here. Safe to use from many threads.</remarks>
public interface ILogArchive
{
    /// <summary>The first block, from a number on, that is not in the archive.</summary>
    long FirstOutside(Hash32 key, long index);

    /// <summary>Writes blocks that follow each other; they are durable when this returns.</summary>
    /// <param name="key">The log.</param>
    /// <param name="fork">Its fork.</param>
    /// <param name="start">The number of the first.</param>
    /// <param name="blocks">1 to 4,096, as they are stored.</param>
    /// <returns>Bytes of the file.</returns>
    /// <exception cref="WeftException">DiskFull, DiskFailed.</exception>
    long Write(Hash32 key, long fork, long start, IReadOnlyList<ReadOnlyMemory<byte>> blocks);
}

/// <summary>A log that a store keeps.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Meta">What the node noted about it; empty when it noted nothing.</param>
public sealed record StoredLog(Hash32 Key, ReadOnlyMemory<byte> Meta);
