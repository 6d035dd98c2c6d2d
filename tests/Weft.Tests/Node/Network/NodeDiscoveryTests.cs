using Weft.Libp2p;
using Weft.Libp2p.Discovery;
using Weft.Node;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;
using Weft.Tests.Libp2p;

namespace Weft.Tests.Node.Network;

/// <summary>How a running node learns of others, and is reached by them.</summary>
public sealed class NodeDiscoveryTests
{
    [Fact]
    public async Task A_super_node_is_relay_and_rendezvous_point_and_others_are_not()
    {
        await using var rig = new NetworkRig();
        NodeNetwork super = (await rig.NodeAsync(options => options.Profile = NetworkProfile.Super)).Network!;
        NodeNetwork plain = (await rig.NodeAsync()).Network!;

        Assert.NotNull(super.RelayService);
        Assert.NotNull(super.RendezvousService);
        Assert.Contains("/libp2p/circuit/relay/0.2.0/hop", super.Host.Protocols);
        Assert.Contains("/rendezvous/1.0.0", super.Host.Protocols);
        Assert.Null(plain.RelayService);
        Assert.Null(plain.RendezvousService);
        Assert.DoesNotContain("/libp2p/circuit/relay/0.2.0/hop", plain.Host.Protocols);
        Assert.Contains("/weft/pex/1", plain.Host.Protocols);
    }

    [Fact]
    public async Task A_node_that_listens_nowhere_is_reached_through_the_relay_it_names()
    {
        await using var rig = new NetworkRig();
        NodeNetwork super = (await rig.NodeAsync(options => options.Profile = NetworkProfile.Super)).Network!;
        string relay = super.Addresses[0].ToString();
        NodeNetwork hidden = (await rig.NodeAsync(options =>
        {
            options.Listen = [];
            options.Discovery.Relays = [relay];
        })).Network!;
        NodeNetwork other = (await rig.NodeAsync()).Network!;
        await HostPair.UntilAsync(() => hidden.Addresses.Count == 1);

        Assert.Equal($"{relay}/p2p-circuit/p2p/{hidden.Id}", hidden.Addresses[0].ToString());
        Assert.True((await other.Host.ConnectAsync(hidden.Addresses[0])).IsLimited);
        Assert.True(await other.Host.PingAsync(hidden.Id) > TimeSpan.Zero);
    }

    [Fact]
    public async Task Two_nodes_find_each_other_at_the_rendezvous_point_they_name()
    {
        await using var rig = new NetworkRig();
        NodeNetwork super = (await rig.NodeAsync(options => options.Profile = NetworkProfile.Super)).Network!;
        void Name(NetworkOptions options) => options.Discovery.Rendezvous = [super.Addresses[0].ToString()];
        NodeNetwork left = (await rig.NodeAsync(Name)).Network!;
        await HostPair.UntilAsync(() => super.RendezvousService!.Count == 1);
        NodeNetwork right = (await rig.NodeAsync(Name)).Network!;

        await HostPair.UntilAsync(() => right.Host.Book.Find(left.Id) is [{ Source: PeerSource.Rendezvous }, ..]
            || right.Host.Find(left.Id) is not null);
        Assert.Contains(right.Discoveries, one => one is { Source: PeerSource.Rendezvous, IsActive: true });
    }

    [Fact]
    public async Task The_local_network_is_asked_only_where_the_node_listens_in_one_or_it_is_told_to()
    {
        await using var rig = new NetworkRig();
        int made = 0;
        NetworkParts Parts() => new()
        {
            Transports = { rig.Transport },
            LocalDiscovery = _ =>
            {
                made++;
                return new Nothing();
            },
        };
        await rig.NodeAsync(parts: Parts());
        Assert.Equal(0, made); // It listens within this process only.
        NodeNetwork told = (await rig.NodeAsync(options => options.Discovery.Mdns = true, Parts())).Network!;
        Assert.Equal(1, made);
        Nothing nothing = Assert.Single(told.Discoveries.OfType<Nothing>());
        Assert.True(nothing.IsActive);
        await told.DisposeAsync();
        Assert.False(nothing.IsActive);
    }

    [Fact]
    public async Task A_node_whose_local_network_cannot_be_asked_starts_all_the_same()
    {
        await using var rig = new NetworkRig();
        NodeNetwork node = (await rig.NodeAsync(
            options => options.Discovery.Mdns = true,
            new() { Transports = { rig.Transport }, LocalDiscovery = _ => new Nothing { Fails = true } })).Network!;

        Assert.Single(node.Addresses);
        Assert.False(Assert.Single(node.Discoveries.OfType<Nothing>()).IsActive);
    }

    [Fact]
    public async Task Addresses_without_a_peer_and_long_names_are_refused_at_the_start()
    {
        await using var rig = new NetworkRig();
        WeftException relay = await Assert.ThrowsAsync<WeftException>(
            () => rig.NodeAsync(options => options.Discovery.Relays = ["/ip4/127.0.0.1/tcp/1"]));
        Assert.Contains("Network:Discovery:Relays", relay.Message, StringComparison.Ordinal);
        WeftException name = await Assert.ThrowsAsync<WeftException>(
            () => rig.NodeAsync(options => options.Discovery.Namespace = new string('n', 256)));
        Assert.Contains("Network:Discovery:Namespace", name.Message, StringComparison.Ordinal);
    }

    private sealed class Nothing : IDiscovery
    {
        public PeerSource Source => PeerSource.Mdns;

        public bool IsActive { get; private set; }

        public long Found => 0;

        public bool Fails { get; init; }

        public Task StartAsync(CancellationToken cancellationToken = default)
        {
            if (Fails)
            {
                throw new IOException("The port is taken.");
            }

            IsActive = true;
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            IsActive = false;
            return default;
        }
    }
}
