using Weft.Primitives;

namespace Weft.Protocols.Kad.Records;

/// <summary>
/// Where a peer keeps records of the DHT: its own and those it keeps for others. Implementations: memory, and the
/// engine
/// of Weft.Storage, which keeps them over a restart; one conformance suite holds both.
/// </summary>
/// <remarks>
/// Every call completes at once: the records stand in memory, within the ceilings. One caller at a time. Times are wall
/// times in milliseconds since 1970. Source: docs/spec/dht.md, "Record store".
/// </remarks>
public interface IRecordStore
{
    /// <summary>How many records there are.</summary>
    int Count { get; }

    /// <summary>Bytes of the records in the form they are kept in.</summary>
    long Bytes { get; }

    /// <summary>Keeps a record, in place of what was there for its key.</summary>
    /// <param name="record">The record.</param>
    /// <param name="expiresMs">When it ends.</param>
    /// <param name="isOwn">This peer published it. Such a record is replaced and evicted by this peer alone.</param>
    /// <param name="nowMs">The time.</param>
    RecordPut Put(KadRecord record, double expiresMs, bool isOwn, double nowMs);

    /// <summary>Keeps many; what is refused does not hinder the others.</summary>
    /// <returns>How many were kept.</returns>
    int PutBatch(ReadOnlySpan<RecordWrite> batch, double nowMs);

    /// <summary>Gives a record that has not expired, and notes the use.</summary>
    bool TryGet(ReadOnlySpan<byte> key, double nowMs, out StoredRecord record);

    /// <summary>Removes a record, an own one too.</summary>
    bool Remove(ReadOnlySpan<byte> key);

    /// <summary>Every record in the order of its key, without a copy. The store must not change meanwhile.</summary>
    IEnumerable<StoredRecord> Iterate();

    /// <summary>Records by prefix, range, publisher: in the order of their keys.</summary>
    IReadOnlyList<StoredRecord> Find(in RecordQuery query, double nowMs);

    /// <summary>The records whose keys are closest to a place, nearest first.</summary>
    IReadOnlyList<StoredRecord> Closest(in KadKey target, int recordsMax, double nowMs);

    /// <summary>Records last put to other peers before a moment, own ones or others: the longest ago first.</summary>
    IReadOnlyList<StoredRecord> Due(bool isOwn, double beforeMs, int recordsMax);

    /// <summary>Records that end within a time, soonest first.</summary>
    IReadOnlyList<StoredRecord> AboutToExpire(double nowMs, TimeSpan within, int recordsMax);

    /// <summary>Notes that a record was put to other peers, and its new end when it has one.</summary>
    bool OnReplicated(ReadOnlySpan<byte> key, double nowMs, double? expiresMs = null);

    /// <summary>Removes what has expired, own records too, and what is beyond the ceilings.</summary>
    RecordMaintenance Maintain(double nowMs);

    /// <summary>Counts and sizes.</summary>
    RecordHealth ReadHealth(double nowMs);

    /// <summary>
    /// Names the one listener that is told when utilisation rises above the threshold, once until it has fallen below.
    /// </summary>
    void OnThreshold(Action<RecordHealth> listener);
}

/// <summary>Is told of the changes of a record store, in order, before the call that made them returns.</summary>
public interface IRecordJournal
{
    /// <summary>A record is kept, or has a new end.</summary>
    void OnKept(in StoredRecord record);

    /// <summary>A record is gone.</summary>
    void OnRemoved(ReadOnlyMemory<byte> key);
}

/// <summary>What became of a record that was put.</summary>
public enum RecordPut
{
    /// <summary>It is kept.</summary>
    Kept = 0,

    /// <summary>The same bytes were there already; end and time of receipt are the new ones.</summary>
    Same = 1,

    /// <summary>Refused: this peer published the record under this key, and only it may replace it.</summary>
    OwnProtected = 2,

    /// <summary>Refused: it is longer than a record may be.</summary>
    TooLarge = 3,

    /// <summary>Refused: there is no room, and by the policy nothing there has to make place for it.</summary>
    Full = 4,

    /// <summary>Refused: it has expired.</summary>
    Expired = 5,
}

/// <summary>One record of a batch.</summary>
/// <param name="Record">The record.</param>
/// <param name="ExpiresMs">When it ends.</param>
/// <param name="IsOwn">This peer published it.</param>
public readonly record struct RecordWrite(KadRecord Record, double ExpiresMs, bool IsOwn);

/// <summary>A record as the store has it. Its bytes are the store's own: they are never changed.</summary>
/// <param name="Record">The record in network form.</param>
/// <param name="Place">The SHA-256 of its key.</param>
/// <param name="ExpiresMs">When it ends.</param>
/// <param name="ReceivedMs">When it came last.</param>
/// <param name="ReplicatedMs">When it was last put to other peers, here or by another holder.</param>
/// <param name="IsOwn">This peer published it.</param>
public readonly record struct StoredRecord(
    KadRecord Record, KadKey Place, double ExpiresMs, double ReceivedMs, double ReplicatedMs, bool IsOwn);

/// <summary>Which records.</summary>
/// <param name="Prefix">Keys that begin so; empty for all.</param>
/// <param name="From">Keys not before this one; empty for no bound.</param>
/// <param name="To">Keys before this one; empty for no bound.</param>
/// <param name="After">Keys behind this one: where the last page ended.</param>
/// <param name="Publisher">Published by this peer; the default for anyone.</param>
/// <param name="OwnOnly">Only this peer's own.</param>
/// <param name="RecordsMax">How many at the most.</param>
public readonly record struct RecordQuery(
    ReadOnlyMemory<byte> Prefix = default,
    ReadOnlyMemory<byte> From = default,
    ReadOnlyMemory<byte> To = default,
    ReadOnlyMemory<byte> After = default,
    PeerId Publisher = default,
    bool OwnOnly = false,
    int RecordsMax = 100);

/// <summary>What a pass of maintenance did.</summary>
/// <param name="Removed">Records removed, expired ones included.</param>
/// <param name="Expired">Records removed because they had ended.</param>
/// <param name="BytesFreed">Bytes they took.</param>
/// <param name="Duration">How long it took; zero from a core, which has no clock.</param>
public readonly record struct RecordMaintenance(int Removed, int Expired, long BytesFreed, TimeSpan Duration = default);

/// <summary>How full a store is, and with what.</summary>
/// <param name="Records">How many records.</param>
/// <param name="RecordsMax">How many it takes.</param>
/// <param name="Bytes">How many bytes.</param>
/// <param name="BytesMax">How many it takes.</param>
/// <param name="Own">Records this peer published.</param>
/// <param name="Expired">Records that have ended and wait for maintenance.</param>
/// <param name="Evicted">Records that had to make place since the start.</param>
/// <param name="Refused">Records that were refused since the start.</param>
public readonly record struct RecordHealth(
    int Records, int RecordsMax, long Bytes, long BytesMax, int Own, int Expired, long Evicted, long Refused)
{
    /// <summary>The fuller of the two ceilings: 0 to 1.</summary>
    public double Utilisation => Math.Max((double)Records / RecordsMax, (double)Bytes / BytesMax);
}

/// <summary>What makes place in a full store.</summary>
public enum RecordEviction
{
    /// <summary>The record farthest from this peer: others are nearer and keep it. The default.</summary>
    Farthest = 0,

    /// <summary>The record that came first.</summary>
    Oldest = 1,

    /// <summary>The record not asked for longest.</summary>
    LeastRecentlyUsed = 2,
}

/// <summary>The ceilings of a record store.</summary>
public sealed class RecordStoreOptions
{
    /// <summary>Records: 1 to 1,000,000. Default: 16,384.</summary>
    public int RecordsMax { get; set; } = 16_384;

    /// <summary>Bytes of all records. Default: 64 MiB.</summary>
    public long BytesMax { get; set; } = 64L << 20;

    /// <summary>Bytes of one record with its key. Default: 64 KiB.</summary>
    public int RecordBytesMax { get; set; } = 64 << 10;

    /// <summary>What makes place. Default: the farthest.</summary>
    public RecordEviction Eviction { get; set; }

    /// <summary>The share of either ceiling above which the listener is told: 0 to 1. Default: 0.8.</summary>
    public double Threshold { get; set; } = 0.8;
}
