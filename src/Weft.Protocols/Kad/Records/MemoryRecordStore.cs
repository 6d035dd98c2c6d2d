using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Protocols.Kad.Records;

/// <summary>Records in memory. Each is one array in network form and one slot of numbers.</summary>
/// <remarks>
/// Two sorted lists of slot numbers give order by key and by distance from this peer; a chain through the slots gives
/// order by age or by use. Inserting moves 4 bytes a record behind the place: 40 KB at 10,000 records.
/// </remarks>
public sealed partial class MemoryRecordStore : IRecordStore
{
    private const int None = -1;

    private readonly RecordStoreOptions _options;
    private readonly ICrypto _crypto;
    private readonly IRecordJournal? _journal;
    private readonly KadKey _self;
    private readonly SortedSlots _byKey;
    private readonly SortedSlots _byDistance;
    private Slot[] _slots = new Slot[16];
    private int _free = None; // Chain of slots without a record, through Next.
    private int _used;
    private int _first = None; // The next to go by age or use.
    private int _last = None;
    private int _own;
    private long _evicted;
    private long _refused;
    private bool _isAboveThreshold;
    private Action<RecordHealth>? _listener;

    /// <summary>Makes an empty store.</summary>
    /// <param name="self">This peer: distance is measured from it.</param>
    /// <param name="options">The ceilings.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="journal">Is told of every change, so that a restart finds the records again; null for none.</param>
    public MemoryRecordStore(
        PeerId self, RecordStoreOptions options, ICrypto crypto, IRecordJournal? journal = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RecordsMax, 1, nameof(options));
        _options = options;
        _crypto = crypto;
        _journal = journal;
        _self = KadKey.Of(self, crypto);
        _byKey = new(CompareKeys);
        _byDistance = new(CompareDistances);
    }

    /// <inheritdoc/>
    public int Count => _byKey.Count;

    /// <inheritdoc/>
    public long Bytes { get; private set; }

    /// <inheritdoc/>
    public RecordPut Put(KadRecord record, double expiresMs, bool isOwn, double nowMs)
    {
        RecordPut put = TryPut(record, expiresMs, isOwn, nowMs);
        _refused += put is RecordPut.Kept or RecordPut.Same ? 0 : 1;
        WatchThreshold(nowMs);
        return put;
    }

    /// <inheritdoc/>
    public int PutBatch(ReadOnlySpan<RecordWrite> batch, double nowMs)
    {
        int kept = 0;
        foreach (RecordWrite write in batch)
        {
            kept += Put(write.Record, write.ExpiresMs, write.IsOwn, nowMs) is RecordPut.Kept or RecordPut.Same ? 1 : 0;
        }

        return kept;
    }

    /// <inheritdoc/>
    public bool TryGet(ReadOnlySpan<byte> key, double nowMs, out StoredRecord record)
    {
        int slot = Find(key);
        if (slot == None || _slots[slot].ExpiresMs <= nowMs)
        {
            record = default;
            return false;
        }

        if (_options.Eviction == RecordEviction.LeastRecentlyUsed)
        {
            Unchain(slot);
            Chain(slot);
        }

        record = Read(slot);
        return true;
    }

    /// <inheritdoc/>
    public bool Remove(ReadOnlySpan<byte> key)
    {
        int slot = Find(key);
        if (slot == None)
        {
            return false;
        }

        Drop(slot);
        WatchThreshold(double.NaN);
        return true;
    }

    /// <inheritdoc/>
    public IEnumerable<StoredRecord> Iterate()
    {
        for (int i = 0; i < _byKey.Count; i++)
        {
            yield return Read(_byKey[i]);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<StoredRecord> Find(in RecordQuery query, double nowMs)
    {
        ReadOnlySpan<byte> start = query.Prefix.Span;
        start = query.From.Span.SequenceCompareTo(start) > 0 ? query.From.Span : start;
        bool isBehind = !query.After.IsEmpty && query.After.Span.SequenceCompareTo(start) >= 0;
        start = isBehind ? query.After.Span : start;
        var found = new List<StoredRecord>();
        for (int i = LowerBound(start); i < _byKey.Count && found.Count < query.RecordsMax; i++)
        {
            StoredRecord record = Read(_byKey[i]);
            ReadOnlySpan<byte> key = record.Record.Key.Span;
            if (!key.StartsWith(query.Prefix.Span) || (!query.To.IsEmpty && key.SequenceCompareTo(query.To.Span) >= 0))
            {
                break;
            }

            if ((isBehind && key.SequenceEqual(start)) || record.ExpiresMs <= nowMs || (query.OwnOnly && !record.IsOwn)
                || (!query.Publisher.IsEmpty && !record.Record.PublisherSpan.SequenceEqual(query.Publisher.Span)))
            {
                continue;
            }

            found.Add(record);
        }

        return found;
    }

    /// <inheritdoc/>
    public IReadOnlyList<StoredRecord> Closest(in KadKey target, int recordsMax, double nowMs)
    {
        var best = new PriorityQueue<int, KadKey>(Comparer<KadKey>.Create((left, right) => right.CompareTo(left)));
        for (int i = 0; i < _byKey.Count; i++)
        {
            int slot = _byKey[i];
            if (_slots[slot].ExpiresMs > nowMs)
            {
                best.Enqueue(slot, _slots[slot].Place.DistanceTo(target));
                if (best.Count > recordsMax)
                {
                    best.Dequeue(); // The farthest.
                }
            }
        }

        var found = new StoredRecord[best.Count];
        for (int i = found.Length - 1; i >= 0; i--)
        {
            found[i] = Read(best.Dequeue());
        }

        return found;
    }

    /// <inheritdoc/>
    public IReadOnlyList<StoredRecord> Due(bool isOwn, double beforeMs, int recordsMax) =>
        Least(recordsMax, slot => slot.IsOwn == isOwn && slot.ReplicatedMs < beforeMs ? slot.ReplicatedMs : null);

    /// <inheritdoc/>
    public IReadOnlyList<StoredRecord> AboutToExpire(double nowMs, TimeSpan within, int recordsMax)
    {
        double end = nowMs + within.TotalMilliseconds;
        return Least(recordsMax, slot => slot.ExpiresMs > nowMs && slot.ExpiresMs <= end ? slot.ExpiresMs : null);
    }

    /// <inheritdoc/>
    public bool OnReplicated(ReadOnlySpan<byte> key, double nowMs, double? expiresMs = null)
    {
        int slot = Find(key);
        if (slot == None)
        {
            return false;
        }

        _slots[slot].ReplicatedMs = nowMs;
        if (expiresMs is { } end)
        {
            _slots[slot].ExpiresMs = end;
            _journal?.OnKept(Read(slot));
        }

        return true;
    }

    /// <inheritdoc/>
    public RecordMaintenance Maintain(double nowMs)
    {
        int expired = 0;
        long before = Bytes;
        for (int i = _byKey.Count - 1; i >= 0; i--)
        {
            int slot = _byKey[i];
            if (_slots[slot].ExpiresMs <= nowMs)
            {
                Drop(slot);
                expired++;
            }
        }

        int evicted = 0;
        while ((Count > _options.RecordsMax || Bytes > _options.BytesMax) && Victim() is int victim and not None)
        {
            Drop(victim);
            evicted++;
        }

        _evicted += evicted;
        WatchThreshold(nowMs);
        return new(expired + evicted, expired, before - Bytes);
    }

    /// <inheritdoc/>
    public RecordHealth ReadHealth(double nowMs)
    {
        int expired = 0;
        for (int i = 0; i < _byKey.Count; i++)
        {
            expired += _slots[_byKey[i]].ExpiresMs <= nowMs ? 1 : 0;
        }

        return Health(expired);
    }

    /// <inheritdoc/>
    public void OnThreshold(Action<RecordHealth> listener) => _listener = listener;

    /// <summary>Takes a record back after a restart; the journal, from which it comes, is not told.</summary>
    /// <returns>False when it is there already, or beyond a ceiling.</returns>
    public bool Restore(KadRecord record, double expiresMs, double receivedMs, bool isOwn)
    {
        if (record.Array is not { } bytes || Find(record.Key.Span) != None || Count >= _options.RecordsMax
            || Bytes + bytes.Length > _options.BytesMax)
        {
            return false;
        }

        Insert(bytes, KadKey.Of(record.Key.Span, _crypto), expiresMs, isOwn, receivedMs);
        return true;
    }

    private RecordPut TryPut(KadRecord record, double expiresMs, bool isOwn, double nowMs)
    {
        byte[]? bytes = record.Array;
        if (bytes is null || bytes.Length > _options.RecordBytesMax || bytes.Length > _options.BytesMax)
        {
            return RecordPut.TooLarge;
        }

        if (!(expiresMs > nowMs))
        {
            return RecordPut.Expired;
        }

        int slot = Find(record.Key.Span);
        if (slot != None)
        {
            return Replace(slot, bytes, expiresMs, isOwn, nowMs);
        }

        KadKey place = KadKey.Of(record.Key.Span, _crypto);
        if (!MakeRoom(bytes.Length, place, isOwn, None))
        {
            return RecordPut.Full;
        }

        int added = Insert(bytes, place, expiresMs, isOwn, nowMs);
        _journal?.OnKept(Read(added));
        return RecordPut.Kept;
    }

    private int Insert(byte[] bytes, in KadKey place, double expiresMs, bool isOwn, double nowMs)
    {
        int slot = Take();
        _slots[slot] = new()
        {
            Bytes = bytes,
            Place = place,
            ExpiresMs = expiresMs,
            ReceivedMs = nowMs,
            ReplicatedMs = nowMs,
            IsOwn = isOwn,
        };
        _own += isOwn ? 1 : 0;
        Bytes += bytes.Length;
        _byKey.Insert(slot);
        _byDistance.Insert(slot);
        Chain(slot);
        return slot;
    }

    private RecordPut Replace(int slot, byte[] bytes, double expiresMs, bool isOwn, double nowMs)
    {
        bool isSame = bytes.AsSpan().SequenceEqual(_slots[slot].Bytes);
        if (_slots[slot].IsOwn && !isOwn && !isSame)
        {
            return RecordPut.OwnProtected;
        }

        int more = bytes.Length - _slots[slot].Bytes!.Length;
        if (more > 0 && !MakeRoom(more, _slots[slot].Place, isOwn, slot))
        {
            return RecordPut.Full;
        }

        bool becomesOwn = isOwn && !_slots[slot].IsOwn;
        _own += becomesOwn ? 1 : 0;
        Bytes += more;
        ref Slot there = ref _slots[slot];
        there.Bytes = isSame ? there.Bytes : bytes;
        there.ExpiresMs = isSame && there.IsOwn && !isOwn ? there.ExpiresMs : expiresMs;
        there.ReceivedMs = nowMs;
        there.ReplicatedMs = there.IsOwn && !isOwn ? there.ReplicatedMs : nowMs;
        there.IsOwn |= isOwn;
        Unchain(slot);
        Chain(slot);
        _journal?.OnKept(Read(slot));
        return isSame ? RecordPut.Same : RecordPut.Kept;
    }

    /// <summary>Makes place for one record more, or for a longer one; false when nothing may go for it.</summary>
    private bool MakeRoom(int bytes, in KadKey place, bool isOwn, int replaced)
    {
        while (Bytes + bytes > _options.BytesMax || (replaced == None && Count >= _options.RecordsMax))
        {
            int victim = Victim();
            bool isNearer = _options.Eviction != RecordEviction.Farthest || isOwn || (victim != None
                && place.DistanceTo(_self) < _slots[victim].Place.DistanceTo(_self));
            if (victim == None || victim == replaced || !isNearer)
            {
                return false;
            }

            Drop(victim);
            _evicted++;
        }

        return true;
    }

    /// <summary>What has to go next: never an own record.</summary>
    private int Victim()
    {
        if (_own == Count)
        {
            return None;
        }

        if (_options.Eviction == RecordEviction.Farthest)
        {
            int at = _byDistance.Count - 1;
            while (_slots[_byDistance[at]].IsOwn)
            {
                at--;
            }

            return _byDistance[at];
        }

        int slot = _first;
        while (_slots[slot].IsOwn)
        {
            slot = _slots[slot].Next;
        }

        return slot;
    }

    private void Drop(int slot)
    {
        _byKey.Remove(slot);
        _byDistance.Remove(slot);
        Unchain(slot);
        _journal?.OnRemoved(KadRecord.Of(_slots[slot].Bytes!).Key);
        Bytes -= _slots[slot].Bytes!.Length;
        _own -= _slots[slot].IsOwn ? 1 : 0;
        _slots[slot] = new() { Next = _free };
        _free = slot;
    }

    private StoredRecord Read(int slot)
    {
        ref Slot there = ref _slots[slot];
        return new(
            KadRecord.Of(there.Bytes!), there.Place, there.ExpiresMs, there.ReceivedMs, there.ReplicatedMs, there.IsOwn);
    }

    private RecordHealth Health(int expired) => new(
        Count, _options.RecordsMax, Bytes, _options.BytesMax, _own, expired, _evicted, _refused);

    private void WatchThreshold(double nowMs)
    {
        bool isAbove = Health(0).Utilisation > _options.Threshold;
        if (isAbove && !_isAboveThreshold)
        {
            _isAboveThreshold = true; // Set first: the listener may write.
            _listener?.Invoke(ReadHealth(double.IsNaN(nowMs) ? double.NegativeInfinity : nowMs));
        }

        _isAboveThreshold = isAbove;
    }

    private struct Slot
    {
        public byte[]? Bytes;
        public KadKey Place;
        public double ExpiresMs;
        public double ReceivedMs;
        public double ReplicatedMs;
        public int Previous;
        public int Next;
        public bool IsOwn;
    }
}
