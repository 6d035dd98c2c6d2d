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

    /// <summary>The same with every peer that a session was ever open with: those that are away are waited for.</summary>
    AllKnownPeers,
}

/// <summary>One peer that is not yet where it should be.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Operations">
/// Commits it lacks; with a scope that is not the whole graph, fields of the scope it has not confirmed, up to 4,096.
/// </param>
/// <param name="Missing">Commits of it that this node lacks, as far as known.</param>
/// <param name="IsConnected">False for a peer that is away.</param>
public sealed record PeerLag(PeerId Peer, long Operations, long Missing, bool IsConnected = true);

/// <summary>A peer that was here before.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Lag">Commits of this node that it had not confirmed when it went, and those since.</param>
/// <param name="Seen">When it was last heard of.</param>
public sealed record SyncAway(PeerId Peer, long Lag, DateTimeOffset Seen);

/// <summary>What sessions did.</summary>
/// <param name="FieldsIn">Fields of peers that were merged, or found to be known.</param>
/// <param name="FieldsOut">Fields sent.</param>
/// <param name="RefusedHere">Fields of peers that were refused here.</param>
/// <param name="RefusedThere">Fields of this node that peers refused.</param>
/// <param name="Comparisons">Comparisons that ended.</param>
/// <param name="BytesIn">Bytes received.</param>
/// <param name="BytesOut">Bytes sent.</param>
public readonly record struct SyncCounts(
    long FieldsIn, long FieldsOut, long RefusedHere, long RefusedThere, long Comparisons, long BytesIn, long BytesOut)
{
    /// <summary>Both together.</summary>
    public SyncCounts Plus(in SyncCounts other) => new(
        FieldsIn + other.FieldsIn, FieldsOut + other.FieldsOut, RefusedHere + other.RefusedHere,
        RefusedThere + other.RefusedThere, Comparisons + other.Comparisons, BytesIn + other.BytesIn,
        BytesOut + other.BytesOut);
}

/// <summary>How waiting went.</summary>
/// <param name="Complete">True when the goal was reached in time.</param>
/// <param name="Peers">Peers that sessions were open with at the end.</param>
/// <param name="Behind">Those that are not there yet; empty when complete.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record SyncResult(bool Complete, int Peers, IReadOnlyList<PeerLag> Behind, TimeSpan Elapsed);
