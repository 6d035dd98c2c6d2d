using System.Text.Json;

namespace Weft.Cli.Output;

/// <summary>Values of the graph as text.</summary>
internal static class ValueText
{
    /// <summary>The soul a value links to, or null when it is no link.</summary>
    public static string? LinkOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty("#", out JsonElement soul)
            ? soul.TextOf()
            : null;

    /// <summary>For people: quoted text, an arrow before a link.</summary>
    public static string Shown(JsonElement value) => LinkOf(value) is { } soul ? "→ " + soul
        : value.ValueKind == JsonValueKind.Null ? "(deleted)"
        : value.ValueKind == JsonValueKind.String ? $"\"{value.TextOf()}\""
        : value.GetRawText();

    /// <summary>For scripts: text without quotes, the soul of a link, else the JSON text.</summary>
    public static string Raw(JsonElement value) => LinkOf(value)
        ?? (value.ValueKind == JsonValueKind.String ? value.TextOf() : value.GetRawText());

    /// <summary>How long ago a state was, for people.</summary>
    public static string Age(double state, DateTimeOffset now)
    {
        double seconds = ((now - DateTimeOffset.UnixEpoch).TotalMilliseconds - state) / 1000;
        return seconds switch
        {
            < -1 => "ahead",
            < 5 => "now",
            < 90 => $"{seconds:0} s ago",
            < 5_400 => $"{seconds / 60:0} min ago",
            < 129_600 => $"{seconds / 3_600:0} h ago",
            < 31_536_000 => $"{seconds / 86_400:0} d ago",
            _ => $"{seconds / 31_536_000:0.0} y ago",
        };
    }
}
