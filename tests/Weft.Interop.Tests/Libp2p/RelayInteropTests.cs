using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Relay;
using Weft.Libp2p.Streams;
using Weft.Protocols.Peers;
using Weft.Protocols.Relay;
using Weft.Transports.Mdns;

namespace Weft.Interop.Tests.Libp2p;

/// <summary>Relays and discovery between Weft and unmodified js-libp2p.</summary>
public sealed class RelayInteropTests
{
    private static readonly StreamRules Limited = new() { AllowsLimited = true };

    [GunFact]
    public async Task Two_js_peers_reach_each_other_through_a_Weft_relay_and_a_third_that_is_Weft_reaches_one()
    {
        await using Libp2pHost relayHost = await Libp2pPeer.StartHostAsync(options => options.UseTestProfile());
        await using var relay = new RelayService(relayHost, new() { CircuitBytes = 100_000 });
        await relay.StartAsync();
        string through = $"{relayHost.Addresses[0]}/p2p-circuit";
        await using NodeProcess hidden = await Libp2pPeer.StartJsAsync(new { listen = new[] { through } });
        await using NodeProcess dialler = await Libp2pPeer.StartJsAsync(new { listen = Array.Empty<string>() });
        await Libp2pPeer.UntilAsync(() => relay.Reservations == 1 ? "" : null);
        string address = $"{through}/p2p/{Libp2pPeer.IdOf(hidden)}";

        JsonElement seen = await dialler.RunAsync(
            $"""
            const answer = await echo('{address}', 'through Weft')
            const [connection] = node.getConnections(peerIdFromString('{Libp2pPeer.IdOf(hidden)}'))
            return [answer, connection.limits != null, connection.remoteAddr.toString()]
            """);
        Assert.Equal("through Weft", seen[0].GetString());
        Assert.True(seen[1].GetBoolean());
        Assert.Contains("/p2p-circuit", seen[2].GetString(), StringComparison.Ordinal);
        Assert.Equal(1, relay.Circuits);

        await using Libp2pHost weft = await Libp2pPeer.StartHostAsync();
        await using var client = new RelayClient(weft);
        await client.StartAsync();
        PeerConnection connection = await weft.ConnectAsync(Multiaddr.Parse(address));
        Assert.True(connection.IsLimited);
        Assert.Equal("hi"u8.ToArray(), await EchoAsync(weft, connection, "hi"u8.ToArray()));

        // More than the circuit may carry: it is cut, at both ends.
        await Assert.ThrowsAnyAsync<IOException>(() => EchoAsync(weft, connection, new byte[200_000]));
        await connection.Closed.WaitAsync(TimeSpan.FromSeconds(20));
        await Libp2pPeer.UntilAsync(() => relay.Circuits == 1 ? "" : null);
    }

    [GunFact]
    public async Task A_Weft_peer_keeps_a_place_at_a_js_relay_and_js_and_Weft_reach_it_there()
    {
        await using NodeProcess relay = await Libp2pPeer.StartJsAsync(new { listen = new[] { Libp2pPeer.Tcp }, relay = true });
        Multiaddr relayAddress = Multiaddr.Parse(relay.Hello.GetProperty("addresses")[0].GetString()!);
        await using Libp2pHost hidden = await Libp2pPeer.StartHostAsync(options => options.Listen.Clear());
        hidden.Handle("/echo/1.0.0", async (stream, token) => await stream.CopyToAsync(stream, token), Limited);
        await using var place = new RelayClient(hidden);
        await place.StartAsync();
        Assert.True(place.AddRelay(relayAddress));
        await Libp2pPeer.UntilAsync(() => place.Reserved.Count == 1 ? "" : null);
        Multiaddr address = Multiaddr.Parse($"{relayAddress}/p2p-circuit/p2p/{hidden.Id}");
        Assert.Contains(address, hidden.Addresses);

        await using NodeProcess js = await Libp2pPeer.StartJsAsync(new { listen = Array.Empty<string>() });
        JsonElement echoed = await js.RunAsync($"return await echo('{address}', 'through js')");
        Assert.Equal("through js", echoed.GetString());

        await using Libp2pHost dialler = await Libp2pPeer.StartHostAsync();
        await using var client = new RelayClient(dialler);
        await client.StartAsync();
        PeerConnection connection = await dialler.ConnectAsync(address);
        Assert.True(connection.IsLimited);
        Assert.Equal("hi"u8.ToArray(), await EchoAsync(dialler, connection, "hi"u8.ToArray()));

        Multiaddr nobody = Multiaddr.Parse($"{relayAddress}/p2p-circuit/p2p/{Libp2pPeer.IdOf(js)}");
        Libp2pException refused = await Assert.ThrowsAsync<Libp2pException>(() => dialler.DialAsync(nobody));
        Assert.Contains(nameof(RelayStatus.NoReservation), refused.ToString(), StringComparison.Ordinal);
    }

    [GunFact]
    public async Task A_js_peer_and_a_Weft_peer_find_each_other_by_mDNS()
    {
        // js sends to one address of loopback and listens at all; Weft the other way round: nothing leaves the machine.
        int port = FreePort();
        object mdns = new { port, ip = "127.0.0.2", interval = 500 };
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(
            arguments: new { listen = new[] { Libp2pPeer.Tcp }, mdns });
        await using var discovery = new MdnsDiscovery(pair.Host, new()
        {
            Always = true,
            Bind = new(IPAddress.Parse("127.0.0.2"), port),
            Group = new(IPAddress.Loopback, port),
            Protocol = new() { UseLoopback = true, PauseMin = TimeSpan.FromMilliseconds(200) },
        });
        await discovery.StartAsync();
        await Libp2pPeer.UntilAsync(() => pair.Host.Book.Addresses(pair.Id).Count > 0 ? "" : null);
        JsonElement found = await pair.Js.RunAsync($"return await until(() => found.includes('{pair.Host.Id}'))");

        Assert.True(found.GetBoolean());
        Assert.Equal(pair.Id, (await pair.Host.ConnectAsync(pair.Id)).Remote);
    }

    private static int FreePort()
    {
        using var socket = new UdpClient(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)socket.Client.LocalEndPoint!).Port;
    }

    private static async Task<byte[]> EchoAsync(Libp2pHost host, PeerConnection connection, byte[] data)
    {
        await using PeerStream stream = await host.OpenStreamAsync(connection, ["/echo/1.0.0"], Limited);
        await stream.WriteAsync(data);
        byte[] back = new byte[data.Length];
        await stream.ReadExactlyAsync(back).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        return back;
    }
}
