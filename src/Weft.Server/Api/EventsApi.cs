using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Weft.Node.Events;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /events: what happens to the node and its peers, as it happens.</summary>
internal static class EventsApi
{
    private const int KindsMax = 16;

    internal static async Task GetAsync(ApiCall call)
    {
        string[] kinds = KindsOf(call);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            call.Aborted, call.Server.Stopping, call.Caller.Revoked);
        using ITimer? expiry = WatchApi.EndWithToken(call, ending);
        IAsyncEnumerable<NodeEvent> events = call.Peer.Node.Events.WatchAsync(ending.Token); // Live from here on.
        call.Response.ContentType = call.WantsLines ? "application/x-ndjson" : "text/event-stream";
        call.Response.Headers.CacheControl = "no-store";
        call.Response.Headers["X-Accel-Buffering"] = "no";
        call.Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        call.AllowSlowReader();
        var stream = new EventStream(call);
        string reason = "the node stops";
        try
        {
            await stream.BeginAsync();
            await stream.CopyAsync(Chosen(events, kinds), ending.Token);
        }
        catch (OperationCanceledException) when (!call.Server.Stopping.IsCancellationRequested)
        {
            reason = "the token ended";
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }

        if (!call.Aborted.IsCancellationRequested)
        {
            await stream.EndAsync(reason);
        }
    }

    /// <summary>"peer" stands for every kind of "peer.…"; what was missed is always told.</summary>
    private static async IAsyncEnumerable<NodeEvent> Chosen(IAsyncEnumerable<NodeEvent> events, string[] kinds)
    {
        await foreach (NodeEvent happened in events)
        {
            if (kinds.Length == 0 || happened.Kind == NodeEventKind.Missed || kinds.Any(kind => IsOf(happened.Kind, kind)))
            {
                yield return happened;
            }
        }
    }

    private static bool IsOf(string kind, string wanted) => kind.StartsWith(wanted, StringComparison.Ordinal)
        && (kind.Length == wanted.Length || kind[wanted.Length] == '.');

    private static string[] KindsOf(ApiCall call)
    {
        string[] kinds = (call.Query["kinds"] ?? "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return kinds.Length <= KindsMax && kinds.All(
            kind => kind.Length <= 64 && kind.All(one => one is (>= 'a' and <= 'z') or '.'))
            ? kinds
            : throw new ApiException(
                WeftError.RequestMalformed,
                "kinds= takes up to 16 words with commas between them, such as peer.connect,limit: small letters and dots.");
    }
}

/// <summary>Writes events as server-sent events, or as lines of JSON. One caller at a time.</summary>
internal sealed class EventStream(ApiCall call)
{
    private const int FlushBytes = 32 << 10;

    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    private readonly System.IO.Pipelines.PipeWriter _writer = call.Response.BodyWriter;
    private readonly bool _isLines = call.WantsLines;

    /// <summary>Sends the head, so that the client knows that it is live.</summary>
    internal async Task BeginAsync()
    {
        Write(_isLines ? [] : "retry: 2000\n\n"u8);
        Event("live", static _ => { });
        await FlushAsync();
    }

    /// <summary>Writes events as they come, and something empty when none came for a while.</summary>
    internal async Task CopyAsync(IAsyncEnumerable<NodeEvent> events, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Heartbeat, call.Server.Time);
        Task<bool> tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
        await using IAsyncEnumerator<NodeEvent> reader = events.GetAsyncEnumerator(CancellationToken.None);
        while (true)
        {
            Task<bool> move = reader.MoveNextAsync().AsTask();
            if (!move.IsCompleted)
            {
                await FlushAsync();
                while (await Task.WhenAny(move, tick) == tick && tick.IsCompletedSuccessfully && !move.IsCompleted)
                {
                    Write(_isLines ? "\n"u8 : ": \n\n"u8);
                    await FlushAsync();
                    tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
                }
            }

            if (!await move)
            {
                return;
            }

            Write(reader.Current);
            if (_writer.UnflushedBytes >= FlushBytes)
            {
                await FlushAsync();
            }
        }
    }

    /// <summary>Says goodbye.</summary>
    internal async Task EndAsync(string reason)
    {
        Event("bye", json => json.WriteString("reason", reason));
        await FlushAsync();
    }

    private void Write(NodeEvent happened) => Event(happened.Kind, json =>
    {
        json.WriteString("at", JsonAnswers.Time(happened.At));
        Text(json, "peer", happened.Peer);
        Text(json, "address", happened.Address);
        Text(json, "transport", happened.Transport);
        Text(json, "state", happened.State);
        Text(json, "reason", happened.Reason is { } reason ? LogText.Clean(reason) : null);
        if (happened.Count > 0)
        {
            json.WriteNumber("count", happened.Count);
        }
    });

    private static void Text(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private void Event(string kind, Action<Utf8JsonWriter> write)
    {
        if (!_isLines)
        {
            Write("event: "u8);
            Write(System.Text.Encoding.ASCII.GetBytes(kind));
            Write("\ndata: "u8);
        }

        using (var json = new Utf8JsonWriter(_writer))
        {
            json.WriteStartObject();
            if (_isLines)
            {
                json.WriteString("event", kind);
            }

            write(json);
            json.WriteEndObject();
        }

        Write(_isLines ? "\n"u8 : "\n\n"u8);
    }

    private void Write(ReadOnlySpan<byte> bytes) => System.Buffers.BuffersExtensions.Write(_writer, bytes);

    private async ValueTask FlushAsync() => await _writer.FlushAsync(call.Aborted);
}
