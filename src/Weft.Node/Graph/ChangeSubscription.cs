using System.Runtime.CompilerServices;
using Weft.Graph;
using Weft.Node.Storage;

namespace Weft.Node;

/// <summary>A live stream of changes: live since the call that made it returned. It holds a position, no data.</summary>
public sealed class ChangeSubscription : IAsyncDisposable
{
    private const int SoulsPerPage = 256;
    private const int FieldsPerPage = 1_024;

    private readonly IStore _store;
    private readonly ChangeReader _reader;
    private readonly ChangeFilter _filter;
    private readonly int _batchMax;
    private readonly NodeTelemetry? _telemetry;

    internal ChangeSubscription(
        IStore store, ChangeHub hub, ChangeFilter filter, int batchMax, NodeTelemetry? telemetry = null)
    {
        _store = store;
        _filter = filter;
        _batchMax = batchMax;
        _telemetry = telemetry;
        _reader = hub.Follow(filter.AfterSequence);
    }

    /// <summary>
    /// Yields the snapshot (or what changed since the cursor), then <see cref="ChangeKind.Synced"/>, then changes as they
    /// are committed. A reader slower than the writers skips intermediate versions, always gets the last value of each
    /// field, and is told by <see cref="ChangeKind.Gap"/>. Memory stays bounded; writers never wait. Read it once.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async IAsyncEnumerable<GraphChange> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        // Fields that the snapshot showed in a version the ring will bring again.
        var shown = new Dictionary<FieldKey, long>();
        bool resumes = _filter.AfterSequence is not null;
        if (!resumes || _filter.AfterSequence < _reader.StartSequence)
        {
            await foreach (StoredChange item in CatchUp(resumes, cancellationToken).ConfigureAwait(false))
            {
                Note(shown, item, _reader.StartSequence);
                long cursor = resumes ? _filter.AfterSequence!.Value : -1;
                yield return new(
                    resumes ? ChangeKind.Change : ChangeKind.Snapshot, item.Soul, item.Field, cursor);
            }
        }

        yield return new(ChangeKind.Synced, "", default, _reader.StartSequence);

        var changes = new List<HubChange>();
        while (await _reader.WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            while (true)
            {
                long before = _reader.Sequence;
                changes.Clear();
                int count = _reader.TryRead(changes, _batchMax, out bool lost);
                if (lost)
                {
                    _telemetry?.AddDropped("slow-observer");
                    yield return new(ChangeKind.Gap, "", default, before);
                    shown.Clear();
                    await foreach (StoredChange item in Missed(before, cancellationToken)
                        .ConfigureAwait(false))
                    {
                        Note(shown, item, _reader.Sequence);
                        yield return new(ChangeKind.Change, item.Soul, item.Field, before);
                    }

                    yield return new(ChangeKind.Synced, "", default, _reader.Sequence);
                    continue;
                }

                if (count == 0)
                {
                    break;
                }

                for (int i = 0; i < changes.Count; i++)
                {
                    HubChange change = changes[i];
                    if (_filter.Matches(change.Soul, change.Field.Field) && !WasShown(shown, change))
                    {
                        long sequence = change.Field.Sequence;
                        yield return new(ChangeKind.Change, change.Soul, change.Field,
                            change.EndsCommit ? sequence : sequence - 1, change.Origin);
                    }
                }
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _reader.Dispose();
        return ValueTask.CompletedTask;
    }

    // A snapshot may read a version whose commit the ring is about to bring. Seen once is enough.
    private static void Note(Dictionary<FieldKey, long> shown, StoredChange item, long start)
    {
        if (item.Field.Sequence > start)
        {
            shown[new(item.Soul, item.Field.Field)] = item.Field.Sequence;
        }
    }

    private static bool WasShown(Dictionary<FieldKey, long> shown, HubChange change)
    {
        if (shown.Count == 0)
        {
            return false;
        }

        var key = new FieldKey(change.Soul, change.Field.Field);
        if (!shown.TryGetValue(key, out long sequence))
        {
            return false;
        }

        if (change.Field.Sequence >= sequence)
        {
            shown.Remove(key);
        }

        return change.Field.Sequence <= sequence;
    }

    private IAsyncEnumerable<StoredChange> CatchUp(bool resumes, CancellationToken cancellationToken) =>
        resumes ? Missed(_filter.AfterSequence!.Value, cancellationToken) : Snapshot(cancellationToken);

    private async IAsyncEnumerable<StoredChange> Missed(
        long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string prefix = _filter.Soul ?? _filter.Prefix;
        await foreach (StoredChange item in _store.ReadChangesAsync(after, prefix, cancellationToken).ConfigureAwait(false))
        {
            if (_filter.Matches(item.Soul, item.Field.Field))
            {
                yield return await Durable(item).ConfigureAwait(false);
            }
        }
    }

    private async IAsyncEnumerable<StoredChange> Snapshot(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (_filter.Soul is not null)
        {
            await foreach (StoredChange item in Fields(_filter.Soul, cancellationToken).ConfigureAwait(false))
            {
                yield return item;
            }

            yield break;
        }

        string? last = null;
        while (true)
        {
            IReadOnlyList<string> souls = await _store.ListSoulsAsync(
                new LexRange(Prefix: _filter.Prefix, From: last), SoulsPerPage, cancellationToken).ConfigureAwait(false);
            foreach (string soul in souls)
            {
                if (soul == last)
                {
                    continue; // Bounds are inclusive: the page starts with the soul the last one ended with.
                }

                await foreach (StoredChange item in Fields(soul, cancellationToken).ConfigureAwait(false))
                {
                    yield return item;
                }
            }

            if (souls.Count < SoulsPerPage)
            {
                yield break;
            }

            last = souls[^1];
        }
    }

    private async IAsyncEnumerable<StoredChange> Fields(
        string soul, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? last = null;
        while (true)
        {
            NodePage page = await _store.ReadNodeAsync(
                soul, new LexRange(Exact: _filter.Field, From: last), FieldsPerPage, long.MaxValue, cancellationToken)
                .ConfigureAwait(false);
            foreach (StoredField field in page.Fields)
            {
                if (field.Field != last && !field.Value.IsNull)
                {
                    yield return await Durable(new StoredChange(soul, field)).ConfigureAwait(false);
                }
            }

            if (!page.More || page.Fields.Count == 0)
            {
                yield break;
            }

            last = page.Fields[^1].Field;
        }
    }

    // Nobody is told of a change before it is durable.
    private async ValueTask<StoredChange> Durable(StoredChange item)
    {
        if (item.Field.Sequence > _store.CommittedSequence)
        {
            await _store.AppendAsync(CommitBatch.Empty, Primitives.Durability.Disk).ConfigureAwait(false);
        }

        return item;
    }
}
