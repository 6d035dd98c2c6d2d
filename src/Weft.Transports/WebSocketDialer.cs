using System.Net.WebSockets;

namespace Weft.Transports;

/// <summary>Opens WebSockets to other peers: ws:// in the clear, wss:// over TLS.</summary>
/// <param name="options">How.</param>
public sealed class WebSocketDialer(WebSocketDialerOptions options)
{
    /// <summary>Dials.</summary>
    /// <param name="address">A ws:// or wss:// URL.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>An open socket; the caller disposes it.</returns>
    /// <exception cref="WebSocketException">Nobody listens there, or it is no WebSocket.</exception>
    /// <exception cref="ArgumentException">Another scheme.</exception>
    public async ValueTask<WebSocket> DialAsync(Uri address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.KeepAliveInterval = options.KeepAliveInterval;
            socket.Options.KeepAliveTimeout = options.KeepAliveTimeout;
            if (options.Compress)
            {
                socket.Options.DangerousDeflateOptions = new WebSocketDeflateOptions
                {
                    ClientContextTakeover = false,
                    ServerContextTakeover = false,
                };
            }

            await socket.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>How relays are dialled. Section "Weft:Dial" of the configuration.</summary>
public sealed class WebSocketDialerOptions
{
    /// <summary>Offer permessage-deflate, without context from message to message. Default: false.</summary>
    /// <remarks>Nothing secret may share a message with what an attacker chooses; hence off unless asked for.</remarks>
    public bool Compress { get; set; }

    /// <summary>Silence after which the peer is pinged. Default: 15 s.</summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long it may take to answer the ping before it counts as gone. Default: 15 s.</summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(15);
}
