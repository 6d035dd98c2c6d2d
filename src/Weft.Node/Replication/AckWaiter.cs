using Weft.Graph;
using Weft.Node.Network;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Protocols.Replication;

namespace Weft.Node.Replication;

/// <summary>Counts the peers that hold a write durably: sessions that confirmed its commit, responsible peers that took it.</summary>
/// <param name="node">The node that wrote.</param>
internal sealed class AckWaiter(WeftNode node)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250); // Sessions come and go.

    /// <summary>Remembers how sessions stand, before the write: what they refuse afterwards may be this one.</summary>
    private readonly Dictionary<long, long> _refusedBefore =
        (node.Network?.Sync?.Sessions ?? []).ToDictionary(session => session.Number, session => session.RefusedThere);

    /// <summary>Waits until enough peers hold it, or the time is over.</summary>
    public async ValueTask<AckedWrite> WaitAsync(
        WriteResult write, IReadOnlyCollection<string> souls, WriteAck ack, CancellationToken cancellationToken)
    {
        long started = node.Time.GetTimestamp();
        if (!write.IsAccepted || node.Network is not { } network)
        {
            return new(write, 0, ack.Peers, TimeSpan.Zero);
        }

        using var late = new CancellationTokenSource(ack.Timeout, node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        Dictionary<string, Task<StoreReport>> stores = StartStores(network, souls, either.Token);
        while (true)
        {
            SyncSession[] sessions = [.. network.Sync?.Sessions ?? []];
            Task[] moves = [.. sessions.Select(session => session.Progress)]; // Before looking, so that none is missed.
            int peers = Count(sessions, stores, souls, write.Sequence);
            if (peers >= ack.Peers || late.IsCancellationRequested)
            {
                return new(write, peers, ack.Peers, node.Time.GetElapsedTime(started));
            }

            try
            {
                Task tick = Task.Delay(Tick, node.Time, either.Token);
                await Task.WhenAny([.. moves, tick, .. stores.Values.Where(store => !store.IsCompleted)])
                    .ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The time is over: one more look.
            }
        }
    }

    private Dictionary<string, Task<StoreReport>> StartStores(
        NodeNetwork network, IReadOnlyCollection<string> souls, CancellationToken cancellationToken)
    {
        var stores = new Dictionary<string, Task<StoreReport>>(StringComparer.Ordinal);
        foreach (string soul in souls)
        {
            if (network.Replication is { } replication && node.Plans.PlanOf(soul).Words.Copies > 0)
            {
                stores.TryAdd(soul, replication.StoreAsync(soul, cancellationToken));
            }
        }

        return stores;
    }

    // A peer counts when it holds every soul of the write, whichever way it came there.
    private int Count(
        SyncSession[] sessions,
        Dictionary<string, Task<StoreReport>> stores,
        IReadOnlyCollection<string> souls,
        long sequence)
    {
        HashSet<PeerId>? all = null;
        foreach (string soul in souls)
        {
            var holders = new HashSet<PeerId>();
            foreach (SyncSession session in sessions)
            {
                if (session.AckedCursor >= sequence && session.Wants(soul)
                    && session.RefusedThere == _refusedBefore.GetValueOrDefault(session.Number))
                {
                    holders.Add(session.Peer);
                }
            }

            if (stores.TryGetValue(soul, out Task<StoreReport>? store) && store.IsCompletedSuccessfully)
            {
                holders.UnionWith(store.Result.Holders ?? []);
            }

            all = all is null ? holders : [.. all.Intersect(holders)];
        }

        all?.Remove(node.Network!.Id);
        return all?.Count ?? 0;
    }
}
