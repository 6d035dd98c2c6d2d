using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

/// <summary>A memory store that outlives the node on it, so that a restart can be tested without a disk.</summary>
internal sealed class KeptStore(MemoryStore inner) : IStore
{
    public double ClockHigh => inner.ClockHigh;

    public long CommittedSequence => inner.CommittedSequence;

    public string StoreId => inner.StoreId;

    public IReadOnlyCollection<FieldWrite> Deferred => inner.Deferred;

    public IReadOnlyList<Loss> SavedJournal => inner.SavedJournal;

    public void OnCommitted(Action<Commit> listener) => inner.OnCommitted(listener);

    public ValueTask LoadAsync(GraphView view, CancellationToken cancellationToken = default) =>
        inner.LoadAsync(view, cancellationToken);

    public ValueTask WaitForRoomAsync(CancellationToken cancellationToken = default) =>
        inner.WaitForRoomAsync(cancellationToken);

    public ValueTask<CommitReceipt> AppendAsync(CommitBatch batch, Durability wanted) => inner.AppendAsync(batch, wanted);

    public ValueTask<StoredField?> ReadFieldAsync(string soul, string field, CancellationToken cancellationToken = default) =>
        inner.ReadFieldAsync(soul, field, cancellationToken);

    public ValueTask<NodePage> ReadNodeAsync(
        string soul, LexRange range, int fieldsMax, long bytesMax, CancellationToken cancellationToken = default) =>
        inner.ReadNodeAsync(soul, range, fieldsMax, bytesMax, cancellationToken);

    public ValueTask<IReadOnlyList<string>> ListSoulsAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken = default) =>
        inner.ListSoulsAsync(range, soulsMax, cancellationToken);

    public ValueTask<IReadOnlyList<FieldKey>> ReadLinksToAsync(
        string target, FieldKey? after, int linksMax, CancellationToken cancellationToken = default) =>
        inner.ReadLinksToAsync(target, after, linksMax, cancellationToken);

    public IAsyncEnumerable<StoredChange> ReadChangesAsync(
        long afterSequence, string prefix, CancellationToken cancellationToken = default) =>
        inner.ReadChangesAsync(afterSequence, prefix, cancellationToken);

    public ValueTask SaveJournalAsync(IReadOnlyList<Loss> losses, CancellationToken cancellationToken = default) =>
        inner.SaveJournalAsync(losses, cancellationToken);

    public ValueTask<MaintenanceResult> MaintainAsync(double nowMs, CancellationToken cancellationToken = default) =>
        inner.MaintainAsync(nowMs, cancellationToken);

    public ValueTask<VerifyReport> VerifyAsync(
        IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        inner.VerifyAsync(progress, cancellationToken);

    public ValueTask<BackupReport> BackupAsync(
        string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        inner.BackupAsync(path, progress, cancellationToken);

    public StoreStats ReadStats() => inner.ReadStats();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
