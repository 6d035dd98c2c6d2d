using Weft.Primitives;
using Weft.Protocols.Kad.Records;

namespace Weft.Protocols.Kad;

/// <content>Upkeep: the table, the records, the announcements.</content>
public sealed partial class KadCore
{
    private const int WaitingMax = 4_096;
    private const int ChangesMax = 256;
    private const int RepairedRecordsMax = 1_024;

    private readonly Queue<UpkeepTask> _waiting = new();
    private readonly HashSet<int> _waitingBuckets = [];
    private readonly List<(KadKey Place, WeftInstant At)> _changes = [];
    private WeftInstant _bootstrapAt;
    private long _handedOver;
    private bool _isRepairDue;
    private bool _isRunning;

    private void Upkeep(WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        CheckSilent(now, outbox);
        if (_table.Count == 0)
        {
            outbox.Add(new(KadOutputKind.NeedPeers));
        }
        else if (now - _bootstrapAt >= _options.BootstrapInterval)
        {
            _bootstrapAt = now;
            Enqueue(new(KadQueryKind.Refresh, Self.Span.ToArray()));
        }

        EnqueueRefresh(now, isAll: false);
        _parts.Records.Maintain(nowMs);
        _providers.Clean(now);
        ForgetQuotas(now);
        EnqueueRecords(now, nowMs);
        RunUpkeep(now, nowMs, outbox);
        StartTimer(now + _options.UpkeepInterval, new(KadTimerKind.Upkeep), outbox);
    }

    /// <summary>Asks those silent for long whether they live: the answer also tells of their neighbours.</summary>
    private void CheckSilent(WeftInstant now, Outbox<KadOutput> outbox)
    {
        int left = _options.ChecksMax;
        for (int bucket = _table.Deepest; bucket >= 0 && left > 0; bucket--)
        {
            foreach (RouteEntry entry in _table.Of(bucket))
            {
                // A peer that failed is asked again soon: it comes back, or makes place.
                TimeSpan silence = entry.Failures > 0 ? _options.UpkeepInterval / 2 : _options.CheckAfter;
                if (left > 0 && !entry.IsChecking && !entry.IsConnected && now - entry.SeenAt >= silence)
                {
                    left--;
                    Check(entry, now, outbox);
                }
            }
        }
    }

    private void Check(RouteEntry entry, WeftInstant now, Outbox<KadOutput> outbox)
    {
        entry.IsChecking = true;
        Ask(null, entry.Peer, new(KadMessageKind.FindNode, Self.Span.ToArray()), now, outbox);
    }

    private void EnqueueBootstrap(WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        _bootstrapAt = now;
        Enqueue(new(KadQueryKind.Refresh, Self.Span.ToArray(), IsJoin: true));
        RunUpkeep(now, nowMs, outbox);
    }

    /// <summary>Buckets without a lookup for long are refreshed by one of a random place in them.</summary>
    private void EnqueueRefresh(WeftInstant now, bool isAll)
    {
        for (int bucket = 0; bucket <= Math.Min(_table.Deepest, KadPreimages.BitsMax - 1); bucket++)
        {
            if (_table.IsSparse(bucket))
            {
                break; // From here on there are this peer's neighbours alone, which it finds by looking for itself.
            }

            bool isDue = isAll || now - _table.RefreshedAt(bucket) >= _options.RefreshInterval;
            if (isDue && _waitingBuckets.Add(bucket))
            {
                Enqueue(new(KadQueryKind.Refresh, [], bucket));
            }
        }
    }

    private void EnqueueRecords(WeftInstant now, double nowMs)
    {
        // Not all holders at the same moment: the first to put spares the others.
        double jitter = 1 + (0.2 * _parts.Random.NextDouble());
        double replicated = nowMs - (_options.ReplicateInterval.TotalMilliseconds * jitter);
        foreach (StoredRecord record in _parts.Records.Due(isOwn: false, replicated, _options.ReplicationsMax))
        {
            EnqueueReplication(record, nowMs, null);
        }

        double published = nowMs - _options.RepublishInterval.TotalMilliseconds;
        foreach (StoredRecord record in _parts.Records.Due(isOwn: true, published, _options.ReplicationsMax))
        {
            EnqueueReplication(record, nowMs, nowMs + _options.RecordTtl.TotalMilliseconds);
        }

        foreach (byte[] key in _providers.TakeDue(now, _options.ReplicationsMax))
        {
            Enqueue(new(KadQueryKind.Provide, key));
        }
    }

    private void EnqueueReplication(in StoredRecord record, double nowMs, double? expiresMs)
    {
        byte[] key = record.Record.Key.ToArray();
        if (expiresMs is null && _parts.Rules.Find(key)?.IsState(key) == true && IsResponsible(record))
        {
            expiresMs = nowMs + _options.RecordTtl.TotalMilliseconds; // It lives as long as somebody is responsible.
        }

        if (_waiting.Count < WaitingMax && _parts.Records.OnReplicated(key, nowMs, expiresMs))
        {
            Enqueue(new(KadQueryKind.Replicate, key));
        }
    }

    /// <summary>By the routing table: fewer than so many peers are closer than this one.</summary>
    private bool IsResponsible(in StoredRecord record)
    {
        int copies = CopiesOf(record.Record);
        KadKey own = _place.DistanceTo(record.Place);
        int nearest = _table.Closest(record.Place, _nearest.AsSpan(0, copies));
        bool isOne = _isServer && (nearest < copies || own < _nearest[nearest - 1].Key.DistanceTo(record.Place));
        Array.Clear(_nearest);
        return isOne;
    }

    private void Enqueue(UpkeepTask task)
    {
        if (_waiting.Count < WaitingMax)
        {
            _waiting.Enqueue(task);
        }
    }

    private void RunUpkeep(WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        if (_isRunning)
        {
            return; // A query that ends at once comes back here: the loop below goes on, and the stack does not grow.
        }

        _isRunning = true;
        while (_queries.Count - _commands < _options.UpkeepQueriesMax && _waiting.TryDequeue(out UpkeepTask task))
        {
            byte[] key = task.Key;
            if (task.Bucket >= 0)
            {
                _waitingBuckets.Remove(task.Bucket);
                key = PlaceIn(task.Bucket);
            }

            KadRecord record = default;
            uint ttl = 0;
            if (task.Kind == KadQueryKind.Replicate)
            {
                if (!_parts.Records.TryGet(key, nowMs, out StoredRecord held))
                {
                    continue; // It ended while it waited.
                }

                (record, ttl) = (held.Record, SecondsLeft(held, nowMs));
            }

            KadQuery query = Make(
                task.Kind, new(++_nextQuery), key, now, isUpkeep: true, isJoin: task.IsJoin, record: record);
            query.TtlSeconds = ttl;
            Run(query, now, nowMs, outbox);
        }

        _isRunning = false;
    }

    /// <summary>A record that nobody took, because nobody was there, is put again at the next upkeep.</summary>
    private void RetrySoon(byte[] key, double nowMs) =>
        _parts.Records.OnReplicated(key, nowMs - Math.Max(
            _options.RepublishInterval.TotalMilliseconds, _options.ReplicateInterval.TotalMilliseconds * 2));

    /// <summary>A key whose place shares exactly so many bits with this peer; the rest is drawn.</summary>
    private byte[] PlaceIn(int bucket)
    {
        int bits = KadPreimages.BitsMax;
        int open = bits - bucket - 1;
        uint prefix = ((_place.Prefix(bucket + 1) ^ 1) << open) | (uint)_parts.Random.Next(1 << open);
        return _parts.Preimages.Find(prefix, bits);
    }

    /// <summary>A peer came or went: soon it is looked which records that concerns.</summary>
    private void NoteChange(in KadKey place, WeftInstant now, Outbox<KadOutput> outbox)
    {
        if (_options.RepairDelay == TimeSpan.Zero || !_isServer || _parts.Records.Count == 0)
        {
            return;
        }

        if (_changes.Count == ChangesMax)
        {
            _changes.RemoveAt(0);
        }

        _changes.Add((place, now));
        if (!_isRepairDue)
        {
            _isRepairDue = true;
            TimeSpan delay = _options.RepairDelay * (0.5 + _parts.Random.NextDouble());
            StartTimer(now + delay, new(KadTimerKind.Repair), outbox);
        }
    }

    /// <summary>
    /// Puts records again whose holders changed, if enough of them did since the record was last put: every one of a
    /// few, a quarter of many.
    /// </summary>
    private void Repair(WeftInstant now, double nowMs, Outbox<KadOutput> outbox)
    {
        if (!_isRepairDue)
        {
            return;
        }

        _isRepairDue = false;
        _changes.RemoveAll(change => now - change.At > _options.ReplicateInterval);
        foreach (StoredRecord record in _parts.Records.Closest(_place, RepairedRecordsMax, nowMs))
        {
            int copies = CopiesOf(record.Record);
            int nearest = _table.Closest(record.Place, _nearest.AsSpan(0, copies));
            KadKey? border = nearest < copies ? null : _nearest[nearest - 1].Key.DistanceTo(record.Place);
            int concerned = 0;
            foreach ((KadKey place, WeftInstant at) in _changes)
            {
                double changedMs = nowMs - (now - at).TotalMilliseconds;
                concerned += changedMs >= record.ReplicatedMs
                    && (border is not { } edge || place.DistanceTo(record.Place) <= edge) ? 1 : 0;
            }

            if (concerned >= Math.Max(1, copies / 4))
            {
                EnqueueReplication(record, nowMs, null);
            }
        }

        Array.Clear(_nearest);
        RunUpkeep(now, nowMs, outbox);
    }

    private readonly record struct UpkeepTask(KadQueryKind Kind, byte[] Key, int Bucket = -1, bool IsJoin = false);
}
