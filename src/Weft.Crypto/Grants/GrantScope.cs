namespace Weft.Crypto;

/// <summary>What covers what: the rules by which a grant only ever shrinks.</summary>
internal static class GrantScope
{
    /// <summary>True when a pattern covers one field.</summary>
    public static bool FieldMatches(string pattern, string field) =>
        pattern.EndsWith('*')
            ? field.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal)
            : field == pattern;

    /// <summary>True when <paramref name="child"/> allows nothing that <paramref name="parent"/> does not.</summary>
    public static bool IsWithin(GrantTerms child, GrantTerms parent) =>
        child.Network.Span.SequenceEqual(parent.Network.Span)
        && (child.Rights & ~parent.Rights) == 0
        && child.NotBeforeMs >= parent.NotBeforeMs
        && child.ExpiresMs <= parent.ExpiresMs
        && PrefixesWithin(child.Prefixes, parent.Prefixes)
        && FieldsWithin(child.Fields, parent.Fields);

    private static bool PrefixesWithin(IReadOnlyList<string> child, IReadOnlyList<string> parent)
    {
        foreach (string prefix in child)
        {
            bool covered = false;
            foreach (string wider in parent)
            {
                covered |= prefix.StartsWith(wider, StringComparison.Ordinal);
            }

            if (!covered)
            {
                return false;
            }
        }

        return true;
    }

    private static bool FieldsWithin(IReadOnlyList<string> child, IReadOnlyList<string> parent)
    {
        if (parent.Count == 0)
        {
            return true;
        }

        foreach (string pattern in child)
        {
            bool covered = false;
            foreach (string wider in parent)
            {
                covered |= PatternWithin(pattern, wider);
            }

            if (!covered)
            {
                return false;
            }
        }

        return child.Count > 0;
    }

    /// <summary>
    /// What stands before the stars is compared, not the patterns: "ab*" looks like a field that "ab**" covers, but
    /// covers "abc" too, which "ab**" does not.
    /// </summary>
    private static bool PatternWithin(string child, string parent) =>
        parent.EndsWith('*')
            ? FieldMatches(parent, child.EndsWith('*') ? child[..^1] : child)
            : child == parent;
}
