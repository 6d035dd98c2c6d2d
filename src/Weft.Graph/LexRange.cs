namespace Weft.Graph;

/// <summary>A lexical range over souls or fields, compared by UTF-16 code units as gun.js does.</summary>
/// <remarks>All bounds are inclusive and combine with "and". Source: docs/spec/graph.md, section 3.</remarks>
/// <param name="Exact">Only this key.</param>
/// <param name="Prefix">Keys that start so.</param>
/// <param name="From">Keys from here on.</param>
/// <param name="To">Keys up to here.</param>
/// <param name="Reverse">True to walk from the end.</param>
public readonly record struct LexRange(
    string? Exact = null, string? Prefix = null, string? From = null, string? To = null, bool Reverse = false)
{
    /// <summary>Every key.</summary>
    public static LexRange All => default;

    /// <summary>True when no bound is set.</summary>
    public bool IsAll => Exact is null && From is null && To is null && string.IsNullOrEmpty(Prefix);

    /// <summary>True when <paramref name="key"/> lies in the range.</summary>
    public bool Contains(string key) =>
        (Exact is null || string.Equals(key, Exact, StringComparison.Ordinal))
        && (Prefix is null || key.StartsWith(Prefix, StringComparison.Ordinal))
        && (From is null || string.CompareOrdinal(key, From) >= 0)
        && (To is null || string.CompareOrdinal(key, To) <= 0);

    /// <summary>The smallest key the range can hold; empty when it starts at the start.</summary>
    public string Lowest
    {
        get
        {
            string low = Exact ?? Prefix ?? "";
            return From is not null && string.CompareOrdinal(From, low) > 0 ? From : low;
        }
    }

    /// <summary>True when <paramref name="key"/> and all keys after it lie beyond the range, so that a walk may end.</summary>
    public bool IsBeyond(string key) =>
        (To is not null && string.CompareOrdinal(key, To) > 0)
        || (Exact is not null && string.CompareOrdinal(key, Exact) > 0)
        || (!string.IsNullOrEmpty(Prefix) && !key.StartsWith(Prefix, StringComparison.Ordinal)
            && string.CompareOrdinal(key, Prefix) > 0);
}
