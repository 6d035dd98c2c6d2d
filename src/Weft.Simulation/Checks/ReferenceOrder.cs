using Weft.Graph;

namespace Weft.Simulation;

/// <summary>The order of two versions of a field, said once more in the simplest way, for the checkers alone.</summary>
/// <remarks>
/// Nodes merge with the production code; if the checkers used that too, a bug in it would judge itself. Source:
/// docs/spec/graph.md, section 2.
/// </remarks>
internal static class ReferenceOrder
{
    public static int Compare(double leftState, WeftValue left, double rightState, WeftValue right) =>
        leftState != rightState
            ? leftState.CompareTo(rightState)
            : string.CompareOrdinal(left.ToString(), right.ToString());
}
