namespace DebianGraph;

/// <summary>One stanza of a package list: its fields in the order of the file, names in lower case.</summary>
/// <param name="Name">The package's name.</param>
/// <param name="Fields">Every field, continued lines joined by line feeds.</param>
public sealed record Package(string Name, IReadOnlyList<KeyValuePair<string, string>> Fields)
{
    /// <summary>
    /// The packages it needs: those of Pre-Depends and Depends, each once, in order. Of alternatives ("a | b") all are
    /// named. Versions and architectures in brackets are left to the field's text.
    /// </summary>
    public IEnumerable<string> Dependencies =>
        Fields.Where(pair => pair.Key is "depends" or "pre-depends")
            .SelectMany(pair => pair.Value.Split([',', '|'], StringSplitOptions.TrimEntries))
            .Select(NameOf)
            .Where(name => name.Length > 0)
            .Distinct(StringComparer.Ordinal);

    private static string NameOf(string dependency)
    {
        int end = dependency.AsSpan().IndexOfAny(" (:[\n\t"); // "python3:any (>= 3.9)" is about python3.
        return end < 0 ? dependency : dependency[..end];
    }
}
