namespace Weft.Protocols.Topics;

/// <summary>What is compared: events come and go, the present values of keys stay.</summary>
public enum TopicSpace
{
    /// <summary>Events.</summary>
    Events = 0,

    /// <summary>Present values and ends of keys.</summary>
    Values = 1,
}

/// <summary>What is said of a range.</summary>
public enum TopicRangeKind
{
    /// <summary>How many messages lie in it, and their fingerprint.</summary>
    Fingerprint = 0,

    /// <summary>Which points lie in it: all of them.</summary>
    Points = 1,

    /// <summary>A wish for them.</summary>
    List = 2,
}

/// <summary>One range of the order that relays share, and what lies in it.</summary>
/// <param name="Space">What is compared.</param>
/// <param name="Kind">What is said.</param>
/// <param name="From">The first point of the range.</param>
/// <param name="Until">The first point behind it.</param>
/// <param name="Count">Of a fingerprint: how many messages.</param>
/// <param name="Fingerprint">Of a fingerprint.</param>
/// <param name="Points">Of points, rising.</param>
public readonly record struct TopicRange(
    TopicSpace Space, TopicRangeKind Kind, TopicPoint From, TopicPoint Until, int Count = 0,
    UInt128 Fingerprint = default, IReadOnlyList<TopicPoint>? Points = null)
{
    internal bool IsWithin(in TopicRange other) =>
        Space == other.Space && From >= other.From && Until <= other.Until && From <= Until;
}
