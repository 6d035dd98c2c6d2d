namespace Weft.Primitives;

/// <summary>A moment on the monotonic clock of one process, in microseconds. It says nothing about the time of day.</summary>
/// <param name="Microseconds">Microseconds since an arbitrary start, at least 0.</param>
public readonly record struct WeftInstant(long Microseconds) : IComparable<WeftInstant>
{
    /// <summary>A moment after every other; a timer due then never fires.</summary>
    public static WeftInstant Never => new(long.MaxValue);

    /// <inheritdoc/>
    public int CompareTo(WeftInstant other) => Microseconds.CompareTo(other.Microseconds);

    /// <summary>The moment <paramref name="span"/> after <paramref name="at"/>, at most <see cref="Never"/>.</summary>
    public static WeftInstant operator +(WeftInstant at, TimeSpan span)
    {
        long microseconds = (long)span.TotalMicroseconds;
        return microseconds > long.MaxValue - at.Microseconds ? Never : new(at.Microseconds + microseconds);
    }

    /// <summary>The time from <paramref name="earlier"/> to <paramref name="later"/>.</summary>
    public static TimeSpan operator -(WeftInstant later, WeftInstant earlier) =>
        TimeSpan.FromMicroseconds(later.Microseconds - earlier.Microseconds);

    /// <summary>True when <paramref name="left"/> comes first.</summary>
    public static bool operator <(WeftInstant left, WeftInstant right) => left.Microseconds < right.Microseconds;

    /// <summary>True when <paramref name="left"/> comes last.</summary>
    public static bool operator >(WeftInstant left, WeftInstant right) => left.Microseconds > right.Microseconds;

    /// <summary>True unless <paramref name="left"/> comes last.</summary>
    public static bool operator <=(WeftInstant left, WeftInstant right) => left.Microseconds <= right.Microseconds;

    /// <summary>True unless <paramref name="left"/> comes first.</summary>
    public static bool operator >=(WeftInstant left, WeftInstant right) => left.Microseconds >= right.Microseconds;
}
