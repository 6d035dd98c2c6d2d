using Microsoft.Extensions.Configuration;
using Weft.Node.Network;
using Weft.Primitives;

namespace Weft.Integration.Tests.Network;

public sealed class DiscoveryKnobsTests
{
    private const string Peer = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWM6CgA9iBFZmcYAHA6A2qvbAxqfkmrYiRQuz3XEsk4Ksv";

    [Fact]
    public void Every_key_of_discovery_is_taken_from_the_configuration()
    {
        NetworkDiscoveryOptions read = Read(
            ("Exchange", "false"), ("Mdns", "true"), ("Relays:0", Peer), ("ServeRelay", "true"), ("Rendezvous:0", Peer),
            ("Namespace", "chat"), ("ServeRendezvous", "false"));

        Assert.False(read.Exchange);
        Assert.Equal((true, true, false), (read.Mdns, read.ServeRelay, read.ServeRendezvous));
        Assert.Equal([Peer], read.Relays);
        Assert.Equal([Peer], read.Rendezvous);
        Assert.Equal("chat", read.Namespace);
    }

    [Fact]
    public void What_is_not_set_keeps_its_default_and_what_is_no_flag_is_refused()
    {
        NetworkDiscoveryOptions read = Read();
        Assert.True(read.Exchange);
        Assert.Null(read.Mdns);
        Assert.Empty(read.Relays);
        Assert.Equal("weft", read.Namespace);
        Assert.Throws<WeftException>(() => Read(("Mdns", "perhaps")));
    }

    private static NetworkDiscoveryOptions Read(params (string Key, string Value)[] keys)
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(keys.ToDictionary(one => $"Weft:Network:Discovery:{one.Key}", one => (string?)one.Value))
            .Build();
        var options = new WeftOptions();
        WeftOptionsReader.Read(configuration.GetSection("Weft"), options);
        return options.Network.Discovery;
    }
}
