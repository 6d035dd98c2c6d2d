using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Http;

/// <summary>Turns a problem document (RFC 9457) into an error of the command line.</summary>
internal static class Problem
{
    /// <summary>Reads a body; one that is no problem document still gives an error that names the status.</summary>
    public static CliException ToException(int status, ReadOnlyMemory<byte> body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && Text(root, "code") is { } code
                && ErrorCatalogue.Find(code) is { } entry)
            {
                return Known(root, entry, Encoding.UTF8.GetString(body.Span));
            }
        }
        catch (JsonException)
        {
            // A proxy's page, or another server: told below by its status.
        }

        WeftError error = status switch
        {
            401 => WeftError.TokenMissing,
            403 => WeftError.ScopeMissing,
            404 or 405 => WeftError.RouteUnknown,
            413 => WeftError.TooLarge,
            421 => WeftError.HostRefused,
            429 => WeftError.TooManyRequests,
            503 => WeftError.NodeUnavailable,
            504 => WeftError.DeadlinePassed,
            507 => WeftError.DiskFull,
            >= 500 => WeftError.Bug,
            _ => WeftError.RequestMalformed,
        };
        return new CliException(error, $"the node answered {status} without saying why");
    }

    private static CliException Known(JsonElement root, ErrorEntry entry, string raw)
    {
        var lines = new List<(string Label, string Text)>();
        if (root.TryGetProperty("errors", out JsonElement errors) && errors.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty field in errors.EnumerateObject().Take(20))
            {
                string text = field.Value.ValueKind == JsonValueKind.Array
                    ? string.Join("; ", field.Value.EnumerateArray().Select(item => item.ToString()))
                    : field.Value.ToString();
                lines.Add(("at", $"{field.Name}: {text}"));
            }
        }

        if (Text(root, "traceId") is { } trace && entry.Error == WeftError.Bug)
        {
            lines.Add(("trace", trace));
        }

        string[]? helpers = root.TryGetProperty("try", out JsonElement list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Take(10).Select(item => item.ToString())]
            : null;
        return new CliException(entry.Error, Text(root, "detail") ?? Text(root, "title") ?? entry.Title)
        {
            Lines = lines,
            Try = helpers,
            Problem = raw.ReplaceLineEndings(" "),
        };
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.TextOf()
            : null;
}
