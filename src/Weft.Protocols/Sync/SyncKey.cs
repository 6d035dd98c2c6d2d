using Weft.Graph;

namespace Weft.Protocols.Sync;

/// <summary>A place in the order of all fields: by soul, then by field, compared by UTF-16 code units.</summary>
/// <param name="Soul">Text; empty for the very beginning. Null for the end of everything.</param>
/// <param name="Field">Text; empty for before the first field of the soul.</param>
public readonly record struct SyncKey(string? Soul, string Field) : IComparable<SyncKey>
{
    /// <summary>Before every field.</summary>
    public static SyncKey First { get; } = new("", "");

    /// <summary>After every field.</summary>
    public static SyncKey End { get; } = new(null, "");

    /// <summary>True for <see cref="End"/>.</summary>
    public bool IsEnd => Soul is null;

    /// <summary>The place of a write.</summary>
    public static SyncKey Of(in FieldWrite write) => new(write.Soul, write.Field);

    /// <inheritdoc/>
    public int CompareTo(SyncKey other)
    {
        if (Soul is null || other.Soul is null)
        {
            return (Soul is null ? 1 : 0) - (other.Soul is null ? 1 : 0);
        }

        int bySoul = string.CompareOrdinal(Soul, other.Soul);
        return bySoul != 0 ? bySoul : string.CompareOrdinal(Field, other.Field);
    }

    /// <summary>The shortest place that is after <paramref name="before"/> and not after <paramref name="at"/>.</summary>
    /// <remarks>Bounds between ranges need not be fields that exist; short ones save bytes.</remarks>
    public static SyncKey Between(SyncKey before, SyncKey at)
    {
        if (at.IsEnd || before.IsEnd)
        {
            return at;
        }

        return before.Soul != at.Soul
            ? new(Cut(before.Soul!, at.Soul!), "")
            : new(at.Soul, Cut(before.Field, at.Field));
    }

    /// <summary>True when the first orders before the second.</summary>
    public static bool operator <(SyncKey left, SyncKey right) => left.CompareTo(right) < 0;

    /// <summary>True when the first orders after the second.</summary>
    public static bool operator >(SyncKey left, SyncKey right) => left.CompareTo(right) > 0;

    /// <summary>True unless the first orders after the second.</summary>
    public static bool operator <=(SyncKey left, SyncKey right) => left.CompareTo(right) <= 0;

    /// <summary>True unless the first orders before the second.</summary>
    public static bool operator >=(SyncKey left, SyncKey right) => left.CompareTo(right) >= 0;

    // A prefix of the second text that is larger than the first one; a pair of surrogates is never cut.
    private static string Cut(string before, string at)
    {
        int same = 0;
        while (same < before.Length && same < at.Length && before[same] == at[same])
        {
            same++;
        }

        int length = Math.Min(same + 1, at.Length);
        if (length > 0 && length < at.Length && char.IsHighSurrogate(at[length - 1]))
        {
            length++;
        }

        return length == at.Length || string.CompareOrdinal(at[..length], before) <= 0
            || (length > 0 && char.IsHighSurrogate(at[length - 1]))
            ? at
            : at[..length];
    }
}
