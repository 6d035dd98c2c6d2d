using Weft.Primitives;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;

namespace Weft.Protocols.Kad;

/// <content>Commands. Each gives its number at once, and ends with one <see cref="KadOutputKind.Done"/>.</content>
public sealed partial class KadCore
{
    /// <summary>Finds the peers closest to a key.</summary>
    public KadQueryId FindClosest(ReadOnlyMemory<byte> key, WeftInstant now, double nowMs, Outbox<KadOutput> outbox) =>
        Begin(KadQueryKind.FindNode, key.ToArray(), now, nowMs, outbox);

    /// <summary>Finds a peer: it is the first of the result when it was found.</summary>
    public KadQueryId FindPeer(PeerId peer, WeftInstant now, double nowMs, Outbox<KadOutput> outbox) =>
        Begin(KadQueryKind.FindNode, peer.Span.ToArray(), now, nowMs, outbox);

    /// <summary>Publishes a record: keeps it here as its own, and puts it to the peers it belongs to.</summary>
    /// <param name="record">The record; its namespace's rule must hold.</param>
    /// <param name="quorum">How many of them must keep it.</param>
    /// <param name="now">The moment.</param>
    /// <param name="nowMs">The wall time.</param>
    /// <param name="outbox">What to do.</param>
    /// <param name="ttl">The record's life; null for the usual one.</param>
    public KadQueryId PutValue(
        KadRecord record,
        KadQuorum quorum,
        WeftInstant now,
        double nowMs,
        Outbox<KadOutput> outbox,
        TimeSpan? ttl = null)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        var id = new KadQueryId(++_nextQuery);
        IRecordRule? rule = _parts.Rules.Find(record.Key.Span);
        double endMs = nowMs + Min(ttl ?? _options.RecordTtl, _options.RecordTtl).TotalMilliseconds;
        if (rule is null || record.Value.Length > _options.ValueBytesMax || record.Key.Length > KadCodec.KeyBytesMax
            || !rule.IsValid(record.Key.Span, record.Value.Span, nowMs))
        {
            return Refuse(id, KadStatus.Refused, outbox);
        }

        if (_commands >= _options.QueriesMax)
        {
            return Refuse(id, KadStatus.Busy, outbox);
        }

        KadRecord own = record.WithPublisher(Self);
        if (_parts.Records.Put(own, endMs, isOwn: true, nowMs) is not (RecordPut.Kept or RecordPut.Same))
        {
            return Refuse(id, KadStatus.Refused, outbox);
        }

        KadQuery query = Make(KadQueryKind.Put, id, own.Key.ToArray(), now, isUpkeep: false, quorum, record: own);
        query.TtlSeconds = (uint)((endMs - nowMs) / 1_000);
        Run(query, now, nowMs, outbox);
        return id;
    }

    /// <summary>
    /// Puts a state to the peers it belongs to; this peer keeps it only when it is one of them. It becomes no record of
    /// this peer's own: whoever is responsible keeps it up.
    /// </summary>
    /// <param name="record">The record; its namespace's rule must hold, and call it a state.</param>
    /// <param name="quorum">How many of them must keep it.</param>
    /// <param name="now">The moment.</param>
    /// <param name="nowMs">The wall time.</param>
    /// <param name="outbox">What to do.</param>
    public KadQueryId StoreState(
        KadRecord record, KadQuorum quorum, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        var id = new KadQueryId(++_nextQuery);
        if (_parts.Rules.Find(record.Key.Span) is not { } rule || record.Value.Length > _options.ValueBytesMax
            || record.Key.Length > KadCodec.KeyBytesMax || !rule.IsState(record.Key.Span)
            || !rule.IsValid(record.Key.Span, record.Value.Span, nowMs))
        {
            return Refuse(id, KadStatus.Refused, outbox);
        }

        if (_commands >= _options.QueriesMax)
        {
            return Refuse(id, KadStatus.Busy, outbox);
        }

        KadQuery query = Make(KadQueryKind.Store, id, record.Key.ToArray(), now, isUpkeep: false, quorum, record: record);
        query.TtlSeconds = (uint)_options.RecordTtl.TotalSeconds;
        Run(query, now, nowMs, outbox);
        return id;
    }

    /// <summary>Gets a record; at once when this peer has it and one is enough.</summary>
    /// <param name="key">Its key; the namespace must be known.</param>
    /// <param name="quorum">How many peers must give a valid record.</param>
    /// <param name="now">The moment.</param>
    /// <param name="nowMs">The wall time.</param>
    /// <param name="outbox">What to do.</param>
    /// <param name="skipsLocal">Ask others though this peer has it.</param>
    public KadQueryId GetValue(
        ReadOnlyMemory<byte> key,
        KadQuorum quorum,
        WeftInstant now,
        double nowMs,
        Outbox<KadOutput> outbox,
        bool skipsLocal = false)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        var id = new KadQueryId(++_nextQuery);
        if (_parts.Rules.Find(key.Span) is null || key.Length > KadCodec.KeyBytesMax)
        {
            return Refuse(id, KadStatus.Refused, outbox);
        }

        if (_commands >= _options.QueriesMax)
        {
            return Refuse(id, KadStatus.Busy, outbox);
        }

        KadQuery query = Make(KadQueryKind.Get, id, key.ToArray(), now, isUpkeep: false, quorum);
        if (!skipsLocal && _parts.Records.TryGet(key.Span, nowMs, out StoredRecord held))
        {
            query.Found = 1;
            query.Record = held.Record;
            query.Values.Add((Self, held.Record));
            query.TtlSeconds = SecondsLeft(held, nowMs);
        }

        Run(query, now, nowMs, outbox);
        return id;
    }

    /// <summary>
    /// Announces, now and again every <see cref="KadOptions.ProvideInterval"/>, that this peer provides a key.
    /// </summary>
    /// <param name="key">A multihash, or any other key of 1 to 256 bytes.</param>
    /// <param name="now">The moment.</param>
    /// <param name="nowMs">The wall time.</param>
    /// <param name="outbox">What to do.</param>
    public KadQueryId Provide(ReadOnlyMemory<byte> key, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        KadKey place = KadKey.Of(key.Span, _parts.Crypto);
        return !IsProviderKey(key.Span) || !_providers.AddOwn(place, key.ToArray(), now)
            ? Refuse(new(++_nextQuery), KadStatus.Refused, outbox)
            : Begin(KadQueryKind.Provide, key.ToArray(), now, nowMs, outbox);
    }

    /// <summary>Announces a key no more. What others know of it ends by itself.</summary>
    /// <returns>False when this peer did not provide it.</returns>
    public bool StopProviding(ReadOnlySpan<byte> key) => _providers.RemoveOwn(KadKey.Of(key, _parts.Crypto));

    /// <summary>The keys this peer provides.</summary>
    public IReadOnlyList<byte[]> ReadProvided() => _providers.ListOwn();

    /// <summary>Finds peers that provide a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="providersMax">So many are enough: 1 and up.</param>
    /// <param name="now">The moment.</param>
    /// <param name="nowMs">The wall time.</param>
    /// <param name="outbox">What to do.</param>
    public KadQueryId FindProviders(
        ReadOnlyMemory<byte> key, int providersMax, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(providersMax, 1);
        var id = new KadQueryId(++_nextQuery);
        if (!IsProviderKey(key.Span))
        {
            return Refuse(id, KadStatus.Refused, outbox);
        }

        if (_commands >= _options.QueriesMax)
        {
            return Refuse(id, KadStatus.Busy, outbox);
        }

        KadQuery query = Make(
            KadQueryKind.FindProviders, id, key.ToArray(), now, isUpkeep: false, providersWanted: providersMax);
        TakeProviders(query, _providers.Find(query.Target, now));
        if (_providers.IsOwn(query.Target))
        {
            TakeProviders(query, [new(Self, AddressesOf(Self))]);
        }

        Run(query, now, nowMs, outbox);
        return id;
    }

    /// <summary>
    /// Looks for itself, so that others learn of it and it of its neighbours; buckets are refreshed after it.
    /// </summary>
    public KadQueryId Bootstrap(WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        _bootstrapAt = now;
        EnqueueRefresh(now, isAll: true);
        return Begin(KadQueryKind.FindNode, Self.Span.ToArray(), now, nowMs, outbox);
    }

    /// <summary>Gives a command up; it ends with what there is.</summary>
    public void Cancel(KadQueryId query, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        if (_queries.TryGetValue(query.Value, out KadQuery? running))
        {
            Finish(running, KadStatus.Cancelled, now, nowMs, outbox);
        }
    }

    private KadQueryId Begin(KadQueryKind kind, byte[] key, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        var id = new KadQueryId(++_nextQuery);
        if (_commands >= _options.QueriesMax)
        {
            return Refuse(id, KadStatus.Busy, outbox);
        }

        Run(Make(kind, id, key, now, isUpkeep: false), now, nowMs, outbox);
        return id;
    }

    private static KadQueryId Refuse(KadQueryId id, KadStatus status, Outbox<KadOutput> outbox)
    {
        outbox.Add(new(KadOutputKind.Done, Result: new() { Query = id, Status = status }));
        return id;
    }

    private KadQuery Make(
        KadQueryKind kind,
        KadQueryId id,
        byte[] key,
        WeftInstant now,
        bool isUpkeep,
        KadQuorum quorum = default,
        int providersWanted = 0,
        bool isJoin = false,
        KadRecord record = default)
    {
        KadKey target = _places.Of(key);
        int copies = !record.IsEmpty ? CopiesOf(record) : kind == KadQueryKind.Get ? CopiesOf(key) : _options.K;

        // Upkeep has nothing that a liar could withhold for good: it takes the cheap way.
        var lookup = new KadLookup(target, isUpkeep ? 1 : _options.Paths, _options);
        return new(id, kind, key, target, lookup)
        {
            StartedAt = now,
            IsUpkeep = isUpkeep,
            Quorum = quorum,
            Copies = copies,
            ProvidersWanted = providersWanted,
            IsJoin = isJoin,
            Record = record,
            Sent = record,
            IsState = !record.IsEmpty && _parts.Rules.Find(key)?.IsState(key) == true,
        };
    }

    private int CopiesOf(ReadOnlySpan<byte> key) => CopiesOf(_parts.Rules.Find(key)?.CopiesOf(key) ?? 0);

    private int CopiesOf(in KadRecord record) =>
        CopiesOf(_parts.Rules.Find(record.Key.Span)?.CopiesOf(record.Key.Span, record.Value.Span) ?? 0);

    private int CopiesOf(int copies) => Math.Clamp(copies > 0 ? copies : _options.Copies, 1, _options.K);

    private static bool IsProviderKey(ReadOnlySpan<byte> key) => key.Length is > 0 and <= ProviderKeyBytesMax;

    private static uint SecondsLeft(in StoredRecord record, double nowMs) =>
        (uint)Math.Clamp((record.ExpiresMs - nowMs) / 1_000, 1, uint.MaxValue);

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;
}
