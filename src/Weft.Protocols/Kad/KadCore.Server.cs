using Weft.Primitives;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;

namespace Weft.Protocols.Kad;

/// <content>Answering.</content>
public sealed partial class KadCore
{
    /// <summary>Bytes of the longest key that is provided.</summary>
    public const int ProviderKeyBytesMax = 256;

    private const int QuotasMax = 4_096;

    private readonly Dictionary<PeerId, TokenBucket> _quotas = [];

    /// <summary>A peer asks. Several questions may come on one stream; each is answered in its turn.</summary>
    /// <param name="token">The driver's number of the question.</param>
    /// <param name="from">Who asks.</param>
    /// <param name="question">What.</param>
    /// <param name="now">The moment.</param>
    /// <param name="nowMs">The wall time.</param>
    /// <param name="outbox">What to do: one answer or one refusal; nothing for an announcement.</param>
    public void OnQuestion(
        long token, PeerId from, in KadMessage question, WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (!_isServer || !TakeQuota(from, now))
        {
            outbox.Add(new(KadOutputKind.Refuse, Peer: from, Token: token));
            return;
        }

        KadMessage? answer = question.Kind switch
        {
            KadMessageKind.FindNode when !question.Key.IsEmpty => FindNode(from, question),
            KadMessageKind.GetValue when !question.Key.IsEmpty => GetValue(from, question, nowMs),
            KadMessageKind.PutValue => PutValue(from, question, nowMs),
            KadMessageKind.GetProviders when IsProviderKey(question.Key.Span) => GetProviders(from, question, now),
            KadMessageKind.Ping => new(KadMessageKind.Ping),
            _ => null,
        };
        if (question.Kind == KadMessageKind.AddProvider && IsProviderKey(question.Key.Span))
        {
            AddProvider(from, question, now);
        }
        else if (answer is { } message)
        {
            bool isDurable = message.Kind == KadMessageKind.PutValue;
            outbox.Add(new(KadOutputKind.Answer, Peer: from, Message: message, Token: token, IsDurable: isDurable));
        }
        else
        {
            outbox.Add(new(KadOutputKind.Refuse, Peer: from, Token: token));
        }
    }

    private KadMessage FindNode(PeerId from, in KadMessage question)
    {
        IReadOnlyList<KadPeer> closer = Closer(question.Key.Span, from);
        bool isNearest = closer.Count > 0 && closer[0].Id.Span.SequenceEqual(question.Key.Span);
        if (!isNearest && PeerId.TryRead(question.Key.Span, out PeerId wanted) && wanted != from
            && (wanted == Self || _parts.AddressesOf(wanted).Count > 0))
        {
            // A peer that only asks stands in no table; who knows where it is says so.
            closer = [new(wanted, AddressesOf(wanted), KadConnection.CanConnect), .. closer.Take(_options.K - 1)];
        }

        return new(question.Kind, question.Key, Closer: closer);
    }

    private KadMessage GetValue(PeerId from, in KadMessage question, double nowMs)
    {
        bool has = _parts.Records.TryGet(question.Key.Span, nowMs, out StoredRecord held);
        return new(
            question.Kind,
            question.Key,
            has ? held.Record : default,
            has ? SecondsLeft(held, nowMs) : 0,
            Closer(question.Key.Span, from));
    }

    /// <summary>
    /// Keeps a record if its rule says it is valid, merged with what is there; the answer has what stands then. Null
    /// refuses it.
    /// </summary>
    private KadMessage? PutValue(PeerId from, in KadMessage question, double nowMs)
    {
        KadRecord record = question.Record;
        ReadOnlySpan<byte> key = record.Key.Span;
        if (record.IsEmpty || !key.SequenceEqual(question.Key.Span) || record.Value.Length > _options.ValueBytesMax
            || _parts.Rules.Find(key) is not { } rule || !rule.IsValid(key, record.Value.Span, nowMs))
        {
            return null;
        }

        // A publisher's name counts when the value proves it, or when it speaks for itself.
        PeerId publisher = rule.PublisherOf(key, record.Value.Span);
        publisher = publisher.IsEmpty && record.Publisher == from ? from : publisher;
        double ttlMs = question.RecordTtlSeconds == 0
            ? _options.RecordTtl.TotalMilliseconds
            : Math.Min(_options.RecordTtl.TotalMilliseconds, question.RecordTtlSeconds * 1_000d);
        ReadOnlyMemory<byte> value = record.Value;
        if (_parts.Records.TryGet(key, nowMs, out StoredRecord held))
        {
            value = rule.Merge(record.Key, held.Record.Value, record.Value);
            if (value.Span.SequenceEqual(held.Record.Value.Span) && !value.Span.SequenceEqual(record.Value.Span))
            {
                return new(question.Kind, question.Key, held.Record, SecondsLeft(held, nowMs)); // What is here is newer.
            }

            bool isSame = value.Span.SequenceEqual(held.Record.Value.Span);
            ttlMs = isSame ? Math.Max(ttlMs, held.ExpiresMs - nowMs) : ttlMs;
            bool isOwn = held.IsOwn && !isSame && SignerIsSelf(rule, key, value.Span);
            return Keep(question, KadRecord.Make(key, value.Span, publisher), nowMs + ttlMs, isOwn, nowMs);
        }

        return Keep(question, KadRecord.Make(key, value.Span, publisher), nowMs + ttlMs, isOwn: false, nowMs);
    }

    /// <summary>A newer value of an own record that this identity signed elsewhere is its own.</summary>
    private bool SignerIsSelf(IRecordRule rule, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        rule.PublisherOf(key, value) == Self;

    private KadMessage? Keep(in KadMessage question, in KadRecord record, double expiresMs, bool isOwn, double nowMs)
    {
        RecordPut put = _parts.Records.Put(record, expiresMs, isOwn, nowMs);
        return put is RecordPut.Kept or RecordPut.Same
            ? new(question.Kind, question.Key, record, question.RecordTtlSeconds)
            : null;
    }

    private void AddProvider(PeerId from, in KadMessage question, WeftInstant now)
    {
        for (int i = 0; i < (question.Providers?.Count ?? 0); i++)
        {
            KadPeer provider = question.Providers![i];
            if (provider.Id == from)
            {
                KadKey place = KadKey.Of(question.Key.Span, _parts.Crypto);
                _providers.Add(place, from, Shareable(provider.Addresses), now);
                return; // Nobody announces for others, and nobody twice.
            }
        }
    }

    private KadMessage GetProviders(PeerId from, in KadMessage question, WeftInstant now)
    {
        KadKey place = KadKey.Of(question.Key.Span, _parts.Crypto);
        IReadOnlyList<KadPeer> known = _providers.Find(place, now);
        var providers = new List<KadPeer>(known.Count + 1);
        if (_providers.IsOwn(place))
        {
            providers.Add(new(Self, AddressesOf(Self), KadConnection.Connected));
        }

        foreach (KadPeer provider in known)
        {
            providers.Add(provider.Addresses.Count > 0 ? provider : provider with { Addresses = AddressesOf(provider.Id) });
        }

        return new(question.Kind, question.Key, Closer: Closer(question.Key.Span, from), Providers: providers);
    }

    private KadPeer[] Closer(ReadOnlySpan<byte> key, PeerId except)
    {
        int count = _table.Closest(_places.Of(key), _nearest.AsSpan(0, _options.K), except);
        var closer = new KadPeer[count];
        for (int i = 0; i < count; i++)
        {
            RouteEntry entry = _nearest[i];
            KadConnection connection = entry.IsConnected ? KadConnection.Connected : KadConnection.CanConnect;
            closer[i] = new(entry.Peer, entry.Addresses.Count > 0 ? entry.Addresses : AddressesOf(entry.Peer), connection);
        }

        Array.Clear(_nearest);
        return closer;
    }

    /// <summary>A quota that is full again says nothing more about its peer than none.</summary>
    private void ForgetQuotas(WeftInstant now)
    {
        foreach ((PeerId peer, TokenBucket quota) in _quotas)
        {
            if (quota.IsFull(now))
            {
                _quotas.Remove(peer); // Removing while walking is allowed, and order does not matter here.
            }
        }
    }

    private bool TakeQuota(PeerId from, WeftInstant now)
    {
        if (!_quotas.TryGetValue(from, out TokenBucket quota))
        {
            if (_quotas.Count >= QuotasMax)
            {
                _quotas.Clear(); // Each of so many peers gets a burst again; together they are bounded by their links.
            }

            quota = new(_options.RequestsPerSecond, _options.RequestsPerSecond * 2d);
        }

        bool isAllowed = quota.Take(1, now) == TimeSpan.Zero;
        _quotas[from] = quota;
        return isAllowed;
    }
}
