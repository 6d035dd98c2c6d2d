using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node.Network;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Replication;

namespace Weft.Node.Replication;

/// <content>Storing at responsible peers.</content>
internal sealed partial class ReplicationService
{
    private const int SoulsPerPage = 512;
    private const long NodeBytesMax = 8L << 20; // More than any state that can be cut.

    private static readonly TimeSpan StoreTimeout = TimeSpan.FromSeconds(20);

    private readonly Dictionary<string, List<TaskCompletionSource<StoreReport>>> _waiters = new(StringComparer.Ordinal);
    private long _stored;
    private long _missed;

    /// <summary>States that all responsible peers took, and those that too few did, since the start.</summary>
    internal (long Stored, long Missed) StoreCounts => (Interlocked.Read(ref _stored), Interlocked.Read(ref _missed));

    /// <summary>Souls that wait to be stored, or are being stored.</summary>
    internal int PendingCount => _core.PendingCount;

    private NodeDht? Dht => _network.Dht;

    /// <summary>Stores a soul now; what the caller wrote before is in it.</summary>
    /// <returns>How it went the first time; a state that too few took is stored again without it.</returns>
    internal async Task<StoreReport> StoreAsync(string soul, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<StoreReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        await PostAsync(() =>
        {
            if (!_core.OnUrgent(soul, Now, _outbox))
            {
                done.TrySetResult(default);
                return;
            }

            if (!_waiters.TryGetValue(soul, out List<TaskCompletionSource<StoreReport>>? waiting))
            {
                _waiters[soul] = waiting = [];
            }

            waiting.Add(done);
        }).ConfigureAwait(false);
        return await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private void StartStore(string soul, ReplicationPlan plan)
    {
        // Outputs are carried out after the input that asked: who asked is among those who wait by now.
        _waiters.Remove(soul, out List<TaskCompletionSource<StoreReport>>? waiting);
        _ = Task.Run(() => StoreAsync(soul, plan, waiting ?? []), CancellationToken.None);
    }

    private async Task StoreAsync(string soul, ReplicationPlan plan, List<TaskCompletionSource<StoreReport>> waiting)
    {
        var report = default(StoreReport);
        try
        {
            report = await PutStateAsync(soul, plan).ConfigureAwait(false);
        }
        catch (Exception over) when (over is OperationCanceledException or ObjectDisposedException
            or System.Threading.Channels.ChannelClosedException)
        {
            // The node stops.
        }
        catch (WeftException failure)
        {
            ReplicationLog.Failed(_log, "a state could not be read", failure);
            report = new(ReplicaStored.Missed);
        }
        catch (Exception bug)
        {
            ReplicationLog.Failed(_log, "a state was not stored", bug);
            report = new(ReplicaStored.Dropped);
        }

        Interlocked.Add(ref _stored, report.Result == ReplicaStored.Done ? 1 : 0);
        Interlocked.Add(ref _missed, report.Result == ReplicaStored.Missed ? 1 : 0);
        foreach (TaskCompletionSource<StoreReport> one in waiting)
        {
            one.TrySetResult(report);
        }

        await PostAsync(() =>
        {
            _core.OnStored(soul, report.Result, Now, _outbox);
            if (report.HasLearned)
            {
                _core.OnUrgent(soul, Now, _outbox); // Others had more: now all of them get all of it.
            }
        }).ConfigureAwait(false);
    }

    private async Task<StoreReport> PutStateAsync(string soul, ReplicationPlan plan)
    {
        if (Dht is not { } dht || plan.Words.Copies == 0)
        {
            return new(ReplicaStored.Dropped);
        }

        FieldWrite[] fields = await ReadFieldsAsync(soul).ConfigureAwait(false);
        if (fields.Length == 0)
        {
            return new(ReplicaStored.Dropped);
        }

        IReadOnlyList<KeyValuePair<byte[], byte[]>>? records = GraphRecord.Cut(
            _node.Crypto, _node.NetworkId.Span, fields, plan.Words.Copies);
        if (records is null)
        {
            ReplicationLog.TooLarge(_log, fields.Sum(field => (long)field.Value.Json.Length));
            return new(ReplicaStored.Dropped);
        }

        int copies = int.MaxValue;
        int wanted = 0;
        bool hasLearned = false;
        IReadOnlyList<PeerId> holders = [];
        foreach ((byte[] key, byte[] value) in records)
        {
            KadResult put = await dht.Service.StoreAsync(
                KadRecord.Make(key, value), KadQuorum.All, StoreTimeout, _stopping.Token).ConfigureAwait(false);
            if (put.Copies < put.Wanted)
            {
                // What others hold may be too much to be merged into one record: taken here, it is cut further next time.
                KadResult held = await dht.Service.GetAsync(
                    key, KadQuorum.All, skipsLocal: false, StoreTimeout, _stopping.Token).ConfigureAwait(false);
                hasLearned |= await TakeAsync(held.Record).ConfigureAwait(false) > 0;
            }
            else if (!put.Record.IsEmpty && !put.Record.Value.Span.SequenceEqual(value))
            {
                hasLearned |= await TakeAsync(put.Record).ConfigureAwait(false) > 0;
            }

            bool isLess = put.Copies < copies;
            (copies, holders) = isLess ? (put.Copies, put.Holders) : (copies, holders);
            wanted = Math.Max(wanted, put.Wanted);
        }

        ReplicationLog.Stored(_log, copies, wanted, records.Count);
        bool isDone = wanted > 0 && copies >= wanted;
        return new(isDone ? ReplicaStored.Done : ReplicaStored.Missed, copies, wanted, holders, hasLearned);
    }

    private async Task<FieldWrite[]> ReadFieldsAsync(string soul)
    {
        NodePage page = await _node.Store.ReadNodeAsync(
            soul, LexRange.All, int.MaxValue, NodeBytesMax, _stopping.Token).ConfigureAwait(false);
        double nowMs = WallClock.ToState(_node.Time.GetUtcNow());
        return
        [
            .. page.Fields
                .Where(field => field.State != Ham.DroppedState
                    && (field.Extras is not { ExpiresAtMs: > 0 and var ends } || ends > nowMs))
                .Select(field => new FieldWrite(soul, field.Field, field.Value, field.State, field.Extras)),
        ];
    }

    /// <summary>Merges what a record of responsible peers holds; each field passes admission.</summary>
    /// <returns>Fields that changed.</returns>
    private async Task<int> TakeAsync(KadRecord record)
    {
        if (record.IsEmpty || GraphRecord.Read(
            _node.Crypto, _node.NetworkId.Span, record.Key.Span, record.Value.Span) is not { } read)
        {
            return 0;
        }

        WriteResult result = await _node.Graph.WriteAsync(
            read.Fields, new WriteSource("dht", RecordOrigin, WriteDoor.Link), Durability.Memory, _stopping.Token)
            .ConfigureAwait(false);
        return result.Applied;
    }

    private void StartScan(string prefix) => _ = Task.Run(() => ScanAsync(prefix), CancellationToken.None);

    // What this node wrote itself: whoever wrote answers for the first copies, responsible peers for the later ones.
    private async Task ScanAsync(string prefix)
    {
        try
        {
            string? from = prefix.Length == 0 ? null : prefix;
            while (true)
            {
                IReadOnlyList<string> souls = await _node.Store.ListSoulsAsync(
                    new LexRange(Prefix: prefix, From: from), SoulsPerPage, _stopping.Token).ConfigureAwait(false);
                foreach (string soul in souls)
                {
                    if (_node.Plans.PlanOf(soul).Words.Copies > 0 && await IsOwnAsync(soul).ConfigureAwait(false)
                        && !await FoundAsync(soul).ConfigureAwait(false))
                    {
                        return; // There is no room; the core asks for another pass when there is.
                    }
                }

                if (souls.Count < SoulsPerPage)
                {
                    return;
                }

                from = souls[^1] + "\0"; // The next soul there can be.
            }
        }
        catch (Exception over) when (over is OperationCanceledException or ObjectDisposedException)
        {
            // The node stops.
        }
        catch (WeftException failure)
        {
            ReplicationLog.Failed(_log, "the store could not be gone through", failure);
        }
    }

    private async Task<bool> FoundAsync(string soul)
    {
        var answered = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await PostAsync(() => answered.TrySetResult(_core.OnFound(soul, Now, _outbox))).ConfigureAwait(false);
        return await answered.Task.WaitAsync(_stopping.Token).ConfigureAwait(false);
    }

    private async Task<bool> IsOwnAsync(string soul)
    {
        FieldWrite[] fields = await ReadFieldsAsync(soul).ConfigureAwait(false);
        SoulOwner owner = Ownership.Of(soul);
        return Array.Exists(fields, field => field.Extras is not { Author.IsEmpty: false } extras
            ? owner.IsOrdinary // Nobody signed it, so anybody who has it answers for it.
            : extras.Author.Span.SequenceEqual(_node.Identity.PublicKey.Span));
    }
}

/// <summary>How storing a state went.</summary>
/// <param name="Result">What becomes of it.</param>
/// <param name="Copies">Peers that have all of it; of several records the fewest.</param>
/// <param name="Wanted">Peers that should.</param>
/// <param name="Holders">Who has it; null when nobody was asked.</param>
/// <param name="HasLearned">Others had more, and it is here now.</param>
internal readonly record struct StoreReport(
    ReplicaStored Result,
    int Copies = 0,
    int Wanted = 0,
    IReadOnlyList<PeerId>? Holders = null,
    bool HasLearned = false);
