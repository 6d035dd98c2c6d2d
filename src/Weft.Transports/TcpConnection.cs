using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Transports;

/// <summary>One TCP connection.</summary>
internal sealed class TcpConnection : ITransportConnection
{
    private readonly Socket _socket;

    internal TcpConnection(Socket socket)
    {
        _socket = socket;
        LocalAddress = Of((IPEndPoint)socket.LocalEndPoint!);
        RemoteAddress = Of((IPEndPoint)socket.RemoteEndPoint!);
    }

    public Multiaddr LocalAddress { get; }

    public Multiaddr RemoteAddress { get; }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await _socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw new IOException(error.Message, error);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None, cancellationToken).ConfigureAwait(false)..];
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw new IOException(error.Message, error);
        }
    }

    public void Abort() => _socket.Dispose();

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return default;
    }

    private static Multiaddr Of(IPEndPoint end)
    {
        IPAddress ip = end.Address.IsIPv4MappedToIPv6 ? end.Address.MapToIPv4() : end.Address;
        return Multiaddr.OfTcp(ip.GetAddressBytes(), end.Port);
    }
}
