using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Weft.Libp2p.Kad;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Peers;

namespace Weft.Interop.Tests.Kad;

/// <summary>
/// Weft and unmodified js-libp2p kad-dht in one DHT, each as the one who asks and the one who answers.
/// </summary>
public sealed class KadInteropTests
{
    [GunTheory]
    [InlineData(KadOptions.WeftProtocol)]
    [InlineData("/ipfs/lan/kad/1.0.0")]
    public async Task Values_go_both_ways(string protocol)
    {
        await using KadPeers peers = await KadPeers.StartAsync(1, 1, protocol);
        await peers.JoinAsync(1);

        KadResult put = await peers.Services[0].PutAsync(Record("/open/from-weft", "tea"), KadQuorum.All);
        Assert.Equal((KadStatus.Done, 2), (put.Status, put.Copies));
        Assert.Equal("tea", (await peers.Js.RunAsync("return await get(node, '/open/from-weft')")).GetString());

        JsonElement kept = await peers.Js.RunAsync("return await put(node, '/open/from-js', 'five')");
        Assert.Equal(1, kept.GetInt32());
        KadResult get = await peers.Services[0].GetAsync(Key("/open/from-js"), skipsLocal: true);
        Assert.Equal("five", Encoding.UTF8.GetString(get.Record.Value.Span));

        // Weft keeps it, too: js put it there.
        Assert.True(await peers.Services[0].UseRecordsAsync(
            (store, nowMs) => store.TryGet(Key("/open/from-js"), nowMs, out _)));
    }

    [GunFact]
    public async Task Providers_go_both_ways()
    {
        await using KadPeers peers = await KadPeers.StartAsync(1, 1);
        await peers.JoinAsync(1);

        Assert.Equal(KadStatus.Done, (await peers.Services[0].ProvideAsync(Multihash("map"))).Status);
        JsonElement found = await peers.Js.RunAsync("return await until(async () => { const f = await providers(node, 'map'); return f.length && f })");
        Assert.Equal(peers.Hosts[0].Id.ToString(), found[0].GetString());

        await peers.Js.RunAsync("return await provide(node, 'chart')");

        // ADD_PROVIDER has no answer: js is done when it has sent it.
        KadPeer provider = await FindProviderAsync(peers.Services[0], "chart");
        Assert.Equal(peers.JsId(), provider.Id.ToString());
        Assert.NotEmpty(provider.Addresses);
    }

    [GunFact]
    public async Task A_js_client_enters_no_table_and_is_served_all_the_same()
    {
        await using KadPeers peers = await KadPeers.StartAsync(1, 2, jsIsClient: true);
        await peers.JoinAsync(1, jsIsClient: true);

        Assert.DoesNotContain(
            await peers.Services[0].ReadRoutesAsync(), route => route.Peer.ToString() == peers.JsId());
        Assert.True((await peers.Js.RunAsync("return await put(node, '/open/x', 'from a client')")).GetInt32() >= 1);
        Assert.Equal("from a client", Encoding.UTF8.GetString(
            (await peers.Services[0].GetAsync(Key("/open/x"))).Record.Value.Span));
    }

    [GunFact]
    public async Task In_a_mixed_network_everyone_finds_peers_values_and_providers_of_everyone()
    {
        // Ten of each where time does not matter: every one of them is dialled by every other.
        int each = Environment.GetEnvironmentVariable("WEFT_NIGHTLY") is null ? 5 : 10;
        await using KadPeers peers = await KadPeers.StartAsync(each, each);
        await peers.JoinAsync(each);

        for (int i = 0; i < each; i++)
        {
            KadResult put = await peers.Services[i].PutAsync(Record($"/open/weft-{i}", $"value {i}"), KadQuorum.Of(each));
            Assert.True(put.Status == KadStatus.Done, $"put {i}: {put.Status}, {put.Copies} of {put.Wanted}");
        }

        JsonElement got = await peers.Js.RunAsync(
            $"const all = []; for (let i = 0; i < {each}; i++) all.push(await get(nodes[i % nodes.length], '/open/weft-' + i)); return all");
        Assert.Equal(Enumerable.Range(0, each).Select(i => $"value {i}"), got.EnumerateArray().Select(one => one.GetString()));

        await peers.Js.RunAsync(
            $"for (let i = 0; i < 5; i++) await put(nodes[i], '/open/js-' + i, 'js ' + i); await provide(nodes[3], 'atlas'); return true");
        for (int i = 0; i < 5; i++)
        {
            KadResult get = await peers.Services[each - 1 - i].GetAsync(Key($"/open/js-{i}"), KadQuorum.Of(3));
            Assert.True(get.Copies >= 3, $"get {i}: {get.Status}, {get.Copies}");
            Assert.Equal($"js {i}", Encoding.UTF8.GetString(get.Record.Value.Span));
        }

        Assert.Equal(peers.JsId(3), (await FindProviderAsync(peers.Services[4], "atlas")).Id.ToString());
        KadResult found = await peers.Services[3].FindPeerAsync(PeerIdOf(peers.JsId(4)));
        Assert.Equal(peers.JsId(4), found.Peers[0].Id.ToString());
        string wanted = JsonSerializer.Serialize(peers.Hosts[2].Id.ToString());
        JsonElement addresses = await peers.Js.RunAsync($"return await findPeer(nodes[1], {wanted})");
        Assert.Contains(
            peers.Hosts[2].Addresses[0].WithoutPeer()!.ToString(), addresses.EnumerateArray().Select(one => one.GetString()));
    }

    private static async Task<KadPeer> FindProviderAsync(KadService service, string name)
    {
        KadResult providers = default!;
        await KadPeers.UntilAsync(async () =>
        {
            providers = await service.FindProvidersAsync(Multihash(name), 1);
            return providers.Providers.Count > 0;
        });
        return Assert.Single(providers.Providers);
    }

    private static byte[] Key(string text) => Encoding.UTF8.GetBytes(text);

    private static KadRecord Record(string key, string value) =>
        KadRecord.Make(Key(key), Encoding.UTF8.GetBytes(value));

    private static byte[] Multihash(string content) => [0x12, 32, .. SHA256.HashData(Encoding.UTF8.GetBytes(content))];

    private static PeerId PeerIdOf(string text) =>
        PeerId.TryParse(text, out PeerId peer) ? peer : throw new ArgumentException(text);
}
