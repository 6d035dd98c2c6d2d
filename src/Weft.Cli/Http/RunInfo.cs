using System.Text.Json;

namespace Weft.Cli.Http;

/// <summary>What a running node says about itself in <c>running.json</c> in its data folder.</summary>
/// <param name="Pid">Its process.</param>
/// <param name="Url">Where it serves.</param>
/// <param name="Started">When it started, or null.</param>
/// <param name="Name">Its name, or null.</param>
internal sealed record RunInfo(int Pid, Uri Url, DateTimeOffset? Started, string? Name)
{
    public const string FileName = "running.json";

    private const int BytesMax = 64 * 1024;

    private static DateTimeOffset? StartOf(JsonElement root) =>
        (root.TryGetProperty("startedAt", out JsonElement at) || root.TryGetProperty("since", out at))
        && at.ValueKind == JsonValueKind.String && at.TryGetDateTimeOffset(out DateTimeOffset started)
            ? started
            : null;

    /// <summary>Reads it; null when there is none or it makes no sense, for it is only a hint.</summary>
    public static RunInfo? Read(string folder)
    {
        try
        {
            string path = Path.Combine(folder, FileName);
            if (!File.Exists(path) || new FileInfo(path).Length > BytesMax)
            {
                return null;
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("url", out JsonElement url)
                && Uri.TryCreate(url.GetString(), UriKind.Absolute, out Uri? address)
                ? new RunInfo(
                    root.TryGetProperty("pid", out JsonElement pid) && pid.TryGetInt32(out int number) ? number : 0,
                    address,
                    StartOf(root),
                    root.TryGetProperty("name", out JsonElement name) ? name.GetString() : null)
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException
            or InvalidOperationException)
        {
            return null;
        }
    }
}
