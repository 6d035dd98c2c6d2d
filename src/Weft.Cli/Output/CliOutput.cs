using System.Buffers;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;

namespace Weft.Cli.Output;

/// <summary>
/// The one way out: tables and colour for people, tab-separated lines for pipes, one JSON object per line on request.
/// </summary>
internal sealed class CliOutput
{
    private readonly CliHost _host;
    private readonly ArrayBufferWriter<byte> _buffer = new();

    public CliOutput(CliHost host, bool json, bool quiet, bool noColor)
    {
        _host = host;
        IsJson = json;
        IsQuiet = quiet;
        bool isDumb = noColor || host.Variable("NO_COLOR") is not null || host.Variable("TERM") == "dumb";
        IsTerminal = host.OutIsTerminal && !json;
        HasColor = IsTerminal && !isDumb;
        ShowsProgress = host.ErrorIsTerminal && !quiet && !json && host.Variable("TERM") != "dumb";
    }

    /// <summary>True when each answer is a JSON object on a line of its own.</summary>
    public bool IsJson { get; }

    /// <summary>True when notes are not wanted.</summary>
    public bool IsQuiet { get; }

    /// <summary>True when a person reads along.</summary>
    public bool IsTerminal { get; }

    /// <summary>True when colour is welcome.</summary>
    public bool HasColor { get; }

    /// <summary>True when a line on stderr may be rewritten in place.</summary>
    public bool ShowsProgress { get; }

    /// <summary>The data stream for bytes that pass through unchanged.</summary>
    public Stream Bytes => _host.OutBytes;

    /// <summary>One line of data.</summary>
    public void Line(string text) => _host.Out.WriteLine(text);

    /// <summary>Says what was done to one thing: <c>{"NAME":"WHAT"}</c>, or the thing and a word.</summary>
    public void Done(string name, string what, string word)
    {
        if (!IsJson)
        {
            Cells(what, word);
            return;
        }

        Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString(name, what);
            writer.WriteEndObject();
        });
    }

    /// <summary>One line of data made of cells: aligned by the caller for people, tab-separated for pipes.</summary>
    public void Cells(params string[] cells) =>
        _host.Out.WriteLine(string.Join(IsTerminal ? "  " : "\t", cells.Select(PlainText.OneLine)));

    /// <summary>Something a person may want to know; never data.</summary>
    public void Note(string text)
    {
        if (!IsQuiet && !IsJson)
        {
            _host.Error.WriteLine(text);
        }
    }

    /// <summary>One JSON object on one line.</summary>
    public void Json(Action<Utf8JsonWriter> write) => _host.Out.WriteLine(ToJson(write));

    /// <summary>A JSON object as it came, on one line.</summary>
    public void Json(JsonElement element) => Json(writer => element.WriteRaw(writer));

    /// <summary>One JSON object on one line of stderr.</summary>
    public void ErrorJson(Action<Utf8JsonWriter> write) => _host.Error.WriteLine(ToJson(write));

    /// <summary>One line of an error.</summary>
    public void ErrorLine(string text) => _host.Error.WriteLine(text);

    /// <summary>Prints a table: drawn on a terminal, tab-separated without its head in a pipe.</summary>
    public void Table(TextTable table)
    {
        if (IsTerminal)
        {
            TerminalTable.Write(table, _host.Out, _host.Width(), HasColor);
            return;
        }

        foreach (string[] row in table.Rows)
        {
            _host.Out.WriteLine(string.Join('\t', row.Select(PlainText.OneLine)));
        }
    }

    /// <summary>Dims or colours a text when that is welcome.</summary>
    /// <param name="text">The text.</param>
    /// <param name="code">The SGR number: 1 bold, 2 dim, 31 red, 32 green, 33 yellow.</param>
    public string Paint(string text, int code) => HasColor ? $"\e[{code}m{text}\e[0m" : text;

    private string ToJson(Action<Utf8JsonWriter> write)
    {
        _buffer.ResetWrittenCount();
        using (var writer = new Utf8JsonWriter(_buffer, JsonForm.Writer))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(_buffer.WrittenSpan);
    }
}
