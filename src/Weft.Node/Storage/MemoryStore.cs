using System.Runtime.CompilerServices;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Primitives;

namespace Weft.Node.Storage;

/// <summary>A store in memory, for tests and for nodes that are caches. Everything is gone with the process.</summary>
public sealed class MemoryStore : IStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SortedDictionary<string, StoredField>> _nodes = [];
    private readonly SortedSet<string> _souls = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<FieldKey>> _linksTo = [];
    private readonly List<FieldWrite> _deferred = [];
    private Action<Commit>? _listener;
    private IReadOnlyList<Loss> _journal = [];
    private readonly MemoryLogShelf _logs;
    private long _sequence;
    private long _fields;
    private long _bytes;
    private long _reads;

    private readonly Lazy<MemoryBlobShelf> _blobs = new(static () => new MemoryBlobShelf(NodeIdentity.FindCrypto()));

    /// <summary>Makes an empty store.</summary>
    public MemoryStore() => _logs = new MemoryLogShelf(() => Interlocked.Increment(ref _sequence));

    /// <inheritdoc/>
    public IBlobShelf Blobs => _blobs.Value;

    /// <inheritdoc/>
    public ILogShelf Logs => _logs;

    /// <inheritdoc/>
    public double ClockHigh { get; private set; } = double.NegativeInfinity;

    /// <inheritdoc/>
    public long CommittedSequence => Interlocked.Read(ref _sequence);

    /// <inheritdoc/>
    public string StoreId { get; } = Convert.ToHexStringLower(
        System.Security.Cryptography.RandomNumberGenerator.GetBytes(8));

    /// <inheritdoc/>
    public IReadOnlyCollection<FieldWrite> Deferred
    {
        get
        {
            lock (_gate)
            {
                return [.. _deferred];
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Loss> SavedJournal => _journal;

    /// <inheritdoc/>
    public void OnCommitted(Action<Commit> listener) => _listener = listener;

    /// <inheritdoc/>
    public ValueTask LoadAsync(GraphView view, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            for (int slot = 0; slot < view.Count; slot++)
            {
                FieldKey key = view.Key(slot);
                if (_nodes.TryGetValue(key.Soul, out var fields) && fields.TryGetValue(key.Field, out StoredField known))
                {
                    view.Set(slot, known);
                }
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask WaitForRoomAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask<CommitReceipt> AppendAsync(CommitBatch batch, Durability wanted)
    {
        lock (_gate)
        {
            ClockHigh = Math.Max(ClockHigh, batch.ClockHigh);
            if (batch.IsEmpty)
            {
                return new(new CommitReceipt(_sequence, Durability.Memory));
            }

            long sequence = Interlocked.Increment(ref _sequence);
            foreach (CommitField field in batch.Fields)
            {
                Store(field, sequence);
            }

            foreach (FieldWrite row in batch.History)
            {
                StoreHistory(row, sequence);
            }

            foreach (FieldWrite released in batch.Released)
            {
                _deferred.Remove(released);
            }

            _deferred.AddRange(batch.Deferred);
            foreach (Weft.Log.LogDelta log in batch.Logs)
            {
                _logs.Apply(log);
            }

            _listener?.Invoke(new Commit(sequence, batch)); // Under the lock: that is what keeps the order.
            return new(new CommitReceipt(sequence, Durability.Memory));
        }
    }

    /// <inheritdoc/>
    public ValueTask<StoredField?> ReadFieldAsync(
        string soul, string field, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            _reads++;
            return new(
                _nodes.TryGetValue(soul, out var fields) && fields.TryGetValue(field, out StoredField known) ? known : null);
        }
    }

    /// <inheritdoc/>
    public ValueTask<NodePage> ReadNodeAsync(
        string soul, LexRange range, int fieldsMax, long bytesMax, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            _reads++;
            if (!_nodes.TryGetValue(soul, out var fields))
            {
                return new(NodePage.Empty);
            }

            var page = new List<StoredField>();
            long bytes = 0;
            IEnumerable<StoredField> walk = range.Reverse ? fields.Values.Reverse() : fields.Values;
            foreach (StoredField field in walk)
            {
                if (!range.Contains(field.Field))
                {
                    continue;
                }

                if (page.Count == fieldsMax || bytes >= bytesMax)
                {
                    return new(new NodePage(page, true, ReadSource.Memory));
                }

                page.Add(field);
                bytes += field.Field.Length + field.Value.Json.Length;
            }

            return new(new NodePage(page, false, ReadSource.Memory));
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListSoulsAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (range.Prefix is { } prefix && HistorySoul.Is(prefix))
            {
                return new((IReadOnlyList<string>)[.. _nodes.Keys.Where(range.Contains).Order(StringComparer.Ordinal)
                    .Take(soulsMax)]);
            }

            if (_souls.Count == 0)
            {
                return new((IReadOnlyList<string>)[]);
            }

            string low = range.Lowest;
            string high = _souls.Max!;
            if (string.CompareOrdinal(low, high) > 0)
            {
                return new((IReadOnlyList<string>)[]);
            }

            SortedSet<string> tail = _souls.GetViewBetween(low, high);
            IEnumerable<string> walk = range.Reverse
                ? tail.Reverse()
                : tail.TakeWhile(soul => !range.IsBeyond(soul));
            return new((IReadOnlyList<string>)[.. walk.Where(range.Contains).Take(soulsMax)]);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<FieldKey>> ReadLinksToAsync(
        string target, FieldKey? after, int linksMax, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (!_linksTo.TryGetValue(target, out SortedSet<FieldKey>? links))
            {
                return new((IReadOnlyList<FieldKey>)[]);
            }

            IEnumerable<FieldKey> walk = after is FieldKey last
                ? links.Where(link => FieldKeyOrder.Instance.Compare(link, last) > 0)
                : links;
            return new((IReadOnlyList<FieldKey>)[.. walk.Take(linksMax)]);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredChange> ReadChangesAsync(
        long afterSequence, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        List<StoredChange> changes;
        lock (_gate)
        {
            changes = [.. _nodes.Where(node => !HistorySoul.Is(node.Key)
                    && node.Key.StartsWith(prefix, StringComparison.Ordinal))
                .SelectMany(node => node.Value.Values, (node, field) => new StoredChange(node.Key, field))
                .Where(change => change.Field.Sequence > afterSequence)
                .OrderBy(change => change.Field.Sequence)];
        }

        await ValueTask.CompletedTask.ConfigureAwait(false);
        foreach (StoredChange change in changes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return change;
        }
    }

    /// <inheritdoc/>
    public ValueTask SaveJournalAsync(IReadOnlyList<Loss> losses, CancellationToken cancellationToken = default)
    {
        _journal = losses;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<MaintenanceResult> MaintainAsync(double nowMs, CancellationToken cancellationToken = default) =>
        new(new MaintenanceResult(0, 0, 0, TimeSpan.Zero));

    /// <inheritdoc/>
    public ValueTask<VerifyReport> VerifyAsync(
        IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            return new(new VerifyReport(_fields, _bytes, [], TimeSpan.Zero));
        }
    }

    /// <inheritdoc/>
    public ValueTask<BackupReport> BackupAsync(
        string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("A store in memory has no files to back up; export it instead.");

    /// <inheritdoc/>
    public StoreStats ReadStats()
    {
        lock (_gate)
        {
            return new(_souls.Count, _fields, _bytes, 0, 0, 0, _sequence, 0, _reads, 0, 0, 0, null);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // Beside the nodes: in no list, in no count.
    private void StoreHistory(in FieldWrite row, long sequence)
    {
        if (!_nodes.TryGetValue(row.Soul, out var fields))
        {
            fields = new(StringComparer.Ordinal);
            _nodes.Add(row.Soul, fields);
        }

        if (row.Value.IsNull)
        {
            fields.Remove(row.Field);
        }
        else
        {
            fields[row.Field] = new StoredField(row.Field, row.Value, row.State, sequence, row.Extras);
        }
    }

    private void Store(in CommitField field, long sequence)
    {
        FieldWrite write = field.Write;
        if (!_nodes.TryGetValue(write.Soul, out var fields))
        {
            fields = new(StringComparer.Ordinal);
            _nodes.Add(write.Soul, fields);
            _souls.Add(write.Soul);
        }

        var key = new FieldKey(write.Soul, write.Field);
        if (fields.TryGetValue(write.Field, out StoredField old))
        {
            _bytes -= old.Value.Json.Length;
            if (old.Value.AsLink() is string oldTarget && _linksTo.TryGetValue(oldTarget, out SortedSet<FieldKey>? links))
            {
                links.Remove(key);
            }
        }
        else
        {
            _fields++;
            _bytes += 2 * (write.Soul.Length + write.Field.Length);
        }

        _bytes += write.Value.Json.Length;
        fields[write.Field] = new StoredField(write.Field, write.Value, write.State, sequence, write.Extras);
        if (write.Value.AsLink() is string target)
        {
            if (!_linksTo.TryGetValue(target, out SortedSet<FieldKey>? links))
            {
                links = new(FieldKeyOrder.Instance);
                _linksTo.Add(target, links);
            }

            links.Add(key);
        }
    }

    private sealed class FieldKeyOrder : IComparer<FieldKey>
    {
        public static readonly FieldKeyOrder Instance = new();

        public int Compare(FieldKey x, FieldKey y)
        {
            int order = string.CompareOrdinal(x.Soul, y.Soul);
            return order != 0 ? order : string.CompareOrdinal(x.Field, y.Field);
        }
    }
}
