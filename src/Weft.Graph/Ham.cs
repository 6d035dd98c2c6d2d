namespace Weft.Graph;

/// <summary>How HAM judges an incoming field against the known one.</summary>
public enum HamVerdict
{
    /// <summary>The incoming field is newer, or wins the tie: store it.</summary>
    Incoming,

    /// <summary>The known field is newer: keep it.</summary>
    KnownNewer,

    /// <summary>Same state, and the known field's text is larger: keep it.</summary>
    KnownLarger,

    /// <summary>Same state, same text: nothing to do.</summary>
    Equal,

    /// <summary>The incoming state lies in the future: hold it until then.</summary>
    Future,

    /// <summary>A policy keeps the known field: it is the first, the greatest or the smallest, as the policy wants it.</summary>
    KnownByPolicy,
}

/// <summary>The merge rule of every field, exactly as gun.js has it.</summary>
/// <remarks>Source: docs/spec/graph.md, section 2; gun.js "HAM" (state, then the larger JSON text).</remarks>
public static class Ham
{
    /// <summary>
    /// The state of a dropped field: null in the lowest state there is. Every write wins over it, and a write that comes with
    /// it never wins over anything.
    /// </summary>
    public const double DroppedState = double.MinValue;

    /// <summary>Judges one field.</summary>
    /// <param name="incoming">The incoming value.</param>
    /// <param name="incomingState">Its state; finite.</param>
    /// <param name="known">The known value.</param>
    /// <param name="knownState">Its state; negative infinity when nothing is known.</param>
    /// <param name="nowMs">Wall time of this machine, in milliseconds.</param>
    public static HamVerdict Judge(
        WeftValue incoming, double incomingState, WeftValue known, double knownState, double nowMs)
    {
        if (incomingState > nowMs)
        {
            return HamVerdict.Future;
        }

        if (incomingState < knownState || incomingState == DroppedState)
        {
            return HamVerdict.KnownNewer;
        }

        if (incomingState > knownState)
        {
            return HamVerdict.Incoming;
        }

        int order = incoming.CompareTo(known);
        return order > 0 ? HamVerdict.Incoming : order < 0 ? HamVerdict.KnownLarger : HamVerdict.Equal;
    }
}
