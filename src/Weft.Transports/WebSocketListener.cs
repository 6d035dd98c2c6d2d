using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;
using Weft.Transports.Tls;

namespace Weft.Transports;

/// <summary>
/// Takes TCP connections, does the TLS handshake where there is a certificate, and makes WebSockets of those that ask
/// for
/// it in time.
/// </summary>
internal sealed class WebSocketListener : ITransportListener
{
    private const int RequestBytesMax = 8_192;
    private const string Salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3.

    private const long PatienceMs = 1_000; // After which a request that is not there gives way to others.

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    private readonly ITransportListener _tcp;
    private readonly SslStreamCertificateContext? _certificate;
    private readonly Channel<ITransportConnection> _ready;
    private readonly SemaphoreSlim _upgrading;
    private readonly LinkedList<(ITransportConnection Tcp, long Since)> _pending = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;

    /// <summary>Listens.</summary>
    /// <param name="tcp">Where connections come from; it is disposed with this one.</param>
    /// <param name="certificate">For TLS; null for none.</param>
    /// <param name="requestsMax">Requests at once, and connections that wait to be taken.</param>
    internal WebSocketListener(ITransportListener tcp, SslStreamCertificateContext? certificate, int requestsMax)
    {
        _ready = Channel.CreateBounded<ITransportConnection>(requestsMax);
        _upgrading = new(requestsMax);
        _tcp = tcp;
        _certificate = certificate;
        Addresses = [.. tcp.Addresses.Select(AddressOf)];
        _loop = AcceptLoopAsync();
    }

    public IReadOnlyList<Multiaddr> Addresses { get; }

    public async ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken) =>
        await _ready.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false)
            && _ready.Reader.TryRead(out ITransportConnection? connection)
            ? connection
            : null;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _tcp.DisposeAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _ready.Writer.TryComplete();
        while (_ready.Reader.TryRead(out ITransportConnection? left))
        {
            await left.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task AcceptLoopAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await MakeRoomAsync().ConfigureAwait(false);
                ITransportConnection? tcp = await _tcp.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                if (tcp is null)
                {
                    return;
                }

                _ = UpgradeAsync(tcp);
            }
            catch (IOException)
            {
                _upgrading.Release(); // One connection failed; the next may be better.
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>
    /// Takes a place for a request. Where none is free, whoever has said too little for too long gives way: so silent
    /// clients hold up nobody for long.
    /// </summary>
    private async Task MakeRoomAsync()
    {
        while (!await _upgrading.WaitAsync(AcceptPause, _stopping.Token).ConfigureAwait(false))
        {
            lock (_pending)
            {
                while (_pending.First is { } oldest && Environment.TickCount64 - oldest.Value.Since > PatienceMs)
                {
                    oldest.Value.Tcp.Abort();
                    _pending.RemoveFirst();
                }
            }
        }
    }

    private Multiaddr AddressOf(Multiaddr tcp) => WebSocketTransport.WithWs(tcp, isTls: _certificate is not null);

    private async Task UpgradeAsync(ITransportConnection tcp)
    {
        LinkedListNode<(ITransportConnection Tcp, long Since)> place = new((tcp, Environment.TickCount64));
        lock (_pending)
        {
            _pending.AddLast(place);
        }

        try
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            deadline.CancelAfter(RequestTimeout);
            tcp = await ProtectAsync(tcp, deadline.Token).ConfigureAwait(false);
            string key = await ReadKeyAsync(tcp, deadline.Token).ConfigureAwait(false);
#pragma warning disable CA5350 // SHA-1 is what RFC 6455 says; it protects nothing here.
            string accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + Salt)));
#pragma warning restore CA5350
            await tcp.WriteAsync(
                Encoding.ASCII.GetBytes(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + $"Sec-WebSocket-Accept: {accept}\r\n\r\n"),
                deadline.Token).ConfigureAwait(false);
            var socket = WebSocket.CreateFromStream(
                new TransportStream(tcp),
                new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = TimeSpan.Zero });
            var connection = new WebSocketConnection(
                socket, AddressOf(tcp.LocalAddress), AddressOf(tcp.RemoteAddress));
            if (!_ready.Writer.TryWrite(connection))
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or AuthenticationException)
        {
            tcp.Abort(); // It asked for something else, too slowly, or is gone.
            await tcp.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            lock (_pending)
            {
                if (place.List is not null)
                {
                    _pending.Remove(place);
                }
            }

            _upgrading.Release();
        }
    }

    private async Task<ITransportConnection> ProtectAsync(
        ITransportConnection tcp, CancellationToken cancellationToken)
    {
        if (_certificate is null)
        {
            return tcp;
        }

        var stream = new SslStream(new TransportStream(tcp), leaveInnerStreamOpen: true);
        await stream.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificateContext = _certificate,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                AllowRenegotiation = false,
            },
            cancellationToken).ConfigureAwait(false);
        return new TlsConnection(stream, tcp);
    }

    /// <summary>Reads one request, byte by byte at its end, because what follows belongs to the WebSocket.</summary>
    private static async Task<string> ReadKeyAsync(ITransportConnection tcp, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[RequestBytesMax];
        int length = 0;
        while (!buffer.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
        {
            if (length == buffer.Length || buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0
                || await tcp.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false)
                    is not (> 0 and int read))
            {
                // Also one that does not wait for the answer.
                throw new IOException("The request is no request for a WebSocket.");
            }

            length += read;
        }

        string[] lines = Encoding.ASCII.GetString(buffer, 0, length).Split("\r\n");
        if (!lines[0].StartsWith("GET ", StringComparison.Ordinal)
            || !lines[0].EndsWith(" HTTP/1.1", StringComparison.Ordinal)
            || !string.Equals(HeaderOf(lines, "Upgrade"), "websocket", StringComparison.OrdinalIgnoreCase)
            || HeaderOf(lines, "Sec-WebSocket-Version") != "13"
            || HeaderOf(lines, "Sec-WebSocket-Key") is not { Length: 24 } key)
        {
            throw new IOException("The request is no request for a WebSocket.");
        }

        return key;
    }

    private static string? HeaderOf(string[] lines, string name)
    {
        foreach (string line in lines)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon == name.Length && line.StartsWith(name, StringComparison.OrdinalIgnoreCase))
            {
                return line[(colon + 1)..].Trim();
            }
        }

        return null;
    }
}
