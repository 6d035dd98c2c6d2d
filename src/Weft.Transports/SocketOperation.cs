using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Weft.Transports;

/// <summary>
/// One receive or one send of a socket at a time, awaited without an allocation. A failure is thrown once, where it is
/// awaited; the socket's own awaitable operations throw it with the whole stack spelled out, which is most of what the
/// end of a connection would cost.
/// </summary>
internal sealed class SocketOperation() : SocketAsyncEventArgs(true), IValueTaskSource<int>
{
    // Continuations run on: it is a thread of the pool already. "true" above: no execution context is carried along.
    private ManualResetValueTaskSourceCore<int> _core;

    internal ValueTask<int> ReceiveAsync(Socket socket, Memory<byte> buffer)
    {
        Begin(buffer);
        return socket.ReceiveAsync(this) ? new(this, _core.Version) : End();
    }

    internal ValueTask<int> SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        // The socket only reads what it sends.
        Begin(System.Runtime.InteropServices.MemoryMarshal.AsMemory(bytes));
        return socket.SendAsync(this) ? new(this, _core.Version) : End();
    }

    int IValueTaskSource<int>.GetResult(short token)
    {
        _core.GetResult(token);
        LetGo();
        return SocketError == SocketError.Success ? BytesTransferred : throw Failure();
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    protected override void OnCompleted(SocketAsyncEventArgs e) => _core.SetResult(0);

    private void Begin(Memory<byte> buffer)
    {
        SetBuffer(buffer);
        _core.Reset();
    }

    private ValueTask<int> End()
    {
        LetGo();
        return SocketError == SocketError.Success ? new(BytesTransferred) : ValueTask.FromException<int>(Failure());
    }

    /// <summary>A connection that waits holds on to no buffer of the pool.</summary>
    private void LetGo()
    {
        try
        {
            SetBuffer(default);
        }
        catch (ObjectDisposedException)
        {
            // The connection was disposed meanwhile, and with it this; what was awaited has its answer all the same.
        }
    }

    private IOException Failure()
    {
        var error = new SocketException((int)SocketError);
        return new(error.Message, error);
    }
}
