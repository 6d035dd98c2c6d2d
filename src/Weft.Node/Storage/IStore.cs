using Weft.Graph;
using Weft.Primitives;

namespace Weft.Node.Storage;

/// <summary>
/// Where a node keeps its graph. Implementations: <c>MemoryStore</c> and the engine of Weft.Storage, behind one
/// conformance suite.
/// </summary>
/// <remarks>
/// Reads may run at any time, from many threads. Writers keep the order per field: the caller loads, merges and appends
/// one field under one lane. An unreadable part (damage) is reported by <see cref="WeftException"/> with
/// <see cref="WeftError.FileDamaged"/> for exactly the nodes it holds; it is never served and never guessed.
/// </remarks>
public interface IStore : IAsyncDisposable
{
    /// <summary>The highest local HAM state that was made durable before this start; negative infinity in a new store.</summary>
    double ClockHigh { get; }

    /// <summary>The sequence of the newest commit that reached the configured durability; 0 in a new store.</summary>
    long CommittedSequence { get; }

    /// <summary>True when acknowledged commits were lost, and the store was opened without them (AcceptLogDamage).</summary>
    bool HasLost => false;

    /// <summary>An identifier of this store, made once and kept for ever: 16 lower-case hex digits.</summary>
    string StoreId { get; }

    /// <summary>
    /// Names the one listener for commits, before the first append. It is called in sequence order, by one caller at a
    /// time, when a commit has reached the configured durability; it must return quickly and must not throw.
    /// </summary>
    void OnCommitted(Action<Commit> listener);

    /// <summary>Where signed logs are kept; null when the store keeps none.</summary>
    ILogShelf? Logs => null;

    /// <summary>Where records of the DHT are kept; null when the store keeps none.</summary>
    IRecordShelf? Records => null;

    /// <summary>Where blobs are kept; null when the store keeps none.</summary>
    IBlobShelf? Blobs => null;

    /// <summary>Fills the touched fields of a delta into <paramref name="view"/>; absent ones are left unset.</summary>
    /// <remarks>Completes at once when the memory tiers hold (or the filter excludes) every field.</remarks>
    ValueTask LoadAsync(GraphView view, CancellationToken cancellationToken = default);

    /// <summary>Waits until the memory tier has room: this is how writers slow down rather than fail.</summary>
    ValueTask WaitForRoomAsync(CancellationToken cancellationToken = default);

    /// <summary>Tells the store how to ask how many writes are on their way to it, so that one flush may serve more.</summary>
    /// <param name="writesOnTheWay">Cheap, from any thread; more than 0 means that the next append is near.</param>
    void FollowArrivals(Func<int> writesOnTheWay)
    {
    }

    /// <summary>
    /// Stores one batch, all or nothing. Reads see it when this call returns; the task completes when it is as durable as
    /// asked. An empty batch waits until everything before it is durable.
    /// </summary>
    /// <param name="batch">The store keeps it; the caller never changes it afterwards.</param>
    /// <param name="wanted">The level to wait for; the configured level is the ceiling.</param>
    /// <returns>The commit's sequence and the level reached.</returns>
    /// <exception cref="WeftException">DiskFull, DiskFailed, StoreStopped. Nothing of the batch will be served.</exception>
    ValueTask<CommitReceipt> AppendAsync(CommitBatch batch, Durability wanted);

    /// <summary>Reads one field. A tombstone is returned as a stored null.</summary>
    /// <returns>Null when the field is absent.</returns>
    ValueTask<StoredField?> ReadFieldAsync(string soul, string field, CancellationToken cancellationToken = default);

    /// <summary>Reads fields of one node in the order of their names, tombstones included.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="range">Which fields, and from which end.</param>
    /// <param name="fieldsMax">How many at the most: 1 and up.</param>
    /// <param name="bytesMax">Stops after the field that passes this many bytes of names and values.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>The fields; <see cref="NodePage.More"/> tells whether the range goes on.</returns>
    ValueTask<NodePage> ReadNodeAsync(
        string soul, LexRange range, int fieldsMax, long bytesMax, CancellationToken cancellationToken = default);

    /// <summary>
    /// Lists souls that have at least one field (a tombstone counts), in order. What is kept of the past is no part of it,
    /// unless the prefix begins as <see cref="Graph.History.HistorySoul.Prefix"/>.
    /// </summary>
    ValueTask<IReadOnlyList<string>> ListSoulsAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken = default);

    /// <summary>Lists the fields that link to a node now, in order of (soul, field), after a given one.</summary>
    ValueTask<IReadOnlyList<FieldKey>> ReadLinksToAsync(
        string target, FieldKey? after, int linksMax, CancellationToken cancellationToken = default);

    /// <summary>
    /// Yields every field under a prefix whose commit is later than <paramref name="afterSequence"/>, as it is now.
    /// This is how a change stream resumes after a restart. Order: by sequence where the log is still kept, else by soul.
    /// </summary>
    IAsyncEnumerable<StoredChange> ReadChangesAsync(
        long afterSequence, string prefix, CancellationToken cancellationToken = default);

    /// <summary>The held writes of the near future, as they were when the store was opened, minus those released since.</summary>
    IReadOnlyCollection<FieldWrite> Deferred { get; }

    /// <summary>The journal entries that were saved by <see cref="SaveJournalAsync"/>, oldest first.</summary>
    IReadOnlyList<Loss> SavedJournal { get; }

    /// <summary>Saves the journal of losing writes; called now and then and at a clean stop.</summary>
    ValueTask SaveJournalAsync(IReadOnlyList<Loss> losses, CancellationToken cancellationToken = default);

    /// <summary>
    /// Removes what may go: tombstones past the horizon, orphaned index entries, freed pages. Runs off the write path.
    /// </summary>
    /// <param name="nowMs">Wall time in milliseconds.</param>
    /// <param name="cancellationToken">Stops early; what was removed stays removed.</param>
    ValueTask<MaintenanceResult> MaintainAsync(double nowMs, CancellationToken cancellationToken = default);

    /// <summary>Reads everything there is, and reports damage. Reading and writing go on meanwhile.</summary>
    ValueTask<VerifyReport> VerifyAsync(IProgress<long>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Writes a complete, verified copy to one file while the store goes on serving.</summary>
    /// <exception cref="NotSupportedException">The store has no files.</exception>
    ValueTask<BackupReport> BackupAsync(
        string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Sets damaged parts of a node aside, and says whether something of it may be lost: reads of what is not found fail
    /// while it may, and so do writes over it.
    /// </summary>
    /// <param name="soul">The node.</param>
    /// <param name="isLost">False before peers give what they have; true again when none had anything.</param>
    /// <param name="cancellationToken">Gives up before anything is changed.</param>
    /// <returns>True when anything was changed.</returns>
    /// <exception cref="WeftException">FileDamaged: it lies on a page that has to be rebuilt; DiskFull, DiskFailed.</exception>
    ValueTask<bool> SetLostAsync(string soul, bool isLost, CancellationToken cancellationToken = default) => new(false);

    /// <summary>Counts and sizes, cheap enough to ask every second.</summary>
    StoreStats ReadStats();
}
