using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Dialing;

public sealed class AddressGateTests
{
    private static readonly WeftInstant Start = new(1_000_000);
    private static readonly AddressGateOptions Free = new() { ConnectionsPerSecond = 1e6, ConnectionsBurst = 1e6 };

    [Fact]
    public void One_address_and_one_range_have_so_many_connections_and_get_room_again()
    {
        var gate = new AddressGate(new() { AddressConnectionsMax = 3, RangeConnectionsMax = 5, ConnectionsPerSecond = 1e6, ConnectionsBurst = 1e6 });
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(GateAnswer.Open, gate.TryEnter(At("8.8.8.1", i), Start));
        }

        Assert.Equal(GateAnswer.AddressFull, gate.TryEnter(At("8.8.8.1", 9), Start));
        Assert.Equal(GateAnswer.Open, gate.TryEnter(At("8.8.8.2", 1), Start));
        Assert.Equal(GateAnswer.Open, gate.TryEnter(At("8.8.8.3", 1), Start));
        Assert.Equal(GateAnswer.RangeFull, gate.TryEnter(At("8.8.8.4", 1), Start));
        Assert.Equal(GateAnswer.Open, gate.TryEnter(At("8.8.9.4", 1), Start));
        gate.OnClosed(At("8.8.8.3", 1));
        Assert.Equal(GateAnswer.Open, gate.TryEnter(At("8.8.8.4", 1), Start));
    }

    [Fact]
    public void A_host_that_changes_its_address_within_its_own_network_of_ipv6_stays_one()
    {
        var gate = new AddressGate(new() { AddressConnectionsMax = 2, ConnectionsPerSecond = 1e6, ConnectionsBurst = 1e6 });
        Assert.Equal(GateAnswer.Open, gate.TryEnter(Multiaddr.Parse("/ip6/2606:1:2:3::1/tcp/1"), Start));
        Assert.Equal(GateAnswer.Open, gate.TryEnter(Multiaddr.Parse("/ip6/2606:1:2:3::2/tcp/1"), Start));
        Assert.Equal(GateAnswer.AddressFull, gate.TryEnter(Multiaddr.Parse("/ip6/2606:1:2:3::3/tcp/1"), Start));
    }

    [Fact]
    public void Who_connects_too_quickly_is_held_back_and_a_refusal_costs_nothing()
    {
        var gate = new AddressGate(new() { ConnectionsPerSecond = 2, ConnectionsBurst = 4, AddressConnectionsMax = 1_000 });
        int opened = 0;
        for (int i = 0; i < 10_000; i++)
        {
            opened += gate.TryEnter(At("8.8.8.1", i), Start + TimeSpan.FromMilliseconds(i)) == GateAnswer.Open ? 1 : 0;
        }

        Assert.InRange(opened, 20, 25); // Four at once, then two a second for ten seconds.
        Assert.Equal(GateAnswer.Open, gate.TryEnter(At("8.8.8.2", 1), Start));
    }

    [Fact]
    public void A_hundred_thousand_addresses_are_not_remembered()
    {
        var gate = new AddressGate(new() { WatchedMax = 100 });
        for (uint i = 0; i < 100_000; i++)
        {
            Multiaddr address = Multiaddr.OfTcp([(byte)(11 + (i >> 24)), (byte)(i >> 16), (byte)(i >> 8), (byte)i], 1);
            Assert.Equal(GateAnswer.Open, gate.TryEnter(address, Start));
            gate.OnClosed(address);
        }

        Assert.Equal((0, 100), (gate.Count, gate.WatchedCount));
        gate.TryEnter(At("8.8.8.8", 1), Start + TimeSpan.FromHours(1)); // All have rested: their places are free.
        Assert.Equal(1, gate.WatchedCount);
    }

    [Fact]
    public void Loopback_is_free_where_tests_say_so_and_only_there()
    {
        var free = new AddressGate(new() { AddressConnectionsMax = 1, IsLoopbackFree = true });
        var bound = new AddressGate(new() { AddressConnectionsMax = 1 });
        Multiaddr loopback = Multiaddr.Parse("/ip4/127.0.0.1/tcp/1/ws");
        bound.TryEnter(loopback, Start);
        free.TryEnter(loopback, Start);

        Assert.Equal(GateAnswer.Open, free.TryEnter(loopback, Start));
        Assert.Equal(GateAnswer.AddressFull, bound.TryEnter(loopback, Start));
        Assert.Equal(GateAnswer.Open, new AddressGate(Free).TryEnter(Multiaddr.Parse("/memory/1"), Start));
    }

    [Fact]
    public void Bans_of_peers_and_ranges_hold_end_and_have_a_ceiling()
    {
        var bans = new BanList(3);
        Assert.True(IpRange.TryParse("8.8.0.0/16", out IpRange range));
        Assert.True(bans.Ban(AddressBookTests.Peer(1), Start + TimeSpan.FromSeconds(10), Start));
        Assert.True(bans.Ban(AddressBookTests.Peer(2), WeftInstant.Never, Start));
        Assert.True(bans.Ban(range, WeftInstant.Never, Start));
        Assert.False(bans.Ban(AddressBookTests.Peer(3), WeftInstant.Never, Start));

        Assert.True(bans.IsBanned(AddressBookTests.Peer(1), Start));
        Assert.True(bans.IsBanned(At("8.8.200.1", 5), Start));
        Assert.False(bans.IsBanned(At("8.9.200.1", 5), Start));
        WeftInstant later = Start + TimeSpan.FromSeconds(10);
        Assert.False(bans.IsBanned(AddressBookTests.Peer(1), later));
        Assert.True(bans.Ban(AddressBookTests.Peer(3), WeftInstant.Never, later)); // The one that ended makes room.
        Assert.True(bans.Unban(range));
        Assert.False(bans.Unban(range));
        Assert.False(bans.IsBanned(At("8.8.200.1", 5), later));
        Assert.Equal([AddressBookTests.Peer(2), AddressBookTests.Peer(3)], bans.Peers.Select(entry => entry.Peer));
    }

    private static Multiaddr At(string ip, int port) => Multiaddr.Parse($"/ip4/{ip}/tcp/{port + 1_000}");
}
