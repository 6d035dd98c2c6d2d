using Weft.Primitives;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;

namespace Weft.Protocols.Kad;

/// <content>What follows a lookup: the region of a key, records to their peers, repair after a read.</content>
public sealed partial class KadCore
{
    // Twenty peers in a space where seven are expected: once in 25,000 lookups by chance, always with sybils.
    private const double SuspiciousShare = 0.35;
    private const int RegionPlaces = 5;

    private readonly SizeEstimate _sizes = new();

    private void OnLookupDone(KadQuery query, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        if (query.Phase == KadPhase.Region)
        {
            OnRegionLookupDone(query);
        }
        else if (query.Kind == KadQueryKind.Refresh)
        {
            NoteDensity(query.Main);
            EnqueueRefresh(now, query.IsJoin);
        }
        else if (query.Kind != KadQueryKind.FindNode && IsSuspicious(query, out int bits))
        {
            StartRegion(query, bits);
        }

        if (query.RegionKeys.TryDequeue(out byte[]? place))
        {
            query.Phase = KadPhase.Region;
            query.LookupKey = place;
            KadKey target = _places.Of(place);
            query.Lookup = new(target, 1, _options);
            query.Lookup.Seed(_nearest.AsSpan(0, _table.Closest(target, _nearest)));
            Pump(query, now, nowMs, outbox);
            return;
        }

        query.Phase = KadPhase.Spread;
        switch (query.Kind)
        {
            case KadQueryKind.Put or KadQueryKind.Store or KadQueryKind.Replicate:
                SpreadRecord(query, now, nowMs, outbox);
                break;
            case KadQueryKind.Provide:
                SpreadProvider(query, now, outbox);
                break;
            case KadQueryKind.Get or KadQueryKind.FindProviders when query.IsRegion:
                SpreadQuestion(query, now, outbox);
                break;
        }

        Pump(query, now, nowMs, outbox);
    }

    /// <summary>
    /// Peers around random places stand as densely as the network is large; the same around a key, or liars.
    /// </summary>
    private bool IsSuspicious(KadQuery query, out int bits)
    {
        bits = 0;
        double size = EstimateSize();
        List<Candidate> nearest = query.Main.Nearest(_options.K);
        if (!_options.AsksRegion || size < 2 * _options.K || nearest.Count < _options.K)
        {
            return false;
        }

        bits = (int)Math.Floor(Math.Log2(size / _options.K));
        double expected = _options.K / size;
        return bits + 1 <= KadPreimages.BitsMax && nearest[^1].Distance.Share < expected * SuspiciousShare;
    }

    /// <summary>
    /// The region is what shares so many bits with the key as leaves room for k honest peers. Liars crowd at its
    /// centre, so
    /// it is looked up in parts away from the centre: the half without the key, the quarter, and so on.
    /// </summary>
    private void StartRegion(KadQuery query, int bits)
    {
        query.IsRegion = true;
        for (int i = 0; i < RegionPlaces && bits + i + 1 <= KadPreimages.BitsMax; i++)
        {
            int length = bits + i + 1;
            uint prefix = query.Target.Prefix(length) ^ 1; // The same bits, the last one turned.
            query.RegionKeys.Enqueue(_parts.Preimages.Find(prefix, length));
        }

        query.RegionBits = bits;
    }

    private void OnRegionLookupDone(KadQuery query)
    {
        foreach (Candidate candidate in query.Lookup.Nearest(_options.K))
        {
            if (candidate.Key.CommonPrefix(query.Target) >= query.RegionBits && query.Region.Count < _options.RegionPeersMax
                && !query.Region.Exists(known => known.Peer == candidate.Peer))
            {
                query.Region.Add(candidate);
            }
        }
    }

    /// <summary>The peers a record belongs to: the nearest, and in a crowded region all of it.</summary>
    private List<PeerId> Holders(KadQuery query, out bool isSelfOne)
    {
        List<Candidate> nearest = query.Main.Nearest(query.Copies);
        KadKey own = _place.DistanceTo(query.Target);
        isSelfOne = _isServer && (nearest.Count < query.Copies || own < nearest[^1].Distance);
        var holders = new List<PeerId>(nearest.Count);
        int count = isSelfOne ? Math.Min(nearest.Count, query.Copies - 1) : nearest.Count;
        for (int i = 0; i < count; i++)
        {
            holders.Add(nearest[i].Peer);
        }

        foreach (Candidate candidate in query.Region)
        {
            if (!holders.Contains(candidate.Peer))
            {
                holders.Add(candidate.Peer);
            }
        }

        return holders;
    }

    private void SpreadRecord(KadQuery query, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        List<PeerId> holders = Holders(query, out bool isSelfOne);
        query.IsSelfOne = isSelfOne;
        query.Wanted = holders.Count + (isSelfOne ? 1 : 0);
        if (isSelfOne && (query.Kind != KadQueryKind.Store || KeepHere(query, nowMs)))
        {
            query.Holders.Add(Self); // A put or a replication finds it here already.
        }

        query.Spreading = holders.Count;
        foreach (PeerId holder in holders)
        {
            Ask(query, holder, new(KadMessageKind.PutValue, query.Key, query.Record, query.TtlSeconds), now, outbox);
        }
    }

    private void SpreadProvider(KadQuery query, WeftInstant now, Outbox<KadOutput> outbox)
    {
        List<PeerId> holders = Holders(query, out bool isSelfOne);
        if (isSelfOne)
        {
            query.Holders.Add(Self);
        }

        query.Wanted = holders.Count + query.Stored;
        query.Spreading = holders.Count;
        IReadOnlyList<KadPeer> self = [new(Self, AddressesOf(Self), KadConnection.Connected)];
        foreach (PeerId holder in holders)
        {
            Ask(query, holder, new(KadMessageKind.AddProvider, query.Key, Providers: self), now, outbox);
        }
    }

    private void SpreadQuestion(KadQuery query, WeftInstant now, Outbox<KadOutput> outbox)
    {
        KadMessageKind kind = LookupKind(query.Kind);
        List<PeerId> asked = [.. query.Region.Select(candidate => candidate.Peer)
            .Where(peer => query.Main.Find(peer) is not { State: CandidateState.Answered })];
        query.Spreading = asked.Count;
        foreach (PeerId peer in asked)
        {
            Ask(query, peer, new(kind, query.Key), now, outbox);
        }
    }

    /// <summary>A state that is put from here, where this peer is one of the closest: merged like one that came.</summary>
    private bool KeepHere(KadQuery query, double nowMs)
    {
        double expiresMs = nowMs + (query.TtlSeconds * 1_000d);
        ReadOnlyMemory<byte> value = query.Record.Value;
        if (_parts.Records.TryGet(query.Key, nowMs, out StoredRecord held) && _parts.Rules.Find(query.Key) is { } rule)
        {
            value = rule.Merge(query.Key, held.Record.Value, value);
        }

        KadRecord record = KadRecord.Make(query.Key, value.Span, query.Record.Publisher);
        return _parts.Records.Put(record, expiresMs, isOwn: false, nowMs) is RecordPut.Kept or RecordPut.Same;
    }

    /// <summary>
    /// A state was told to its holders: what they knew beyond it is taken here, too; and where it belongs to others alone
    /// by now, and all of them have it, it is kept here no more.
    /// </summary>
    private void EndState(KadQuery query, double nowMs)
    {
        if (query.IsSelfOne)
        {
            if (!query.Record.Value.Span.SequenceEqual(query.Sent.Value.Span))
            {
                KeepHere(query, nowMs);
            }

            return;
        }

        bool areAll = query.Wanted >= query.Copies && query.Stored >= query.Wanted;
        if (query.Kind == KadQueryKind.Replicate && areAll
            && _parts.Records.TryGet(query.Key, nowMs, out StoredRecord held)
            && held.Record.Value.Span.SequenceEqual(query.Sent.Value.Span) // Else something came in between.
            && _parts.Records.Remove(query.Key))
        {
            _handedOver++;
        }
    }

    private void OnPutAnswer(KadQuery query, PeerId peer, in KadMessage answer, double nowMs)
    {
        IRecordRule? rule = _parts.Rules.Find(query.Key);
        KadRecord held = answer.Record;
        if (held.IsEmpty || held.Value.Span.SequenceEqual(query.Record.Value.Span))
        {
            query.Holders.Add(peer);
            return;
        }

        // The peer holds something else: it counts when it is what a merge gives.
        if (rule is not null && held.Key.Span.SequenceEqual(query.Key) && rule.IsValid(query.Key, held.Value.Span, nowMs))
        {
            // A state that has all of what was put, and more, was put there.
            if (query.IsState
                && rule.Merge(query.Key, held.Value, query.Record.Value).Span.SequenceEqual(held.Value.Span))
            {
                query.Holders.Add(peer);
            }

            Merge(query, rule, held, answer.RecordTtlSeconds);
        }
    }

    /// <summary>After a read: the best record to whoever had an older one, and to those nearest who had none.</summary>
    private void RepairReaders(KadQuery query, WeftInstant now, Outbox<KadOutput> outbox)
    {
        bool isWhole = query.Phase == KadPhase.Spread;
        List<Candidate> nearest = isWhole ? query.Main.Nearest(CopiesOf(query.Record)) : [];
        foreach ((PeerId peer, KadRecord record) in query.Values)
        {
            bool isOlder = !record.IsEmpty && !record.Value.Span.SequenceEqual(query.Record.Value.Span);
            bool lacks = record.IsEmpty && nearest.Exists(candidate => candidate.Peer == peer);
            if (peer != Self && (isOlder || lacks) && query.Repaired < _options.K)
            {
                query.Repaired++;
                Ask(
                    null, peer, new(KadMessageKind.PutValue, query.Key, query.Record, query.TtlSeconds), now, outbox);
            }
        }
    }

    /// <summary>How a query ended that ran through.</summary>
    private KadStatus Judge(KadQuery query)
    {
        switch (query.Kind)
        {
            case KadQueryKind.Get:
                int answered = query.Main.Nearest(query.Copies).Count;
                return query.Found == 0 ? KadStatus.NotFound
                    : query.Found >= query.Quorum.Of(new PeerCount(Math.Min(answered, query.Copies))) ? KadStatus.Done
                    : KadStatus.QuorumMissed;
            case KadQueryKind.Put or KadQueryKind.Store:
                return query.Wanted == 0 ? KadStatus.NoPeers
                    : query.Stored >= query.Quorum.Of(new PeerCount(query.Wanted)) ? KadStatus.Done
                    : KadStatus.QuorumMissed;
            case KadQueryKind.Provide:
                return query.Wanted == 0 ? KadStatus.NoPeers
                    : query.Stored > 0 ? KadStatus.Done : KadStatus.QuorumMissed;
            case KadQueryKind.FindProviders:
                return query.ProviderList.Count > 0 ? KadStatus.Done : KadStatus.NotFound;
            default:
                return query.Main.Nearest(1).Count > 0 ? KadStatus.Done : KadStatus.NotFound;
        }
    }

    private void NoteDensity(KadLookup lookup)
    {
        List<Candidate> nearest = lookup.Nearest(_options.K);
        if (nearest.Count < _options.K)
        {
            return; // Fewer peers than a key needs: there is no region to speak of.
        }

        _sizes.Add(Fit(nearest.Count, i => nearest[i].Distance.Share));
    }

    /// <summary>
    /// By the peers nearest to this one: known at once, and true again soon after the network has grown.
    /// </summary>
    private double EstimateFromTable()
    {
        int count = _table.Closest(_place, _nearest.AsSpan(0, _options.K));
        double size = count < _options.K ? 0 : Fit(count, i => _nearest[i].Key.DistanceTo(_place).Share);
        Array.Clear(_nearest);
        return size;
    }

    /// <summary>The i-th nearest of n peers is expected at i/(n + 1): the n that fits all of them best.</summary>
    private static double Fit(int count, Func<int, double> distanceOf)
    {
        double squares = 0;
        double products = 0;
        for (int i = 0; i < count; i++)
        {
            squares += (i + 1d) * (i + 1d);
            products += (i + 1d) * distanceOf(i);
        }

        return products > 0 ? squares / products : 0;
    }
}

/// <summary>The size of the network: the median of the last lookups of random places.</summary>
internal sealed class SizeEstimate
{
    private const int SamplesMax = 16;
    private const int SamplesMin = 3;

    private readonly double[] _samples = new double[SamplesMax];
    private int _count;
    private int _next;

    internal void Add(double size)
    {
        _samples[_next] = size;
        _next = (_next + 1) % SamplesMax;
        _count = Math.Min(_count + 1, SamplesMax);
    }

    /// <summary>0 while too little was seen.</summary>
    internal double Median()
    {
        if (_count < SamplesMin)
        {
            return 0;
        }

        Span<double> sorted = stackalloc double[SamplesMax];
        sorted = sorted[.._count];
        _samples.AsSpan(0, _count).CopyTo(sorted);
        sorted.Sort();
        return sorted[_count / 2];
    }
}
