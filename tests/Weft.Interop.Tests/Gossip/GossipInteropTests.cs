using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Interop.Tests.Gossip;

/// <summary>Weft and unmodified <c>@libp2p/gossipsub</c>, strict signing on both sides.</summary>
public sealed class GossipInteropTests
{
    private static readonly object LazyJs = new
    {
        D = 0, Dlo = 0, Dhi = 0, Dout = 0, Dscore = 0, floodPublish = false, heartbeatInterval = 300,
    };

    [GunTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Messages_go_both_ways_whoever_dials(bool weftDials)
    {
        await using GossipPair pair = await GossipPair.StartAsync();
        await using GossipSubscription reader = pair.Service.Subscribe("t");
        await pair.Js.RunAsync("pubsub.subscribe('t')");
        await (weftDials ? pair.DialAsync() : pair.DialFromJsAsync());
        await pair.UntilKnownAsync("t");

        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(1, (await pair.Service.PublishAsync("t", Encoding.UTF8.GetBytes($"weft {i}"))).Peers);
        }

        JsonElement got = await pair.Js.RunAsync(
            """
            await until(() => got.length >= 50)
            for (let i = 0; i < 50; i++) await pubsub.publish('t', Buffer.from('js ' + i))
            await pubsub.publish('t', Buffer.alloc(200000, 'x'))
            return got.filter(one => one[1].startsWith('weft'))
            """);
        List<string> texts = await GossipPair.TakeAsync(reader, 51, pair.JsId);

        Assert.Equal(
            Enumerable.Range(0, 50).Select(i => $"weft {i}").Order(),
            got.EnumerateArray().Select(one => one[1].GetString()!).Order());
        Assert.All(got.EnumerateArray(), one => Assert.Equal(pair.Host.Id.ToString(), one[2].GetString()));
        Assert.Equal(
            Enumerable.Range(0, 50).Select(i => $"js {i}").Order(), texts.Where(text => text.Length < 100).Order());
        Assert.Contains(new string('x', 200_000), texts);
        Assert.Empty(pair.Service.Counts.Refused);
    }

    [GunFact]
    public async Task Two_js_peers_reach_each_other_through_weft_alone()
    {
        await using GossipPair pair = await GossipPair.StartAsync();
        await using NodeProcess second = await GossipPair.StartJsAsync();
        await using GossipSubscription reader = pair.Service.Subscribe("t");
        await pair.Js.RunAsync("pubsub.subscribe('t')");
        await second.RunAsync("pubsub.subscribe('t')");
        await pair.DialAsync();
        await pair.DialAsync(second);
        await pair.UntilKnownAsync("t", peers: 2);
        await GossipPair.UntilJsKnowsAsync(second, "t");

        await second.RunAsync("for (let i = 0; i < 20; i++) await pubsub.publish('t', Buffer.from('m' + i))");

        JsonElement got = await pair.Js.RunAsync("await until(() => got.length >= 20); return got");
        Assert.Equal(20, got.GetArrayLength());
        Assert.All(
            got.EnumerateArray(), one => Assert.Equal(GossipPair.IdOf(second).ToString(), one[2].GetString()));
        Assert.Equal(20, (await GossipPair.TakeAsync(reader, 20, GossipPair.IdOf(second))).Count);
    }

    [GunTheory]
    [InlineData(null, GossipIdRule.FromSequence)] // js as it is by default.
    [InlineData("sha256", GossipIdRule.FromSequenceSha256)] // One explicit function on both sides.
    public async Task Js_is_told_of_a_message_and_asks_for_it(string? ids, GossipIdRule rule)
    {
        await using GossipPair pair = await GossipPair.StartAsync(LazyJs, ids, options => Lazy(options, rule));
        await using GossipSubscription reader = pair.Service.Subscribe("t");
        await pair.Js.RunAsync("pubsub.subscribe('t')");
        await pair.DialAsync();
        await pair.UntilKnownAsync("t");
        await UntilNoMeshAsync(pair);

        Assert.Equal(0, (await pair.Service.PublishAsync("t", "lazy"u8.ToArray())).Peers);

        JsonElement got = await pair.Js.RunAsync("return await until(() => got.find(one => one[1] === 'lazy'))");
        Assert.Equal(pair.Host.Id.ToString(), got[2].GetString());
    }

    [GunTheory]
    [InlineData(null, GossipIdRule.FromSequence)]
    [InlineData("sha256", GossipIdRule.FromSequenceSha256)]
    public async Task Weft_is_told_of_a_message_and_asks_for_it(string? ids, GossipIdRule rule)
    {
        await using GossipPair pair = await GossipPair.StartAsync(LazyJs, ids, options => Lazy(options, rule));
        await using GossipSubscription reader = pair.Service.Subscribe("t");
        await pair.Js.RunAsync("pubsub.subscribe('t')");
        await pair.DialFromJsAsync();
        await pair.UntilKnownAsync("t");
        await UntilNoMeshAsync(pair);

        // A message that js passes on goes to its mesh alone, and that is empty.
        await using NodeProcess author = await GossipPair.StartJsAsync(ids: ids);
        await author.RunAsync($"await node.dial(to('{pair.Js.Hello.GetProperty("addresses")[0].GetString()}'))");
        await GossipPair.UntilJsKnowsAsync(author, "t");
        await author.RunAsync("await pubsub.publish('t', Buffer.from('lazy'))");

        Assert.Equal(["lazy"], await GossipPair.TakeAsync(reader, 1, GossipPair.IdOf(author)));
    }

    [GunFact]
    public async Task Weft_refuses_what_js_does_not_sign()
    {
        await using GossipPair pair = await GossipPair.StartAsync(new { globalSignaturePolicy = "StrictNoSign" });
        await using GossipSubscription reader = pair.Service.Subscribe("t");
        await pair.Js.RunAsync("pubsub.subscribe('t')");
        await pair.DialAsync();
        await pair.UntilKnownAsync("t");

        await pair.Js.RunAsync("await pubsub.publish('t', Buffer.from('anonymous'))");

        using var late = new CancellationTokenSource(GossipPair.Patience);
        while (!pair.Service.Counts.Refused.ContainsKey(GossipReason.Malformed))
        {
            await Task.Delay(10, late.Token);
        }

        Assert.False(reader.TryRead(out _));
        Assert.True(pair.Service.ScoreOf(pair.JsId) < 0);
    }

    [GunFact]
    public async Task Js_refuses_what_is_forged_and_takes_what_is_not()
    {
        await using GossipPair pair = await GossipPair.StartAsync();
        await pair.Js.RunAsync("pubsub.subscribe('t')");
        await pair.DialAsync();
        using var late = new CancellationTokenSource(GossipPair.Patience);
        while (pair.Service.PeersOf("t") == 0)
        {
            await Task.Delay(10, late.Token);
        }

        ICrypto crypto = PlatformCrypto.Create();
        using Ed25519KeyPair author = KeyGenerator.NewEd25519(crypto);
        byte[] forged = GossipSigning.Sign(author, crypto, 1, "t", "forged"u8).Frame.ToArray();
        forged[forged.AsSpan().IndexOf("forged"u8)] ^= 1;
        await using PeerStream stream = await pair.Host.OpenStreamAsync(pair.JsId, ["/meshsub/1.1.0"]);
        await stream.WriteAsync(forged);
        await stream.WriteAsync(GossipSigning.Sign(author, crypto, 2, "t", "genuine"u8).Frame);

        JsonElement got = await pair.Js.RunAsync("await until(() => got.length > 0); return got");
        Assert.Equal("genuine", got[0][1].GetString());
        Assert.Equal(author.PublicKey.ToPeerId().ToString(), got[0][2].GetString());
    }

    private static void Lazy(GossipServiceOptions options, GossipIdRule rule)
    {
        options.Core.IdRule = rule;
        options.Core.FloodPublish = false;
        options.Core.Heartbeat = TimeSpan.FromMilliseconds(300);
    }

    /// <summary>Js, which wants no mesh, cuts the link that Weft asks for.</summary>
    private static async Task UntilNoMeshAsync(GossipPair pair)
    {
        using var late = new CancellationTokenSource(GossipPair.Patience);
        while (pair.Service.MeshOf("t").Count > 0)
        {
            await Task.Delay(10, late.Token);
        }
    }
}
