using System.Net.WebSockets;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Transports;

/// <summary>One WebSocket as a stream of bytes: binary messages, whose borders mean nothing.</summary>
internal sealed class WebSocketConnection(WebSocket socket, Multiaddr local, Multiaddr remote) : ITransportConnection
{
    public Multiaddr LocalAddress => local;

    public Multiaddr RemoteAddress => remote;

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult read = await socket
                    .ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (read.MessageType == WebSocketMessageType.Text)
                {
                    throw new IOException("The other side sent text; libp2p sends binary messages.");
                }

                // An empty message is no end.
                if (read.Count > 0 || buffer.IsEmpty || read.MessageType == WebSocketMessageType.Close)
                {
                    return read.Count;
                }
            }
        }
        catch (Exception error) when (IsGone(error, cancellationToken))
        {
            throw new IOException(error.Message, error);
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await socket.SendAsync(bytes, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception error) when (IsGone(error, cancellationToken))
        {
            throw new IOException(error.Message, error);
        }
    }

    public void Abort() => socket.Abort();

    public ValueTask DisposeAsync()
    {
        socket.Abort();
        socket.Dispose();
        return default;
    }

    // Reading or writing after the end, or while another thread aborts, shows as one of these.
    private static bool IsGone(Exception error, CancellationToken cancellationToken) =>
        error is WebSocketException or InvalidOperationException
        || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested);
}
