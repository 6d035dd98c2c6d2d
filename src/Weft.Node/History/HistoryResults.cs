using Weft.Graph;
using Weft.Graph.History;
using Weft.Graph.Policy;
using Weft.Log;

namespace Weft.Node.History;

/// <summary>What this peer keeps of a node's past.</summary>
/// <param name="Kept">How much, by the policy in force; keeps nothing where no policy says so.</param>
/// <param name="Scope">The prefix or soul whose policy says so; empty for none.</param>
/// <param name="First">The oldest version that is kept; 0 for none.</param>
/// <param name="Newest">The newest; 0 for none.</param>
/// <param name="BeganMs">
/// From when on versions follow each other without a break, in milliseconds since 1970; 0 for never.
/// </param>
public sealed record HistoryInfo(HistoryRule Kept, string Scope, long First, long Newest, double BeganMs);

/// <summary>One version, and where it stands in a signed log.</summary>
/// <param name="Version">The version.</param>
/// <param name="Sequence">The commit that stored it.</param>
/// <param name="LogKey">The key of the signed log that holds it; null when it stands in none.</param>
/// <param name="Block">Its block there; -1 for none.</param>
/// <param name="Lost">Versions just before this one that are not kept any more and were not given.</param>
public sealed record HistoryEntry(
    HistoryVersion Version, long Sequence, Hash32? LogKey = null, long Block = -1, long Lost = 0);

/// <summary>Why a view of the past gives what it gives.</summary>
public enum HistoryStatus
{
    /// <summary>The node is as it was.</summary>
    Found = 0,

    /// <summary>No policy keeps the past of this node, or nothing was written since one does.</summary>
    NotKept,

    /// <summary>That is before what is kept.</summary>
    TooOld,

    /// <summary>There is no such version yet.</summary>
    TooNew,
}

/// <summary>A node as it was.</summary>
/// <param name="Status">Whether that is known.</param>
/// <param name="Version">The version.</param>
/// <param name="TimeMs">When it was stored; 0 when it is the state before the first version that is kept.</param>
/// <param name="Fields">
/// Its fields in the order of their names, tombstones included; the author of a value that is known only as what a later
/// one replaced is not known.
/// </param>
/// <param name="Info">What is kept at all.</param>
public sealed record HistoryView(
    HistoryStatus Status, long Version, double TimeMs, IReadOnlyList<StoredField> Fields, HistoryInfo Info);

/// <summary>What became of a field between two versions.</summary>
/// <param name="Field">The field.</param>
/// <param name="Before">Its value in the first; null when it had none.</param>
/// <param name="After">Its value in the second; null when it had none.</param>
public readonly record struct HistoryFieldDiff(string Field, WeftValue Before, WeftValue After);

/// <summary>What is different between two versions of a node.</summary>
/// <param name="Status">Whether both are known.</param>
/// <param name="From">The first version.</param>
/// <param name="To">The second.</param>
/// <param name="Fields">The fields whose values differ, in order.</param>
/// <param name="Info">What is kept at all.</param>
public sealed record HistoryDiff(
    HistoryStatus Status, long From, long To, IReadOnlyList<HistoryFieldDiff> Fields, HistoryInfo Info);
