using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Node.History;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /series: a field's values over time.</summary>
internal static class SeriesApi
{
    private const int PointsMax = 1_000_000;

    internal static async Task GetAsync(ApiCall call)
    {
        string soul = call.Soul();
        string field = call.Field();
        call.Graph.HistoryOf(soul, field);
        NodeSeries series = call.Peer.Node.Series(soul, field);
        DateTimeOffset now = call.Server.Time.GetUtcNow();
        DateTimeOffset to = Time(call, "to", now + TimeSpan.FromSeconds(1));
        DateTimeOffset from = Time(call, "from", DateTimeOffset.UnixEpoch);
        long limit = call.Query.Whole("limit", call.WantsLines ? PointsMax : 10_000, 1, PointsMax);
        TimeSpan step = call.Query.Duration("step", TimeSpan.Zero, TimeSpan.FromDays(3_650));
        if (step > TimeSpan.Zero && call.Query["from"] is null)
        {
            throw new ApiException(WeftError.RequestMalformed, "A step needs \"from\".") { Path = "from" };
        }

        if (step > TimeSpan.Zero && (to - from) / step > NodeSeries.BucketsMax)
        {
            throw new ApiException(
                WeftError.TooComplex, $"The step cuts the time into more than {NodeSeries.BucketsMax} stretches.");
        }

        call.AllowSlowReader();
        await using var stream = new JsonStream(call, call.WantsLines);
        if (step > TimeSpan.Zero)
        {
            await foreach (SeriesBucket bucket in series.DownsampleAsync(from, to, step, call.Aborted))
            {
                await stream.WriteAsync(json => Write(json, bucket));
            }
        }
        else
        {
            await foreach (SeriesPoint point in series.RangeAsync(from, to, call.Aborted))
            {
                await stream.WriteAsync(json => Write(json, point));
                if (--limit == 0)
                {
                    break;
                }
            }
        }

        await stream.CompleteAsync();
    }

    internal static async Task PostAsync(ApiCall call)
    {
        string soul = call.Soul();
        string field = call.Field();
        ReadOnlyMemory<byte> body = await call.ReadBodyAsync();
        double value = ReadNumber(body.Span);
        call.Graph.CheckWrite(new Graph.FieldWrite(soul, field, value, double.NaN));
        if (!call.Peer.Node.Retention.Of(soul).Rule.Keeps)
        {
            throw new ApiException(
                WeftError.PreconditionFailed,
                $"No past of \"{LogText.Clean(soul)}\" is kept here, so a series cannot grow. Nothing was stored.");
        }

        await call.AnswerAsync(await call.Graph.WriteAsync(
            [new Graph.FieldWrite(soul, field, value, double.NaN)], Node.WriteSource.Http, call.Ack(), call.Aborted));
    }

    private static double ReadNumber(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            if (reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double value)
                && double.IsFinite(value) && !reader.Read())
            {
                return value;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new ApiException(WeftError.RequestMalformed, "The body is not one JSON number. Nothing was stored.");
    }

    private static DateTimeOffset Time(ApiCall call, string name, DateTimeOffset otherwise) =>
        call.Query[name] is not { } text ? otherwise
        : DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at)
            ? at
        : throw new ApiException(
            WeftError.RequestMalformed,
            $"{name} is \"{LogText.Clean(text)}\"; allowed: a time such as 2026-11-20T18:00:00Z.") { Path = name };

    private static void Write(Utf8JsonWriter json, SeriesPoint point)
    {
        json.WriteStartObject();
        json.WriteString("time", JsonAnswers.Time(point.At));
        json.WriteNumber("value", point.Value);
        json.WriteNumber("version", point.Version);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, SeriesBucket bucket)
    {
        json.WriteStartObject();
        json.WriteString("time", JsonAnswers.Time(bucket.Start));
        json.WriteNumber("count", bucket.Count);
        json.WriteNumber("average", bucket.Average);
        json.WriteNumber("min", bucket.Min);
        json.WriteNumber("max", bucket.Max);
        json.WriteNumber("sum", bucket.Sum);
        json.WriteNumber("first", bucket.First);
        json.WriteNumber("last", bucket.Last);
        json.WriteEndObject();
    }
}
