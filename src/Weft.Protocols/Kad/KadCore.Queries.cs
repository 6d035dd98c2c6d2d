using Weft.Primitives;
using Weft.Protocols.Kad.Rules;

namespace Weft.Protocols.Kad;

/// <content>Lookups: asking, answers, the end.</content>
public sealed partial class KadCore
{
    /// <summary>An answer came.</summary>
    /// <param name="request">Of which question. One that nobody waits for is ignored.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="now">The moment.</param>
    /// <param name="nowMs">The wall time.</param>
    /// <param name="outbox">What to do.</param>
    public void OnAnswer(long request, in KadMessage answer, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (!_asks.TryGetValue(request, out KadAsk? ask))
        {
            return;
        }

        if (answer.Kind != ask.Kind)
        {
            OnFailure(request, now, nowMs, outbox); // An answer to something else is none.
            return;
        }

        _asks.Remove(request);
        _roundTrips.Add(now - ask.SentAt);
        KadKey place = ask.Candidate?.Key ?? _places.Of(ask.Peer.Span);
        Enter(ask.Peer, place, Shareable(_parts.AddressesOf(ask.Peer)), now, outbox);
        if (_table.Find(ask.Peer) is { } entry)
        {
            entry.IsChecking = false;
        }

        if (answer.Closer?.Count > 0 || answer.Providers?.Count > 0)
        {
            Learn(ask.Peer, answer, outbox);
        }

        if (ask.Query is { } query && query.Asks.Remove(request))
        {
            OnQueryAnswer(query, ask, answer, now, nowMs, outbox);
        }
    }

    /// <summary>A question that has no answer was sent.</summary>
    public void OnSent(long request, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        if (_asks.TryGetValue(request, out KadAsk? ask))
        {
            OnAnswer(request, new(ask.Kind), now, nowMs, outbox);
        }
    }

    /// <summary>A question could not be asked, or its stream ended without an answer.</summary>
    public void OnFailure(long request, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (!_asks.Remove(request, out KadAsk? ask))
        {
            return;
        }

        if (_table.Find(ask.Peer) is { } entry)
        {
            NoteChange(entry.Key, now, outbox);
            if (_table.OnFailed(ask.Peer, out RouteEntry? successor))
            {
                OnLeft(ask.Peer, successor, outbox);
            }
        }

        if (ask.Query is not { } query || !query.Asks.Remove(request))
        {
            return;
        }

        query.TimeOuts += ask.IsSlow ? 0 : 1;
        if (ask.Candidate is { } candidate && ask.Lookup is { } lookup)
        {
            lookup.OnFailed(candidate);
        }
        else
        {
            query.Spreading--;
        }

        Pump(query, now, nowMs, outbox);
    }

    private void OnSlow(KadAsk ask, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        ask.IsSlow = true;
        StartTimer(ask.SentAt + _options.RequestTimeout, new(KadTimerKind.Request, ask.Id), outbox);
        if (ask is { Query: { IsFinished: false } query, Candidate: { } candidate, Lookup: { } lookup })
        {
            query.TimeOuts++;
            lookup.OnSlow(candidate);
            Pump(query, now, nowMs, outbox);
        }
    }

    /// <summary>Starts a query from the peers that are known.</summary>
    private void Run(KadQuery query, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        _queries.Add(query.Id.Value, query);
        _commands += query.IsUpkeep ? 0 : 1;
        _table.OnLookup(query.Target, now);
        int seeds = _table.Closest(query.Target, _nearest);
        query.Lookup.Seed(_nearest.AsSpan(0, seeds));
        Array.Clear(_nearest);
        if (query.Kind == KadQueryKind.Get && query.Found > 0 && query.Found >= query.Quorum.Of(new PeerCount(query.Copies)))
        {
            Finish(query, KadStatus.Done, now, nowMs, outbox);
            return;
        }

        if (seeds == 0)
        {
            outbox.Add(new(KadOutputKind.NeedPeers));
            bool hasSome = query.Found > 0 || query.ProviderList.Count > 0;
            Finish(query, hasSome ? Judge(query) : KadStatus.NoPeers, now, nowMs, outbox);
            return;
        }

        StartTimer(now + _options.QueryTimeout, new(KadTimerKind.Query, query.Id.Value), outbox);
        Pump(query, now, nowMs, outbox);
    }

    /// <summary>Asks whom it may ask now; goes on to the next phase where the lookup is done.</summary>
    private void Pump(KadQuery query, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        if (query.Phase == KadPhase.Spread)
        {
            if (query.Spreading <= 0)
            {
                Finish(query, Judge(query), now, nowMs, outbox);
            }

            return;
        }

        while (!query.Lookup.IsDone && query.Lookup.Next() is { } next)
        {
            KadMessageKind kind = query.Phase == KadPhase.Region ? KadMessageKind.FindNode : LookupKind(query.Kind);
            Ask(query, next.Peer, new(kind, query.LookupKey), now, outbox, next);
        }

        if (query.Lookup.IsDone)
        {
            OnLookupDone(query, now, nowMs, outbox);
        }
    }

    private void OnQueryAnswer(
        KadQuery query, KadAsk ask, in KadMessage answer, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        if (ask.Candidate is { } candidate && ask.Lookup is { } lookup)
        {
            lookup.OnAnswer(candidate);
            for (int i = 0; i < Math.Min(answer.Closer?.Count ?? 0, KadCodec.PeersMax); i++)
            {
                PeerId heard = answer.Closer![i].Id;
                if (heard == Self)
                {
                    continue;
                }

                if (lookup.Find(heard) is { } known)
                {
                    known.Hops = Math.Min(known.Hops, candidate.Hops + 1); // The shorter way came later.
                }
                else
                {
                    lookup.OnHeard(candidate, heard, _places.Of(heard.Span));
                }
            }
        }
        else
        {
            query.Spreading--;
        }

        switch (ask.Kind)
        {
            case KadMessageKind.GetValue:
                OnValue(query, ask.Peer, answer, nowMs);
                if (query.Found >= query.Quorum.Of(new PeerCount(query.Copies)))
                {
                    Finish(query, KadStatus.Done, now, nowMs, outbox);
                    return;
                }

                break;
            case KadMessageKind.GetProviders:
                TakeProviders(query, answer.Providers ?? []);
                if (query.ProviderList.Count >= query.ProvidersWanted)
                {
                    Finish(query, KadStatus.Done, now, nowMs, outbox);
                    return;
                }

                break;
            case KadMessageKind.PutValue:
                OnPutAnswer(query, ask.Peer, answer, nowMs);
                break;
            case KadMessageKind.AddProvider:
                query.Holders.Add(ask.Peer);
                break;
        }

        Pump(query, now, nowMs, outbox);
    }

    /// <summary>A peer gave a value, or none: only a valid one counts, and the best of all stands.</summary>
    private void OnValue(KadQuery query, PeerId peer, in KadMessage answer, double nowMs)
    {
        KadRecord record = answer.Record;
        IRecordRule rule = _parts.Rules.Find(query.Key)!;
        bool isValid = !record.IsEmpty && record.Key.Span.SequenceEqual(query.Key)
            && record.Value.Length <= _options.ValueBytesMax && rule.IsValid(query.Key, record.Value.Span, nowMs);
        query.Invalid += !record.IsEmpty && !isValid ? 1 : 0;
        query.Values.Add((peer, isValid ? record : default));
        if (!isValid)
        {
            return;
        }

        query.Found++;
        Merge(query, rule, record, answer.RecordTtlSeconds);
    }

    private static void Merge(KadQuery query, IRecordRule rule, in KadRecord record, uint ttlSeconds)
    {
        if (query.Record.IsEmpty)
        {
            query.Record = record;
            query.TtlSeconds = ttlSeconds;
            return;
        }

        ReadOnlyMemory<byte> merged = rule.Merge(query.Key, query.Record.Value, record.Value);
        if (!merged.Span.SequenceEqual(query.Record.Value.Span))
        {
            bool isTheirs = merged.Span.SequenceEqual(record.Value.Span);
            query.Record = isTheirs ? record : KadRecord.Make(query.Key, merged.Span, record.Publisher);
            query.TtlSeconds = ttlSeconds;
        }
        else
        {
            query.TtlSeconds = Math.Max(query.TtlSeconds, ttlSeconds);
        }
    }

    private void TakeProviders(KadQuery query, IReadOnlyList<KadPeer> providers)
    {
        foreach (KadPeer provider in providers)
        {
            if (query.ProviderList.Count < Math.Min(query.ProvidersWanted, 1_024)
                && query.Providers.TryAdd(provider.Id, provider))
            {
                query.ProviderList.Add(provider with { Addresses = Shareable(provider.Addresses) });
            }
        }
    }

    private void Learn(PeerId from, in KadMessage answer, Outbox<KadOutput> outbox) =>
        outbox.Add(new(KadOutputKind.Learned, Peer: from, Message: answer with
        {
            Closer = Filter(answer.Closer),
            Providers = Filter(answer.Providers),
        }));

    private IReadOnlyList<KadPeer>? Filter(IReadOnlyList<KadPeer>? peers)
    {
        if (peers is null || _options.KeepsLoopback)
        {
            return peers;
        }

        return [.. peers.Select(peer => peer with { Addresses = Shareable(peer.Addresses) })];
    }

    private void Ask(
        KadQuery? query,
        PeerId peer,
        in KadMessage message,
        WeftInstant now,
        Outbox<KadOutput> outbox,
        Candidate? candidate = null)
    {
        var ask = new KadAsk(++_nextAsk, peer, now)
        {
            Query = query,
            Candidate = candidate,
            Lookup = candidate is null ? null : query?.Lookup,
            Kind = message.Kind,
        };
        _asks.Add(ask.Id, ask);
        if (query is not null)
        {
            query.Requests++;
            query.Asks.Add(ask.Id);
        }

        outbox.Add(new(KadOutputKind.Ask, ask.Id, peer, message));
        bool isLookup = candidate is not null;
        WeftInstant due = now + (isLookup ? _roundTrips.Patience : _options.RequestTimeout);
        StartTimer(due, new(isLookup ? KadTimerKind.Patience : KadTimerKind.Request, ask.Id), outbox);
    }

    private static KadMessageKind LookupKind(KadQueryKind kind) => kind switch
    {
        KadQueryKind.Get => KadMessageKind.GetValue,
        KadQueryKind.FindProviders => KadMessageKind.GetProviders,
        _ => KadMessageKind.FindNode,
    };

    private void Finish(KadQuery query, KadStatus status, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        _queries.Remove(query.Id.Value);
        query.IsFinished = true;
        query.Asks.Clear(); // Their answers still tell the table who lives.
        if (query.Kind is KadQueryKind.Put or KadQueryKind.Replicate && query.Wanted <= 1 && query.Stored == 0)
        {
            RetrySoon(query.Key, nowMs);
        }

        if (query is { Kind: KadQueryKind.Replicate or KadQueryKind.Store, IsState: true })
        {
            EndState(query, nowMs);
        }

        if (query.Kind == KadQueryKind.Get && !query.Record.IsEmpty)
        {
            RepairReaders(query, now, outbox);
        }

        if (query.IsUpkeep)
        {
            RunUpkeep(now, nowMs, outbox);
            return;
        }

        _commands--;
        List<Candidate> nearest = query.Main.Nearest(_options.K);
        outbox.Add(new(KadOutputKind.Done, Result: new()
        {
            Query = query.Id,
            Status = status,
            Peers = [.. nearest.Select(candidate => new KadPeer(candidate.Peer, AddressesOf(candidate.Peer)))],
            Record = query.Record,
            Providers = query.ProviderList,
            Copies = query.Kind == KadQueryKind.Get ? query.Found : query.Stored,
            Holders = query.Kind is KadQueryKind.Put or KadQueryKind.Store ? query.Holders : [],
            Wanted = query.Wanted,
            Repaired = query.Repaired,
            Invalid = query.Invalid,
            NearestHops = nearest.Count == 0 ? 0 : nearest[0].Hops,
            Hops = nearest.Count == 0 ? 0 : nearest.Max(candidate => candidate.Hops),
            Requests = query.Requests,
            TimeOuts = query.TimeOuts,
            Duration = now - query.StartedAt,
            IsRegion = query.IsRegion,
        }));
    }
}
