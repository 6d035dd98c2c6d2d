using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Weft.Transports;

/// <summary>Takes TCP connections over which signed logs are replicated in Hypercore's wire protocol.</summary>
/// <remarks>What comes is encrypted and says nothing about a log to who does not know its key. Source:
/// docs/spec/log.md, section 8.</remarks>
public sealed class LogTcp : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly Func<Stream, string, CancellationToken, Task> _serve;
    private readonly CancellationTokenSource _stopping = new();
    private readonly HashSet<Task> _serving = [];
    private readonly Task _accepting;

    private LogTcp(Socket socket, Func<Stream, string, CancellationToken, Task> serve)
    {
        _socket = socket;
        _serve = serve;
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where it listens, with the real port.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Begins to listen.</summary>
    /// <param name="address">"127.0.0.1:8767", "[::1]:8767"; port 0 takes a free one.</param>
    /// <param name="serve">Replicates over one connection until it ends, and disposes the stream.</param>
    /// <exception cref="FormatException">The address is not one.</exception>
    /// <exception cref="IOException">The port cannot be listened on.</exception>
    public static LogTcp Listen(string address, Func<Stream, string, CancellationToken, Task> serve)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(serve);
        if (!IPEndPoint.TryParse(address, out IPEndPoint? end) || !address.Contains(':'))
        {
            throw new FormatException($"'{address}' is not an IP address and a port, such as 127.0.0.1:8767.");
        }

        var socket = new Socket(end.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(end);
            socket.Listen();
            return new LogTcp(socket, serve);
        }
        catch (SocketException taken)
        {
            socket.Dispose();
            throw new IOException(taken.Message, taken);
        }
    }

    /// <summary>Connects to a peer.</summary>
    /// <param name="address">"host:port".</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">Nobody answers, or the address is none.</exception>
    public static async ValueTask<Stream> DialAsync(string address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        int colon = address.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(
            address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port > 65_535)
        {
            throw new IOException($"'{address}' is not a host and a port, such as 127.0.0.1:8767.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address[..colon].Trim('[', ']'), port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            throw new IOException($"{address}: {failure.Message}", failure);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Stops listening, and ends what it served.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        Task[] serving;
        lock (_serving)
        {
            serving = [.. _serving];
        }

        await Task.WhenAll(serving).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Socket socket = await _socket.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                socket.NoDelay = true;
                Serve(socket);
            }
            catch (SocketException)
            {
                // One that gave up before it was taken.
            }
            catch (Exception end) when (end is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Serve(Socket socket)
    {
        string name = socket.RemoteEndPoint?.ToString() ?? "?";
        Task task = Task.Run(() => ServeAsync(new NetworkStream(socket, ownsSocket: true), name));
        lock (_serving)
        {
            _serving.Add(task);
        }

        _ = task.ContinueWith(
            done =>
            {
                lock (_serving)
                {
                    _serving.Remove(done);
                }
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private async Task ServeAsync(NetworkStream stream, string name)
    {
        try
        {
            await _serve(stream, name, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception end) when (end is IOException or OperationCanceledException or Primitives.WeftException)
        {
            // The connection, or the node, has ended.
        }
        finally
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }
}
