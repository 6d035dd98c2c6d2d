using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Replication;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>
/// What a comparison asks of the store: sums, lists and parts of ranges of fields. Sums are kept for pages of some hundred
/// fields; a commit only marks the pages it touches, and they are added up anew when somebody asks.
/// </summary>
/// <remarks>
/// The first question reads the whole store once, in order. Safe to use from many threads: one question at a time.
/// Memory: a page for each <see cref="PageFields"/> fields or more, at most <see cref="PagesMax"/>.
/// </remarks>
internal sealed class RangeIndex : IDisposable
{
    private const int PageFields = 256;
    private const int PagesMax = 16_384;
    private const int SoulsPerRead = 256;
    private const int FieldsPerRead = 512;
    private const long BytesPerRead = 1 << 20;
    private const int ChangesPerRead = 1_024;

    private readonly IStore _store;
    private readonly ICrypto _crypto;
    private readonly ChangeReader _changes;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly List<HubChange> _taken = [];
    private List<Page>? _pages;
    private int _pageFields = PageFields;
    private long _plansVersion = -1;

    /// <summary>Follows the store's changes from now on.</summary>
    public RangeIndex(IStore store, ChangeHub hub, ICrypto crypto)
    {
        _store = store;
        _crypto = crypto;
        _changes = hub.Follow();
    }

    /// <summary>
    /// Says what may leave by itself; what may not is no part of any range. Null for everything.
    /// </summary>
    public ReplicationPlans? Plans { get; init; }

    /// <summary>Pages held now.</summary>
    public int Pages => _pages?.Count ?? 0;

    /// <summary>Fields that were read to add pages up, since the start.</summary>
    public long FieldsRead { get; private set; }

    /// <summary>How often a node could not be read because it is damaged, since the start.</summary>
    public long DamagesMet { get; private set; }

    /// <summary>Adds up a range.</summary>
    public async Task<RangeSum> SumAsync(
        string prefix, SyncKey from, SyncKey to, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            (SyncKey low, SyncKey high) = Clip(prefix, from, to);
            RangeSum sum = default;
            foreach (RangePart part in await PartsAsync(low, high, cancellationToken).ConfigureAwait(false))
            {
                sum = sum.Plus(part.Sum);
            }

            return sum;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Lists the first fields of a range.</summary>
    public async Task<IReadOnlyList<RangeItem>> ListAsync(
        string prefix, SyncKey from, SyncKey to, int itemsMax, CancellationToken cancellationToken)
    {
        (SyncKey low, SyncKey high) = Clip(prefix, from, to);
        var items = new List<RangeItem>();
        await foreach (FieldWrite write in ScanAsync(low, high, cancellationToken).ConfigureAwait(false))
        {
            items.Add(new(SyncKey.Of(write), HashOf(write).Id));
            if (items.Count == itemsMax)
            {
                break;
            }
        }

        return items;
    }

    /// <summary>Cuts a range into about as many parts of about the same size.</summary>
    public async Task<IReadOnlyList<RangePart>> SplitAsync(
        string prefix, SyncKey from, SyncKey to, int count, CancellationToken cancellationToken)
    {
        (SyncKey low, SyncKey high) = Clip(prefix, from, to);
        List<RangePart> fine;
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            fine = await PartsAsync(low, high, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }

        if (fine.Count < count)
        {
            fine = await ItemsAsPartsAsync(low, high, cancellationToken).ConfigureAwait(false);
        }

        // The caller's range may reach beyond the prefix; the last part ends where the range does.
        return Join(fine, count, to);
    }

    /// <summary>Reads fields of a range from its beginning on.</summary>
    /// <returns>The fields, and where to go on; null at the end.</returns>
    public async Task<(IReadOnlyList<FieldWrite> Writes, SyncKey? Next)> ReadAsync(
        string prefix, SyncKey from, SyncKey to, int bytesMax, CancellationToken cancellationToken)
    {
        (SyncKey low, SyncKey high) = Clip(prefix, from, to);
        var writes = new List<FieldWrite>();
        int bytes = 0;
        await foreach (FieldWrite write in ScanAsync(low, high, cancellationToken).ConfigureAwait(false))
        {
            if (bytes >= bytesMax)
            {
                return (writes, SyncKey.Of(write));
            }

            writes.Add(write);
            bytes += SyncCodec.SizeOf(write);
        }

        return (writes, null);
    }

    /// <summary>Forgets all sums: the store has changed without a commit, by damage or its repair.</summary>
    public async Task ForgetAsync(CancellationToken cancellationToken = default)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        _pages = null;
        _turn.Release();
    }

    /// <inheritdoc/>
    public void Dispose() => _changes.Dispose();

    private static (SyncKey Low, SyncKey High) Clip(string prefix, SyncKey from, SyncKey to)
    {
        var first = new SyncKey(prefix, "");
        SyncKey end = After(prefix);
        return (from > first ? from : first, to < end ? to : end);
    }

    // The smallest text after all that begin with the prefix. It stays inside, so it need not be well-formed.
    private static SyncKey After(string prefix)
    {
        int length = prefix.Length;
        while (length > 0 && prefix[length - 1] == char.MaxValue)
        {
            length--;
        }

        return length == 0
            ? SyncKey.End
            : new(string.Concat(prefix.AsSpan(0, length - 1), ((char)(prefix[length - 1] + 1)).ToString()), "");
    }

    private static List<RangePart> Join(List<RangePart> fine, int count, SyncKey to)
    {
        long total = fine.Sum(part => part.Sum.Count);
        long each = Math.Max(1, (total + count - 1) / count);
        var parts = new List<RangePart>(count);
        RangeSum sum = default;
        foreach (RangePart part in fine)
        {
            sum = sum.Plus(part.Sum);
            if (sum.Count >= each && parts.Count < count - 1)
            {
                parts.Add(new(part.To, sum));
                sum = default;
            }
        }

        if (sum.Count > 0 || parts.Count == 0)
        {
            parts.Add(new(to, sum));
        }
        else
        {
            parts[^1] = new(to, parts[^1].Sum);
        }

        return parts;
    }

    private FieldHash HashOf(in FieldWrite write) =>
        FieldHash.Of(_crypto, write.Soul, write.Field, write.State, write.Value);

    // Pages as parts; those at the edges of the range are added up in part.
    private async Task<List<RangePart>> PartsAsync(SyncKey low, SyncKey high, CancellationToken cancellationToken)
    {
        var parts = new List<RangePart>();
        if (low >= high)
        {
            return parts;
        }

        MarkChanged();
        while (_pages is null)
        {
            _pages = await BuildAsync(SyncKey.First, SyncKey.End, cancellationToken).ConfigureAwait(false);
            MarkChanged(); // What was committed while the store was being read.
        }

        for (int i = PageOf(low); i < _pages.Count && _pages[i].From < high; i++)
        {
            SyncKey end = EndOf(i);
            if (_pages[i].From >= low && end <= high)
            {
                i = await RefreshAsync(i, parts, cancellationToken).ConfigureAwait(false);
                continue;
            }

            SyncKey from = _pages[i].From > low ? _pages[i].From : low;
            SyncKey to = end < high ? end : high;
            parts.Add(new(to, await AddUpAsync(from, to, cancellationToken).ConfigureAwait(false)));
        }

        return parts;
    }

    private async Task<RangeSum> AddUpAsync(SyncKey from, SyncKey to, CancellationToken cancellationToken)
    {
        RangeSum sum = default;
        await foreach (FieldWrite write in ScanAsync(from, to, cancellationToken).ConfigureAwait(false))
        {
            sum = sum.Plus(HashOf(write));
        }

        return sum;
    }

    /// <returns>The position of the last page that stands for what was the page at this position.</returns>
    private async Task<int> RefreshAsync(int at, List<RangePart> parts, CancellationToken cancellationToken)
    {
        SyncKey end = EndOf(at);
        if (!_pages![at].IsChanged)
        {
            parts.Add(new(end, _pages[at].Sum));
            return at;
        }

        List<Page> fresh = await BuildAsync(_pages[at].From, end, cancellationToken).ConfigureAwait(false);
        _pages.RemoveAt(at);
        _pages.InsertRange(at, fresh);
        for (int i = 0; i < fresh.Count; i++)
        {
            parts.Add(new(EndOf(at + i), fresh[i].Sum));
        }

        return at + fresh.Count - 1;
    }

    private async Task<List<Page>> BuildAsync(SyncKey from, SyncKey to, CancellationToken cancellationToken)
    {
        var pages = new List<Page> { new(from) };
        SyncKey last = default;
        await foreach (FieldWrite write in ScanAsync(from, to, cancellationToken).ConfigureAwait(false))
        {
            SyncKey key = SyncKey.Of(write);
            if (pages[^1].Sum.Count >= _pageFields)
            {
                pages.Add(new(SyncKey.Between(last, key)));
                if (pages.Count + (_pages?.Count ?? 0) > PagesMax)
                {
                    Coarsen(pages);
                }
            }

            pages[^1].Sum = pages[^1].Sum.Plus(HashOf(write));
            last = key;
        }

        return pages;
    }

    // So many fields that pages have to be larger: two become one.
    private void Coarsen(List<Page> pages)
    {
        _pageFields *= 2;
        for (int i = 0; i + 1 < pages.Count; i++)
        {
            pages[i].Sum = pages[i].Sum.Plus(pages[i + 1].Sum);
            pages.RemoveAt(i + 1);
        }
    }

    private async Task<List<RangePart>> ItemsAsPartsAsync(
        SyncKey low, SyncKey high, CancellationToken cancellationToken)
    {
        var items = new List<(SyncKey Key, FieldHash Hash)>();
        await foreach (FieldWrite write in ScanAsync(low, high, cancellationToken).ConfigureAwait(false))
        {
            items.Add((SyncKey.Of(write), HashOf(write)));
        }

        var parts = new List<RangePart>(items.Count);
        for (int i = 0; i < items.Count; i++)
        {
            SyncKey to = i + 1 < items.Count ? SyncKey.Between(items[i].Key, items[i + 1].Key) : high;
            parts.Add(new(to, default(RangeSum).Plus(items[i].Hash)));
        }

        return parts;
    }

    private void MarkChanged()
    {
        if (Plans is { } plans && plans.Version != _plansVersion)
        {
            // Read before the pages are built: a policy that comes meanwhile makes them anew.
            _plansVersion = plans.Version;
            _pages = null;
        }

        while (true)
        {
            _taken.Clear();
            int count = _changes.TryRead(_taken, ChangesPerRead, out bool isLost);
            if (isLost)
            {
                _pages = null; // Too much has changed since somebody asked.
                return;
            }

            foreach (HubChange change in _taken)
            {
                if (_pages is not null)
                {
                    _pages[PageOf(new(change.Soul, change.Field.Field))].IsChanged = true;
                }
            }

            if (count < ChangesPerRead)
            {
                return;
            }
        }
    }

    private int PageOf(SyncKey key)
    {
        int low = 0;
        int high = _pages!.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_pages[middle].From <= key)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    private SyncKey EndOf(int page) => page + 1 < _pages!.Count ? _pages[page + 1].From : SyncKey.End;

    // Every field from one place up to another, in order, those that were taken back left out.
    private async IAsyncEnumerable<FieldWrite> ScanAsync(
        SyncKey from, SyncKey to,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string soulFrom = from.Soul ?? "";
        while (from < to)
        {
            var range = new LexRange(From: soulFrom.Length == 0 ? null : soulFrom, To: to.Soul);
            IReadOnlyList<string> souls = await _store
                .ListSoulsAsync(range, SoulsPerRead, cancellationToken).ConfigureAwait(false);
            foreach (string soul in souls)
            {
                if (Plans?.PlanOf(soul).Reach is not (null or ReplicaReach.Everywhere))
                {
                    continue;
                }

                string? field = soul == from.Soul && from.Field.Length > 0 ? from.Field : null;
                await foreach (FieldWrite write in FieldsAsync(soul, field, cancellationToken).ConfigureAwait(false))
                {
                    if (SyncKey.Of(write) >= to)
                    {
                        yield break;
                    }

                    FieldsRead++;
                    yield return write;
                }
            }

            if (souls.Count < SoulsPerRead)
            {
                yield break;
            }

            soulFrom = souls[^1] + "\0"; // The next soul there could be.
        }
    }

    private async IAsyncEnumerable<FieldWrite> FieldsAsync(
        string soul, string? from,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            NodePage page;
            try
            {
                page = await _store.ReadNodeAsync(
                    soul, new LexRange(From: from), FieldsPerRead, BytesPerRead, cancellationToken).ConfigureAwait(false);
            }
            catch (WeftException damage) when (damage.Error == WeftError.FileDamaged)
            {
                DamagesMet++;
                yield break; // What cannot be read is not here: one damaged node must not keep all others from peers.
            }

            foreach (StoredField field in page.Fields)
            {
                if (field.State != Ham.DroppedState)
                {
                    yield return new FieldWrite(soul, field.Field, field.Value, field.State, field.Extras);
                }
            }

            if (!page.More || page.Fields.Count == 0)
            {
                yield break;
            }

            from = page.Fields[^1].Field + "\0";
        }
    }

    private sealed class Page(SyncKey from)
    {
        public SyncKey From { get; } = from;

        public RangeSum Sum { get; set; }

        public bool IsChanged { get; set; }
    }
}
