using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Http;

/// <summary>Reads the answer of a long request: lines of progress, then the result.</summary>
internal static class ProgressAnswer
{
    /// <summary>Posts without a body and waits for the last line.</summary>
    /// <exception cref="CliException">The node refused, or the stream ended without a result.</exception>
    public static Task<JsonDocument> ReadAsync(
        WeftClient client, string path, Action<long> onProgress, CancellationToken cancellationToken) =>
        ReadAsync(client, path, null, onProgress, cancellationToken);

    /// <summary>Posts JSON, or nothing, and waits for the last line.</summary>
    /// <exception cref="CliException">The node refused, or the stream ended without a result.</exception>
    public static async Task<JsonDocument> ReadAsync(
        WeftClient client, string path, byte[]? json, Action<long> onProgress, CancellationToken cancellationToken)
    {
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Post, path, json is null ? null : new BytesContent(json, "application/json"),
            "application/x-ndjson", cancellationToken);
        await using Stream body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        using var reader = new StreamReader(body);
        while (await ReadLineAsync(reader, cancellationToken) is { } line)
        {
            JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.Member("progress") is not null)
            {
                onProgress(root.Long("progress"));
                document.Dispose();
                continue;
            }

            if (root.Text("code") is not null && root.Text("type") is not null)
            {
                document.Dispose(); // It failed after the answer had begun: the problem is the last line.
                throw Problem.ToException(200, System.Text.Encoding.UTF8.GetBytes(line));
            }

            return document;
        }

        throw new CliException(WeftError.NodeUnreachable, "the node went away before it was done");
    }

    private static async Task<string?> ReadLineAsync(StreamReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadLineAsync(cancellationToken);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
