using Microsoft.Extensions.Configuration;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node;
using Weft.Primitives;

namespace Weft.Integration.Tests.Access;

public sealed class NetworkKeyTests
{
    private static readonly PlatformCrypto Crypto = PlatformCrypto.Create();

    [Fact]
    public async Task The_key_in_the_configuration_names_the_network_and_owns_its_policies()
    {
        using Ed25519KeyPair network = KeyGenerator.NewEd25519(Crypto);
        await using WeftPeer peer = await StartAsync(("NetworkKey", network.PublicKey.ToString()));
        await using WeftPeer open = await StartAsync();
        const string Soul = "weft:policy/prefix/news/";
        FieldWrite policy = new(Soul, "1", WeftValue.Text("""{"class":"protected","weft":1}"""), double.NaN);
        WriteSource asNetwork = WriteSource.Local with { Identity = new WriteIdentity { Key = network } };

        Assert.Equal(32, peer.Node.NetworkId.Length);
        Assert.False(peer.Node.NetworkId.Span.SequenceEqual(open.Node.NetworkId.Span));
        Assert.NotEqual(WeftError.None, (await peer.Graph.WriteAsync([policy], WriteSource.Local)).Error);
        Assert.Equal(WeftError.None, (await peer.Graph.WriteAsync([policy], asNetwork)).Error);
        Assert.NotEqual(WeftError.None, (await open.Graph.WriteAsync([policy], asNetwork)).Error);

        // What the prefix governs is the network's from now on.
        FieldWrite news = new("news/today", "title", WeftValue.Text("rain"), double.NaN);
        Assert.Equal(WeftError.NotOwner, (await peer.Graph.WriteAsync([news], WriteSource.Local)).Error);
        Assert.Equal(WeftError.None, (await peer.Graph.WriteAsync([news], asNetwork)).Error);
    }

    [Theory]
    [InlineData("NetworkKey", "no key", "43 characters")]
    [InlineData("SignWrites", "maybe", "true or false")]
    [InlineData("Verify:Workers", "65", "0 to 64")]
    [InlineData("Verify:WaitingMax", "0", "1 to 10,000,000")]
    public async Task A_value_out_of_bounds_is_refused_with_what_is_allowed(string key, string value, string allowed)
    {
        WeftException refused = await Assert.ThrowsAsync<WeftException>(() => StartAsync((key, value)));

        Assert.Equal(WeftError.Usage, refused.Error);
        Assert.Contains(allowed, refused.Message, StringComparison.Ordinal);
    }

    private static async Task<WeftPeer> StartAsync(params (string Key, string Value)[] values)
    {
        var options = new WeftOptions { Store = WeftStoreKind.Memory };
        IConfiguration section = new ConfigurationBuilder().AddInMemoryCollection(
            values.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value))).Build();
        WeftOptionsReader.Read(section, options);
        return await WeftPeer.StartAsync(options);
    }
}
