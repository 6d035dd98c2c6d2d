using System.Text.RegularExpressions;

namespace Weft.Tests.Conformance;

/// <summary>Keeps docs/conformance.md honest: every row stands there once, and what it names as proof exists.</summary>
public sealed partial class ConformanceTests
{
    private const int RowCount = 145;

    private static readonly string[] States = ["works", "partly", "not yet"];

    private sealed record Row(int Number, string Feature, string State, string Proof);

    [Fact]
    public void Every_row_stands_there_once_and_in_order() =>
        Assert.Equal(Enumerable.Range(1, RowCount), ReadRows().Select(row => row.Number));

    [Fact]
    public void Every_row_has_a_feature_and_a_known_state() =>
        Assert.All(ReadRows(), row =>
        {
            Assert.NotEmpty(row.Feature);
            Assert.Contains(row.State, States);
        });

    [Fact]
    public void Every_row_that_works_names_tests_and_all_named_tests_exist()
    {
        HashSet<string> tests = ReadTests();
        var missing = new List<string>();
        foreach (Row row in ReadRows())
        {
            List<string> named = [.. TestName().Matches(row.Proof).Select(match => match.Groups[1].Value)];
            if (row.State == "works" && named.Count == 0)
            {
                missing.Add($"row {row.Number} works, but names no test");
            }

            missing.AddRange(named.Where(name => !tests.Contains(name)).Select(name => $"row {row.Number}: {name}"));
        }

        Assert.Empty(missing);
    }

    [Fact]
    public void Every_threat_names_tests_and_all_named_tests_exist()
    {
        HashSet<string> tests = ReadTests();
        var missing = new List<string>();
        int rows = 0;
        foreach (string line in File.ReadLines(Path.Combine(Root, "SECURITY.md")))
        {
            string[] cells = line.Split('|', StringSplitOptions.TrimEntries);
            if (cells.Length < 6 || !int.TryParse(cells[1], out int number))
            {
                continue;
            }

            rows++;
            List<string> named = [.. TestName().Matches(cells[4]).Select(match => match.Groups[1].Value)];
            if (named.Count == 0)
            {
                missing.Add($"threat {number} names no test");
            }

            missing.AddRange(named.Where(name => !tests.Contains(name)).Select(name => $"threat {number}: {name}"));
        }

        Assert.True(rows >= 17, "The threat table of SECURITY.md was not found.");
        Assert.Empty(missing);
    }

    private static List<Row> ReadRows() =>
        [.. File.ReadLines(Path.Combine(Root, "docs", "conformance.md"))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Where(cells => cells.Length >= 6 && int.TryParse(cells[1], out _))
            .Select(cells => new Row(int.Parse(cells[1]), cells[2], cells[3], cells[4]))];

    /// <summary>Every test method below tests/, as Class.Method.</summary>
    private static HashSet<string> ReadTests()
    {
        var tests = new HashSet<string>(StringComparer.Ordinal);
        string folder = Path.Combine(Root, "tests");
        foreach (string file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
        {
            string text = File.ReadAllText(file);
            MatchCollection types = TypeDeclaration().Matches(text);
            foreach (Match method in TestMethod().Matches(text))
            {
                Match? type = types.LastOrDefault(candidate => candidate.Index < method.Index);
                tests.Add($"{type?.Groups[1].Value}.{method.Groups[1].Value}");
            }
        }

        return tests;
    }

    private static string Root
    {
        get
        {
            string? folder = AppContext.BaseDirectory;
            while (folder is not null && !File.Exists(Path.Combine(folder, "Weft.slnx")))
            {
                folder = Path.GetDirectoryName(folder);
            }

            return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
        }
    }

    [GeneratedRegex(@"`([A-Za-z0-9]+\.[A-Za-z0-9_]+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^(?:public|internal) (?:sealed |static |abstract |partial )*class (\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();

    // The attribute, other attributes and lines between, then the method.
    [GeneratedRegex(@"\[\w*(?:Fact|Theory)\b[^\n]*\n(?:\s*(?:\[|//)[^\n]*\n)*\s*public (?:async )?[\w<>]+ (\w+)\(")]
    private static partial Regex TestMethod();
}
