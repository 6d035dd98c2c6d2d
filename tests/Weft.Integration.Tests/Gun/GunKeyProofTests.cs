using System.Buffers.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Node.Gun;
using Weft.Testing;

namespace Weft.Integration.Tests.Gun;

public sealed class GunKeyProofTests
{
    private static readonly PlatformCrypto Crypto = PlatformCrypto.Create();
    private static readonly TimeSpan ComesMax = TimeSpan.FromSeconds(30);
    private static readonly byte[] OpenNetwork = new byte[32];

    [Fact]
    public async Task Two_peers_prove_their_keys_to_each_other()
    {
        await using GunTestServer a = await GunTestServer.StartAsync();
        await using GunTestServer b = await GunTestServer.StartAsync(
            change: options => options.Peers.Add(a.Url.AbsoluteUri));

        await UntilAsync(() => a.Gun.ListPeers().Any(peer => peer.Key is not null)
            && b.Gun.ListPeers().Any(peer => peer.Key is not null));

        Assert.Equal(b.Peer.Node.Identity.PublicKey.ToString(), Assert.Single(a.Gun.ListPeers()).Key);
        Assert.Equal(a.Peer.Node.Identity.PublicKey.ToString(), Assert.Single(b.Gun.ListPeers()).Key);
    }

    [Fact]
    public async Task Peers_of_two_networks_do_not_prove_themselves()
    {
        using Ed25519KeyPair network = KeyGenerator.NewEd25519(Crypto);
        await using GunTestServer a = await GunTestServer.StartAsync(
            change: options => options.Node.NetworkKey = network.PublicKey);
        await using GunTestClient client = await GunTestClient.ConnectAsync(a.Url);
        using Ed25519KeyPair own = KeyGenerator.NewEd25519(Crypto);
        await ProveAsync(client, own, own, OpenNetwork);
        await AnswersAsync(client);

        Assert.Null(Assert.Single(a.Gun.ListPeers()).Key);
    }

    [Fact]
    public async Task Only_the_right_signature_by_the_named_key_counts_and_only_the_first()
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        using Ed25519KeyPair own = KeyGenerator.NewEd25519(Crypto);
        using Ed25519KeyPair other = KeyGenerator.NewEd25519(Crypto);

        Assert.Equal(own.PublicKey.ToString(), await TryAsync(server, own, own, _ => { }));
        Assert.Null(await TryAsync(server, own, other, _ => { })); // Names a key it does not have.
        Assert.Null(await TryAsync(server, own, own, signature => signature[3] ^= 1));

        await using GunTestClient twice = await GunTestClient.ConnectAsync(server.Url);
        await ProveAsync(twice, own, own, OpenNetwork, signature => signature[9] ^= 1);
        await ProveAsync(twice, own, own, OpenNetwork);
        await AnswersAsync(twice);
        Assert.DoesNotContain(server.Gun.ListPeers(), peer => peer.Key is not null);
    }

    [Fact]
    public async Task A_proof_that_was_overheard_is_worth_nothing_on_another_connection()
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        using Ed25519KeyPair own = KeyGenerator.NewEd25519(Crypto);
        await using GunTestClient first = await GunTestClient.ConnectAsync(server.Url);
        string proof = await ProveAsync(first, own, own, OpenNetwork);
        await UntilAsync(() => server.Gun.ListPeers().Any(peer => peer.Key is not null));

        await using GunTestClient second = await GunTestClient.ConnectAsync(server.Url);
        await HelloAsync(second, own.PublicKey, new byte[32]);
        await second.SendAsync($$"""{"#":"p2","dam":"weft","proof":"{{proof}}"}""");
        await AnswersAsync(second);

        Assert.Single(server.Gun.ListPeers(), peer => peer.Key is not null);
    }

    private static async Task<string?> TryAsync(
        GunTestServer server, Ed25519KeyPair signer, Ed25519KeyPair named, Action<byte[]> spoil)
    {
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url);
        await ProveAsync(client, signer, named, OpenNetwork, spoil);
        await AnswersAsync(client);
        string? key = server.Gun.ListPeers().Single(peer => peer.Pid is not null).Key;
        await client.DisposeAsync();
        await UntilAsync(() => server.Gun.ListPeers().Count == 0);
        return key;
    }

    /// <returns>The proof that was sent.</returns>
    private static async Task<string> ProveAsync(
        GunTestClient client, Ed25519KeyPair signer, Ed25519KeyPair named, byte[] network, Action<byte[]>? spoil = null)
    {
        byte[] nonce = [.. Enumerable.Repeat((byte)5, 32)];
        (Ed25519PublicKey server, byte[] serverNonce) = await HelloAsync(client, named.PublicKey, nonce);
        byte[] signature = new byte[KeyProof.SignatureLength];
        new KeyProof(network, "gun", server, signer.PublicKey, serverNonce, nonce).Sign(Crypto, signer, signature);
        spoil?.Invoke(signature);
        string proof = Base64Url.EncodeToString(signature);
        await client.SendAsync($$"""{"#":"p1","dam":"weft","proof":"{{proof}}"}""");
        return proof;
    }

    private static async Task<(Ed25519PublicKey Server, byte[] Nonce)> HelloAsync(
        GunTestClient client, Ed25519PublicKey key, byte[] nonce)
    {
        string claim = $$"""{"store":"1234567890abcdef","key":"{{key}}","nonce":"{{Base64Url.EncodeToString(nonce)}}"}""";
        await client.SendAsync("{\"#\":\"h1\",\"dam\":\"?\",\"pid\":\"somebody\",\"weft\":" + claim + "}");
        JsonElement hello = await client.WaitAsync(
            message => message.TryGetProperty("dam", out JsonElement dam) && dam.GetString() == "?");
        JsonElement weft = hello.GetProperty("weft");
        Assert.True(Ed25519PublicKey.TryParse(weft.GetProperty("key").GetString(), out Ed25519PublicKey server));
        return (server, Base64Url.DecodeFromChars(weft.GetProperty("nonce").GetString()));
    }

    /// <summary>The server has dealt with everything sent before, in order, when it answers this.</summary>
    private static async Task AnswersAsync(GunTestClient client)
    {
        await client.PutAsync("done", "s", "f", "1");
        await client.WaitAsync(
            message => message.TryGetProperty("@", out JsonElement answered) && answered.GetString() == "done");
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var late = new CancellationTokenSource(ComesMax);
        while (!holds())
        {
            await Task.Delay(20, late.Token);
        }
    }
}
