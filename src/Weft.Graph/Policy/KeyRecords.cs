using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>What is known about the successors of one key. Immutable.</summary>
/// <param name="Next">The successor the key named itself.</param>
/// <param name="NextState">From here on; positive infinity when there is none.</param>
/// <param name="Recovered">The successor its recovery keys named.</param>
/// <param name="RecoveredState">From here on; positive infinity when there is none.</param>
internal sealed record KeyRecords(
    Ed25519PublicKey Next = default,
    double NextState = double.PositiveInfinity,
    Ed25519PublicKey Recovered = default,
    double RecoveredState = double.PositiveInfinity)
{
    public static KeyRecords None { get; } = new();

    public bool IsEmpty => double.IsPositiveInfinity(NextState) && double.IsPositiveInfinity(RecoveredState);

    /// <summary>Says who follows the key for what happens at <paramref name="state"/>.</summary>
    /// <returns>False while the key itself is good.</returns>
    public bool TryFollow(double state, out Ed25519PublicKey successor)
    {
        bool recovered = state > RecoveredState;
        successor = recovered ? Recovered : Next;
        return recovered || state > NextState;
    }
}
