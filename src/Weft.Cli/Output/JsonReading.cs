using System.Text;
using System.Text.Json;
using Weft.Graph;

namespace Weft.Cli.Output;

/// <summary>Reads answers without trusting them: what is missing or of another kind reads as nothing.</summary>
internal static class JsonReading
{
    public static JsonElement? Member(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value)
        && value.ValueKind != JsonValueKind.Null ? value : null;

    public static string? Text(this JsonElement element, string name) =>
        element.Member(name) is { } value
            ? value.ValueKind == JsonValueKind.String ? value.TextOf() : value.GetRawText()
            : null;

    /// <summary>The text of a JSON string. A lone surrogate is a legal value, and .NET's own reader throws on it.</summary>
    public static string TextOf(this JsonElement value) =>
        JsonText.Unescape(Encoding.UTF8.GetBytes(value.GetRawText()).AsSpan()[1..^1]);

    /// <summary>Writes an element as it came: copying it value by value would throw on a lone surrogate.</summary>
    public static void WriteRaw(this JsonElement element, Utf8JsonWriter writer) =>
        writer.WriteRawValue(element.GetRawText(), skipInputValidation: true);

    /// <summary>Writes a property as it came.</summary>
    public static void WriteRaw(this JsonProperty property, Utf8JsonWriter writer)
    {
        writer.WritePropertyName(property.Name);
        property.Value.WriteRaw(writer);
    }

    public static double Number(this JsonElement element, string name) =>
        element.Member(name) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : 0;

    public static long Long(this JsonElement element, string name) => (long)element.Number(name);

    public static bool Flag(this JsonElement element, string name) =>
        element.Member(name) is { ValueKind: JsonValueKind.True };

    public static IEnumerable<JsonElement> Items(this JsonElement element, string name) =>
        element.Member(name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : [];

    public static IEnumerable<JsonProperty> Members(this JsonElement element, string name) =>
        element.Member(name) is { ValueKind: JsonValueKind.Object } map ? map.EnumerateObject() : [];
}
