using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Access;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resources /walk, /why and /conflicts.</summary>
internal static class WalkApi
{
    internal static async Task WalkAsync(ApiCall call)
    {
        string soul = call.Soul();
        int depth = (int)call.Query.Whole("depth", 3, 0, 1_000);
        int limit = (int)call.Query.Whole("limit", 10_000, 1, 1_000_000);
        WalkDirection direction = call.Query["direction"] switch
        {
            null or "out" => WalkDirection.Out,
            "in" => WalkDirection.In,
            "both" => WalkDirection.Both,
            string other => throw new ApiException(
                WeftError.RequestMalformed, $"direction is \"{LogText.Clean(other)}\"; allowed: out, in or both."),
        };

        call.AllowSlowReader();
        await using var stream = new JsonStream(call, call.WantsLines);
        await foreach (WalkStep step in call.Graph.WalkAsync(soul, direction, depth, limit, call.Aborted))
        {
            await stream.WriteAsync(json => Write(json, step));
        }

        await stream.CompleteAsync();
    }

    internal static async Task WhyAsync(ApiCall call)
    {
        string soul = call.Soul();
        string field = call.Field();
        FieldExplanation why = await call.Graph.WhyAsync(soul, field, call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("soul", soul);
            json.WriteString("field", field);
            if (why.Current is { } current)
            {
                json.WriteStartObject("current");
                JsonAnswers.WriteValue(json, "value", current.Value);
                JsonAnswers.WriteState(json, "state", current.State);
                json.WriteNumber("sequence", current.Sequence);
                Authorship author = Authorship.Of(
                    new FieldWrite(soul, field, current.Value, current.State, current.Extras));
                if (author.Author is not null)
                {
                    json.WriteString("author", author.Author);
                    json.WriteNumber("authorSequence", author.Sequence);
                }

                json.WriteEndObject();
            }
            else
            {
                json.WriteNull("current");
            }

            json.WriteStartArray("losses");
            foreach (Loss loss in why.Losses)
            {
                JsonAnswers.WriteLoss(json, loss);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task ConflictsAsync(ApiCall call)
    {
        int limit = (int)call.Query.Whole("limit", 100, 1, 1_000);
        long? before = call.Query["before"] is null ? null : call.Query.Whole("before", 0, 0, long.MaxValue);
        string? soul = call.Query["soul"];
        IReadOnlyList<Loss> losses = call.Graph.ReadConflicts(Scopes.Read, before, limit, soul);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (Loss loss in losses)
            {
                JsonAnswers.WriteLoss(json, loss);
            }

            json.WriteEndArray();
            if (losses.Count == limit)
            {
                json.WriteNumber("next", losses[^1].Number);
            }

            json.WriteEndObject();
        });
    }

    internal static async Task ResolveAsync(ApiCall call)
    {
        long number = call.Query.Whole("number", -1, 1, long.MaxValue);
        long? before = number == long.MaxValue ? null : number + 1;
        Loss loss = call.Graph.ReadConflicts(Scopes.Write, before, 1) is [{ } found]
            && found.Number == number
            ? found
            : throw new ApiException(
                WeftError.Absent, $"The journal holds no losing write with the number {number} any more.");
        if (loss.ValueCut)
        {
            throw new ApiException(
                WeftError.TooLarge, "The losing value was too long to be kept whole; write it again yourself.");
        }

        WriteResult result = await call.Graph.WriteAsync(
            [new Graph.FieldWrite(loss.Soul, loss.Field, loss.Value, double.NaN)],
            WriteSource.Http,
            call.Ack(),
            call.Aborted);
        await call.AnswerAsync(result);
    }

    private static void Write(Utf8JsonWriter json, WalkStep step)
    {
        json.WriteStartObject();
        json.WriteNumber("depth", step.Depth);
        json.WriteString("soul", step.Soul);
        json.WriteString("from", step.From);
        json.WriteString("field", step.Field);
        json.WriteString("direction", step.Direction == WalkDirection.In ? "in" : "out");
        json.WriteEndObject();
    }
}
