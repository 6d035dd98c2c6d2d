using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Integration.Tests.Server;

/// <summary>A store in memory whose disk a test can break.</summary>
internal sealed class FailingStore : IStore
{
    private readonly MemoryStore _inner = new();

    /// <summary>What every append fails with; None for success.</summary>
    public WeftError AppendError { get; set; }

    /// <summary>The soul whose part of the disk is damaged, or null.</summary>
    public string? DamagedSoul { get; set; }

    /// <summary>Why the store takes no writes, or null.</summary>
    public string? Failure { get; set; }

    public double ClockHigh => _inner.ClockHigh;

    public long CommittedSequence => _inner.CommittedSequence;

    public string StoreId => _inner.StoreId;

    public IReadOnlyCollection<FieldWrite> Deferred => _inner.Deferred;

    public IReadOnlyList<Loss> SavedJournal => _inner.SavedJournal;

    public void OnCommitted(Action<Commit> listener) => _inner.OnCommitted(listener);

    public ValueTask LoadAsync(GraphView view, CancellationToken cancellationToken = default) =>
        _inner.LoadAsync(view, cancellationToken);

    public ValueTask WaitForRoomAsync(CancellationToken cancellationToken = default) =>
        _inner.WaitForRoomAsync(cancellationToken);

    public ValueTask<CommitReceipt> AppendAsync(CommitBatch batch, Durability wanted) => AppendError == WeftError.None
        ? _inner.AppendAsync(batch, wanted)
        : ValueTask.FromException<CommitReceipt>(
            new WeftException(AppendError, "0 B free of 100 GiB; writes are refused, reads go on"));

    public ValueTask<StoredField?> ReadFieldAsync(
        string soul, string field, CancellationToken cancellationToken = default)
    {
        ThrowIfDamaged(soul);
        return _inner.ReadFieldAsync(soul, field, cancellationToken);
    }

    public ValueTask<NodePage> ReadNodeAsync(
        string soul, LexRange range, int fieldsMax, long bytesMax, CancellationToken cancellationToken = default)
    {
        ThrowIfDamaged(soul);
        return _inner.ReadNodeAsync(soul, range, fieldsMax, bytesMax, cancellationToken);
    }

    public ValueTask<IReadOnlyList<string>> ListSoulsAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken = default) =>
        _inner.ListSoulsAsync(range, soulsMax, cancellationToken);

    public ValueTask<IReadOnlyList<FieldKey>> ReadLinksToAsync(
        string target, FieldKey? after, int linksMax, CancellationToken cancellationToken = default) =>
        _inner.ReadLinksToAsync(target, after, linksMax, cancellationToken);

    public IAsyncEnumerable<StoredChange> ReadChangesAsync(
        long afterSequence, string prefix, CancellationToken cancellationToken = default) =>
        _inner.ReadChangesAsync(afterSequence, prefix, cancellationToken);

    public ValueTask SaveJournalAsync(IReadOnlyList<Loss> losses, CancellationToken cancellationToken = default) =>
        _inner.SaveJournalAsync(losses, cancellationToken);

    public ValueTask<MaintenanceResult> MaintainAsync(double nowMs, CancellationToken cancellationToken = default) =>
        _inner.MaintainAsync(nowMs, cancellationToken);

    public ValueTask<VerifyReport> VerifyAsync(
        IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        _inner.VerifyAsync(progress, cancellationToken);

    public ValueTask<BackupReport> BackupAsync(
        string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        _inner.BackupAsync(path, progress, cancellationToken);

    public StoreStats ReadStats() => _inner.ReadStats() with { Failure = Failure };

    public ValueTask DisposeAsync() => _inner.DisposeAsync();

    private void ThrowIfDamaged(string soul)
    {
        if (soul == DamagedSoul)
        {
            throw new WeftException(WeftError.FileDamaged, $"The node '{soul}' is in a damaged part of the disk.");
        }
    }
}
