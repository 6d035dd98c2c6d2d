using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Transports;

/// <summary>One TCP connection.</summary>
internal sealed class TcpConnection : ITransportConnection
{
    // A send usually ends at once: connections share what is needed for it.
    [ThreadStatic]
    private static SocketOperation? _spare;

    private readonly Socket _socket;
    private readonly SocketOperation _receiving = new();

    internal TcpConnection(Socket socket)
    {
        _socket = socket;
        LocalAddress = Of((IPEndPoint)socket.LocalEndPoint!);
        RemoteAddress = Of((IPEndPoint)socket.RemoteEndPoint!);
    }

    public Multiaddr LocalAddress { get; }

    public Multiaddr RemoteAddress { get; }

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        ValueTask<int> read;
        try
        {
            read = _receiving.ReceiveAsync(_socket, buffer);
        }
        catch (ObjectDisposedException error)
        {
            return ValueTask.FromException<int>(new IOException(error.Message, error));
        }

        return read.IsCompleted || !cancellationToken.CanBeCanceled ? read : Cancellable(read, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        SocketOperation sending = _spare ?? new();
        _spare = null;
        try
        {
            while (!bytes.IsEmpty)
            {
                ValueTask<int> sent = sending.SendAsync(_socket, bytes);
                bytes = bytes[
                    (sent.IsCompleted || !cancellationToken.CanBeCanceled
                        ? await sent.ConfigureAwait(false)
                        : await Cancellable(sent, cancellationToken).ConfigureAwait(false))..];
            }
        }
        catch (ObjectDisposedException error)
        {
            throw new IOException(error.Message, error);
        }
        finally
        {
            if (_spare is null)
            {
                _spare = sending;
            }
            else
            {
                sending.Dispose();
            }
        }
    }

    public void Abort() => _socket.Dispose();

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _receiving.Dispose(); // Takes effect once nothing waits for it any more.
        return default;
    }

    /// <summary>Who gives up ends the connection: half a message is of no use to anyone.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> Cancellable(ValueTask<int> operation, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static connection => ((TcpConnection)connection!).Abort(), this);
        try
        {
            return await operation.ConfigureAwait(false);
        }
        catch (IOException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    private static Multiaddr Of(IPEndPoint end)
    {
        IPAddress ip = end.Address.IsIPv4MappedToIPv6 ? end.Address.MapToIPv4() : end.Address;
        return Multiaddr.OfTcp(ip.GetAddressBytes(), end.Port);
    }
}
