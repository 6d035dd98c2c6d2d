using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Threading.Channels;
using Weft.Crypto;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Interop.Tests.Hypercore;

/// <summary>One log of Weft on TCP: a driver for tests, which decides nothing.</summary>
internal sealed class LogTcpNode : IAsyncDisposable
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);

    private readonly object _gate = new();
    private readonly LogHubCore _hub;
    private readonly byte[] _seed = RandomNumberGenerator.GetBytes(32);
    private readonly Dictionary<int, (TcpClient Client, Channel<byte[]> Outgoing)> _connections = [];
    private readonly List<(Func<bool> Condition, TaskCompletionSource Done)> _waiting = [];
    private readonly Action<byte[]>? _spoil;
    private TcpListener? _listener;
    private int _last;

    public LogTcpNode(LogCore log, Action<byte[]>? spoil = null)
    {
        Log = log;
        _spoil = spoil;
        _hub = new LogHubCore(PlatformCrypto.Create());
        Do((hub, outbox) => hub.Add(new ReplicationCore(log, new ReplicationOptions()), Now, outbox));
    }

    public LogCore Log { get; }

    /// <summary>What happened to the log, and why connections ended.</summary>
    public List<string> Events { get; } = [];

    private static WeftInstant Now => new(Stopwatch.GetTimestamp() * 1_000_000 / Stopwatch.Frequency);

    public int Listen()
    {
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        _ = AcceptAsync(_listener);
        return ((IPEndPoint)_listener.LocalEndpoint).Port;
    }

    public async Task ConnectAsync(int port)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        Take(client, isInitiator: true);
    }

    public void Run(Action<ReplicationCore, Outbox<ReplicationOutput>> command) =>
        Do((hub, outbox) => hub.Run(Log.Key, command, Now, outbox));

    public void Download(long start, long? end) =>
        Run((core, outbox) => Assert.NotEqual(0, core.DownloadRange(start, end, Now, outbox)));

    /// <summary>Completes when a condition over the log holds; it is looked at after every input.</summary>
    public async Task UntilAsync(Func<LogCore, bool> condition)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (condition(Log))
            {
                return;
            }

            _waiting.Add((() => condition(Log), done));
        }

        if (await Task.WhenAny(done.Task, Task.Delay(WaitMax)) != done.Task)
        {
            string seen = string.Join(", ", Events.TakeLast(12));
            Assert.Fail($"Never came; length {Log.Length}, contiguous {Log.ContiguousLength}, fork {Log.Fork}: {seen}");
        }
    }

    public void Cut()
    {
        lock (_gate)
        {
            foreach ((TcpClient client, _) in _connections.Values)
            {
                client.Dispose();
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        _listener?.Dispose();
        Cut();
        return ValueTask.CompletedTask;
    }

    /// <summary>Changes the log under the lock, makes it durable and tells peers.</summary>
    public void Change(Func<LogCore, LogVerdict> change) => Do((hub, outbox) =>
        Assert.Equal(LogVerdict.Accepted, change(Log)));

    private void Do(Action<LogHubCore, Outbox<LogHubOutput>> action)
    {
        lock (_gate)
        {
            var outbox = new Outbox<LogHubOutput>();
            action(_hub, outbox);
            LogHead shown = Log.Published;
            Log.OnDurable(Log.LastCommit);
            if (!ReferenceEquals(shown, Log.Published))
            {
                _hub.Run(Log.Key, (core, outputs) => core.OnPublished(Now, outputs), Now, outbox);
            }

            foreach (ref readonly LogHubOutput output in outbox.Items)
            {
                Carry(output);
            }

            foreach ((Func<bool> condition, TaskCompletionSource done) in _waiting.ToArray())
            {
                if (condition())
                {
                    done.TrySetResult();
                }
            }
        }
    }

    private void Carry(in LogHubOutput output)
    {
        switch (output.Kind)
        {
            case LogHubOutputKind.Send when _connections.TryGetValue(output.Connection, out var to):
                to.Outgoing.Writer.TryWrite(output.Bytes.ToArray());
                break;
            case LogHubOutputKind.Close:
                Events.Add($"closed: {output.Reason}");
                if (_connections.Remove(output.Connection, out var gone))
                {
                    gone.Outgoing.Writer.TryComplete();
                    gone.Client.Dispose();
                }

                break;
            case LogHubOutputKind.Event:
                Events.Add($"{output.Event.Kind} {output.Event.Index} {output.Event.Verdict}");
                break;
        }
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Take(await listener.AcceptTcpClientAsync(), isInitiator: false);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private void Take(TcpClient client, bool isInitiator)
    {
        int number = Interlocked.Increment(ref _last);
        Channel<byte[]> outgoing = Channel.CreateUnbounded<byte[]>(); // Bounded by the core: it waits for OnSent.
        lock (_gate)
        {
            _connections[number] = (client, outgoing);
        }

        Do((hub, outbox) => hub.OnConnected(
            number, isInitiator, _seed, RandomNumberGenerator.GetBytes(LogHubCore.RandomLength), outbox));
        _ = WriteAsync(number, client.GetStream(), outgoing);
        _ = ReadAsync(number, client.GetStream());
    }

    private async Task WriteAsync(int number, NetworkStream stream, Channel<byte[]> outgoing)
    {
        try
        {
            await foreach (byte[] bytes in outgoing.Reader.ReadAllAsync())
            {
                int length = bytes.Length;
                _spoil?.Invoke(bytes);
                await stream.WriteAsync(bytes);
                Do((hub, outbox) => hub.OnSent(number, length, Now, outbox));
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The reader notices as well, and says so to the core.
        }
    }

    private async Task ReadAsync(int number, NetworkStream stream)
    {
        byte[] buffer = new byte[64 * 1_024];
        try
        {
            while (await stream.ReadAsync(buffer) is int count and > 0)
            {
                Do((hub, outbox) => hub.OnBytes(number, buffer.AsSpan(0, count), Now, outbox));
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // Cut.
        }

        Do((hub, outbox) => hub.OnClosed(number, Now, outbox));
    }
}
