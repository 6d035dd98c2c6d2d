using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using TransportInterop;

namespace Weft.Integration.Tests.Libp2p;

/// <summary>
/// Both ends of the transport interoperability test, which meet through a Redis server of a few lines.
/// </summary>
public sealed class TransportInteropTests
{
    [Theory]
    [InlineData("tcp", "noise")]
    [InlineData("tcp", "tls")]
    [InlineData("ws", "noise")]
    [InlineData("wss", "tls")]
    public async Task The_dialer_finds_the_listener_pings_it_and_prints_one_line(string transport, string security)
    {
        await using var redis = new TinyRedis();
        using var over = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var result = new StringWriter();
        var nothing = new StringWriter();
        Task<int> dialer = InteropEnd.RunAsync( // The first to come: it waits for the other's address.
            Settings(redis, transport, security, isDialer: true), result, TextWriter.Null, over.Token);
        Task<int> listener = InteropEnd.RunAsync(
            Settings(redis, transport, security, isDialer: false), nothing, TextWriter.Null, over.Token);

        Assert.Equal(0, await dialer);
        JsonElement line = JsonDocument.Parse(result.ToString()).RootElement;
        double ping = line.GetProperty("pingRTTMilllis").GetDouble();
        Assert.InRange(ping, 0.001, 20_000);
        Assert.InRange(line.GetProperty("handshakePlusOneRTTMillis").GetDouble(), ping, 30_000);
        Assert.Equal(1, result.ToString().Count(one => one == '\n'));
        await over.CancelAsync();
        Assert.Equal(1, await listener);
        Assert.Empty(nothing.ToString());
    }

    [Fact]
    public async Task Ends_that_do_not_match_fail_and_print_nothing()
    {
        await using var redis = new TinyRedis();
        using var over = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var result = new StringWriter();
        Task<int> listener = InteropEnd.RunAsync(
            Settings(redis, "tcp", "noise", isDialer: false), TextWriter.Null, TextWriter.Null, over.Token);

        Assert.Equal(1, await InteropEnd.RunAsync(
            Settings(redis, "tcp", "tls", isDialer: true), result, TextWriter.Null, over.Token));
        Assert.Empty(result.ToString());
        await over.CancelAsync();
        Assert.Equal(1, await listener);
    }

    [Fact]
    public void Settings_are_read_as_the_test_plans_give_them()
    {
        var variables = new Dictionary<string, string>
        {
            ["transport"] = "tcp", ["security"] = "noise", ["muxer"] = "yamux", ["is_dialer"] = "true",
        };
        InteropSettings read = InteropSettings.From(variables.GetValueOrDefault);
        Assert.Equal(
            new InteropSettings("tcp", "noise", true, "0.0.0.0", "redis", 6_379, TimeSpan.FromSeconds(180)), read);

        variables["redis_addr"] = "10.0.0.9:7000";
        variables["test_timeout_seconds"] = "2.5";
        variables["ip"] = "10.0.0.1";
        read = InteropSettings.From(variables.GetValueOrDefault);
        Assert.Equal(
            ("10.0.0.1", "10.0.0.9", 7_000, 2.5), (read.Ip, read.RedisHost, read.RedisPort, read.Timeout.TotalSeconds));
        variables["muxer"] = "mplex";
        Assert.Throws<ArgumentException>(() => InteropSettings.From(variables.GetValueOrDefault));
        variables.Remove("muxer");
        Assert.Throws<ArgumentException>(() => InteropSettings.From(variables.GetValueOrDefault));
    }

    [Theory]
    [InlineData("-ERR no\r\n")]
    [InlineData("*-1\r\n")]
    [InlineData("*2\r\n$99999999\r\n")]
    [InlineData("*2\r\n:1\r\n")]
    [InlineData("")]
    public async Task A_server_that_answers_with_something_else_is_an_error(string answer)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using RedisClient client = await RedisClient.ConnectAsync("127.0.0.1", port, CancellationToken.None);
        using (TcpClient server = await listener.AcceptTcpClientAsync())
        {
            await server.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer));
            server.Client.Shutdown(SocketShutdown.Send);
            await Assert.ThrowsAnyAsync<IOException>(
                () => client.PopAsync("x", CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20)));
        }
    }

    private static InteropSettings Settings(TinyRedis redis, string transport, string security, bool isDialer) =>
        new(transport, security, isDialer, "127.0.0.1", "127.0.0.1", redis.Port, TimeSpan.FromSeconds(30));

    /// <summary>RPUSH and BLPOP, nothing else.</summary>
    private sealed class TinyRedis : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly ConcurrentDictionary<string, Channel<string>> _lists = new();
        private readonly CancellationTokenSource _stopping = new();

        public TinyRedis()
        {
            _listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            _listener.Dispose();
        }

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
                }
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private async Task ServeAsync(TcpClient client)
        {
            using (client)
            using (var reader = new StreamReader(client.GetStream(), Encoding.ASCII))
            {
                while (await reader.ReadLineAsync() is { } head)
                {
                    var words = new List<string>();
                    for (int left = int.Parse(head[1..], System.Globalization.CultureInfo.InvariantCulture); left > 0; left--)
                    {
                        await reader.ReadLineAsync(); // Its length.
                        words.Add((await reader.ReadLineAsync())!);
                    }

                    Channel<string> list = _lists.GetOrAdd(words[1], _ => Channel.CreateBounded<string>(8));
                    string answer = ":1\r\n";
                    if (words[0] == "RPUSH")
                    {
                        list.Writer.TryWrite(words[2]);
                    }
                    else
                    {
                        string value = await list.Reader.ReadAsync(_stopping.Token);
                        answer = $"*2\r\n${words[1].Length}\r\n{words[1]}\r\n${value.Length}\r\n{value}\r\n";
                    }

                    await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer));
                }
            }
        }
    }
}
