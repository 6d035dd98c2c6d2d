namespace Weft.Primitives;

/// <summary>Wall time as HAM counts it: milliseconds since 1970-01-01 UTC, as a double.</summary>
public static class WallClock
{
    /// <summary>The wall time of <paramref name="at"/>.</summary>
    public static double ToState(DateTimeOffset at) => (at - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    /// <summary>The moment a state stands for, or null when no calendar holds it.</summary>
    public static DateTimeOffset? FromState(double state) =>
        state is > -62_135_596_800_000d and < 253_402_300_800_000d
            ? DateTimeOffset.UnixEpoch.AddMilliseconds(state)
            : null;
}
