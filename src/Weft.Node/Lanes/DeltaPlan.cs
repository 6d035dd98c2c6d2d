using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Lanes;

/// <summary>What the decisions about one delta amount to: one batch for the store, or a refusal.</summary>
/// <param name="Batch">What to append; <see cref="CommitBatch.Empty"/> when nothing changes.</param>
/// <param name="Applied">Fields that change.</param>
/// <param name="Kept">Fields whose known value is newer, larger or equal.</param>
/// <param name="Deferred">Fields from the near future.</param>
/// <param name="StateMax">The highest state in the delta.</param>
/// <param name="Error">Why the whole delta is refused, or None. Then nothing was noted anywhere.</param>
/// <param name="RefusedWrite">The position of the write that is refused; -1 when none is.</param>
/// <param name="Standing">The known fields that writes of the delta lost against; null when none did.</param>
public readonly record struct DeltaOutcome(
    CommitBatch Batch,
    int Applied,
    int Kept,
    int Deferred,
    double StateMax,
    WeftError Error = WeftError.None,
    int RefusedWrite = -1,
    IReadOnlyList<StoredChange>? Standing = null);

/// <summary>Turns the decisions of the graph core into one batch, all or nothing.</summary>
/// <remarks>
/// Pure; the caller holds whatever guards the clock and the queue. The driver of the lanes and the simulator share it,
/// so that the rules of a delta stand in one place.
/// </remarks>
public static class DeltaPlan
{
    /// <summary>
    /// Makes the batch. A refusal of one write refuses the delta, and changes neither clock nor queue.
    /// </summary>
    /// <param name="delta">The writes.</param>
    /// <param name="decisions">One for each write, in order.</param>
    /// <param name="isRelease">True for a held write that is offered again.</param>
    /// <param name="clock">Notes the states of winners.</param>
    /// <param name="deferred">Takes the early writes.</param>
    /// <param name="origin">Who brought the delta: 0 for this process, else the number of a connection.</param>
    public static DeltaOutcome Make(
        ReadOnlySpan<FieldWrite> delta,
        ReadOnlySpan<GraphOutput> decisions,
        bool isRelease,
        HamClock clock,
        DeferredQueue deferred,
        long origin)
    {
        int winners = 0;
        int early = 0;
        long earlyBytes = 0;
        double stateMax = double.NegativeInfinity;
        foreach (ref readonly GraphOutput decision in decisions)
        {
            ref readonly FieldWrite write = ref delta[decision.Write];
            stateMax = Math.Max(stateMax, write.State);
            switch (decision.Kind)
            {
                case GraphOutputKind.Refuse:
                    return Refused(decision.Error, decision.Write);
                case GraphOutputKind.Persist:
                    winners++;
                    break;
                case GraphOutputKind.Defer:
                    early++;
                    earlyBytes += DeferredQueue.SizeOf(write);
                    break;
            }
        }

        if (early > 0 && !isRelease && !deferred.HasRoom(early, earlyBytes))
        {
            return Refused(WeftError.DeferredQueueFull, 0);
        }

        List<CommitField> fields = winners == 0 ? [] : new(winners);
        List<FieldWrite> held = early == 0 ? [] : new(early);
        List<StoredChange>? standing = null;
        foreach (ref readonly GraphOutput decision in decisions)
        {
            ref readonly FieldWrite write = ref delta[decision.Write];
            if (decision.Kind == GraphOutputKind.Persist)
            {
                Win(write, decision, fields, delta.Length > 1);
                clock.Observe(write.State);
            }
            else if (decision.Kind == GraphOutputKind.Defer)
            {
                held.Add(write);
                deferred.Add(write);
            }
            else
            {
                if (decision.Verdict == HamVerdict.KnownByPolicy)
                {
                    // It lost with a higher state; what its owner decides now comes after it.
                    clock.Observe(write.State);
                }

                if (decision.Verdict != HamVerdict.Equal && decision.Displaced.Sequence > 0)
                {
                    (standing ??= []).Add(new StoredChange(write.Soul, decision.Displaced));
                }
            }
        }

        // A held write whose time has come is let go in the commit that merges it; one that the clock has moved away
        // from again is already held durably.
        bool isLetGo = isRelease && early == 0;
        CommitBatch batch = winners == 0 && (early == 0 || isRelease) && !isLetGo
            ? CommitBatch.Empty
            : new CommitBatch(fields, isRelease ? [] : held, isLetGo ? delta.ToArray() : [], clock.High, origin);
        return new(batch, fields.Count, decisions.Length - winners - early, early, stateMax, Standing: standing);
    }

    private static DeltaOutcome Refused(WeftError error, int write) =>
        new(CommitBatch.Empty, 0, 0, 0, double.NegativeInfinity, error, write);

    // The same field may win twice in one delta; only its last version is stored, over what was there before both.
    private static void Win(in FieldWrite write, in GraphOutput decision, List<CommitField> fields, bool mayRepeat)
    {
        if (mayRepeat && decision.HadKnown && decision.Displaced.Sequence == 0)
        {
            for (int i = fields.Count - 1; i >= 0; i--)
            {
                if (fields[i].Write.Field == write.Field && fields[i].Write.Soul == write.Soul)
                {
                    fields[i] = fields[i] with { Write = write };
                    return;
                }
            }
        }

        fields.Add(new CommitField(write, decision.Displaced.Value, decision.HadKnown));
    }
}
