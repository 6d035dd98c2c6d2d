using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace Weft.Server.Http;

/// <summary>Writes many items as they are found: as lines, or as the list "items" of one document.</summary>
/// <remarks>
/// The answer starts with the first item or at the end, so that a failure before is still a problem document.
/// </remarks>
internal sealed class JsonStream(ApiCall call, bool lines) : IAsyncDisposable
{
    private const int FlushBytes = 64 << 10;

    private readonly PipeWriter _writer = call.Response.BodyWriter;
    private readonly Utf8JsonWriter _json = new(Stream.Null, Problem.JsonOptions);
    private bool _started;
    private long _items;

    /// <summary>Starts the answer before there is an item.</summary>
    internal async ValueTask BeginAsync()
    {
        Start();
        await FlushAsync();
    }

    /// <summary>Writes one item.</summary>
    internal async ValueTask WriteAsync(Action<Utf8JsonWriter> write)
    {
        Start();
        if (!lines && _items > 0)
        {
            _writer.Write(","u8);
        }

        _items++;
        _json.Reset(_writer);
        write(_json);
        _json.Flush();
        if (lines)
        {
            _writer.Write("\n"u8);
        }

        if (_writer.UnflushedBytes >= FlushBytes)
        {
            await FlushAsync();
        }
    }

    /// <summary>Sends what is written so far.</summary>
    internal async ValueTask FlushAsync() => await _writer.FlushAsync(call.Aborted);

    /// <summary>Ends the document.</summary>
    internal async ValueTask CompleteAsync()
    {
        Start();
        if (!lines)
        {
            _writer.Write("]}"u8);
        }

        await FlushAsync();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        // Reset first: disposing would otherwise flush into a pipe that may be gone.
        _json.Reset(Stream.Null);
        _json.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Start()
    {
        if (_started)
        {
            return;
        }

        _started = true;
        call.Response.ContentType = lines ? "application/x-ndjson" : "application/json";
        call.Response.Headers.CacheControl = "no-store";
        if (!lines)
        {
            _writer.Write("{\"items\":["u8);
        }
    }
}
