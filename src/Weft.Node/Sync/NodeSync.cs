namespace Weft.Node.Sync;

/// <summary>How far a node and its libp2p peers are: "am I synced?" has an answer.</summary>
/// <remarks>
/// <code>
/// SyncResult s = await node.Sync.WaitAsync(timeout: TimeSpan.FromSeconds(5));
/// if (!s.Complete) foreach (PeerLag p in s.Behind) log.LogWarning("{Peer} is {Lag} behind", p.Peer, p.Operations);
/// </code>
/// GUN links are not part of it; their cursors stand in the list of peers. Source: docs/spec/sync.md, section 7.
/// </remarks>
public sealed class NodeSync
{
    private readonly WeftNode _node;

    internal NodeSync(WeftNode node) => _node = node;

    internal SyncService? Service { get; set; }

    /// <summary>The peers that sessions are open with, in the order of their ids.</summary>
    public IReadOnlyList<SyncPeer> ListPeers() => [.. (Service?.Sessions ?? []).Select(session => session.Describe())];

    /// <summary>
    /// Waits until connected peers have what this node has now, durably, and this node has what they have now. What is
    /// written later does not count.
    /// </summary>
    /// <param name="until">With whom.</param>
    /// <param name="timeout">How long at the most; null for 30 s.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// How it went: a deadline that passes is a result, not an exception. Without any session there is nobody to wait for:
    /// complete with 0 peers for all, never complete for any.
    /// </returns>
    public async Task<SyncResult> WaitAsync(
        SyncGoal until = SyncGoal.AllConnectedPeers,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        long started = _node.Time.GetTimestamp();
        long ours = _node.Store.CommittedSequence;
        using var late = new CancellationTokenSource(timeout ?? TimeSpan.FromSeconds(30), _node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var theirs = new Dictionary<long, long>(); // Session, and the peer's newest commit when it was asked.
        while (true)
        {
            IReadOnlyList<SyncSession> sessions = Service?.Sessions ?? [];
            Task[] moves = [.. sessions.Select(session => session.Progress)]; // Before looking, so that none is missed.
            try
            {
                foreach (SyncSession session in sessions)
                {
                    if (!theirs.ContainsKey(session.Number))
                    {
                        theirs[session.Number] = await ProbeAsync(session, either.Token).ConfigureAwait(false);
                    }
                }

                List<PeerLag> behind = [.. sessions.Select(session => LagOf(session, ours, theirs)).OfType<PeerLag>()];
                bool isDone = until == SyncGoal.AllConnectedPeers ? behind.Count == 0 : behind.Count < sessions.Count;
                if (isDone)
                {
                    return new(true, sessions.Count, [], _node.Time.GetElapsedTime(started));
                }

                Task tick = Task.Delay(TimeSpan.FromMilliseconds(250), _node.Time, either.Token); // Sessions come and go.
                await Task.WhenAny([.. moves, tick]).ConfigureAwait(false);
                either.Token.ThrowIfCancellationRequested();
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                sessions = Service?.Sessions ?? [];
                return new(
                    false, sessions.Count,
                    [.. sessions.Select(session => LagOf(session, ours, theirs)).OfType<PeerLag>()],
                    _node.Time.GetElapsedTime(started));
            }
        }
    }

    private static async Task<long> ProbeAsync(SyncSession session, CancellationToken cancellationToken)
    {
        try
        {
            return await session.ProbeAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (System.Threading.Channels.ChannelClosedException)
        {
            return -1; // It has just ended.
        }
    }

    private static PeerLag? LagOf(SyncSession session, long ours, Dictionary<long, long> theirs)
    {
        long lacks = Math.Max(0, ours - Math.Max(0, session.AckedCursor));
        long missing = Math.Max(0, theirs.GetValueOrDefault(session.Number) - Math.Max(0, session.ReceivedCursor));
        return session.IsCaughtUp && lacks == 0 && missing == 0 ? null : new PeerLag(session.Peer, lacks, missing);
    }
}
