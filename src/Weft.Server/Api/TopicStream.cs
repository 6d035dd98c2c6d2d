using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Weft.Node.Topics;
using Weft.Protocols.Topics;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>
/// Writes one stream of messages: server-sent events, or one JSON object per line. One caller at a time.
/// </summary>
internal sealed class TopicStream(ApiCall call)
{
    private const int FlushBytes = 32 << 10;

    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    private readonly System.IO.Pipelines.PipeWriter _writer = call.Response.BodyWriter;
    private readonly bool _isLines = call.WantsLines;

    /// <summary>Sends the head, so that the client knows that it is live.</summary>
    internal async Task BeginAsync()
    {
        if (_isLines)
        {
            Event("live", static _ => { });
        }
        else
        {
            Write("retry: 2000\n\n"u8);
            Event("live", static _ => { });
        }

        await FlushAsync();
    }

    /// <summary>Writes messages as they come, and something empty when none came for a while.</summary>
    internal async Task CopyAsync(IAsyncEnumerable<TopicMessage> messages, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Heartbeat, call.Server.Time);
        Task<bool> tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
        await using IAsyncEnumerator<TopicMessage> reader = messages.GetAsyncEnumerator(cancellationToken);
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

            if (!await move) // Also after a cancelled tick: the reader must have come to rest before it is disposed.
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

    private void Write(TopicMessage message)
    {
        if (message.IsGap)
        {
            Event("gap", json => json.WriteNumber("missed", message.Missed));
            return;
        }

        Event("message", json => WriteMembers(json, message));
    }

    /// <summary>Writes the members of a message.</summary>
    internal static void WriteMembers(Utf8JsonWriter json, TopicMessage message)
    {
        json.WriteString("topic", message.Topic);
        json.WriteString("from", message.From.ToString());
        json.WriteString("sequence", message.Sequence.ToString(CultureInfo.InvariantCulture)); // Beyond 2^53.
        if (message.Kind != TopicRecordKind.Event)
        {
            Write(json, "key", "keyData", message.Key.Span);
        }

        if (message.Kind == TopicRecordKind.Tombstone)
        {
            json.WriteBoolean("ended", true);
        }
        else
        {
            Write(json, "text", "data", message.Payload.Span);
        }

        if (message.TimeMs > 0)
        {
            json.WriteNumber("timeMs", message.TimeMs);
        }

        if (message.Cursor is { } cursor)
        {
            json.WriteString("cursor", cursor);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, string binaryName, ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            json.WriteString(name, bytes);
        }
        else
        {
            json.WriteBase64String(binaryName, bytes);
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

    private void Write(ReadOnlySpan<byte> bytes) => _writer.Write(bytes);

    private async ValueTask FlushAsync() => await _writer.FlushAsync(call.Aborted);
}
