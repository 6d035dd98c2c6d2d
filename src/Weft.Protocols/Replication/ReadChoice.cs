using Weft.Primitives;

namespace Weft.Protocols.Replication;

/// <summary>A peer that may be asked for a soul.</summary>
/// <param name="Peer">Who.</param>
/// <param name="HasAnnounced">It follows the prefix of the soul, so it should have it.</param>
/// <param name="RoundTrip">Measured; zero for not yet.</param>
/// <param name="Waiting">Questions of this peer that wait there.</param>
public readonly record struct ReadCandidate(PeerId Peer, bool HasAnnounced, TimeSpan RoundTrip, int Waiting);

/// <summary>Whom to ask for a soul: those who follow it first, and of these the ones that will answer soonest.</summary>
/// <remarks>Source: docs/spec/replication.md, section 5.</remarks>
public static class ReadChoice
{
    /// <summary>Peers asked at once that have announced it.</summary>
    public const int AnnouncedMax = 2;

    /// <summary>Peers asked at once where nobody has announced it.</summary>
    public const int OthersMax = 4;

    private static readonly TimeSpan Unmeasured = TimeSpan.FromMilliseconds(50);

    /// <summary>Chooses.</summary>
    /// <param name="candidates">Everybody that could be asked.</param>
    /// <returns>Positions, the best first.</returns>
    public static IReadOnlyList<int> Choose(IReadOnlyList<ReadCandidate> candidates)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        bool anyAnnounced = candidates.Any(candidate => candidate.HasAnnounced);
        return
        [
            .. Enumerable.Range(0, candidates.Count)
                .Where(i => candidates[i].HasAnnounced == anyAnnounced)
                .OrderBy(i => CostOf(candidates[i]))
                .ThenBy(i => candidates[i].Peer) // Equal ones in an order that is no accident.
                .Take(anyAnnounced ? AnnouncedMax : OthersMax),
        ];
    }

    // A question waits behind those that wait already: a near peer that is busy is farther than a free one.
    private static double CostOf(in ReadCandidate candidate)
    {
        TimeSpan roundTrip = candidate.RoundTrip > TimeSpan.Zero ? candidate.RoundTrip : Unmeasured;
        return roundTrip.TotalMilliseconds * (1 + candidate.Waiting);
    }
}
