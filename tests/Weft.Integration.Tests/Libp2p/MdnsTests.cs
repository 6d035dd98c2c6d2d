using System.Net;
using System.Net.Sockets;
using Weft.Libp2p;
using Weft.Protocols.Dialing;
using Weft.Transports.Mdns;

namespace Weft.Integration.Tests.Libp2p;

/// <summary>
/// Peers that find each other by multicast, which stays within this machine, or over sockets of their own.
/// </summary>
public sealed class MdnsTests
{
    [Fact]
    public async Task Two_hosts_find_each_other_and_connect()
    {
        await using Libp2pHost left = await RawPeer.StartHostAsync();
        await using Libp2pHost right = await RawPeer.StartHostAsync();
        (IPEndPoint here, IPEndPoint there) = FreePorts();
        await using MdnsDiscovery first = Over(left, bind: here, to: there);
        await using MdnsDiscovery second = Over(right, bind: there, to: here);
        await first.StartAsync();
        await second.StartAsync();

        await RawPeer.UntilAsync(() => left.Book.Addresses(right.Id).Count > 0 && right.Book.Addresses(left.Id).Count > 0);
        Assert.Equal(PeerSource.Mdns, left.Book.Find(right.Id)[0].Source);
        Assert.Equal(right.Addresses[0].WithoutPeer(), left.Book.Addresses(right.Id)[0]);
        Assert.True(first.Found > 0);
        Assert.Equal(right.Id, (await left.ConnectAsync(right.Id)).Remote);
    }

    [MulticastFact]
    public async Task Three_hosts_find_each_other_by_multicast()
    {
        var hosts = new List<Libp2pHost>();
        var found = new List<MdnsDiscovery>();
        int port = FreePorts().Here.Port;
        try
        {
            for (int i = 0; i < 3; i++)
            {
                hosts.Add(await RawPeer.StartHostAsync());
                found.Add(new(hosts[i], new()
                {
                    Always = true,
                    Hops = 0,
                    Group = new(IPAddress.Parse("224.0.0.251"), port),
                    Protocol = new() { UseLoopback = true, PauseMin = TimeSpan.FromMilliseconds(100) },
                }));
                await found[i].StartAsync();
            }

            await RawPeer.UntilAsync(() => hosts.TrueForAll(
                one => hosts.TrueForAll(other => one == other || one.Book.Addresses(other.Id).Count > 0)));
            Assert.All(found, one => Assert.True(one is { IsActive: true, Found: >= 2 }));
        }
        finally
        {
            foreach (MdnsDiscovery one in found)
            {
                await one.DisposeAsync();
            }

            foreach (Libp2pHost one in hosts)
            {
                await one.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task Where_only_loopback_is_listened_at_nothing_is_sent_unless_asked_for()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync();
        await using var quiet = new MdnsDiscovery(host, new() { Group = FreePorts().Here });
        await quiet.StartAsync();

        Assert.False(quiet.IsActive);
        Assert.Equal(0, quiet.Found);
    }

    [Fact]
    public async Task Packets_that_are_no_DNS_are_dropped_and_the_next_is_read()
    {
        await using Libp2pHost left = await RawPeer.StartHostAsync();
        await using Libp2pHost right = await RawPeer.StartHostAsync();
        (IPEndPoint here, IPEndPoint there) = FreePorts();
        await using MdnsDiscovery first = Over(left, bind: here, to: there);
        await first.StartAsync();
        using var stranger = new UdpClient();
        foreach (int length in (int[])[0, 1, 12, 100, 9_000, 20_000])
        {
            await stranger.SendAsync(Enumerable.Repeat((byte)0xC0, length).ToArray(), here);
        }

        await using MdnsDiscovery second = Over(right, bind: there, to: here);
        await second.StartAsync();
        await RawPeer.UntilAsync(() => left.Book.Addresses(right.Id).Count > 0);
        Assert.True(first.IsActive);
    }

    private static MdnsDiscovery Over(Libp2pHost host, IPEndPoint bind, IPEndPoint to) => new(host, new()
    {
        Always = true,
        Bind = bind,
        Group = to,
        Protocol = new() { UseLoopback = true, PauseMin = TimeSpan.FromMilliseconds(50), AnswerPause = TimeSpan.Zero },
    });

    private static (IPEndPoint Here, IPEndPoint There) FreePorts()
    {
        using var first = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var second = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)first.Client.LocalEndPoint!, (IPEndPoint)second.Client.LocalEndPoint!);
    }
}

/// <summary>A test that needs a network with multicast; where there is none, it says so.</summary>
public sealed class MulticastFactAttribute : FactAttribute
{
    public MulticastFactAttribute() => Skip = Works() ? null : "no network of this machine carries multicast to itself";

    private static bool Works()
    {
        try
        {
            var group = IPAddress.Parse("224.0.0.251");
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Any, 0));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(group));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, 0);
            socket.ReceiveTimeout = 1_000;
            socket.SendTo(new byte[1], new IPEndPoint(group, ((IPEndPoint)socket.LocalEndPoint!).Port));
            return socket.Receive(new byte[16]) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
