using Microsoft.Extensions.Configuration;
using Weft.Primitives;

namespace Weft.Integration.Tests.Gun;

public sealed class GunKnobsTests
{
    [Fact]
    public async Task Every_knob_is_read_from_the_configuration()
    {
        var options = new WeftOptions();

        WeftOptionsReader.Read(Section(new()
        {
            ["Gun:Limits:FrameBytesMax"] = "4096", ["Gun:Peers:AskTimeout"] = "250ms", ["Gun:RedialMax"] = "2m",
            ["Gun:ConnectionsMax"] = "7", ["Gun:MessagesPerSecond"] = "1000", ["Dial:Compress"] = "true",
        }), options);

        Assert.Equal(4_096, options.Gun.Limits.FrameBytesMax);
        Assert.Equal(TimeSpan.FromMilliseconds(250), options.Gun.Peers.AskTimeout);
        Assert.Equal(TimeSpan.FromMinutes(2), options.Gun.RedialMax);
        Assert.Equal(7, options.Gun.ConnectionsMax);
        Assert.Equal(1_000, options.Gun.MessagesPerSecond);
        Assert.True(options.Dial.Compress);
        options.Store = WeftStoreKind.Memory;
        await using WeftPeer peer = await WeftPeer.StartAsync(options);
        Assert.True(peer.IsReady);
    }

    [Theory]
    [InlineData("Gun:Peers:AskTimeout", "501ms", "1ms to 500ms")]
    [InlineData("Gun:Peers:AskTimeout", "soon", "1ms to 500ms")]
    [InlineData("Gun:Limits:DepthMax", "7", "8 to 512")]
    [InlineData("Gun:LinksMax", "-1", "0 to 1024")]
    [InlineData("Gun:LinksMax", "99999999999999999999", "0 to 1024")]
    [InlineData("Gun:BytesPerSecond", "NaN", "1024 to ")]
    [InlineData("Dial:Compress", "perhaps", "true or false")]
    public async Task A_value_out_of_bounds_is_refused_with_what_is_allowed(string key, string value, string allowed)
    {
        var options = new WeftOptions { Store = WeftStoreKind.Memory };

        WeftException refused = await Assert.ThrowsAsync<WeftException>(async () =>
        {
            WeftOptionsReader.Read(Section(new() { [key] = value }), options);
            await using WeftPeer peer = await WeftPeer.StartAsync(options);
        });

        Assert.Equal(WeftError.Usage, refused.Error);
        Assert.Contains("Weft:" + key, refused.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, refused.Message, StringComparison.Ordinal);
    }

    private static IConfiguration Section(Dictionary<string, string?> values) =>
        new ConfigurationBuilder().AddInMemoryCollection(values).Build();
}
