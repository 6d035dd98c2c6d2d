using Weft.Libp2p.Connections;
using Weft.Libp2p.Dialing;
using Weft.Primitives;

namespace Weft.Libp2p;

/// <content>Which connections are kept.</content>
public sealed partial class Libp2pHost
{
    private readonly ConnectionPlanner _planner;

    /// <summary>
    /// The peers this host chose itself and has been connected with the longest: keep them over a restart, and give them
    /// to <see cref="Libp2pOptions.Anchors"/>. Empty where <see cref="Protocols.Dialing.PlannerOptions.OutboundTarget"/> is 0.
    /// </summary>
    public IReadOnlyList<PeerAnchor> Anchors => _planner.Anchors;

    /// <summary>Connections the planner has chosen and opened itself.</summary>
    public int ChosenCount => _planner.OutboundCount;

    /// <summary>How good a connection is, by round trip, uptime and behaviour.</summary>
    /// <returns>0 to 1; 0 when it is gone.</returns>
    public double ScoreOf(PeerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return _planner.ScoreOf(connection);
    }

    /// <summary>Tells that a peer does good or harm; it is forgiven, or forgotten, within minutes.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="change">
    /// -1 to 1: what a single finding is worth, for example 0.01 for a useful answer and -0.5 for a lie. Below
    /// <see cref="Protocols.Dialing.PlannerOptions.BehaviourMin"/> its connections are closed.
    /// </param>
    public void Judge(PeerId peer, double change) => _planner.Judge(peer, change);

    /// <summary>Connections that have a better one with the same peer beside them.</summary>
    internal IReadOnlyList<PeerConnection> FindDuplicates()
    {
        lock (_gate)
        {
            return
            [
                .. _connections.Values.Where(list => list.Count > 1)
                    .SelectMany(list => list.Where(connection => connection != Preferred(list))),
            ];
        }
    }

    internal PeerConnection? FindNumber(PeerId peer, long number)
    {
        lock (_gate)
        {
            return _connections.TryGetValue(peer, out List<PeerConnection>? list)
                ? list.Find(connection => connection.Number == number)
                : null;
        }
    }

    internal Task<PeerConnection> DialByBookAsync(PeerId peer) =>
        Find(peer) is { IsLimited: false } there
            ? Task.FromResult(there)
            : _dialer.ConnectAsync(peer, extra: null, ignoresBackoff: false, _stopping.Token);

    /// <summary>
    /// The connection new streams take: not through a relay; opened by the peer of the smaller name, which both ends
    /// see alike when each has dialled the other at the same moment; the oldest.
    /// </summary>
    private PeerConnection Preferred(List<PeerConnection> list)
    {
        PeerConnection best = list[0];
        foreach (PeerConnection connection in list)
        {
            if (Rank(connection) < Rank(best))
            {
                best = connection;
            }
        }

        return best;

        int Rank(PeerConnection one)
        {
            bool isOurs = !one.IsInbound;
            bool isOfSmaller = isOurs == (Id.CompareTo(one.Remote) < 0);
            return (one.IsLimited ? 2 : 0) + (isOfSmaller ? 0 : 1);
        }
    }
}
