using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Tests;

namespace Weft.Integration.Tests.Server;

/// <summary>A store in memory whose disk a test can break.</summary>
internal sealed class FailingStore() : ForwardingStore(new MemoryStore())
{
    /// <summary>What every append fails with; None for success.</summary>
    public WeftError AppendError { get; set; }

    /// <summary>The soul whose part of the disk is damaged, or null.</summary>
    public string? DamagedSoul { get; set; }

    /// <summary>Why the store takes no writes, or null.</summary>
    public string? Failure { get; set; }

    public override ValueTask<CommitReceipt> AppendAsync(CommitBatch batch, Durability wanted) =>
        AppendError == WeftError.None
            ? base.AppendAsync(batch, wanted)
            : ValueTask.FromException<CommitReceipt>(
                new WeftException(AppendError, "0 B free of 100 GiB; writes are refused, reads go on"));

    public override ValueTask<StoredField?> ReadFieldAsync(
        string soul, string field, CancellationToken cancellationToken = default)
    {
        ThrowIfDamaged(soul);
        return base.ReadFieldAsync(soul, field, cancellationToken);
    }

    public override ValueTask<NodePage> ReadNodeAsync(
        string soul, LexRange range, int fieldsMax, long bytesMax, CancellationToken cancellationToken = default)
    {
        ThrowIfDamaged(soul);
        return base.ReadNodeAsync(soul, range, fieldsMax, bytesMax, cancellationToken);
    }

    public override StoreStats ReadStats() => base.ReadStats() with { Failure = Failure };

    private void ThrowIfDamaged(string soul)
    {
        if (soul == DamagedSoul)
        {
            throw new WeftException(WeftError.FileDamaged, $"The node '{soul}' is in a damaged part of the disk.");
        }
    }
}
