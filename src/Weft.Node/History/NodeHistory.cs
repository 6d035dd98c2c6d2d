using System.Runtime.CompilerServices;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Primitives;

namespace Weft.Node.History;

/// <summary>
/// The past of one node, as this peer has kept it: versions, the node as it was, what changed between two moments, and
/// versions as they come. Cheap to make, holds no data.
/// </summary>
/// <remarks>
/// <code>
/// NodeHistory history = node.History("document-123");
/// await foreach (HistoryEntry entry in history.ReadAsync()) { … }
/// HistoryView draft = await history.AtAsync(version: 1);
/// </code>
/// A version is what one commit of this peer changed in the node; its number and its time are this peer's own. Source:
/// docs/spec/history.md.
/// </remarks>
public sealed class NodeHistory
{
    private readonly GraphSpace _graph;
    private readonly HistoryReader _reader;

    internal NodeHistory(GraphSpace graph, HistoryReader reader, string soul)
    {
        (_graph, _reader) = (graph, reader);
        Soul = soul;
    }

    /// <summary>The node.</summary>
    public string Soul { get; }

    /// <summary>What is kept, and from when on.</summary>
    public ValueTask<HistoryInfo> InfoAsync(CancellationToken cancellationToken = default) =>
        _reader.InfoAsync(Soul, cancellationToken);

    /// <summary>Versions, oldest first.</summary>
    /// <param name="from">The first one wanted.</param>
    /// <param name="to">The last one wanted.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="WeftException">FileDamaged: a version cannot be read.</exception>
    public async IAsyncEnumerable<HistoryEntry> ReadAsync(
        long from = 1, long to = long.MaxValue, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        HistoryInfo info = await InfoAsync(cancellationToken).ConfigureAwait(false);
        long next = Math.Max(from, info.First);
        long last = Math.Min(to, info.Newest);
        while (next <= last)
        {
            List<HistoryEntry> page = await _reader.PageAsync(
                Soul, next, last, false, HistoryReader.PageMax, cancellationToken).ConfigureAwait(false);
            foreach (HistoryEntry entry in page)
            {
                yield return entry;
            }

            if (page.Count == 0)
            {
                yield break;
            }

            next = page[^1].Version.Number + 1;
        }
    }

    /// <summary>A page of versions, newest first.</summary>
    /// <param name="before">Only those with a smaller number; null for the newest.</param>
    /// <param name="max">How many: 1 to 1,000.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="WeftException">FileDamaged: a version cannot be read.</exception>
    public async ValueTask<IReadOnlyList<HistoryEntry>> ReadPageAsync(
        long? before = null, int max = 100, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(max);
        HistoryInfo info = await InfoAsync(cancellationToken).ConfigureAwait(false);
        long to = Math.Min(info.Newest, (before ?? long.MaxValue) - 1);
        return info.First == 0
            ? []
            : await _reader.PageAsync(
                Soul, info.First, to, true, Math.Min(max, HistoryReader.PageMax), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The node as it was in a version.</summary>
    /// <param name="version">
    /// A version that is kept, or the one just before the first of them: what was there when history begins.
    /// </param>
    /// <param name="field">One field only; null for all.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <remarks>Costs a look at every version since: what they replaced is put back.</remarks>
    public async ValueTask<HistoryView> AtAsync(
        long version, string? field = null, CancellationToken cancellationToken = default)
    {
        // The present first: what changes while this reads is undone, for its version is read after.
        List<StoredField> present = await _reader.PresentAsync(Soul, field, cancellationToken).ConfigureAwait(false);
        HistoryInfo info = await InfoAsync(cancellationToken).ConfigureAwait(false);
        HistoryStatus status = info.Newest == 0 ? HistoryStatus.NotKept
            : version < info.First - 1 ? HistoryStatus.TooOld
            : version > info.Newest ? HistoryStatus.TooNew
            : HistoryStatus.Found;
        if (status != HistoryStatus.Found)
        {
            return new(status, version, 0, [], info);
        }

        var earliest = new Dictionary<string, HistoryChange>(StringComparer.Ordinal);
        long expected = version + 1;
        await foreach (HistoryEntry later in ReadAsync(version + 1, info.Newest, cancellationToken).ConfigureAwait(false))
        {
            if (later.Version.Number != expected++)
            {
                return new(HistoryStatus.TooOld, version, 0, [], info); // One that ended earlier than those before it.
            }

            foreach (HistoryChange change in later.Version.Changes)
            {
                if (field is null || change.Field == field)
                {
                    earliest.TryAdd(change.Field, change);
                }
            }
        }

        var fields = new SortedDictionary<string, StoredField>(StringComparer.Ordinal);
        foreach (StoredField now in present)
        {
            fields[now.Field] = now;
        }

        foreach ((string name, HistoryChange change) in earliest)
        {
            if (change.HadBefore)
            {
                fields[name] = new StoredField(name, change.Before, change.BeforeState, 0);
            }
            else
            {
                fields.Remove(name);
            }
        }

        double? at = version < info.First
            ? null
            : await _reader.TimeOfAsync(Soul, version, cancellationToken).ConfigureAwait(false);
        return new(HistoryStatus.Found, version, at ?? 0, [.. fields.Values], info);
    }

    /// <summary>The node as this peer had it at a moment.</summary>
    /// <param name="at">A moment since history began; one in the future is now.</param>
    /// <param name="field">One field only; null for all.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    public async ValueTask<HistoryView> AtAsync(
        DateTimeOffset at, string? field = null, CancellationToken cancellationToken = default)
    {
        (HistoryStatus status, long version, HistoryInfo info) =
            await VersionAtAsync(at, cancellationToken).ConfigureAwait(false);
        return status == HistoryStatus.Found
            ? await AtAsync(version, field, cancellationToken).ConfigureAwait(false)
            : new(status, version, 0, [], info);
    }

    /// <summary>The version that was the newest at a moment.</summary>
    public async ValueTask<(HistoryStatus Status, long Version, HistoryInfo Info)> VersionAtAsync(
        DateTimeOffset at, CancellationToken cancellationToken = default)
    {
        HistoryInfo info = await InfoAsync(cancellationToken).ConfigureAwait(false);
        if (info.Newest == 0)
        {
            return (HistoryStatus.NotKept, 0, info);
        }

        long version = await _reader.VersionAtAsync(Soul, info, WallClock.ToState(at), cancellationToken)
            .ConfigureAwait(false);
        return (version < info.First ? HistoryStatus.TooOld : HistoryStatus.Found, version, info);
    }

    /// <summary>Which fields differ between two versions, and how.</summary>
    /// <param name="from">The first.</param>
    /// <param name="to">The second; it may be the older one.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    public async ValueTask<HistoryDiff> DiffAsync(
        long from, long to, CancellationToken cancellationToken = default)
    {
        HistoryView left = await AtAsync(from, null, cancellationToken).ConfigureAwait(false);
        HistoryView right = await AtAsync(to, null, cancellationToken).ConfigureAwait(false);
        if (left.Status != HistoryStatus.Found || right.Status != HistoryStatus.Found)
        {
            return new(
                left.Status == HistoryStatus.Found ? right.Status : left.Status, from, to, [], right.Info);
        }

        var before = left.Fields.ToDictionary(field => field.Field, field => field.Value, StringComparer.Ordinal);
        var after = right.Fields.ToDictionary(field => field.Field, field => field.Value, StringComparer.Ordinal);
        IEnumerable<HistoryFieldDiff> fields = before.Keys.Union(after.Keys).Order(StringComparer.Ordinal)
            .Select(name => new HistoryFieldDiff(name, before.GetValueOrDefault(name), after.GetValueOrDefault(name)))
            .Where(field => field.Before != field.After);
        return new(HistoryStatus.Found, from, to, [.. fields], right.Info);
    }

    /// <summary>A proof that a version stands in this peer's signed log of the prefix.</summary>
    /// <param name="version">The version.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>Null when it is not kept, or not in a signed log.</returns>
    public async ValueTask<HistoryProof?> ProveAsync(long version, CancellationToken cancellationToken = default)
    {
        List<HistoryEntry> found = await _reader.PageAsync(Soul, version, version, false, 1, cancellationToken)
            .ConfigureAwait(false);
        return found is [{ LogKey: { } key } entry]
            ? new(key, entry.Block, await _reader.Logs.ProveHistoryAsync(key, entry.Block, cancellationToken)
                .ConfigureAwait(false))
            : null;
    }

    /// <summary>
    /// Every version after one, and then each as it comes, for as long as the caller likes: none is left out, none comes
    /// twice. The number of the last one seen is the cursor to go on with.
    /// </summary>
    /// <param name="after">The last version that was seen; 0 for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <remarks>
    /// When versions fell out before they were read, <see cref="HistoryEntry.Lost"/> of the next says how many.
    /// </remarks>
    public async IAsyncEnumerable<HistoryEntry> FollowAsync(
        long after = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(after);
        ChangeSubscription changes = await _graph.WatchAsync(
            new ChangeFilter(Soul, AfterSequence: _reader.Store.CommittedSequence), cancellationToken)
            .ConfigureAwait(false);
        await using ConfiguredAsyncDisposable ending = changes.ConfigureAwait(false);
        await foreach (GraphChange _ in changes.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            // The first to come says that the subscription is live: nothing falls between it and this reading.
            while (true)
            {
                HistoryInfo info = await InfoAsync(cancellationToken).ConfigureAwait(false);
                long first = Math.Max(after + 1, info.First);
                List<HistoryEntry> page = await _reader.PageAsync(
                    Soul, first, info.Newest, false, HistoryReader.PageMax, cancellationToken).ConfigureAwait(false);
                int given = 0;
                foreach (HistoryEntry entry in page)
                {
                    if (entry.Sequence > _reader.Store.CommittedSequence)
                    {
                        break; // Nobody is told of a change before it is durable; its commit is going to wake this.
                    }

                    yield return entry with { Lost = entry.Version.Number - after - 1 };
                    after = entry.Version.Number;
                    given++;
                }

                if (given == 0 || given < page.Count)
                {
                    break;
                }
            }
        }
    }
}
