using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Transports;

/// <summary>
/// Connections over WebSocket: "/ip4/…/tcp/…/ws" to listen and dial; names, "/wss" and "/tls/ws" to dial, and to listen
/// where there is a certificate. The frames are a stream of bytes; where one ends means nothing.
/// </summary>
/// <remarks>
/// A page of any origin may connect, like any other peer: who it is shows in the Noise handshake, which is done within
/// TLS, too. Source: libp2p specs, websockets/README.md.
/// </remarks>
/// <param name="options">How TCP connections are made and taken; null for the defaults.</param>
/// <param name="tls">What "wss" needs; null dials it by the system's rules, and does not listen with it.</param>
public sealed class WebSocketTransport(TcpTransportOptions? options = null, WebSocketTlsOptions? tls = null)
    : ITransport
{
    private readonly TcpTransportOptions _options = options ?? new();
    private readonly SslStreamCertificateContext? _certificate = tls?.Certificate is { } own
        ? SslStreamCertificateContext.Create(own, tls.Chain, offline: true)
        : null;

    /// <inheritdoc/>
    public bool CanDial(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return IsHost(address.Parts[0].Code) && address.Parts.Count > 2 && address.Parts[1].Code == MultiaddrCode.Tcp
            && TryTail(address, out _, out _);
    }

    /// <inheritdoc/>
    public bool CanListen(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Parts[0].Code is MultiaddrCode.Ip4 or MultiaddrCode.Ip6 && address.Parts.Count > 2
            && address.Parts[1].Code == MultiaddrCode.Tcp && TryTail(address, out bool isTls, out string? name)
            && name is null && (!isTls || _certificate is not null);
    }

    /// <inheritdoc/>
    public async ValueTask<ITransportConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        TryTail(address, out bool isTls, out string? name);
        ReadOnlyMemory<byte> host = address.Parts[0].Value;
        string hostText = address.Parts[0].Code switch
        {
            MultiaddrCode.Ip4 => new IPAddress(host.Span).ToString(),
            MultiaddrCode.Ip6 => $"[{new IPAddress(host.Span)}]",
            _ => Encoding.ASCII.GetString(host.Span),
        };
        var uri = new Uri($"{(isTls ? "wss" : "ws")}://{name ?? hostText}:{address.PortOf(MultiaddrCode.Tcp)}/");
        Multiaddr local = address.WithoutPeer()!;
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            ConnectCallback = async (_, token) =>
            {
                Socket socket = await ConnectAsync(address, token).ConfigureAwait(false);
                local = AddressOf((IPEndPoint)socket.LocalEndPoint!, isTls);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        if (tls?.ServerCheck is { } check)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = check;
        }

        using var invoker = new HttpMessageInvoker(handler);
        var client = new ClientWebSocket();
        try
        {
            client.Options.KeepAliveInterval = TimeSpan.Zero; // The muxer asks whether the other end is there.
            await client.ConnectAsync(uri, invoker, cancellationToken).ConfigureAwait(false);
            return new WebSocketConnection(client, local, address.WithoutPeer()!);
        }
        catch (Exception error) when (error is WebSocketException or SocketException or HttpRequestException)
        {
            client.Dispose();
            throw new IOException(error.InnerException?.Message ?? error.Message, error);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        ITransportListener tcp = await new TcpTransport(_options)
            .ListenAsync(
                Multiaddr.OfTcp(address.Parts[0].Value.Span, address.PortOf(MultiaddrCode.Tcp)), cancellationToken)
            .ConfigureAwait(false);
        TryTail(address, out bool isTls, out _);
        return new WebSocketListener(tcp, isTls ? _certificate : null, _options.RequestsMax);
    }

    internal static Multiaddr WithWs(Multiaddr tcp, bool isTls) => Multiaddr.Parse($"{tcp}{(isTls ? "/tls" : "")}/ws");

    private static Multiaddr AddressOf(IPEndPoint end, bool isTls) => WithWs(
        Multiaddr.OfTcp(
            (end.Address.IsIPv4MappedToIPv6 ? end.Address.MapToIPv4() : end.Address).GetAddressBytes(), end.Port),
        isTls);

    private static bool IsHost(MultiaddrCode code) => code is MultiaddrCode.Ip4 or MultiaddrCode.Ip6
        or MultiaddrCode.Dns or MultiaddrCode.Dns4 or MultiaddrCode.Dns6;

    /// <summary>What stands behind the port: /ws, /wss, /tls/ws, or /tls/sni/NAME/ws.</summary>
    private static bool TryTail(Multiaddr address, out bool isTls, out string? name)
    {
        int end = address.Peer.IsEmpty ? address.Parts.Count : address.Parts.Count - 1;
        MultiaddrPart[] tail = [.. address.Parts.Skip(2).Take(Math.Max(0, end - 2))];
        MultiaddrCode[] codes = [.. tail.Select(part => part.Code)];
        name = null;
        isTls = !codes.AsSpan().SequenceEqual([MultiaddrCode.Ws]);
        if (!isTls || codes.AsSpan().SequenceEqual([MultiaddrCode.Wss])
            || codes.AsSpan().SequenceEqual([MultiaddrCode.Tls, MultiaddrCode.Ws]))
        {
            return true;
        }

        bool hasName = codes.AsSpan().SequenceEqual([MultiaddrCode.Tls, MultiaddrCode.Sni, MultiaddrCode.Ws]);
        name = hasName ? Encoding.ASCII.GetString(tail[1].Value.Span) : null;
        return hasName;
    }

    private static async ValueTask<Socket> ConnectAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        IPAddress[] ips = await TcpTransport.ResolveAsync(address.Parts[0], cancellationToken).ConfigureAwait(false);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(ips, address.PortOf(MultiaddrCode.Tcp), cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
