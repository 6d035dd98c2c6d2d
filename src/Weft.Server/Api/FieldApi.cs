using System.Globalization;
using Microsoft.AspNetCore.Http;
using Weft.Graph;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /field: one field, its raw JSON value.</summary>
internal static class FieldApi
{
    internal static async Task GetAsync(ApiCall call)
    {
        string soul = call.Soul();
        string field = call.Field();
        ReadResult read = await call.Graph.ReadFieldAsync(soul, field, call.Policy(), call.Aborted);
        if (read.Status != ReadStatus.Found)
        {
            throw new ApiException(WeftError.Absent, Missing(soul, field, read))
            {
                ReadStatus = JsonAnswers.Name(read.Status),
                PeersAsked = read.PeersAsked,
            };
        }

        HttpResponse response = call.Response;
        string tag = JsonAnswers.ETag(read.State);
        response.Headers.ETag = tag;
        response.Headers.CacheControl = "no-cache";
        response.Headers["Weft-Source"] = JsonAnswers.Name(read.Source);
        if (call.Request.Headers.IfNoneMatch is { Count: > 0 } known && known.ToString() == tag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentType = "application/json";
        response.ContentLength = read.Value.Json.Length;
        if (!HttpMethods.IsHead(call.Request.Method))
        {
            await response.BodyWriter.WriteAsync(read.Value.JsonMemory, call.Aborted);
        }
    }

    internal static async Task PutAsync(ApiCall call)
    {
        string soul = call.Soul();
        string field = call.Field();
        double state = State(call);
        Durability ack = call.Ack(takesPeers: true);
        ReadOnlyMemory<byte> body = await call.ReadBodyAsync();
        var write = new FieldWrite(soul, field, JsonBody.ReadValue(body.Span), state);
        await WriteAsync(call, write, ack);
    }

    internal static Task DeleteAsync(ApiCall call)
    {
        string soul = call.Soul();
        string field = call.Field();
        return WriteAsync(call, new FieldWrite(soul, field, WeftValue.Null, State(call)), call.Ack(takesPeers: true));
    }

    private static async Task WriteAsync(ApiCall call, FieldWrite write, Durability ack)
    {
        FieldCondition? condition = Condition(call.Request);
        AckedWrite? acked = call.PeersAck() is { } wanted
            ? await call.Graph.WriteAsync([write], WriteSource.Http, wanted, condition, call.Aborted)
            : null;
        WriteResult result = acked?.Write
            ?? await call.Graph.WriteAsync([write], WriteSource.Http, ack, condition, call.Aborted);
        if (result.Error == WeftError.PreconditionFailed)
        {
            throw new ApiException(
                WeftError.PreconditionFailed, "The field is not in the state you named. Nothing was stored.");
        }

        if (result.Applied > 0)
        {
            call.Response.Headers.ETag = JsonAnswers.ETag(result.State);
        }

        await (acked is { } held ? call.AnswerAsync(held, "value") : call.AnswerAsync(result, "value"));
    }

    private static FieldCondition? Condition(HttpRequest request)
    {
        if (request.Headers.IfMatch is { Count: > 0 } match)
        {
            string text = match.ToString().Trim();
            return text == "*" ? FieldCondition.Present
                : double.TryParse(text.Trim('"'), NumberStyles.Float, CultureInfo.InvariantCulture, out double state)
                    ? FieldCondition.InState(state)
                : throw new ApiException(
                    WeftError.RequestMalformed,
                    $"If-Match is \"{LogText.Clean(text)}\"; allowed: a state in quotes, or *.");
        }

        if (request.Headers.IfNoneMatch is { Count: > 0 } none)
        {
            return none.ToString().Trim() == "*"
                ? FieldCondition.NotPresent
                : throw new ApiException(WeftError.RequestMalformed, "If-None-Match on a write takes only *.");
        }

        return null;
    }

    private static double State(ApiCall call) =>
        call.Query["state"] is not { } text ? double.NaN
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double state)
            && double.IsFinite(state)
            ? state
        : throw new ApiException(
            WeftError.StateInvalid, ErrorCatalogue.Find(WeftError.StateInvalid).Cause) { Path = "state" };

    private static string Missing(string soul, string field, in ReadResult read)
    {
        string name = $"\"{LogText.Clean(field)}\" of \"{LogText.Clean(soul)}\"";
        return read.Status switch
        {
            ReadStatus.Deleted => $"{name} was deleted.",
            ReadStatus.Unknown => $"{name} is not here, and there is no peer to ask.",
            ReadStatus.TimedOut => $"{name} is not here; {read.PeersAsked} peers were asked, not all answered in time.",
            _ => $"{name} is absent: not here, {read.PeersAsked} peers asked, none has it.",
        };
    }
}
