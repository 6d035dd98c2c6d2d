using System.Buffers;
using System.Text;
using Weft.Graph;
using Weft.Node;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>Writes one stream of server-sent events. One caller at a time.</summary>
internal sealed class WatchStream(ApiCall call, string storeId)
{
    private const int FlushBytes = 32 << 10;

    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    private readonly System.IO.Pipelines.PipeWriter _writer = call.Response.BodyWriter;

    /// <summary>Events written.</summary>
    internal long Events { get; private set; }

    internal async Task BeginAsync()
    {
        Write("retry: 2000\n\n"u8);
        await FlushAsync();
    }

    /// <summary>Writes changes as they come, and a comment when none came for a while.</summary>
    internal async Task CopyAsync(IAsyncEnumerable<GraphChange> changes, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Heartbeat, call.Server.Time);
        Task<bool> tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
        await using IAsyncEnumerator<GraphChange> reader = changes.GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            Task<bool> move = reader.MoveNextAsync().AsTask(); // A cached task when a change is there already.
            if (!move.IsCompleted)
            {
                await FlushAsync();
                while (await Task.WhenAny(move, tick) == tick && tick.IsCompletedSuccessfully && !move.IsCompleted)
                {
                    Write(": \n\n"u8);
                    await FlushAsync();
                    tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
                }
            }

            if (!await move) // Also after a cancelled tick: the reader must have come to rest before it is disposed.
            {
                return;
            }

            WriteChange(reader.Current);
            if (_writer.UnflushedBytes >= FlushBytes)
            {
                await FlushAsync();
            }
        }
    }

    /// <summary>Says goodbye.</summary>
    internal async Task EndAsync(string reason)
    {
        Write("event: bye\ndata: {\"reason\":"u8);
        JsonText.WriteQuoted(_writer, reason);
        Write("}\n\n"u8);
        await FlushAsync();
    }

    private void WriteChange(in GraphChange change)
    {
        Events++;
        switch (change.Kind)
        {
            case ChangeKind.Synced:
                WriteId(change.Cursor);
                Write("event: synced\ndata: {\"sequence\":"u8);
                WriteNumber(change.Cursor);
                break;
            case ChangeKind.Gap:
                WriteId(change.Cursor);
                Write("event: gap\ndata: {\"after\":"u8);
                WriteNumber(change.Cursor);
                break;
            default:
                WriteId(change.Cursor);
                Write(change.Kind == ChangeKind.Snapshot ? "event: snapshot\ndata: "u8 : "event: change\ndata: "u8);
                WriteField(change);
                break;
        }

        Write("}\n\n"u8);
    }

    private void WriteField(in GraphChange change)
    {
        Write("{\"soul\":"u8);
        JsonText.WriteQuoted(_writer, change.Soul);
        Write(",\"field\":"u8);
        JsonText.WriteQuoted(_writer, change.Field.Field);
        Write(",\"value\":"u8);
        Write(change.Field.Value.Json);
        Write(",\"state\":"u8);
        Span<byte> state = stackalloc byte[32];
        Write(state[..JsonText.FormatNumber(change.Field.State, state)]);
        Write(",\"sequence\":"u8);
        WriteNumber(change.Field.Sequence);
        Write(",\"origin\":"u8);
        WriteNumber(change.Origin);
    }

    private void WriteId(long cursor)
    {
        if (cursor < 0)
        {
            return; // A snapshot that broke off cannot be resumed in its middle.
        }

        Write("id: "u8);
        Write(Encoding.ASCII.GetBytes(storeId));
        Write("."u8);
        WriteNumber(cursor);
        Write("\n"u8);
    }

    private void WriteNumber(long number)
    {
        Span<byte> target = _writer.GetSpan(20);
        System.Buffers.Text.Utf8Formatter.TryFormat(number, target, out int length);
        _writer.Advance(length);
    }

    private void Write(ReadOnlySpan<byte> bytes) => _writer.Write(bytes);

    private async ValueTask FlushAsync() => await _writer.FlushAsync(call.Aborted);
}
