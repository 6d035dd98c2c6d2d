using Weft.Graph.Access;

namespace Weft.Graph.Policy;

/// <content>What is kept of the past.</content>
public sealed partial class PolicyBook
{
    /// <summary>
    /// True when some policy says what is kept of the past: while none does, nobody has to ask for a soul.
    /// </summary>
    public bool HasHistory => Volatile.Read(ref _hasHistory);

    /// <summary>What is kept of a node's past, as policies are at a moment.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="nowMs">
    /// Wall time in milliseconds: what a node keeps is its own doing, so its own clock decides, not the states of writes.
    /// </param>
    /// <returns>Null when no policy says anything about it.</returns>
    public HistoryInForce? HistoryOf(string soul, double nowMs) =>
        HasHistory && !PolicySoul.IsSystem(soul)
            && PoliciesOf(Ownership.Of(soul)) is { HasHistory: true } policies
            && policies.Find(soul, nowMs) is { Document.History: { } rule } version
            ? new(rule, version.Scope, version.IsNode, policies.HistorySince(version))
            : null;

    /// <summary>Every policy that says what is kept of the past at a moment, by its prefix or soul.</summary>
    /// <param name="nowMs">Wall time in milliseconds.</param>
    public IReadOnlyList<HistoryInForce> Histories(double nowMs) =>
        [.. _policies.Values.Where(one => one.HasHistory)
            .SelectMany(one => one.WithHistory(nowMs).Select(version => new HistoryInForce(
                version.Document.History!.Value, version.Scope, version.IsNode, one.HistorySince(version))))
            .OrderBy(one => one.Scope, StringComparer.Ordinal)];
}
