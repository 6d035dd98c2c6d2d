using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests;

/// <summary>A store that hands every call on; a test overrides the calls it wants to go another way.</summary>
internal abstract class ForwardingStore(MemoryStore inner) : IStore
{
    protected MemoryStore Inner { get; } = inner;

    public double ClockHigh => Inner.ClockHigh;

    public long CommittedSequence => Inner.CommittedSequence;

    public string StoreId => Inner.StoreId;

    public IReadOnlyCollection<FieldWrite> Deferred => Inner.Deferred;

    public IReadOnlyList<Loss> SavedJournal => Inner.SavedJournal;

    public void OnCommitted(Action<Commit> listener) => Inner.OnCommitted(listener);

    public ValueTask LoadAsync(GraphView view, CancellationToken cancellationToken = default) =>
        Inner.LoadAsync(view, cancellationToken);

    public virtual ValueTask WaitForRoomAsync(CancellationToken cancellationToken = default) =>
        Inner.WaitForRoomAsync(cancellationToken);

    public virtual ValueTask<CommitReceipt> AppendAsync(CommitBatch batch, Durability wanted) =>
        Inner.AppendAsync(batch, wanted);

    public virtual ValueTask<StoredField?> ReadFieldAsync(
        string soul, string field, CancellationToken cancellationToken = default) =>
        Inner.ReadFieldAsync(soul, field, cancellationToken);

    public virtual ValueTask<NodePage> ReadNodeAsync(
        string soul, LexRange range, int fieldsMax, long bytesMax, CancellationToken cancellationToken = default) =>
        Inner.ReadNodeAsync(soul, range, fieldsMax, bytesMax, cancellationToken);

    public ValueTask<IReadOnlyList<string>> ListSoulsAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken = default) =>
        Inner.ListSoulsAsync(range, soulsMax, cancellationToken);

    public ValueTask<IReadOnlyList<FieldKey>> ReadLinksToAsync(
        string target, FieldKey? after, int linksMax, CancellationToken cancellationToken = default) =>
        Inner.ReadLinksToAsync(target, after, linksMax, cancellationToken);

    public IAsyncEnumerable<StoredChange> ReadChangesAsync(
        long afterSequence, string prefix, CancellationToken cancellationToken = default) =>
        Inner.ReadChangesAsync(afterSequence, prefix, cancellationToken);

    public ValueTask SaveJournalAsync(IReadOnlyList<Loss> losses, CancellationToken cancellationToken = default) =>
        Inner.SaveJournalAsync(losses, cancellationToken);

    public ValueTask<MaintenanceResult> MaintainAsync(double nowMs, CancellationToken cancellationToken = default) =>
        Inner.MaintainAsync(nowMs, cancellationToken);

    public ValueTask<VerifyReport> VerifyAsync(
        IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        Inner.VerifyAsync(progress, cancellationToken);

    public ValueTask<BackupReport> BackupAsync(
        string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        Inner.BackupAsync(path, progress, cancellationToken);

    public virtual StoreStats ReadStats() => Inner.ReadStats();

    public virtual ValueTask DisposeAsync() => Inner.DisposeAsync();
}
