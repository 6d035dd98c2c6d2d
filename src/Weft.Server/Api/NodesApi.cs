using System.Buffers.Text;
using System.Text;
using Microsoft.AspNetCore.Http;
using Weft.Graph;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /nodes: which nodes there are.</summary>
internal static class NodesApi
{
    internal static Task GetAsync(ApiCall call) => call.WantsLines ? ExportApi.GetAsync(call) : ListAsync(call);

    private static async Task ListAsync(ApiCall call)
    {
        int limit = (int)call.Query.Whole("limit", 100, 1, 1_000);
        string? from = call.Query["cursor"] is { } cursor ? ReadCursor(cursor) : null;
        IReadOnlyList<string> souls = await call.Graph.ListAsync(
            new LexRange(Prefix: call.Query["prefix"], From: from), limit + 1, call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            for (int i = 0; i < Math.Min(limit, souls.Count); i++)
            {
                json.WriteStartObject();
                json.WriteString("soul", souls[i]);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            if (souls.Count > limit)
            {
                json.WriteString("next", Base64Url.EncodeToString(Encoding.UTF8.GetBytes(souls[limit])));
            }

            json.WriteEndObject();
        });
    }

    private static string ReadCursor(string cursor)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Base64Url.DecodeFromChars(cursor));
        }
        catch (Exception wrong) when (wrong is FormatException or ArgumentException)
        {
            throw new ApiException(
                WeftError.RequestMalformed, "The cursor is none that this node gave.") { Path = "cursor" };
        }
    }
}
