using Weft.Primitives;

namespace Weft.Node.Sync;

/// <summary>How two peers stand to each other.</summary>
/// <param name="Peer">The other peer.</param>
/// <param name="IsCaughtUp">True once each side has what the other had when the session began.</param>
/// <param name="Lag">Commits of this node that the peer has not yet confirmed as durable there.</param>
/// <param name="Behind">Commits of the peer that this node knows of and does not have yet.</param>
/// <param name="FieldsIn">Fields of the peer that were merged, or found to be known, in this session.</param>
/// <param name="FieldsOut">Fields sent to it in this session.</param>
/// <param name="RefusedHere">Fields of the peer that were refused here.</param>
/// <param name="RefusedThere">Fields of this node that the peer refused.</param>
/// <param name="Comparisons">Comparisons that ended in this session.</param>
/// <param name="BytesIn">Bytes received in this session, as they came over the stream.</param>
/// <param name="BytesOut">Bytes sent in it.</param>
/// <param name="Since">When the session began.</param>
public sealed record SyncPeer(
    PeerId Peer,
    bool IsCaughtUp,
    long Lag,
    long Behind,
    long FieldsIn,
    long FieldsOut,
    long RefusedHere,
    long RefusedThere,
    long Comparisons,
    long BytesIn,
    long BytesOut,
    DateTimeOffset Since);

/// <summary>What <see cref="NodeSync.WaitAsync"/> waits for.</summary>
public enum SyncGoal
{
    /// <summary>
    /// Every peer that a session is open with has everything this node had when the waiting began, durably, and this
    /// node has everything they had.
    /// </summary>
    AllConnectedPeers = 0,

    /// <summary>The same with one peer at the least.</summary>
    AnyPeer,
}

/// <summary>One peer that is not yet where it should be.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Operations">Commits it lacks.</param>
/// <param name="Missing">Commits of it that this node lacks, as far as known.</param>
public sealed record PeerLag(PeerId Peer, long Operations, long Missing);

/// <summary>How waiting went.</summary>
/// <param name="Complete">True when the goal was reached in time.</param>
/// <param name="Peers">Peers that sessions were open with at the end.</param>
/// <param name="Behind">Those that are not there yet; empty when complete.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record SyncResult(bool Complete, int Peers, IReadOnlyList<PeerLag> Behind, TimeSpan Elapsed);
