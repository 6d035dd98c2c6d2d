using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>Runs something long: answers with its result, or with lines of progress that end with the result.</summary>
internal static class ProgressAnswer
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    internal static async Task RunAsync<T>(
        ApiCall call, int status, Func<IProgress<long>?, Task<T>> run, Action<Utf8JsonWriter, T> write)
    {
        if (!call.WantsLines)
        {
            T result = await run(null);
            await call.AnswerAsync(status, json => WriteResult(json, result, write));
            return;
        }

        var latest = new Latest();
        Task<T> running = run(latest);
        await using var lines = new JsonStream(call, lines: true);
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(Interval, call.Server.Time));
            if (!running.IsCompleted)
            {
                await lines.WriteAsync(json => WriteProgress(json, latest.Value));
                await lines.FlushAsync();
            }
        }

        try
        {
            T result = await running;
            await lines.WriteAsync(json => WriteResult(json, result, write));
        }
        catch (WeftException failure) when (call.Response.HasStarted)
        {
            await lines.WriteAsync(json => WriteFailure(json, failure)); // The status is out; the last line tells.
        }

        await lines.CompleteAsync();
    }

    private static void WriteProgress(Utf8JsonWriter json, long value)
    {
        json.WriteStartObject();
        json.WriteNumber("progress", value);
        json.WriteEndObject();
    }

    private static void WriteResult<T>(Utf8JsonWriter json, T result, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartObject();
        write(json, result);
        json.WriteEndObject();
    }

    private static void WriteFailure(Utf8JsonWriter json, WeftException failure)
    {
        json.WriteStartObject();
        json.WriteString("type", $"/errors/{failure.Code}");
        json.WriteString("code", failure.Code);
        json.WriteString("title", ErrorCatalogue.Find(failure.Error).Title);
        json.WriteString("detail", failure.Message);
        json.WriteEndObject();
    }

    private sealed class Latest : IProgress<long>
    {
        private long _value;

        public long Value => Interlocked.Read(ref _value);

        public void Report(long value) => Interlocked.Exchange(ref _value, value);
    }
}
