using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Protocols.Peers;
using Weft.Testing;
using Weft.Transports;

namespace Weft.Integration.Tests.Network;

/// <summary>A node that may open few files, and more connections than that.</summary>
public sealed class DescriptorTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_storm_of_connections_beyond_its_descriptors_leaves_the_node_serving_and_it_recovers()
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // The shell's limit is what makes the test.
        }

        await using WeftProcess node = await WeftProcess.StartLimitedAsync(
            400, _folder["node"], "--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip4/127.0.0.1/tcp/0/ws");
        Multiaddr address = Multiaddr.Parse(NetworkFlagTests.AddressOf(node));
        var storm = new List<Socket>();
        int[] ports = [address.PortOf(MultiaddrCode.Tcp), WebSocketPort(node)];
        for (int i = 0; i < 500; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            storm.Add(socket);
            await socket.ConnectAsync(IPAddress.Loopback, ports[i % 2]);
        }

        // While they all hold on: the API, a client of GUN's port, and the process itself.
        using HttpClient client = node.Client();
        client.Timeout = TimeSpan.FromSeconds(30);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(new Uri(node.Url, "health/live"))).StatusCode);
        Assert.Equal(0, (await node.CallAsync("put", "room/1", "topic=tea")).Exit);
        JsonElement stats = JsonDocument.Parse((await node.CallAsync("status", "--json")).Out).RootElement;
        long used = stats.GetProperty("network").GetProperty("limits").EnumerateArray()
            .First(one => one.GetProperty("what").GetString() == "descriptors").GetProperty("used").GetInt64();
        Assert.InRange(used, 1, 360);
        Assert.False(node.HasExited);

        storm.ForEach(socket => socket.Dispose());
        var options = new Libp2pOptions { Crypto = PlatformCrypto.Create() };
        options.Transports.Add(new TcpTransport());
        await using Libp2pHost host = await Libp2pHost.StartAsync(options);
        long until = Stopwatch.GetTimestamp() + (60 * Stopwatch.Frequency);
        while (host.Connections.Count == 0 && Stopwatch.GetTimestamp() < until)
        {
            await Record.ExceptionAsync(() => host.ConnectAsync(address)); // Refused until the silent ones are gone.
        }

        Assert.True(await host.PingAsync(address.Peer) > TimeSpan.Zero);
        Assert.Equal(0, await node.StopAsync(TimeSpan.FromSeconds(20)));
    }

    private static int WebSocketPort(WeftProcess node) => Multiaddr.Parse(JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal)))
        .RootElement.GetProperty("addresses")[1].GetString()!).PortOf(MultiaddrCode.Tcp);
}
