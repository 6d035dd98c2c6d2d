using Weft.Graph;
using Weft.Graph.History;
using Weft.Graph.Policy;
using Weft.Node.Storage;

namespace Weft.Node.History;

/// <summary>A node that a delta writes and whose past is kept: what is noted of it before the delta.</summary>
/// <param name="Soul">The node.</param>
/// <param name="Kept">What is kept, and on whose word.</param>
/// <param name="Head">What is noted; null for nothing.</param>
internal readonly record struct HistoryPlace(string Soul, HistoryInForce Kept, HistoryHead? Head);

/// <summary>Turns the winners of a delta into versions, and versions into rows of the same batch. Pure.</summary>
internal static class HistoryPlan
{
    /// <summary>Rows of versions that fell out, removed with a new one at most: more is left to maintenance.</summary>
    public const int RemovedMax = 4;

    // A removed row is a null whose time has come long ago, so that the next maintenance takes it away.
    private const double GoneState = -1e300;

    /// <summary>What the winners of a delta change, node by node.</summary>
    /// <param name="delta">The writes.</param>
    /// <param name="decisions">One for each write, in order.</param>
    public static Dictionary<string, List<HistoryChange>> ChangesOf(
        ReadOnlySpan<FieldWrite> delta, ReadOnlySpan<GraphOutput> decisions)
    {
        var changes = new Dictionary<string, List<HistoryChange>>(StringComparer.Ordinal);
        foreach (ref readonly GraphOutput decision in decisions)
        {
            if (decision.Kind != GraphOutputKind.Persist)
            {
                continue;
            }

            FieldWrite write = delta[decision.Write];
            if (!changes.TryGetValue(write.Soul, out List<HistoryChange>? list))
            {
                changes.Add(write.Soul, list = []);
            }

            StoredField before = decision.Displaced;
            int earlier = decision.HadKnown && before.Sequence == 0
                ? list.FindIndex(change => change.Field == write.Field)
                : -1;
            if (earlier >= 0)
            {
                // The same field twice in one delta: its last value, over what was there before both.
                list[earlier] = list[earlier] with { Value = write.Value, State = write.State, Extras = write.Extras };
                continue;
            }

            // A field that was taken back by a policy is known and says nothing.
            bool hadBefore = decision.HadKnown && before.State != PolicyBook.DroppedState;
            list.Add(new HistoryChange(
                write.Field, write.Value, write.State, write.Extras, hadBefore, before.Value, before.State));
        }

        return changes;
    }

    /// <summary>The next version of a node.</summary>
    public static HistoryVersion VersionOf(in HistoryPlace place, IReadOnlyList<HistoryChange> changes, double nowMs) =>
        new(place.Soul, (place.Head?.Newest ?? 0) + 1, Math.Max(nowMs, place.Head?.LastMs ?? nowMs), changes);

    /// <summary>Adds what the store has to hold of a version: its row, the head, and the rows that fall out.</summary>
    /// <param name="place">The node.</param>
    /// <param name="version">Its new version.</param>
    /// <param name="row">What its row holds: the version itself, or where it is.</param>
    /// <param name="rows">Takes the rows.</param>
    public static void AddRows(in HistoryPlace place, HistoryVersion version, WeftValue row, List<FieldWrite> rows)
    {
        string soul = HistorySoul.Of(place.Soul);
        HistoryRule rule = place.Kept.Rule;
        FieldExtras? extras = double.IsPositiveInfinity(rule.LifeMs)
            ? null
            : new FieldExtras(ExpiresAtMs: version.TimeMs + rule.LifeMs);
        rows.Add(new FieldWrite(soul, HistoryCodec.FieldOf(version.Number), row, version.TimeMs, extras));
        HistoryHead head = HeadAfter(place, version);
        long floor = rule.FloorOf(version.Number);
        long removed = 0;
        for (; head.First + removed < floor && removed < RemovedMax; removed++)
        {
            rows.Add(Removal(soul, head.First + removed));
        }

        head = head with { First = head.First + removed };
        rows.Add(new FieldWrite(soul, HistoryCodec.HeadField, HistoryCodec.ToRow(head), version.TimeMs));
    }

    /// <summary>A row that takes a version away.</summary>
    public static FieldWrite Removal(string historySoul, long number) =>
        new(historySoul, HistoryCodec.FieldOf(number), WeftValue.Null, GoneState);

    /// <summary>
    /// A row that says up to where versions were taken away by maintenance: beside the head, which the lanes write.
    /// </summary>
    public static FieldWrite Floor(string historySoul, long number) =>
        new(historySoul, HistoryCodec.FloorField, WeftValue.Number(number), 1);

    /// <summary>
    /// The head with one more version. When nobody kept history meanwhile, what was before is no beginning of what comes:
    /// then it begins anew.
    /// </summary>
    private static HistoryHead HeadAfter(in HistoryPlace place, HistoryVersion version)
    {
        bool goesOn = place.Head is { Newest: > 0 } known && known.BeganMs >= place.Kept.SinceMs;
        return goesOn
            ? place.Head!.Value with { Newest = version.Number, LastMs = version.TimeMs }
            : new HistoryHead(version.Number, version.Number, version.TimeMs, version.TimeMs);
    }
}
