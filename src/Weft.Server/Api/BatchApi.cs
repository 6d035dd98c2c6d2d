using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Weft.Graph;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /nodes:batch: many nodes in one request.</summary>
internal static class BatchApi
{
    internal static Task PostAsync(ApiCall call) =>
        call.IsLines ? PostLinesAsync(call) : PostListAsync(call);

    private static async Task PostListAsync(ApiCall call)
    {
        Durability ack = call.Ack();
        ReadOnlyMemory<byte> body = await call.ReadBodyAsync();
        var delta = new List<FieldWrite>();
        new RecordReader().ReadList(body.Span, delta, call.Server.Options.BatchFieldsMax);
        if (delta.Count == 0)
        {
            throw new ApiException(WeftError.RequestMalformed, "The batch has no fields; there is nothing to write.");
        }

        WriteResult result = await call.Graph.WriteAsync(delta, WriteSource.Http, ack, call.Aborted);
        string? path = result.RefusedWrite < 0 ? null : "fields." + delta[result.RefusedWrite].Field;
        await call.AnswerAsync(result, path);
    }

    private static async Task PostLinesAsync(ApiCall call)
    {
        // Of any length, and as slow as its source: what comes is bounded by line and by group, and its sender has
        // the token.
        if (call.Context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        if (call.Context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        var import = new Import(
            call.Graph, call.Ack(), call.Server.Options, call.Query.Flag("skip"), call.Query.Flag("sign"),
            call.Aborted);
        ImportResult done = await import.RunAsync(call.Request.BodyReader);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("lines", done.Lines);
            json.WriteNumber("fields", done.Fields);
            JsonAnswers.WriteResult(json, done.Sum);
            if (done.Refused > 0)
            {
                json.WriteNumber("refused", done.Refused);
                json.WriteStartArray("errors");
                foreach (ApiException error in done.Errors)
                {
                    json.WriteStartObject();
                    json.WriteNumber("line", error.Line);
                    json.WriteString("code", error.Code);
                    json.WriteString("detail", error.Message);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        });
    }
}
