using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Graph;

/// <summary>Decides, field by field, what a delta changes. It holds no graph: data may be far larger than memory.</summary>
/// <remarks>
/// Pure: no clock, no store, one caller at a time. The driver loads the touched fields into a <see cref="GraphView"/>,
/// calls <see cref="Apply"/>, and carries out the outputs. Source: docs/spec/graph.md, section 2.
/// </remarks>
public sealed class GraphCore(GraphOptions options)
{
    /// <summary>Merges one delta: one output for each write, in order.</summary>
    /// <param name="delta">The writes; each was judged by <see cref="FieldRules"/>.</param>
    /// <param name="view">The touched fields as they are known; winners are noted in it.</param>
    /// <param name="wallMs">This machine's wall time in milliseconds.</param>
    /// <param name="outbox">Takes the decisions.</param>
    /// <param name="order">Orders versions where a policy may have another order than HAM; null for HAM everywhere.</param>
    public void Apply(
        ReadOnlySpan<FieldWrite> delta,
        GraphView view,
        double wallMs,
        Outbox<GraphOutput> outbox,
        IMergeOrder? order = null)
    {
        for (int i = 0; i < delta.Length; i++)
        {
            ref readonly FieldWrite write = ref delta[i];
            bool hadKnown = view.TryGet(i, out StoredField known);
            double knownState = hadKnown ? known.State : double.NegativeInfinity;
            HamVerdict verdict = order is not null && hadKnown && write.State <= wallMs && order.Orders(write.Soul)
                ? order.Judge(write, known)
                : Ham.Judge(write.Value, write.State, known.Value, knownState, wallMs);
            switch (verdict)
            {
                case HamVerdict.Incoming:
                    view.Replace(i, write);
                    outbox.Add(new(GraphOutputKind.Persist, i, verdict, Displaced: known, HadKnown: hadKnown));
                    break;
                case HamVerdict.Future when write.State - wallMs > options.FutureMax.TotalMilliseconds:
                    outbox.Add(new(GraphOutputKind.Refuse, i, verdict, WeftError.StateTooFarAhead));
                    break;
                case HamVerdict.Future:
                    outbox.Add(new(GraphOutputKind.Defer, i, verdict, DueMs: write.State));
                    break;
                default:
                    outbox.Add(new(GraphOutputKind.Keep, i, verdict, Displaced: known, HadKnown: hadKnown));
                    break;
            }
        }
    }
}
