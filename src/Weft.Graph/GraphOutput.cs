using Weft.Primitives;

namespace Weft.Graph;

/// <summary>What the graph core asks its driver to do.</summary>
public enum GraphOutputKind
{
    /// <summary>The write won: store it, and tell observers and peers once it is durable.</summary>
    Persist,

    /// <summary>Nothing changed: the known field is newer, larger or equal. Acknowledge when that is durable.</summary>
    Keep,

    /// <summary>The state lies in the near future: hold the write durably and offer it again at <c>DueMs</c>.</summary>
    Defer,

    /// <summary>Refused for good: answer with the error.</summary>
    Refuse,
}

/// <summary>One decision of the graph core about one write of a delta.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Write">The position of the write in the delta.</param>
/// <param name="Verdict">Why.</param>
/// <param name="Error">The reason of a refusal.</param>
/// <param name="DueMs">Wall time at which a held write is due.</param>
/// <param name="Displaced">What the winner replaced, when <paramref name="HadKnown"/>; for a kept one, what stays.</param>
/// <param name="HadKnown">False when nothing was known about the field.</param>
public readonly record struct GraphOutput(
    GraphOutputKind Kind,
    int Write,
    HamVerdict Verdict = HamVerdict.Incoming,
    WeftError Error = WeftError.None,
    double DueMs = 0,
    StoredField Displaced = default,
    bool HadKnown = false);
