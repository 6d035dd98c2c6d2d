using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Integration.Tests.Cli;

/// <summary>One request as it came in, and the connection under it.</summary>
internal sealed class ScriptedRequest(NetworkStream stream, string head)
{
    /// <summary>The request line and the headers.</summary>
    public string Head { get; } = head;

    /// <summary>Bytes of the body.</summary>
    public int Length { get; } = LengthIn(head);

    /// <summary>Reads the whole body.</summary>
    public async Task<string> BodyAsync()
    {
        byte[] body = new byte[Length];
        await stream.ReadExactlyAsync(body);
        return Encoding.UTF8.GetString(body);
    }

    /// <summary>Sends a whole answer.</summary>
    public Task AnswerAsync(int status, string type, string json) => stream.WriteAsync(Encoding.UTF8.GetBytes(
        $"HTTP/1.1 {status} X\r\nContent-Type: {type}\r\nContent-Length: {json.Length}\r\n\r\n{json}")).AsTask();

    /// <summary>Refuses a line.</summary>
    public Task RefuseLineAsync(int line) => AnswerAsync(
        400, "application/problem+json", $"{{\"code\":\"W1004\",\"detail\":\"a bad line\",\"line\":{line}}}");

    /// <summary>Takes the lines.</summary>
    public Task TakeAsync() =>
        AnswerAsync(200, "application/json", "{\"lines\":1,\"fields\":1,\"applied\":1,\"durable\":\"disk\"}");

    private static int LengthIn(string head)
    {
        const string Name = "content-length:";
        int at = head.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        return at < 0
            ? 0
            : int.Parse(head[(at + Name.Length)..].Split('\r')[0], CultureInfo.InvariantCulture);
    }
}

/// <summary>
/// A stand-in for a node that fails as a test wants it. A script that returns false resets the connection.
/// </summary>
internal sealed class ScriptedNode : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<ScriptedRequest, Task<bool>> _script;
    private readonly List<Task> _connections = [];
    private readonly List<Socket> _sockets = [];
    private readonly Task _accepting;

    public ScriptedNode(Func<ScriptedRequest, Task<bool>> script)
    {
        _script = script;
        _listener.Server.ReceiveBufferSize = 16 * 1024; // So that a body that nobody reads fills it.
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>A command line that talks to it.</summary>
    public CliCall Call() =>
        new CliCall().With("WEFT_URL", $"http://{_listener.LocalEndpoint}").With("WEFT_TOKEN", "token-of-nobody-12345");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
        lock (_sockets)
        {
            _sockets.ForEach(socket => socket.Dispose());
        }

        await Task.WhenAll(_connections);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync();
                socket.NoDelay = true;
                lock (_sockets)
                {
                    _sockets.Add(socket);
                }

                _connections.Add(ServeAsync(socket));
            }
        }
        catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            while (await HeadAsync(stream) is { } head && await _script(new ScriptedRequest(stream, head)))
            {
                // The next request on this connection.
            }
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException)
        {
            // The client went away, as some of these tests want it to.
        }
        finally
        {
            if (socket.Connected && socket.Available == 0)
            {
                socket.LingerState = new LingerOption(true, 0); // With unread bytes closing resets by itself.
            }
        }
    }

    private static async Task<string?> HeadAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one) > 0)
        {
            head.Append((char)one[0]);
            if (one[0] == '\n' && head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                return head.ToString();
            }
        }

        return null;
    }
}
