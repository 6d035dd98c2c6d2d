using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Weft.Graph.History;

/// <summary>Versions as JSON, the same in rows of a store and in blocks of a log; and what points at them.</summary>
/// <remarks>Never throws on what the bytes are. Source: docs/spec/history.md, section 3.</remarks>
public static class HistoryCodec
{
    /// <summary>The field that holds a node's <see cref="HistoryHead"/>.</summary>
    public const string HeadField = "h";

    /// <summary>The field that holds the number up to which maintenance took versions away.</summary>
    public const string FloorField = "f";

    private const int ChangesMax = 1 << 20;

    private static readonly JsonWriterOptions Writing = new() { SkipValidation = true };

    /// <summary>The field that holds a version: its order is that of the numbers.</summary>
    public static string FieldOf(long number) =>
        string.Create(CultureInfo.InvariantCulture, $"v{number:x16}");

    /// <summary>The number in a field's name; 0 when it holds no version.</summary>
    public static long NumberOf(string field) =>
        field.Length == 17 && field[0] == 'v'
            && long.TryParse(
                field.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long number)
            ? number
            : 0;

    /// <summary>A version as a JSON object: what a block of a signed log holds.</summary>
    public static byte[] Write(HistoryVersion version)
    {
        ArgumentNullException.ThrowIfNull(version);
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer, Writing);
        Write(json, version);
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A version as a row holds it.</summary>
    public static WeftValue ToRow(HistoryVersion version)
    {
        ArgumentNullException.ThrowIfNull(version);
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer, Writing);
        json.WriteStartArray(); // An object would be taken for a link.
        Write(json, version);
        json.WriteEndArray();
        json.Flush();
        return WeftValue.FromCanonicalJson(buffer.WrittenSpan.ToArray());
    }

    /// <summary>A row that points at a block of a signed log.</summary>
    /// <param name="timeMs">When the version was stored.</param>
    /// <param name="log">The log's key as text.</param>
    /// <param name="block">The block.</param>
    public static WeftValue ToRow(double timeMs, string log, long block) =>
        Row(timeMs, log, block.ToString(CultureInfo.InvariantCulture));

    /// <summary>A head as a row holds it.</summary>
    public static WeftValue ToRow(in HistoryHead head) => WeftValue.FromCanonicalJson(Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"[{head.Newest},{head.First},{head.LastMs:R},{head.BeganMs:R}]")));

    /// <summary>Reads a head.</summary>
    public static bool TryReadHead(WeftValue row, out HistoryHead head)
    {
        head = default;
        var reader = new Utf8JsonReader(row.Json);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray || !reader.Read()
                || !reader.TryGetInt64(out long newest) || !reader.Read() || !reader.TryGetInt64(out long first)
                || !reader.Read() || !reader.TryGetDouble(out double last) || !reader.Read()
                || !reader.TryGetDouble(out double began))
            {
                return false;
            }

            head = new(newest, first, last, began);
            return true;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Reads a row that points at a block.</summary>
    /// <returns>False when it holds the version itself, or cannot be read.</returns>
    public static bool TryReadPointer(WeftValue row, out double timeMs, out string log, out long block)
    {
        (timeMs, log, block) = (0, "", 0);
        var reader = new Utf8JsonReader(row.Json);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray || !reader.Read()
                || reader.TokenType != JsonTokenType.Number || !reader.TryGetDouble(out timeMs) || !reader.Read()
                || reader.TokenType != JsonTokenType.String)
            {
                return false;
            }

            log = reader.GetString()!;
            return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out block);
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Reads a version out of a row; null when the row holds none.</summary>
    public static HistoryVersion? ReadRow(WeftValue row) =>
        row.Json is [(byte)'[', .. var inner, (byte)']'] ? Read(inner) : null;

    /// <summary>Reads a version as <see cref="Write(HistoryVersion)"/> writes it; null when it is none.</summary>
    public static HistoryVersion? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject ? ReadVersion(ref reader) : null;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static WeftValue Row(double timeMs, string log, string rest) => WeftValue.FromCanonicalJson(
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"[{timeMs:R},\"{log}\",{rest}]")));

    private static void Write(Utf8JsonWriter json, HistoryVersion version)
    {
        json.WriteStartObject();
        json.WriteString("soul", version.Soul);
        json.WriteNumber("version", version.Number);
        json.WriteNumber("time", version.TimeMs);
        json.WriteStartArray("changes");
        foreach (HistoryChange change in version.Changes)
        {
            json.WriteStartObject();
            json.WriteString("field", change.Field);
            json.WritePropertyName("value");
            json.WriteRawValue(change.Value.Json, skipInputValidation: true);
            json.WriteNumber("state", change.State);
            if (change.HadBefore)
            {
                json.WritePropertyName("was");
                json.WriteRawValue(change.Before.Json, skipInputValidation: true);
                json.WriteNumber("wasState", change.BeforeState);
            }

            if (change.Extras is { } extras)
            {
                WriteExtras(json, extras);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteExtras(Utf8JsonWriter json, FieldExtras extras)
    {
        if (!extras.Author.IsEmpty)
        {
            json.WriteBase64String("author", extras.Author.Span);
        }

        if (!extras.Signature.IsEmpty)
        {
            json.WriteBase64String("signature", extras.Signature.Span);
        }

        if (extras.ExpiresAtMs != 0)
        {
            json.WriteNumber("expires", extras.ExpiresAtMs);
        }
    }

    private static HistoryVersion? ReadVersion(ref Utf8JsonReader reader)
    {
        string? soul = null;
        long number = 0;
        double time = 0;
        List<HistoryChange>? changes = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            switch (name)
            {
                case "soul":
                    soul = reader.GetString();
                    break;
                case "version":
                    number = reader.GetInt64();
                    break;
                case "time":
                    time = reader.GetDouble();
                    break;
                case "changes":
                    changes = ReadChanges(ref reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return soul is null || number < 1 || changes is not { Count: > 0 }
            ? null
            : new HistoryVersion(soul, number, time, changes);
    }

    private static List<HistoryChange>? ReadChanges(ref Utf8JsonReader reader)
    {
        var changes = new List<HistoryChange>();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return null;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject && changes.Count < ChangesMax)
        {
            changes.Add(ReadChange(ref reader));
        }

        return changes;
    }

    private static HistoryChange ReadChange(ref Utf8JsonReader reader)
    {
        var change = new HistoryChange("", default, 0, null, false, default, 0);
        byte[] author = [];
        byte[] signature = [];
        double expires = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            switch (name)
            {
                case "field":
                    change = change with { Field = reader.GetString() ?? "" };
                    break;
                case "value":
                    change = change with { Value = ReadValue(ref reader) };
                    break;
                case "state":
                    change = change with { State = reader.GetDouble() };
                    break;
                case "was":
                    change = change with { Before = ReadValue(ref reader), HadBefore = true };
                    break;
                case "wasState":
                    change = change with { BeforeState = reader.GetDouble() };
                    break;
                case "author":
                    author = reader.GetBytesFromBase64();
                    break;
                case "signature":
                    signature = reader.GetBytesFromBase64();
                    break;
                case "expires":
                    expires = reader.GetDouble();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        bool hasExtras = author.Length + signature.Length > 0 || expires != 0;
        return hasExtras ? change with { Extras = new FieldExtras(author, signature, expires) } : change;
    }

    /// <summary>The value as it stood there; a link is an object with one member.</summary>
    private static WeftValue ReadValue(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return WeftValue.Text(JsonText.Unescape(reader.ValueSpan));
            case JsonTokenType.Number:
                return WeftValue.Number(reader.GetDouble());
            case JsonTokenType.True or JsonTokenType.False:
                return WeftValue.Boolean(reader.TokenType == JsonTokenType.True);
            case JsonTokenType.StartObject:
                string? target = null;
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    reader.Read();
                    target = reader.TokenType == JsonTokenType.String ? JsonText.Unescape(reader.ValueSpan) : target;
                }

                return string.IsNullOrEmpty(target) ? default : WeftValue.Link(target);
            default:
                return default;
        }
    }
}
