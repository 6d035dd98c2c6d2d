using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Transports;

/// <summary>How TCP connections are made and taken.</summary>
public sealed class TcpTransportOptions
{
    /// <summary>Connections the system holds before they are taken: 1 to 4,096. Default: 512.</summary>
    public int Backlog { get; set; } = 512;

    /// <summary>
    /// WebSocket requests that are read at once; who comes then waits in the backlog, and after a second the slowest
    /// request gives way: 1 and up. Default: 64.
    /// </summary>
    public int RequestsMax { get; set; } = 64;

    /// <summary>Idle time after which the system asks whether the other end is still there. Default: 60 s.</summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(60);
}

/// <summary>
/// Connections over TCP: "/ip4/…/tcp/…", "/ip6/…/tcp/…", and names ("/dns", "/dns4", "/dns6") to dial.
/// </summary>
public sealed class TcpTransport(TcpTransportOptions? options = null) : ITransport
{
    private readonly TcpTransportOptions _options = options ?? new();

    /// <inheritdoc/>
    public bool CanDial(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return CanListen(address) || address.IsOf(MultiaddrCode.Dns, MultiaddrCode.Tcp)
            || address.IsOf(MultiaddrCode.Dns4, MultiaddrCode.Tcp) || address.IsOf(MultiaddrCode.Dns6, MultiaddrCode.Tcp);
    }

    /// <inheritdoc/>
    public bool CanListen(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.IsOf(MultiaddrCode.Ip4, MultiaddrCode.Tcp) || address.IsOf(MultiaddrCode.Ip6, MultiaddrCode.Tcp);
    }

    /// <inheritdoc/>
    public async ValueTask<ITransportConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        IPAddress[] candidates = await ResolveAsync(address.Parts[0], cancellationToken).ConfigureAwait(false);
        int port = address.PortOf(MultiaddrCode.Tcp);
        IOException? last = null;
        foreach (IPAddress ip in candidates)
        {
            var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                Prepare(socket);
                await socket.ConnectAsync(new IPEndPoint(ip, port), cancellationToken).ConfigureAwait(false);
                return new TcpConnection(socket);
            }
            catch (SocketException error)
            {
                socket.Dispose();
                last = new IOException(error.Message, error);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw last ?? new IOException($"The name in {address} has no address.");
    }

    /// <inheritdoc/>
    public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        var ip = new IPAddress(address.Parts[0].Value.Span);
        var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (ip.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false; // "/ip6/::" says IPv6; who wants IPv4, too, listens twice.
            }

            socket.Bind(new IPEndPoint(ip, address.PortOf(MultiaddrCode.Tcp)));
            socket.Listen(_options.Backlog);
            return new(new Listener(socket, this));
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new IOException(error.Message, error);
        }
    }

    internal static async ValueTask<IPAddress[]> ResolveAsync(MultiaddrPart part, CancellationToken cancellationToken)
    {
        AddressFamily family = part.Code switch
        {
            MultiaddrCode.Dns4 => AddressFamily.InterNetwork,
            MultiaddrCode.Dns6 => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unspecified,
        };
        if (part.Code is MultiaddrCode.Ip4 or MultiaddrCode.Ip6)
        {
            return [new IPAddress(part.Value.Span)];
        }

        try
        {
            return await Dns.GetHostAddressesAsync(Encoding.ASCII.GetString(part.Value.Span), family, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (SocketException error)
        {
            throw new IOException(error.Message, error);
        }
    }

    private void Prepare(Socket socket)
    {
        socket.NoDelay = true; // The muxer gathers small writes itself.
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(
            SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)Math.Max(1, _options.KeepAlive.TotalSeconds));
    }

    private sealed class Listener : ITransportListener
    {
        private static readonly TimeSpan ExhaustedPause = TimeSpan.FromMilliseconds(100);

        private readonly Socket _socket;
        private readonly TcpTransport _owner;

        internal Listener(Socket socket, TcpTransport owner)
        {
            _socket = socket;
            _owner = owner;
            var bound = (IPEndPoint)socket.LocalEndPoint!;
            Addresses = [.. Reachable(bound.Address).Select(ip => Multiaddr.OfTcp(ip.GetAddressBytes(), bound.Port))];
        }

        public IReadOnlyList<Multiaddr> Addresses { get; }

        public async ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken)
        {
            try
            {
                Socket socket = await _socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    _owner.Prepare(socket);
                    return new TcpConnection(socket);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
            catch (SocketException error) when (
                error.SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted)
            {
                return null;
            }
            catch (SocketException error)
            {
                if (error.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
                {
                    // Asking again at once only keeps a core busy until somebody closes something.
                    await Task.Delay(ExhaustedPause, cancellationToken).ConfigureAwait(false);
                }

                throw new IOException(error.Message, error);
            }
        }

        public ValueTask DisposeAsync()
        {
            _socket.Dispose();
            return default;
        }

        /// <summary>A wildcard stands for every address this machine has.</summary>
        private static IEnumerable<IPAddress> Reachable(IPAddress bound)
        {
            if (!bound.Equals(IPAddress.Any) && !bound.Equals(IPAddress.IPv6Any))
            {
                return [bound];
            }

            IPAddress[] own =
            [
                .. NetworkInterface.GetAllNetworkInterfaces()
                    .Where(one => one.OperationalStatus == OperationalStatus.Up)
                    .SelectMany(one => one.GetIPProperties().UnicastAddresses)
                    .Select(one => one.Address)
                    .Where(ip => ip.AddressFamily == bound.AddressFamily && !ip.IsIPv6LinkLocal),
            ];
            return own.Length > 0 ? own : [bound.Equals(IPAddress.Any) ? IPAddress.Loopback : IPAddress.IPv6Loopback];
        }
    }
}
