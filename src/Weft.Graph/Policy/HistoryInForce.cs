namespace Weft.Graph.Policy;

/// <summary>What is kept of a node's past, and on whose word.</summary>
/// <param name="Rule">How much.</param>
/// <param name="Scope">The prefix, or the soul, that the policy is about.</param>
/// <param name="IsNode">True when it is about the one soul.</param>
/// <param name="SinceMs">The state from which the policy has kept history without a break.</param>
public readonly record struct HistoryInForce(HistoryRule Rule, string Scope, bool IsNode, double SinceMs);
