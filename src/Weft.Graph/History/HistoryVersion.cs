namespace Weft.Graph.History;

/// <summary>What one version changed in one field.</summary>
/// <param name="Field">The field.</param>
/// <param name="Value">Its new value; null deletes.</param>
/// <param name="State">Its new state.</param>
/// <param name="Extras">Author and signature; usually null.</param>
/// <param name="HadBefore">False when the field was new.</param>
/// <param name="Before">What it was.</param>
/// <param name="BeforeState">The state it had.</param>
public readonly record struct HistoryChange(
    string Field, WeftValue Value, double State, FieldExtras? Extras, bool HadBefore, WeftValue Before,
    double BeforeState);

/// <summary>One version of a node: what one commit of this peer changed in it.</summary>
/// <param name="Soul">The node.</param>
/// <param name="Number">1 and up, without a hole, for each node on each peer.</param>
/// <param name="TimeMs">When this peer stored it, in milliseconds since 1970; never before the version before.</param>
/// <param name="Changes">At least one; at most one for each field.</param>
public sealed record HistoryVersion(string Soul, long Number, double TimeMs, IReadOnlyList<HistoryChange> Changes);

/// <summary>What a peer notes about a node's past.</summary>
/// <param name="Newest">The newest version; 0 for none.</param>
/// <param name="First">The oldest version that follows the others without a break.</param>
/// <param name="LastMs">When the newest was stored.</param>
/// <param name="BeganMs">When <paramref name="First"/>'s history began: what was before is not known.</param>
public readonly record struct HistoryHead(long Newest, long First, double LastMs, double BeganMs);
