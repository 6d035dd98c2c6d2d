using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Node.Events;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Node.Network;

/// <content>What happens to peers becomes events of the node.</content>
public sealed partial class NodeNetwork
{
    private static readonly TimeSpan LimitPeriod = TimeSpan.FromSeconds(1);

    private readonly Lock _telling = new();
    private CancellationTokenSource? _watched;
    private Task _tellers = Task.CompletedTask;

    /// <summary>Begins to tell while anybody listens, and ends when nobody does.</summary>
    private void OnWatched(bool isWatched)
    {
        lock (_telling)
        {
            _watched?.Cancel();
            _watched?.Dispose();
            _watched = null;
            if (isWatched && !_stopping.IsCancellationRequested)
            {
                _watched = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
                CancellationToken until = _watched.Token;

                // Live from here on; what they read is posted from other threads.
                IAsyncEnumerable<PeerEvent> peers = Host.WatchAsync(until);
                IAsyncEnumerable<PhaseChange> states = Host.WatchPhasesAsync(until);
                var tellers = Task.WhenAll(
                    Task.Run(() => TellPeersAsync(peers), CancellationToken.None),
                    Task.Run(() => TellStatesAsync(states), CancellationToken.None),
                    Task.Run(() => TellLimitsAsync(until), CancellationToken.None));
                _tellers = _tellers.IsCompleted ? tellers : Task.WhenAll(_tellers, tellers);
            }
        }
    }

    private async Task StopTellingAsync()
    {
        Node.Events.RemoveSource(OnWatched);
        Task tellers;
        lock (_telling)
        {
            _watched?.Cancel();
            tellers = _tellers;
        }

        await tellers.ConfigureAwait(false);
        _watched?.Dispose();
    }

    private async Task TellPeersAsync(IAsyncEnumerable<PeerEvent> events)
    {
        try
        {
            await foreach (PeerEvent happened in events.ConfigureAwait(false))
            {
                Miss(happened.Missed);
                if (happened.Kind is PeerEventKind.Connected or PeerEventKind.Disconnected)
                {
                    bool isThere = happened.Kind == PeerEventKind.Connected;
                    Multiaddr address = happened.Connection.RemoteAddress;
                    Tell(isThere ? NodeEventKind.PeerConnect : NodeEventKind.PeerDisconnect, happened.Peer, one => one with
                    {
                        Address = address.ToString(),
                        Transport = TransportOf(address),
                        State = !isThere ? null : happened.Connection.IsInbound ? "inbound" : "outbound",
                        Reason = isThere ? null : TextOf(happened.End),
                    });
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody listens any more.
        }
    }

    private async Task TellStatesAsync(IAsyncEnumerable<PhaseChange> changes)
    {
        try
        {
            await foreach (PhaseChange change in changes.ConfigureAwait(false))
            {
                Miss(change.Missed);
                Tell(NodeEventKind.PeerState, change.Peer, one => one with
                {
                    Address = change.Address.ToString(),
                    Transport = TransportOf(change.Address),
                    State = change.Phase.ToString().ToLowerInvariant(),
                    Reason = change.Reason.Length == 0 ? null
                        : Enum.TryParse(change.Reason, out ConnectionEnd end) ? TextOf(end)
                        : change.Reason,
                });
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody listens any more.
        }
    }

    /// <summary>Once a second at most for each ceiling, however often it says no: a flood is one line with a number.</summary>
    private async Task TellLimitsAsync(CancellationToken until)
    {
        Libp2pCeiling[] all = Enum.GetValues<Libp2pCeiling>();
        long[] known = [.. all.Select(Host.RefusalsOf)];
        try
        {
            while (true)
            {
                await Task.Delay(LimitPeriod, Node.Time, until).ConfigureAwait(false);
                for (int i = 0; i < all.Length; i++)
                {
                    long refusals = Host.RefusalsOf(all[i]);
                    if (refusals > known[i])
                    {
                        long count = refusals - known[i];
                        string name = all[i].ToString();
                        Tell(NodeEventKind.Limit, default, one => one with { Reason = name, Count = count });
                        known[i] = refusals;
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody listens any more.
        }
    }

    private void Tell(string kind, PeerId peer, Func<NodeEvent, NodeEvent> with)
    {
        if (Node.Events.IsWatched)
        {
            Node.Events.Post(with(Node.Events.New(kind) with { Peer = peer.IsEmpty ? null : peer.ToString() }));
        }
    }

    private void Miss(long missed)
    {
        if (missed > 0)
        {
            Tell(NodeEventKind.Missed, default, one => one with { Count = missed });
        }
    }

    /// <summary>Why a connection ended, in words.</summary>
    internal static string TextOf(ConnectionEnd end) => end switch
    {
        ConnectionEnd.Local => "closed here",
        ConnectionEnd.Remote => "the other side closed it",
        ConnectionEnd.Broken => "the network broke it",
        ConnectionEnd.Undecryptable => "it sent bytes that do not open",
        ConnectionEnd.ProtocolError => "it broke the rules of the muxer",
        ConnectionEnd.Flood => "it flooded",
        ConnectionEnd.Silent => "it does not answer",
        ConnectionEnd.NotReading => "it does not read",
        ConnectionEnd.Banned => "it is banned",
        ConnectionEnd.Trimmed => "closed here to make room",
        ConnectionEnd.Duplicate => "there is another connection with it",
        ConnectionEnd.Misbehaved => "it behaved too badly",
        _ => end.ToString(),
    };
}
