namespace Weft.Node.Storage;

/// <summary>Where a store keeps records of the DHT, beside the graph and in the same commits.</summary>
/// <remarks>
/// A change is durable when <see cref="IStore.AppendAsync(CommitBatch, Primitives.Durability)"/> of an empty batch has
/// completed. Whoever reads the records keeps them in memory: the shelf serves the next start.
/// </remarks>
public interface IRecordShelf
{
    /// <summary>The records that are kept, in the order of their keys.</summary>
    /// <exception cref="Primitives.WeftException">FileDamaged, DiskFailed.</exception>
    IReadOnlyList<RecordChange> Load();

    /// <summary>Keeps or removes one record.</summary>
    /// <exception cref="Primitives.WeftException">DiskFull, DiskFailed, StoreStopped.</exception>
    void Write(RecordChange change);
}

/// <summary>A change of one record of the DHT.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Record">The record in network form; empty when it is removed.</param>
/// <param name="ExpiresMs">When it ends, in milliseconds since 1970.</param>
/// <param name="ReceivedMs">When it came.</param>
/// <param name="IsOwn">This peer published it.</param>
public sealed record RecordChange(
    ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Record, double ExpiresMs, double ReceivedMs, bool IsOwn);
