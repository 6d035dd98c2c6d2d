using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>How far a node and its libp2p peers are: "am I synced?" has an answer.</summary>
/// <remarks>
/// <code>
/// SyncResult s = await node.Sync.WaitAsync(Scope.Prefix("room/"), timeout: TimeSpan.FromSeconds(5));
/// if (!s.Complete) foreach (PeerLag p in s.Behind) log.LogWarning("{Peer} is {Lag} behind", p.Peer, p.Operations);
/// </code>
/// GUN links are not part of it; their cursors stand in the list of peers. Source: docs/spec/sync.md, sections 7 and 8.
/// </remarks>
public sealed partial class NodeSync
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250); // Sessions come and go.

    private readonly WeftNode _node;

    internal NodeSync(WeftNode node) => _node = node;

    internal SyncService? Service { get; set; }

    internal AuditService? Audits { get; set; }

    /// <summary>The peers that sessions are open with, in the order of their ids.</summary>
    public IReadOnlyList<SyncPeer> ListPeers() => [.. (Service?.Sessions ?? []).Select(session => session.Describe())];

    /// <summary>
    /// The peers that sessions were open with before and are not now, in the order of their ids: how far they were when
    /// they went. A restart remembers them where the store keeps records.
    /// </summary>
    public IReadOnlyList<SyncAway> ListAway()
    {
        if (Service is not { } service)
        {
            return [];
        }

        HashSet<PeerId> here = [.. service.Sessions.Select(session => session.Peer)];
        long sequence = _node.Store.CommittedSequence;
        return
        [
            .. service.Cursors.List().Where(mark => !here.Contains(mark.Peer)).Select(
                mark => new SyncAway(mark.Peer, Math.Max(0, sequence - Math.Max(0, mark.Acked)), mark.Seen)),
        ];
    }

    /// <summary>What all sessions did since the start, those that are over among them.</summary>
    public SyncCounts ReadCounts() => Service is { } service
        ? service.Sessions.Aggregate(service.Past, (sum, session) => sum.Plus(session.Counts))
        : default;

    /// <summary>
    /// Waits until connected peers have what this node has now, durably, and this node has what they have now. What is
    /// written later does not count.
    /// </summary>
    /// <param name="scope">Which part of the graph; null for all of it.</param>
    /// <param name="until">With whom.</param>
    /// <param name="timeout">How long at the most; null for 30 s.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// How it went: a deadline that passes is a result, not an exception, and says who lacks how much. Without any session
    /// there is nobody to wait for: complete with 0 peers for all, never complete for any.
    /// </returns>
    public Task<SyncResult> WaitAsync(
        Scope? scope = null,
        SyncGoal until = SyncGoal.AllConnectedPeers,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        WaitForAsync(scope ?? Scope.All, until, timeout ?? TimeSpan.FromSeconds(30), null, cancellationToken);

    private async Task<SyncResult> WaitForAsync(
        Scope scope, SyncGoal until, TimeSpan timeout, PeerId? only, CancellationToken cancellationToken)
    {
        long started = _node.Time.GetTimestamp();
        var marks = new WaitMarks(_node, scope);
        using var late = new CancellationTokenSource(timeout, _node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        while (true)
        {
            IReadOnlyList<SyncSession> sessions = SessionsOf(only);
            Task[] moves = [.. sessions.Select(session => session.Progress)]; // Before looking, so that none is missed.
            try
            {
                foreach (SyncSession session in sessions)
                {
                    await marks.SetAsync(session, either.Token).ConfigureAwait(false);
                }

                List<PeerLag> behind = [.. sessions.Select(marks.LagOf).OfType<PeerLag>(), .. AwayOf(until, only)];
                bool isDone = until == SyncGoal.AnyPeer ? behind.Count < sessions.Count : behind.Count == 0;
                if (isDone)
                {
                    return new(true, sessions.Count, [], _node.Time.GetElapsedTime(started));
                }

                Task tick = Task.Delay(Tick, _node.Time, either.Token);
                await Task.WhenAny([.. moves, tick]).ConfigureAwait(false);
                either.Token.ThrowIfCancellationRequested();
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                sessions = SessionsOf(only);
                var behind = new List<PeerLag>();
                foreach (SyncSession session in sessions)
                {
                    if (marks.LagOf(session) is { } lag)
                    {
                        behind.Add(await marks.CountAsync(session, lag, cancellationToken).ConfigureAwait(false));
                    }
                }

                return new(
                    false, sessions.Count, [.. behind, .. AwayOf(until, only)], _node.Time.GetElapsedTime(started));
            }
        }
    }

    private IReadOnlyList<SyncSession> SessionsOf(PeerId? only) =>
        [.. (Service?.Sessions ?? []).Where(session => only is null || session.Peer == only)];

    private IEnumerable<PeerLag> AwayOf(SyncGoal until, PeerId? only) =>
        until != SyncGoal.AllKnownPeers || only is not null
            ? []
            : ListAway().Select(away => new PeerLag(away.Peer, away.Lag, 0, IsConnected: false));

    /// <summary>How far each side of each session has to come.</summary>
    private sealed class WaitMarks(WeftNode node, Scope scope)
    {
        private readonly long _ours = node.Store.CommittedSequence;
        private readonly Dictionary<long, (long Ours, long Theirs)> _goals = []; // By session.

        public async Task SetAsync(SyncSession session, CancellationToken cancellationToken)
        {
            if (_goals.ContainsKey(session.Number))
            {
                return;
            }

            (long ours, _) = await ScopeReader
                .NewestAsync(node.Store, scope.Reach, session.AckedCursor, cancellationToken).ConfigureAwait(false);
            long theirs;
            try
            {
                theirs = await session.ProbeAsync(scope.Reach, cancellationToken).ConfigureAwait(false);
            }
            catch (System.Threading.Channels.ChannelClosedException)
            {
                theirs = -1; // It has just ended.
            }

            _goals[session.Number] = (Math.Min(ours, _ours), theirs);
        }

        public PeerLag? LagOf(SyncSession session)
        {
            (long ours, long theirs) = _goals.GetValueOrDefault(session.Number, (_ours, -1));
            long lacks = Math.Max(0, ours - Math.Max(0, session.AckedCursor));
            long missing = Math.Max(0, theirs - Math.Max(0, session.ReceivedCursor));
            return session.IsCaughtUp && lacks == 0 && missing == 0 ? null : new PeerLag(session.Peer, lacks, missing);
        }

        // In a part of the graph, commits say little: fields of the part that are not confirmed do.
        public async Task<PeerLag> CountAsync(SyncSession session, PeerLag lag, CancellationToken cancellationToken)
        {
            if (scope.IsAll)
            {
                return lag;
            }

            (_, long fields) = await ScopeReader
                .NewestAsync(node.Store, scope.Reach, session.AckedCursor, cancellationToken).ConfigureAwait(false);
            return lag with { Operations = fields };
        }
    }
}
