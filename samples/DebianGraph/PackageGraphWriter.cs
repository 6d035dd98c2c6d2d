using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DebianGraph;

/// <summary>Writes packages as nodes, one JSON line each, in the form that <c>weft import</c> reads.</summary>
/// <remarks>
/// A package is the node <c>deb/NAME</c>. What it depends on is a set node of its own, <c>deb/NAME/depends</c>, with
/// one link for each package: the shape of gun.js's sets, so <c>gun.get('deb/NAME').get('depends').map()</c> works.
/// The reverse links of <c>deb/NAME</c> lead to the sets that name it, and one more step back leads to the packages.
/// </remarks>
public sealed class PackageGraphWriter(Stream target) : IDisposable
{
    private static readonly JsonWriterOptions Format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly BufferedStream _target = new(target, 1 << 16);
    private readonly Utf8JsonWriter _json = new(Stream.Null, Format);

    /// <summary>Nodes written.</summary>
    public long Nodes { get; private set; }

    /// <summary>Fields written, links among them.</summary>
    public long Fields { get; private set; }

    /// <summary>Links written.</summary>
    public long Links { get; private set; }

    /// <summary>The soul of a package.</summary>
    public static string Soul(string package) => $"deb/{package}";

    /// <summary>Writes a package, and the set of what it depends on if there is anything.</summary>
    public void Write(Package package)
    {
        string soul = Soul(package.Name);
        List<string> dependencies = [.. package.Dependencies];
        Begin(soul);
        foreach ((string name, string text) in package.Fields.DistinctBy(field => field.Key))
        {
            WriteField(name, text);
        }

        if (dependencies.Count > 0)
        {
            WriteLink("depends", $"{soul}/depends");
        }

        End();
        if (dependencies.Count == 0)
        {
            return;
        }

        Begin($"{soul}/depends");
        foreach (string dependency in dependencies)
        {
            WriteLink(dependency, Soul(dependency));
        }

        End();
    }

    /// <summary>Hands everything to the target.</summary>
    public void Flush() => _target.Flush();

    /// <inheritdoc/>
    public void Dispose()
    {
        _json.Dispose();
        _target.Dispose();
    }

    private void Begin(string soul)
    {
        Nodes++;
        _json.Reset(_target);
        _json.WriteStartObject();
        _json.WriteString("soul", soul);
        _json.WriteStartObject("fields");
    }

    private void WriteField(string name, string text)
    {
        // The link takes the name "depends"; the text with its versions stays readable beside it.
        string field = name == "depends" ? "depends-text" : name;
        Fields++;
        if (name is "size" or "installed-size"
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
        {
            _json.WriteNumber(field, number);
            return;
        }

        _json.WriteString(field, text);
    }

    private void WriteLink(string field, string soul)
    {
        Fields++;
        Links++;
        _json.WriteStartObject(field);
        _json.WriteString("#", soul);
        _json.WriteEndObject();
    }

    private void End()
    {
        _json.WriteEndObject();
        _json.WriteEndObject();
        _json.Flush();
        _target.WriteByte((byte)'\n');
    }
}
