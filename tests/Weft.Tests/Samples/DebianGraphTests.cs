using System.Text.Json;
using DebianGraph;

namespace Weft.Tests.Samples;

/// <summary>The sample on an excerpt of its own: every kind of line a package list has.</summary>
public sealed class DebianGraphTests
{
    [Fact]
    public void Package_becomes_a_node_with_numbers_and_texts()
    {
        JsonElement editor = Convert()["deb/toy-editor"];

        Assert.Equal("1.4-2", editor.GetProperty("version").GetString());
        Assert.Equal(104_448, editor.GetProperty("size").GetInt64());
        Assert.Equal(JsonValueKind.String, Convert()["deb/toy-base"].GetProperty("size").ValueKind);
        Assert.Equal("deb/toy-editor/depends", LinkOf(editor.GetProperty("depends")));
    }

    [Fact]
    public void Dependencies_become_one_link_each_without_versions()
    {
        JsonElement set = Convert()["deb/toy-editor/depends"];

        Assert.Equal(
            ["toy-base", "libtoy1", "toy-fonts", "toy-fonts-classic", "python3"],
            set.EnumerateObject().Select(link => link.Name));
        Assert.All(set.EnumerateObject(), link => Assert.Equal($"deb/{link.Name}", LinkOf(link.Value)));
    }

    [Fact]
    public void Continued_lines_and_odd_characters_stay_in_the_text() =>
        Assert.Equal(
            "editor for toys\nIt edits toys of every size.\n\nZoë’s \"wooden\" ones too.",
            Convert()["deb/toy-editor"].GetProperty("description").GetString());

    [Fact]
    public void Package_without_dependencies_has_no_set()
    {
        Dictionary<string, JsonElement> nodes = Convert();

        Assert.False(nodes["deb/toy-base"].TryGetProperty("depends", out _));
        Assert.Equal(5, nodes.Count); // Three packages, two sets; the stanza without a name is passed over.
    }

    private static Dictionary<string, JsonElement> Convert()
    {
        using var target = new MemoryStream();
        using TextReader source = File.OpenText(Path.Combine(AppContext.BaseDirectory, "Packages.excerpt"));
        var graph = new PackageGraphWriter(target);
        foreach (Package package in PackageReader.Read(source))
        {
            graph.Write(package);
        }

        graph.Flush();
        return System.Text.Encoding.UTF8.GetString(target.ToArray())
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(node => node.GetProperty("soul").GetString()!, node => node.GetProperty("fields"));
    }

    private static string? LinkOf(JsonElement value) => Assert.Single(value.EnumerateObject()).Value.GetString();
}
