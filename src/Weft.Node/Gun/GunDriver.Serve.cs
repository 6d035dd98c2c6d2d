using System.Buffers;
using System.Net.WebSockets;
using System.Threading.Channels;
using Weft.Node.Events;
using Weft.Primitives;
using Weft.Protocols;
using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

public sealed partial class GunDriver
{
    private const WebSocketCloseStatus NoRoom = (WebSocketCloseStatus)1013; // "Try again later".
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    /// <returns>Why the connection ended, and the core's reason when it was the core's wish.</returns>
    internal async Task<(GunCloseReason? Reason, string Text)> ServeAsync(
        WebSocket socket, GunConnectionInfo info, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _connectionCount) > _options.ConnectionsMax || Volatile.Read(ref _disposed) != 0)
        {
            Interlocked.Decrement(ref _connectionCount);
            await CloseAsync(
                socket, NoRoom, "no room for another connection").ConfigureAwait(false);
            return (null, "no room for another connection");
        }

        var connection = new GunConnection(Interlocked.Increment(ref _connectionNumber), socket, info, _options, _budget)
        {
            Since = _node.Time.GetUtcNow(),
        };
        long started = _node.Time.GetTimestamp();
        _connections.TryAdd(connection.Number, connection);
        GunLog.Opened(_logger, connection.Number, info.Address);
        Tell(NodeEventKind.PeerConnect, connection, null);
        WebSocketCloseStatus status = WebSocketCloseStatus.NormalClosure;
        string text = "closed by the peer";
        using (cancellationToken.UnsafeRegister(_ => SayGoodbye(connection), null))
        using (_stopping.Token.UnsafeRegister(_ => SayGoodbye(connection), null))
        {
            try
            {
                await PostAsync(new(GunInputKind.Connected, connection)).ConfigureAwait(false);
                (status, text) = await ReadFramesAsync(connection, connection.Stopping.Token).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                // Whatever a socket throws, it means that the connection is gone. The node goes on.
                text = failure.Message;
            }
        }

        await CloseAsync(socket, status, text).ConfigureAwait(false);
        try
        {
            await PostAsync(new(GunInputKind.Closed, connection)).ConfigureAwait(false);
            await connection.Released.Task.ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // It came while the driver stopped: no loop is left to let go of it.
        }

        text = connection.CloseText ?? text;
        if (text == GunPeerCore.DuplicateText)
        {
            connection.CloseReason = GunCloseReason.Duplicate; // Whichever side saw it first.
        }

        GunLog.Closed(_logger, connection.Number, info.Address,
            (long)_node.Time.GetElapsedTime(started).TotalMilliseconds, text);
        Tell(NodeEventKind.PeerDisconnect, connection, text);
        return (connection.CloseReason, text);
    }

    private void Tell(string kind, GunConnection connection, string? reason)
    {
        if (_node.Events.IsWatched)
        {
            _node.Events.Post(_node.Events.New(kind) with
            {
                Peer = $"gun-{connection.Number}",
                Address = connection.Info.Address,
                Transport = "gun",
                Reason = reason,
            });
        }
    }

    private void SayGoodbye(GunConnection connection) => _ = CloseFromHereAsync(
        connection, WebSocketCloseStatus.EndpointUnavailable, "this node is stopping or has closed the connection");

    /// <summary>
    /// Closes a connection while its reader still reads: cancelling the read would cut the connection before the peer
    /// is
    /// told why. A peer that does not answer in time is cut then.
    /// </summary>
    private static async Task CloseFromHereAsync(GunConnection connection, WebSocketCloseStatus status, string text)
    {
        if (connection.TryBeginClose(text))
        {
            using (var timeout = new CancellationTokenSource(CloseTimeout))
            {
                try
                {
                    await connection.Socket.CloseOutputAsync(status, Cut(text), timeout.Token).ConfigureAwait(false);
                }
                catch (Exception)
                {
                    // It is being closed anyway.
                }
            }

            connection.Stopping.CancelAfter(CloseTimeout);
        }
    }

    // A close text has at most 123 bytes.
    private static string Cut(string text) => text.Length <= 100 ? text : text[..100];

    private async Task<(WebSocketCloseStatus Status, string Text)> ReadFramesAsync(
        GunConnection connection, CancellationToken cancellationToken)
    {
        var codec = new GunCodec(_options.Limits);
        var messageRate = new TokenBucket(_options.MessagesPerSecond, _options.MessagesPerSecond);
        var byteRate = new TokenBucket(_options.BytesPerSecond, _options.BytesPerSecond);
        var messages = new List<GunMessage>();
        using var buffer = new ReadBuffer(_budget);
        while (true)
        {
            (int length, WebSocketCloseStatus? end) = await ReadFrameAsync(connection.Socket, buffer, cancellationToken)
                .ConfigureAwait(false);
            if (end is { } status)
            {
                return (status, TextOf(status, connection.Socket));
            }

            Interlocked.Add(ref connection.BytesIn, length);
            WeftError error = codec.Read(buffer.Bytes.AsSpan(0, length), messages);
            Interlocked.Add(ref connection.MessagesIn, messages.Count);
            WeftInstant now = Now;
            TimeSpan wait = messageRate.Take(messages.Count + 1, now);
            TimeSpan byteWait = byteRate.Take(length, now);
            messages = await HandOverAsync(connection, messages, length, error).ConfigureAwait(false);
            buffer.Shrink();
            wait = wait > byteWait ? wait : byteWait;
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, _node.Time, cancellationToken).ConfigureAwait(false);
            }

            while (connection.IsOverloaded)
            {
                await connection.WaitForRoomAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static string TextOf(WebSocketCloseStatus status, WebSocket socket) => status switch
    {
        WebSocketCloseStatus.MessageTooBig => "W5101 the frame is too large",
        NoRoom => "W5103 no room for a frame of this size now",
        _ => string.IsNullOrEmpty(socket.CloseStatusDescription) ? "closed by the peer" : socket.CloseStatusDescription,
    };

    private async ValueTask<List<GunMessage>> HandOverAsync(
        GunConnection connection, List<GunMessage> messages, int bytes, WeftError error)
    {
        if (error != WeftError.None)
        {
            await PostAsync(new(GunInputKind.Malformed, connection, Error: error)).ConfigureAwait(false);
            return messages;
        }

        if (messages.Count == 0)
        {
            return messages;
        }

        connection.Queue(messages.Count, bytes);
        if (messages.Count == 1)
        {
            GunMessage only = messages[0];
            messages.Clear();
            await PostAsync(new(GunInputKind.Message, connection, only, Bytes: bytes)).ConfigureAwait(false);
            return messages;
        }

        await PostAsync(new(GunInputKind.Messages, connection, messages, Bytes: bytes)).ConfigureAwait(false);
        return [];
    }

    /// <summary>Reads one frame.</summary>
    /// <returns>Its length; or why the connection ends instead.</returns>
    private async ValueTask<(int Length, WebSocketCloseStatus? End)> ReadFrameAsync(
        WebSocket socket, ReadBuffer buffer, CancellationToken cancellationToken)
    {
        int length = 0;
        while (true)
        {
            if (length == buffer.Bytes.Length)
            {
                if (length > _options.Limits.FrameBytesMax)
                {
                    return (0, WebSocketCloseStatus.MessageTooBig);
                }

                if (!buffer.TryGrow())
                {
                    return (0, NoRoom);
                }
            }

            ValueWebSocketReceiveResult result = await socket
                .ReceiveAsync(buffer.Bytes.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                return (0, WebSocketCloseStatus.NormalClosure);
            }

            length += result.Count;
            if (result.EndOfMessage)
            {
                return length > _options.Limits.FrameBytesMax ? (0, WebSocketCloseStatus.MessageTooBig) : (length, null);
            }
        }
    }

    /// <summary>
    /// Says goodbye and waits a moment for the answer: cutting at once would make the peer's system throw away the
    /// goodbye.
    /// What still comes in is read and forgotten.
    /// </summary>
    private static async Task CloseAsync(WebSocket socket, WebSocketCloseStatus status, string text)
    {
        using var timeout = new CancellationTokenSource(CloseTimeout);
        byte[] rest = ArrayPool<byte>.Shared.Rent(4_096);
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(status, Cut(text), timeout.Token).ConfigureAwait(false);
            }

            while (socket.State == WebSocketState.CloseSent)
            {
                await socket.ReceiveAsync(rest.AsMemory(), timeout.Token).ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // Saying goodbye is a courtesy; a connection that cannot be told is simply cut.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rest);
        }

        if (socket.State != WebSocketState.Closed)
        {
            socket.Abort(); // Also ends a send that nobody reads.
        }
    }
}
