using Weft.Node;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Tests.Libp2p;

namespace Weft.Tests.Node.Network;

public sealed class NodeNetworkTests
{
    [Fact]
    public async Task The_key_of_the_node_is_the_key_of_the_host_and_outlives_it()
    {
        await using var rig = new NetworkRig();
        WeftNode node = await rig.NodeAsync();

        Assert.Equal(node.Identity.PublicKey.ToPeerId(), node.Network!.Id);
        Assert.Equal(node.Network.Id, Assert.Single(node.Network.Addresses).Peer);

        await node.Network.DisposeAsync();
        node.Identity.Sign(node.Crypto, "still here"u8, new byte[64]);
    }

    [Fact]
    public async Task A_node_joins_once()
    {
        await using var rig = new NetworkRig();
        WeftNode node = await rig.NodeAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => node.StartNetworkAsync(new(), rig.Parts()));
    }

    [Fact]
    public async Task A_bootstrap_peer_is_dialled_until_it_is_there_and_again_when_it_comes_back()
    {
        await using var rig = new NetworkRig();
        WeftNode first = await rig.NodeAsync();
        string there = first.Network!.Addresses[0].WithoutPeer()!.ToString();
        await rig.StopAsync(first);

        WeftNode dialler = await rig.NodeAsync(options => options.Bootstrap.Add(there));
        await HostPair.UntilAsync(() => dialler.Network!.ListPeers() is [{ State: NetworkPeerState.Waiting }]);
        Assert.NotNull(dialler.Network!.ListPeers()[0].LastError);

        WeftNode second = await rig.NodeAsync(options => options.Listen = [there]);
        await HostPair.UntilAsync(() => dialler.Network!.Host.Find(second.Network!.Id) is not null);
        await rig.StopAsync(second);
        WeftNode third = await rig.NodeAsync(options => options.Listen = [there]);
        await HostPair.UntilAsync(() => dialler.Network!.ListPeers() is
            [{ State: NetworkPeerState.Connected, IsKept: true } peer] && peer.Peer == third.Network!.Id);
    }

    [Fact]
    public async Task A_banned_peer_is_cut_off_and_kept_away_until_it_is_allowed()
    {
        await using var rig = new NetworkRig();
        WeftNode listener = await rig.NodeAsync();
        WeftNode dialler = await rig.NodeAsync(
            options => options.Bootstrap.Add(listener.Network!.Addresses[0].ToString()));
        PeerId peer = dialler.Network!.Id;
        await HostPair.UntilAsync(() => listener.Network!.Host.Find(peer) is not null);

        BannedPeer ban = await listener.Network!.BanAsync(peer, new string('x', 300));
        Assert.Null(listener.Network.Host.Find(peer));
        Assert.Equal(200, ban.Reason.Length);
        await HostPair.UntilAsync(
            () => dialler.Network!.ListPeers().Any(one => one.IsKept && one.LastError is not null));
        Assert.Equal([ban], listener.Network.ListBans());

        Assert.True(listener.Network.Unban(peer));
        Assert.False(listener.Network.Unban(peer));
        await HostPair.UntilAsync(() => listener.Network.Host.Find(peer) is { StreamCount: > 0 });
    }

    [Fact]
    public async Task Bans_of_earlier_runs_hold_and_have_a_ceiling()
    {
        await using var rig = new NetworkRig();
        WeftNode other = await rig.NodeAsync();
        WeftNode node = await rig.NodeAsync(
            options => options.BansMax = 1, rig.Parts(new BannedPeer(other.Network!.Id, DateTimeOffset.UnixEpoch)));
        WeftNode third = await rig.NodeAsync();

        Assert.True(node.Network!.IsBanned(other.Network!.Id));
        WeftException full = await Assert.ThrowsAsync<WeftException>(
            () => node.Network.BanAsync(third.Network!.Id).AsTask());
        Assert.Equal(WeftError.TooManyRequests, full.Error);
        await Assert.ThrowsAsync<WeftException>(() => node.Network.BanAsync(node.Network.Id).AsTask());
    }

    [Fact]
    public async Task Peers_to_keep_have_a_ceiling_and_go_when_they_are_removed()
    {
        await using var rig = new NetworkRig();
        WeftNode other = await rig.NodeAsync();
        WeftNode node = await rig.NodeAsync(options => options.LinksMax = 1);
        Multiaddr address = other.Network!.Addresses[0];

        Assert.True(node.Network!.Keep(address));
        Assert.False(node.Network.Keep(address));
        WeftException full = Assert.Throws<WeftException>(() => node.Network.Keep(Multiaddr.Parse("/memory/77")));
        Assert.Equal(WeftError.TooManyRequests, full.Error);
        await HostPair.UntilAsync(() => node.Network.Host.Find(other.Network.Id) is not null);

        Assert.True(await node.Network.RemoveAsync(other.Network.Id));
        Assert.False(await node.Network.RemoveAsync(other.Network.Id));
        Assert.Empty(node.Network.ListPeers());
    }

    [Theory]
    [InlineData("127.0.0.1:8766")]
    [InlineData("/ip4/300.0.0.1/tcp/1")]
    public async Task An_address_that_is_none_is_refused_before_any_effect(string address)
    {
        await using var rig = new NetworkRig();

        WeftException wrong = await Assert.ThrowsAsync<WeftException>(
            () => rig.NodeAsync(options => options.Listen = [address]));

        Assert.Contains("Network:Listen", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_say_what_is_out_of_bounds()
    {
        var options = new NetworkOptions
        {
            Bootstrap = [.. Enumerable.Repeat("/memory/1", 65)],
            Subscribe = [""],
            Profile = (NetworkProfile)9,
            LinksMax = 0,
            BansMax = -1,
            RedialMin = TimeSpan.Zero,
            RedialMax = TimeSpan.FromDays(2),
            PingInterval = TimeSpan.Zero,
        };

        Assert.Equal(8, options.FindFaults().Count());
        Assert.Empty(new NetworkOptions().FindFaults());
        Assert.False(new NetworkOptions().IsOn);
        Assert.True(new NetworkOptions { Profile = NetworkProfile.Default }.IsOn);
    }
}
