using System.Text.Json;
using Weft.Crypto;
using Weft.Node;
using Weft.Node.Gun;
using Weft.Primitives;
using Weft.Testing;

namespace Weft.Integration.Tests.Gun;

public sealed class GunLinkTests
{
    private static readonly TimeSpan ComesMax = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_link_replicates_both_ways_from_the_start_and_live()
    {
        await using GunTestServer a = await GunTestServer.StartAsync();
        await using GunTestServer b = await GunTestServer.StartAsync();
        await a.Graph.Get("old").PutAsync("a", "from a");
        await b.Graph.Get("old").PutAsync("b", "from b");

        Assert.True(b.Gun.AddLink(a.Url));
        Assert.False(b.Gun.AddLink(a.Url));
        await ComesAsync(a, "old", "b", "from b");
        await ComesAsync(b, "old", "a", "from a");
        await a.Graph.Get("new").PutAsync("x", "live");
        await ComesAsync(b, "new", "x", "live");
        await b.Graph.Get("new").DeleteAsync("x");
        await UntilAsync(async () => (await a.Graph.ReadFieldAsync("new", "x")).Status == ReadStatus.Deleted);

        GunPeerInfo link = Assert.Single(b.Gun.ListPeers());
        Assert.Equal((GunPeerKind.WeftRelay, true, a.Peer.Node.Store.StoreId), (link.Kind, link.IsLink, link.StoreId));
    }

    [Fact]
    public async Task Signed_writes_keep_their_proof_over_links_and_a_gun_client_gets_plain_values()
    {
        ICrypto crypto = PlatformCrypto.Create();
        using var alice = new Ed25519KeyPair(crypto, new byte[32]);
        string soul = $"${alice.PublicKey}/profile";
        await using GunTestServer a = await GunTestServer.StartAsync();
        await using GunTestServer b = await GunTestServer.StartAsync();
        await using GunTestServer c = await GunTestServer.StartAsync();
        await using GunTestClient client = await GunTestClient.ConnectAsync(c.Url);
        await client.SendAsync($"{{\"#\":\"g\",\"get\":{{\"#\":\"{soul}\"}}}}");
        await client.AnswerAsync("g");
        b.Gun.AddLink(a.Url);
        c.Gun.AddLink(b.Url);

        WriteResult written = await a.Graph.WriteAsync(
            [new(soul, "name", "Alice", double.NaN)], WriteSource.Local.With(alice));
        await ComesAsync(c, soul, "name", "Alice");

        Assert.True(written.IsAccepted);
        ReadResult read = await c.Graph.ReadFieldAsync(soul, "name");
        Assert.Equal(alice.PublicKey, new Ed25519PublicKey(read.Author.Span));
        JsonElement node = (await client.ChangeAsync(soul, "name")).GetProperty("put").GetProperty(soul);
        Assert.Equal(["#", ">"], node.GetProperty("_").EnumerateObject().Select(member => member.Name));
        Assert.Equal(2, c.Peer.Node.SignaturesVerified + b.Peer.Node.SignaturesVerified); // Once at each hop.
    }

    [Fact]
    public async Task Much_data_catches_up_after_the_ring_has_forgotten_it()
    {
        await using GunTestServer a = await GunTestServer.StartAsync(
            change: options => options.Node.RecentChangesBytesMax = 65_536);
        for (int i = 0; i < 2_000; i++)
        {
            await a.Graph.Get("soul" + (i % 100)).PutAsync("field" + i, new string('x', 50));
        }

        await using GunTestServer b = await GunTestServer.StartAsync(
            change: options => options.Peers.Add(a.Url.AbsoluteUri));
        await UntilAsync(() => new(b.Peer.Node.Store.ReadStats().Fields == 2_000));
        await a.Graph.Get("last").PutAsync("x", "live");

        await ComesAsync(b, "last", "x", "live");
    }

    [Fact]
    public async Task A_link_comes_back_when_the_relay_does_and_brings_what_was_missed()
    {
        GunTestServer a = await GunTestServer.StartAsync();
        Uri url = a.Url;
        await using GunTestServer b = await GunTestServer.StartAsync(change: options =>
        {
            options.Gun.RedialMin = TimeSpan.FromMilliseconds(20);
            options.Gun.RedialMax = TimeSpan.FromMilliseconds(100);
            options.Peers.Add(url.AbsoluteUri);
        });
        await UntilAsync(() => new(b.Gun.ListPeers().Any(peer => peer.StoreId is not null)));
        await a.DisposeAsync();
        await UntilAsync(() => new(b.Gun.ListPeers() is [{ State: not GunPeerState.Connected, LastError: not null }]));
        await b.Graph.Get("s").PutAsync("x", "while away");

        await using GunTestServer again = await GunTestServer.StartAsync(port: url.Port);

        await ComesAsync(again, "s", "x", "while away");
        Assert.True(b.Gun.RemoveLink(url));
        await UntilAsync(() => new(b.Gun.ListPeers().Count == 0));
    }

    [Fact]
    public async Task Two_peers_that_dial_each_other_keep_one_connection()
    {
        await using GunTestServer a = await GunTestServer.StartAsync();
        await using GunTestServer b = await GunTestServer.StartAsync();
        a.Gun.AddLink(b.Url);
        b.Gun.AddLink(a.Url);

        await UntilAsync(() => new(a.Gun.ConnectionCount == 1 && b.Gun.ConnectionCount == 1
            && a.Gun.ListPeers().Concat(b.Gun.ListPeers()).Count(peer => peer.State == GunPeerState.Duplicate) == 1));
        await a.Graph.Get("s").PutAsync("x", "a");
        await b.Graph.Get("s").PutAsync("y", "b");

        await ComesAsync(b, "s", "x", "a");
        await ComesAsync(a, "s", "y", "b");
    }

    [Fact]
    public async Task A_link_to_itself_is_noticed_and_left()
    {
        await using GunTestServer a = await GunTestServer.StartAsync();

        a.Gun.AddLink(a.Url);

        await UntilAsync(() => new(a.Gun.ListPeers() is [{ State: GunPeerState.Self }]));
    }

    [Fact]
    public async Task Only_WebSocket_addresses_are_dialled_and_only_so_many()
    {
        await using GunTestServer a = await GunTestServer.StartAsync(change: options => options.Gun.LinksMax = 1);

        WeftException wrong = Assert.Throws<WeftException>(() => a.Gun.AddLink(new Uri("http://127.0.0.1:1/gun")));
        a.Gun.AddLink(new Uri("ws://127.0.0.1:1/gun"));
        WeftException full = Assert.Throws<WeftException>(() => a.Gun.AddLink(new Uri("ws://127.0.0.1:2/gun")));

        Assert.Equal(WeftError.AddressInvalid, wrong.Error);
        Assert.Equal(WeftError.TooManyRequests, full.Error);
    }

    private static Task ComesAsync(GunTestServer server, string soul, string field, string text) =>
        UntilAsync(async () => (await server.Graph.ReadFieldAsync(soul, field)).Value.AsText() == text);

    private static async Task UntilAsync(Func<ValueTask<bool>> holds)
    {
        using var late = new CancellationTokenSource(ComesMax);
        while (!await holds())
        {
            await Task.Delay(10, late.Token); // Sockets and two peers: there is no single event to wait for.
        }
    }
}
