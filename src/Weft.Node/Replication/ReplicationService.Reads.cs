using Weft.Graph;
using Weft.Node.Network;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Replication;

namespace Weft.Node.Replication;

/// <content>Reads that miss here: peers that follow the prefix, then responsible peers.</content>
internal sealed partial class ReplicationService : IPeerAsker
{
    private const int PagesAtOnce = 8;

    private static readonly TimeSpan PeersMax = TimeSpan.FromSeconds(1); // What is left of the deadline is the DHT's.

    private long _readsFromPeers;
    private long _readsFromRecords;

    /// <summary>Reads that peers answered, and those that responsible peers' records did, since the start.</summary>
    internal (long Peers, long Records) ReadCounts =>
        (Interlocked.Read(ref _readsFromPeers), Interlocked.Read(ref _readsFromRecords));

    /// <inheritdoc/>
    public async ValueTask<PeerAnswer> AskAsync(
        string soul, string? field, TimeSpan deadline, CancellationToken cancellationToken)
    {
        ReplicationPlan plan = _node.Plans.PlanOf(soul);
        if (plan.Words.IsLocal)
        {
            return default; // Nobody else can have it, and nobody is told that it is asked for.
        }

        long started = _node.Time.GetTimestamp();
        bool hasRecords = plan.Words.Copies > 0 && Dht is not null;
        PeerAnswer answer = default;
        if (_network.Sync is { } sync)
        {
            TimeSpan patience = hasRecords && deadline / 2 < PeersMax ? deadline / 2
                : hasRecords ? PeersMax
                : deadline;
            answer = await sync.AskAsync(Choose(sync, plan), soul, field, patience, cancellationToken)
                .ConfigureAwait(false);
            if (await IsHereAsync(soul, field).ConfigureAwait(false))
            {
                Interlocked.Increment(ref _readsFromPeers);
                return answer;
            }
        }

        TimeSpan left = deadline - _node.Time.GetElapsedTime(started);
        if (!hasRecords || left <= TimeSpan.Zero)
        {
            return answer;
        }

        (int asked, bool timedOut) = await ReadRecordsAsync(soul, plan, left, cancellationToken).ConfigureAwait(false);
        if (await IsHereAsync(soul, field).ConfigureAwait(false))
        {
            Interlocked.Increment(ref _readsFromRecords);
        }

        return new(answer.Asked + asked, timedOut);
    }

    private SyncSession[] Choose(SyncService sync, in ReplicationPlan plan)
    {
        IReadOnlyList<SyncSession> sessions = sync.Sessions;
        HashSet<PeerId> announced = plan.Words.IsEveryone
            ? [.. _network.Gossip.SubscribersOf(Topics.TopicOf(plan))]
            : [];
        ReadCandidate[] candidates = [.. sessions.Select(session => new ReadCandidate(
            session.Peer, announced.Contains(session.Peer), _network.RoundTripOf(session.Peer), session.AsksWaiting))];
        return [.. ReadChoice.Choose(candidates).Select(i => sessions[i])];
    }

    private async ValueTask<bool> IsHereAsync(string soul, string? field) => (await _node.Store.ReadNodeAsync(
        soul, new LexRange(Exact: field), 1, long.MaxValue, _stopping.Token).ConfigureAwait(false)).Fields.Count > 0;

    private async Task<(int Asked, bool TimedOut)> ReadRecordsAsync(
        string soul, ReplicationPlan plan, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(deadline, _node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken, _stopping.Token);
        var quorum = KadQuorum.Of((plan.Words.Copies / 2) + 1);
        try
        {
            KadResult root = await GetAsync(soul, 0, 0, quorum, deadline, either.Token).ConfigureAwait(false);
            await TakeAsync(root.Record).ConfigureAwait(false);
            int asked = root.Copies;
            if (!root.Record.IsEmpty && GraphRecord.Read(
                _node.Crypto, _node.NetworkId.Span, root.Record.Key.Span, root.Record.Value.Span)
                is { Depths: > 1 and var depths })
            {
                await ReadPagesAsync(soul, depths, quorum, deadline, either.Token).ConfigureAwait(false);
            }

            return (Math.Max(asked, root.Peers.Count), root.Status == KadStatus.TimedOut);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return (1, true);
        }
    }

    private async Task ReadPagesAsync(
        string soul, int depths, KadQuorum quorum, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var places = new List<(int Depth, int Page)>();
        for (int depth = 1; depth <= GraphRecord.DepthMax; depth++)
        {
            for (int page = 0; (depths & (1 << depth)) != 0 && page < 1 << depth; page++)
            {
                places.Add((depth, page));
            }
        }

        foreach ((int Depth, int Page)[] some in places.Chunk(PagesAtOnce))
        {
            KadResult[] found = await Task.WhenAll(some.Select(place =>
                GetAsync(soul, place.Depth, place.Page, quorum, deadline, cancellationToken))).ConfigureAwait(false);
            foreach (KadResult one in found)
            {
                await TakeAsync(one.Record).ConfigureAwait(false);
            }
        }
    }

    private Task<KadResult> GetAsync(
        string soul, int depth, int page, KadQuorum quorum, TimeSpan deadline, CancellationToken cancellationToken) =>
        Dht!.Service.GetAsync(
            GraphRecord.KeyOf(_node.Crypto, _node.NetworkId.Span, soul, depth, page), quorum, skipsLocal: false,
            deadline, cancellationToken);
}
