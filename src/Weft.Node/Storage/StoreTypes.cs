using Weft.Graph;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Node.Storage;

/// <summary>One winner of a merge, on its way into the store.</summary>
/// <param name="Write">The new value.</param>
/// <param name="Displaced">What it replaces; for the index of reverse links.</param>
/// <param name="HadKnown">False when the field is new.</param>
public readonly record struct CommitField(FieldWrite Write, WeftValue Displaced, bool HadKnown);

/// <summary>What one batch of writes does to the store: one log record, all or nothing.</summary>
/// <param name="Fields">Winners; at most one per field.</param>
/// <param name="Deferred">Writes of the near future to hold.</param>
/// <param name="Released">Held writes that were offered again and need no holding any more.</param>
/// <param name="ClockHigh">The highest local HAM state so far.</param>
/// <param name="Origin">Who brought the batch: 0 for this process, else the driver's number of a connection.</param>
public record CommitBatch(
    IReadOnlyList<CommitField> Fields,
    IReadOnlyList<FieldWrite> Deferred,
    IReadOnlyList<FieldWrite> Released,
    double ClockHigh,
    long Origin = 0)
{
    /// <summary>Changes nothing; appending it waits until everything before it is durable.</summary>
    public static CommitBatch Empty { get; } = new([], [], [], double.NegativeInfinity);

    /// <summary>Changes of signed logs, in order; part of the same commit.</summary>
    public IReadOnlyList<LogDelta> Logs { get; init; } = [];

    /// <summary>
    /// What is kept of the past, part of the same commit: fields of souls as <see cref="Graph.History.HistorySoul"/> gives
    /// them. They are read by their souls like any other, and stand in no list.
    /// </summary>
    public virtual IReadOnlyList<FieldWrite> History => [];

    /// <summary>Changes of records of the DHT, in order; part of the same commit.</summary>
    public IReadOnlyList<RecordChange> Records { get; init; } = [];

    /// <summary>True when there is nothing to log.</summary>
    public bool IsEmpty =>
        Fields.Count == 0 && Deferred.Count == 0 && Released.Count == 0 && Logs.Count == 0 && Records.Count == 0
        && History.Count == 0;
}

/// <summary>
/// A batch with rows of history. A type of its own, so that batches without cost nothing for it.
/// </summary>
public sealed record HistoryBatch : CommitBatch
{
    private readonly IReadOnlyList<FieldWrite> _rows;

    /// <summary>Adds rows to a batch.</summary>
    /// <param name="batch">What else is part of the commit.</param>
    /// <param name="rows">The rows.</param>
    public HistoryBatch(CommitBatch batch, IReadOnlyList<FieldWrite> rows)
        : base(batch) => _rows = rows;

    /// <inheritdoc/>
    public override IReadOnlyList<FieldWrite> History => _rows;
}

/// <summary>A batch that has become durable.</summary>
/// <param name="Sequence">1 and up, without holes.</param>
/// <param name="Batch">What it did.</param>
public readonly record struct Commit(long Sequence, CommitBatch Batch);

/// <summary>What an append reached.</summary>
/// <param name="Sequence">The commit's sequence; for an empty batch that of the newest commit.</param>
/// <param name="Reached">The durability level reached.</param>
public readonly record struct CommitReceipt(long Sequence, Durability Reached);

/// <summary>Where a read found its data.</summary>
public enum ReadSource
{
    /// <summary>Nowhere.</summary>
    None = 0,

    /// <summary>The memory tiers.</summary>
    Memory,

    /// <summary>The disk tier.</summary>
    Disk,

    /// <summary>Another peer.</summary>
    Peer,
}

/// <summary>Some fields of one node, in order.</summary>
/// <param name="Fields">The fields.</param>
/// <param name="More">True when the range holds more.</param>
/// <param name="Source">The lowest tier that was needed.</param>
public readonly record struct NodePage(IReadOnlyList<StoredField> Fields, bool More, ReadSource Source)
{
    /// <summary>A page without fields.</summary>
    public static NodePage Empty { get; } = new([], false, ReadSource.None);
}

/// <summary>A changed field with its soul.</summary>
/// <param name="Soul">The node.</param>
/// <param name="Field">The field as it is now.</param>
public readonly record struct StoredChange(string Soul, StoredField Field);

/// <summary>What one maintenance pass did.</summary>
/// <param name="TombstonesRemoved">Tombstones past the horizon.</param>
/// <param name="Expired">Fields past their expiry.</param>
/// <param name="BytesFreed">Bytes given back to the file system.</param>
/// <param name="Duration">How long it took.</param>
public readonly record struct MaintenanceResult(
    long TombstonesRemoved, long Expired, long BytesFreed, TimeSpan Duration);

/// <summary>One damaged place.</summary>
/// <param name="File">The file's name, without its folder.</param>
/// <param name="Where">Offset, page or key.</param>
/// <param name="What">What does not fit.</param>
/// <param name="Souls">The nodes that are affected, as far as known; at most 100.</param>
public sealed record Damage(string File, string Where, string What, IReadOnlyList<string> Souls);

/// <summary>What a full read found.</summary>
/// <param name="Fields">Fields read and found good.</param>
/// <param name="Bytes">Bytes read.</param>
/// <param name="Damages">What was damaged; empty when all is well.</param>
/// <param name="Duration">How long it took.</param>
public sealed record VerifyReport(long Fields, long Bytes, IReadOnlyList<Damage> Damages, TimeSpan Duration);

/// <summary>What a backup holds.</summary>
/// <param name="Fields">Fields written and read back.</param>
/// <param name="Bytes">Bytes of the file.</param>
/// <param name="Sequence">The last commit in it.</param>
/// <param name="Duration">How long it took.</param>
public sealed record BackupReport(long Fields, long Bytes, long Sequence, TimeSpan Duration)
{
    /// <summary>Files beside the graph that came with a backup; set by a restore only.</summary>
    public IReadOnlyList<BackupFile> Files { get; init; } = [];
}

/// <summary>A small file that a backup carries beside the graph, for example a sealed key.</summary>
/// <param name="Name">What tells it from others.</param>
/// <param name="Content">At most 64 KiB.</param>
public sealed record BackupFile(string Name, ReadOnlyMemory<byte> Content)
{
    /// <summary>The name; never what is in it.</summary>
    public override string ToString() => Name;
}

/// <summary>Counts and sizes of a store.</summary>
/// <param name="Nodes">Nodes, about.</param>
/// <param name="Fields">Fields, about; tombstones count.</param>
/// <param name="MemoryBytes">Bytes that the memory tiers hold.</param>
/// <param name="MemoryBytesMax">Their ceiling.</param>
/// <param name="DiskBytes">Bytes of all files.</param>
/// <param name="LogBytes">Bytes of the commit log that are not yet in the disk tier.</param>
/// <param name="Commits">Commits since the start.</param>
/// <param name="Flushes">Disk flushes since the start.</param>
/// <param name="CacheHits">Reads answered from memory since the start.</param>
/// <param name="CacheMisses">Reads that needed the disk tier.</param>
/// <param name="FlushP50Ms">Median latency of a disk flush, in milliseconds; 0 before the first.</param>
/// <param name="FlushP99Ms">99th percentile of it.</param>
/// <param name="Failure">Why the store takes no writes, or null.</param>
public sealed record StoreStats(
    long Nodes,
    long Fields,
    long MemoryBytes,
    long MemoryBytesMax,
    long DiskBytes,
    long LogBytes,
    long Commits,
    long Flushes,
    long CacheHits,
    long CacheMisses,
    double FlushP50Ms,
    double FlushP99Ms,
    string? Failure);
