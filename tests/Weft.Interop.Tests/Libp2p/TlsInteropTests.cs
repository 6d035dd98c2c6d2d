using System.Text;
using System.Text.Json;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Transports.Tls;

namespace Weft.Interop.Tests.Libp2p;

/// <summary>
/// TLS between Weft and unmodified js-libp2p, and with plain node where js-libp2p is too well-behaved.
/// </summary>
public sealed class TlsInteropTests
{
    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task Weft_and_js_meet_over_TLS_alone_whoever_dials(string listen)
    {
        await using Libp2pPeer pair = await StartAsync(listen, "tls");
        PeerConnection connection = await pair.DialAsync();
        Assert.Equal(pair.Id, connection.Remote);
        Assert.Equal("out"u8.ToArray(), await EchoAsync(pair, "out"u8.ToArray()));
        byte[] large = new byte[3_000_000];
        Random.Shared.NextBytes(large);
        Assert.Equal(large, await EchoAsync(pair, large));
        await connection.DisposeAsync();

        // Where js has not seen the end yet it would use the old connection again.
        await pair.Js.RunAsync("return await until(() => node.getConnections().length === 0)");
        JsonElement echoed = await pair.Js.RunAsync($"return await echo({pair.HostAddress}, 'in'.repeat(100000))");
        Assert.Equal(200_000, echoed.GetString()!.Length);
        JsonElement how = await pair.Js.RunAsync("return node.getConnections().map(one => [one.encryption, one.multiplexer])");
        Assert.Equal("/tls/1.0.0", how[0][0].GetString());
        Assert.Equal("/yamux/1.0.0", how[0][1].GetString());
    }

    [GunFact]
    public async Task Where_js_prefers_TLS_and_Weft_has_both_they_meet()
    {
        await using Libp2pPeer pair = await StartAsync(Libp2pPeer.Tcp, "tls", "noise");
        JsonElement how = await pair.Js.RunAsync(
            $"await echo({pair.HostAddress}, 'x'); return node.getConnections()[0].encryption");
        Assert.Equal("/tls/1.0.0", how.GetString());
        await using Libp2pHost plain = await Libp2pPeer.StartHostAsync();
        Assert.Equal(pair.Id, (await plain.DialAsync(pair.Address)).Remote);
    }

    [GunFact]
    public async Task A_js_peer_with_an_RSA_key_is_verified_over_TLS()
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(
            AddTls, arguments: new { listen = new[] { Libp2pPeer.Tcp }, security = new[] { "tls" }, key = "RSA" });
        PeerConnection connection = await pair.DialAsync();
        Assert.Equal((pair.Id, PeerKeyType.Rsa), (connection.Remote, connection.RemoteKey.Type));
    }

    [GunFact]
    public async Task Another_peer_than_the_one_dialled_is_refused_by_both_over_TLS()
    {
        await using Libp2pPeer pair = await StartAsync(Libp2pPeer.Tcp, "tls");
        await using Libp2pHost other = await Libp2pPeer.StartHostAsync();
        Libp2pException wrong = await Assert.ThrowsAsync<Libp2pException>(
            () => pair.Host.DialAsync(pair.Address.WithPeer(other.Id)));
        Assert.Equal(WeftError.PeerWrong, wrong.Error);

        string address = pair.Host.Addresses[0].WithPeer(other.Id).ToString();
        JsonElement refused = await pair.Js.RunAsync(
            $"try {{ await node.dial(to('{address}')); return '' }} catch (error) {{ return String(error) }}");
        Assert.NotEqual("", refused.GetString());
    }

    [GunTheory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public async Task One_certificate_is_taken_and_two_are_not(int count, bool isTaken)
    {
        await using Libp2pPeer pair = await StartAsync(Libp2pPeer.Tcp, "tls");
        using var key = Weft.Crypto.KeyGenerator.NewEd25519(Weft.Crypto.PlatformCrypto.Create());
        using var certificate = PeerCertificate.Make(
            new(key, key.PublicKey.ToPeerId(), Weft.Crypto.PlatformCrypto.Create(), [], TimeProvider.System));
        using var second = PeerCertificate.Make(
            new(key, key.PublicKey.ToPeerId(), Weft.Crypto.PlatformCrypto.Create(), [], TimeProvider.System));
        string chain = certificate.ExportCertificatePem() + "\n" + (count == 2 ? second.ExportCertificatePem() : "");
        using var secret = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(certificate)!;

        // Plain node: agree on TLS by hand, do the handshake, agree on the muxer, and see whether anybody answers.
        JsonElement answer = await pair.Js.RunAsync(
            $$"""
            const line = text => Buffer.concat([Buffer.from([text.length + 1]), Buffer.from(text + '\n')])
            const socket = nodeNet.connect({{pair.Host.Addresses[0].PortOf(MultiaddrCode.Tcp)}}, '127.0.0.1')
            const hello = Buffer.concat([line('/multistream/1.0.0'), line('/tls/1.0.0')])
            socket.write(hello)
            let head = Buffer.alloc(0)
            while (head.length < hello.length) {
              head = Buffer.concat([head, socket.read() ?? await new Promise(resolve => socket.once('readable', () => resolve(Buffer.alloc(0))))])
            }
            return await new Promise(resolve => {
              const secure = nodeTls.connect({
                socket, rejectUnauthorized: false, minVersion: 'TLSv1.3', ALPNProtocols: ['libp2p'],
                cert: {{JsonSerializer.Serialize(chain)}}, key: {{JsonSerializer.Serialize(secret.ExportPkcs8PrivateKeyPem())}}
              })
              secure.on('secureConnect', () => secure.write(Buffer.concat([line('/multistream/1.0.0'), line('/yamux/1.0.0')])))
              secure.on('data', data => resolve(data.toString()))
              secure.on('error', () => resolve('closed'))
              secure.on('close', () => resolve('closed'))
            })
            """);
        Assert.Equal(isTaken, answer.GetString()!.Contains("/yamux/1.0.0", StringComparison.Ordinal));
        Assert.Equal(!isTaken, answer.GetString() == "closed");
    }

    private static Task<Libp2pPeer> StartAsync(string listen, params string[] security) =>
        Libp2pPeer.StartAsync(
            options =>
            {
                AddTls(options);
                options.UseNoise = security.Length > 1;
            },
            listen: listen,
            arguments: new { listen = new[] { listen }, security });

    private static void AddTls(Libp2pOptions options) => options.Security.Add(new TlsSecurity());

    private static async Task<byte[]> EchoAsync(Libp2pPeer pair, byte[] data)
    {
        await using PeerStream stream = await pair.Host.OpenStreamAsync(pair.Id, ["/echo/1.0.0"]);
        var all = new MemoryStream();
        Task reading = stream.CopyToAsync(all);
        await stream.WriteAsync(data);
        await stream.CompleteWritesAsync();
        await reading.WaitAsync(TimeSpan.FromSeconds(60));
        return all.ToArray();
    }
}
