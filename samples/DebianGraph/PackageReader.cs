namespace DebianGraph;

/// <summary>Reads the stanzas of a <c>Packages</c> file or of <c>apt-cache dumpavail</c>, one at a time.</summary>
public static class PackageReader
{
    /// <summary>Yields the packages; a stanza without a Package field is passed over.</summary>
    public static IEnumerable<Package> Read(TextReader source)
    {
        var fields = new List<KeyValuePair<string, string>>();
        while (source.ReadLine() is string line)
        {
            if (line.Length == 0)
            {
                if (Finish(fields) is Package package)
                {
                    yield return package;
                }

                fields = [];
            }
            else if (char.IsWhiteSpace(line[0]))
            {
                Continue(fields, line.Trim());
            }
            else if (line.IndexOf(':') is > 0 and int colon)
            {
                fields.Add(new(line[..colon].ToLowerInvariant(), line[(colon + 1)..].Trim()));
            }
        }

        if (Finish(fields) is Package last)
        {
            yield return last;
        }
    }

    private static void Continue(List<KeyValuePair<string, string>> fields, string line)
    {
        if (fields.Count > 0)
        {
            (string name, string text) = fields[^1];
            fields[^1] = new(name, line == "." ? text + "\n" : $"{text}\n{line}"); // "." stands for an empty line.
        }
    }

    private static Package? Finish(List<KeyValuePair<string, string>> fields) =>
        fields.Find(pair => pair.Key == "package") is { Value: { Length: > 0 } name }
            ? new Package(name, fields)
            : null;
}
