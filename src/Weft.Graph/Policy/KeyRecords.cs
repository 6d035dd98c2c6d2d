using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>What is known about the successors of one key. Immutable.</summary>
internal sealed record KeyRecords
{
    public static KeyRecords None { get; } = new();

    /// <summary>The successor the key named itself.</summary>
    public Ed25519PublicKey Next { get; init; }

    /// <summary>From here on; positive infinity when there is none.</summary>
    public double NextState { get; init; } = double.PositiveInfinity;

    /// <summary>The recovery keys the key named; null for none.</summary>
    public RecoverySet? Set { get; init; }

    /// <summary>The state at which it named them.</summary>
    public double SetState { get; init; }

    /// <summary>The successor recovery keys named; null for none.</summary>
    public RecoveryRecord? Recovery { get; init; }

    /// <summary>The state of that record.</summary>
    public double RecoveryState { get; init; }

    public bool IsEmpty => double.IsPositiveInfinity(NextState) && Set is null && Recovery is null;

    /// <summary>
    /// From where on the recovery counts: only that by the very keys that stand in <c>recovery</c>. Whoever holds a
    /// stolen key can sign a list of his own, but not put it in the place of an earlier one.
    /// </summary>
    public double RecoveredFrom =>
        Recovery is not null && Set is not null && Recovery.SetState == SetState
            && Recovery.Set.Signature.Span.SequenceEqual(Set.Signature.Span)
            ? RecoveryState
            : double.PositiveInfinity;

    /// <summary>The first state at which the key itself is no longer good.</summary>
    public double RetiredFrom => Math.Min(NextState, RecoveredFrom);

    /// <summary>True when both say the same about every state.</summary>
    public bool FollowsLike(KeyRecords other) =>
        Next == other.Next && NextState == other.NextState && RecoveredFrom == other.RecoveredFrom
            && (double.IsPositiveInfinity(RecoveredFrom) || Recovery!.Next == other.Recovery!.Next);

    /// <summary>Says who follows the key for what happens at <paramref name="state"/>.</summary>
    /// <returns>False while the key itself is good.</returns>
    public bool TryFollow(double state, out Ed25519PublicKey successor) => TryFollow(state, out successor, out _);

    /// <summary>Says who follows the key for what happens at <paramref name="state"/>, and behind which state.</summary>
    /// <returns>False while the key itself is good.</returns>
    public bool TryFollow(double state, out Ed25519PublicKey successor, out double since)
    {
        bool recovered = state > RecoveredFrom;
        successor = recovered ? Recovery!.Next : Next;
        since = recovered ? RecoveredFrom : NextState;
        return recovered || state > NextState;
    }
}
