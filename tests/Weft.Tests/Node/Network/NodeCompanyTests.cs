using Weft.Libp2p;
using Weft.Libp2p.Transport;
using Weft.Node;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;
using Weft.Tests.Libp2p;

namespace Weft.Tests.Node.Network;

/// <summary>Whom a node dials: by name, by its own choice, and first of all after a restart.</summary>
public sealed class NodeCompanyTests
{
    [Fact]
    public async Task A_bootstrap_name_leads_through_names_to_the_peer_it_is_for_and_to_no_other()
    {
        await using var rig = new NetworkRig();
        NodeNetwork wanted = (await rig.NodeAsync()).Network!;
        NodeNetwork other = (await rig.NodeAsync()).Network!;
        var names = new FakeNames
        {
            ["/dnsaddr/peers.example"] = [other.Addresses[0].ToString(), $"/dnsaddr/deep.example/p2p/{wanted.Id}"],
            ["/dnsaddr/deep.example"] = [wanted.Addresses[0].ToString()],
        };
        NodeNetwork node = (await rig.NodeAsync(
            options => options.Bootstrap.Add($"/dnsaddr/peers.example/p2p/{wanted.Id}"),
            new() { Transports = { rig.Transport }, Names = names })).Network!;

        await HostPair.UntilAsync(() => node.Host.Find(wanted.Id) is not null);
        Assert.Null(node.Host.Find(other.Id));
        Assert.Contains($"/dnsaddr/deep.example/p2p/{wanted.Id}", names.Asked);
    }

    [Fact]
    public async Task A_name_that_leads_nowhere_is_tried_again_and_says_why()
    {
        await using var rig = new NetworkRig();
        var names = new FakeNames();
        NodeNetwork node = (await rig.NodeAsync(
            options => options.Bootstrap.Add("/dnsaddr/nowhere.example"),
            new() { Transports = { rig.Transport }, Names = names })).Network!;

        await HostPair.UntilAsync(() => names.Asked.Count >= 2
            && node.ListPeers() is [{ LastError: { } why }] && why.Contains("nowhere.example", StringComparison.Ordinal));
        NodeNetwork found = (await rig.NodeAsync()).Network!;
        names["/dnsaddr/nowhere.example"] = [found.Addresses[0].ToString()];
        await HostPair.UntilAsync(() => node.Host.Find(found.Id) is not null);
    }

    [Fact]
    public async Task The_longest_of_its_own_choice_are_kept_and_dialled_first_after_a_restart()
    {
        await using var rig = new NetworkRig();
        var saved = new List<IReadOnlyList<PeerAnchor>>();
        NodeNetwork friend = (await rig.NodeAsync()).Network!;
        WeftNode first = await rig.NodeAsync(
            options =>
            {
                options.Listen = [];
                options.OutboundTarget = 2;
            },
            new() { Transports = { rig.Transport }, SaveAnchors = saved.Add });
        first.Network!.Host.Book.Add(friend.Id, friend.Addresses, PeerSource.Configured);
        await HostPair.UntilAsync(() => first.Network.Anchors.Count == 1); // The planner looks every ten seconds.
        await rig.StopAsync(first);
        PeerAnchor anchor = Assert.Single(Assert.Single(saved));
        Assert.Equal(friend.Id, anchor.Peer);
        Assert.NotEmpty(anchor.Addresses);

        // Nothing else tells it of anybody.
        NodeNetwork again = (await rig.NodeAsync(
            options =>
            {
                options.Listen = [];
                options.OutboundTarget = 2;
            },
            new() { Transports = { rig.Transport }, Anchors = [anchor] })).Network!;
        await HostPair.UntilAsync(() => again.Host.Find(friend.Id) is not null);
        NodeNetwork shy = (await rig.NodeAsync(
            options => options.Listen = [], new() { Transports = { rig.Transport }, Anchors = [anchor] })).Network!;
        Assert.Empty(shy.Host.Connections); // Without a target nobody is dialled, whoever was an anchor.
        Assert.Equal(0, shy.Host.Book.Count);
    }

    [Theory]
    [InlineData("InboundConnectionsMax", 5, "system", "inbound connections")]
    [InlineData("inboundstreamsmax", 7, "system", "inbound streams")]
    [InlineData("ProtocolPeerStreamsMax", 9, "protocol", "streams of one peer for one protocol")]
    [InlineData("RelayPlacesMax", 3, "relay", "places")]
    public async Task A_ceiling_is_set_by_its_name_and_shown(string name, int value, string scope, string what)
    {
        await using var rig = new NetworkRig();
        NodeNetwork node = (await rig.NodeAsync(options =>
        {
            options.Profile = NetworkProfile.Super;
            options.Ceilings[name] = value;
        })).Network!;

        Assert.Contains(node.ListLimits(), one => one.Scope == scope && one.What == what && one.Max == value);
    }

    [Theory]
    [InlineData("NoSuchCeiling", 5)]
    [InlineData("PeerConnectionsMax", 0)]
    [InlineData("MemoryBytesMax", 5)]
    public async Task A_ceiling_that_is_none_or_out_of_bounds_is_refused_at_the_start(string name, int value)
    {
        await using var rig = new NetworkRig();
        WeftException wrong = await Assert.ThrowsAsync<WeftException>(
            () => rig.NodeAsync(options => options.Ceilings[name] = value));
        Assert.Contains("Network:Limits", wrong.Message, StringComparison.Ordinal);
        Assert.Contains(name, wrong.Message, StringComparison.Ordinal);
    }

    private sealed class FakeNames : Dictionary<string, string[]>, INameResolver
    {
        private readonly List<string> _asked = [];

        public IReadOnlyList<string> Asked
        {
            get
            {
                lock (_asked)
                {
                    return [.. _asked];
                }
            }
        }

        public ValueTask<IReadOnlyList<Multiaddr>> ResolveAsync(Multiaddr address, CancellationToken cancellationToken)
        {
            lock (_asked)
            {
                _asked.Add(address.ToString());
            }

            return new([.. this.GetValueOrDefault(address.WithoutPeer()!.ToString(), []).Select(Multiaddr.Parse)]);
        }
    }
}
