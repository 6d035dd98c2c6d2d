using Weft.Libp2p;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Integration.Tests.Libp2p;

public sealed class AddressLimitTests
{
    [Fact]
    public async Task One_address_has_only_so_many_connections_and_gets_room_again()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(options => options.Limits.Addresses.AddressConnectionsMax = 2);
        await using ITransportConnection first = await RawPeer.DialAsync(host);
        await using ITransportConnection second = await RawPeer.DialAsync(host);
        await RawPeer.UntilAsync(() => host.Use.InboundConnections == 2);
        await using ITransportConnection third = await RawPeer.DialAsync(host);
        Assert.True(await RawPeer.IsClosedAsync(third));

        first.Abort();
        await RawPeer.UntilAsync(() => host.Use.InboundConnections == 1);
        await using RawPeer peer = await RawPeer.ConnectAsync(host);
        Assert.True(peer.Connection.IsInbound);
    }

    [Fact]
    public async Task One_address_connects_only_so_quickly()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(options =>
        {
            options.Limits.Addresses.ConnectionsBurst = 2;
            options.Limits.Addresses.ConnectionsPerSecond = 0.001;
        });
        await using (await RawPeer.DialAsync(host))
        {
        }

        await using (await RawPeer.DialAsync(host))
        {
        }

        await using ITransportConnection third = await RawPeer.DialAsync(host);
        Assert.True(await RawPeer.IsClosedAsync(third));
    }

    [Fact]
    public async Task A_banned_range_of_addresses_is_cut_off_and_not_let_in()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync();
        await using RawPeer peer = await RawPeer.ConnectAsync(host);
        Assert.True(IpRange.TryParse("127.0.0.0/8", out IpRange range));
        host.Ban(range);
        await peer.Connection.Closed.WaitAsync(TimeSpan.FromSeconds(20));
        await using ITransportConnection next = await RawPeer.DialAsync(host);
        Assert.True(await RawPeer.IsClosedAsync(next));

        Assert.True(host.Unban(range));
        await using RawPeer again = await RawPeer.ConnectAsync(host);
        Assert.NotNull(again.Connection);
    }
}
