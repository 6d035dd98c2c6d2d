using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Transports;
using Weft.Transports.Tls;

namespace Weft.Integration.Tests.Libp2p.Tls;

/// <summary>Hosts that protect their connections by TLS, and strangers that try to get past it.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private readonly List<IAsyncDisposable> _hosts = [];
    private readonly List<IDisposable> _keys = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (IAsyncDisposable host in _hosts)
        {
            await host.DisposeAsync();
        }

        _keys.ForEach(one => one.Dispose());
    }

    [Fact]
    public async Task Two_hosts_with_TLS_alone_prove_who_they_are_and_carry_data()
    {
        Libp2pHost listener = await HostAsync(useNoise: false);
        Libp2pHost dialler = await HostAsync(useNoise: false);
        PeerConnection connection = await dialler.ConnectAsync(listener.Addresses[0]);

        Assert.Equal(listener.Id, connection.Remote);
        await EchoAsync(dialler, connection, 3_000_000);
        await RawPeer.UntilAsync(() => listener.Find(dialler.Id) is { IsInbound: true });
    }

    [Fact]
    public async Task Hosts_with_both_meet_hosts_with_one()
    {
        Libp2pHost both = await HostAsync(useNoise: true);
        Libp2pHost tls = await HostAsync(useNoise: false);
        Libp2pHost noise = await HostAsync(useNoise: true, useTls: false);
        await EchoAsync(both, await both.ConnectAsync(tls.Addresses[0]), 1_000);
        await EchoAsync(both, await both.ConnectAsync(noise.Addresses[0]), 1_000);
        await EchoAsync(noise, await noise.ConnectAsync(both.Addresses[0]), 1_000);

        Libp2pException apart = await Assert.ThrowsAsync<Libp2pException>(() => noise.ConnectAsync(tls.Addresses[0]));
        Assert.Contains("speak", apart.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_peer_than_the_one_dialled_is_refused_and_nothing_is_left()
    {
        Libp2pHost listener = await HostAsync(useNoise: false);
        Libp2pHost dialler = await HostAsync(useNoise: false);
        Libp2pException wrong = await Assert.ThrowsAsync<Libp2pException>(
            () => dialler.DialAsync(listener.Addresses[0].WithPeer(Other())));

        Assert.Equal(WeftError.PeerWrong, wrong.Error);
        await RawPeer.UntilAsync(() => listener.Use == default && dialler.Use == default);
    }

    [Theory]
    [InlineData("no certificate")]
    [InlineData("a certificate of a company")]
    [InlineData("TLS 1.2")]
    [InlineData("another protocol within")]
    public async Task Who_proves_nothing_is_closed(string what)
    {
        Libp2pHost listener = await HostAsync(useNoise: false);
        await using ITransportConnection transport = await RawPeer.DialAsync(listener);
        await transport.WriteAsync(RawPeer.Names("/tls/1.0.0"), default);
        await ReadLinesAsync(transport, 2);
        using X509Certificate2 peer = NewPeer();
        using X509Certificate2 stranger = NewStranger();
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "",
            EnabledSslProtocols = what == "TLS 1.2" ? SslProtocols.Tls12 : SslProtocols.Tls13,
            ApplicationProtocols = [new(what == "another protocol within" ? "h2" : "libp2p")],
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
            ClientCertificateContext = what switch
            {
                "no certificate" => null,
                "a certificate of a company" => SslStreamCertificateContext.Create(stranger, null, offline: true),
                _ => SslStreamCertificateContext.Create(peer, null, offline: true),
            },
        };

        // The client may be done before it is refused: then the first read tells.
        await using var stream = new SslStream(new TransportStream(transport));
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await stream.AuthenticateAsClientAsync(options, late.Token);
            await stream.WriteAsync(RawPeer.Names("/yamux/1.0.0"), late.Token);
            byte[] buffer = new byte[1];
            Assert.NotEqual(0, await stream.ReadAsync(buffer, late.Token));
            Assert.False(late.IsCancellationRequested);
        });
        await RawPeer.UntilAsync(() => listener.Use == default);
        Assert.Empty(listener.Connections);
    }

    [Fact]
    public async Task A_peer_that_is_silent_in_the_handshake_is_closed_at_the_deadline()
    {
        Libp2pHost listener = await HostAsync(useNoise: false, change: options => options.HandshakeTimeout = TimeSpan.FromMilliseconds(300));
        await using ITransportConnection transport = await RawPeer.DialAsync(listener);
        await transport.WriteAsync(RawPeer.Names("/tls/1.0.0"), default);

        Assert.True(await RawPeer.IsClosedAsync(transport));
        await RawPeer.UntilAsync(() => listener.Use == default);
    }

    [Fact]
    public async Task WebSocket_over_TLS_is_listened_at_with_a_certificate_and_dialled()
    {
        using X509Certificate2 server = NewStranger();
        var tls = new WebSocketTlsOptions
        {
            Certificate = server,
            ServerCheck = (_, certificate, _, _) => certificate!.GetRawCertData().AsSpan().SequenceEqual(server.RawData),
        };
        Libp2pHost listener = await SecureWebSocketAsync(tls, "/ip4/127.0.0.1/tcp/0/tls/ws");
        Libp2pHost dialler = await SecureWebSocketAsync(tls, listen: null);
        Libp2pHost strict = await SecureWebSocketAsync(new(), listen: null);
        Assert.EndsWith($"/tls/ws/p2p/{listener.Id}", listener.Addresses[0].ToString(), StringComparison.Ordinal);

        PeerConnection connection = await dialler.ConnectAsync(listener.Addresses[0]);
        await EchoAsync(dialler, connection, 500_000);
        string wss = listener.Addresses[0].ToString().Replace("/tls/ws", "/wss", StringComparison.Ordinal);
        await dialler.DialAsync(Multiaddr.Parse(wss));
        Libp2pException untrusted = await Assert.ThrowsAsync<Libp2pException>(() => strict.ConnectAsync(listener.Addresses[0]));
        Assert.Contains("certificate", untrusted.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task WebSocket_over_TLS_is_not_listened_at_without_a_certificate()
    {
        Multiaddr address = Multiaddr.Parse("/ip4/127.0.0.1/tcp/0/tls/ws");
        Assert.False(new WebSocketTransport().CanListen(address));
        Assert.False(new WebSocketTransport(tls: new()).CanListen(address));
        await Assert.ThrowsAsync<ArgumentException>(() => SecureWebSocketAsync(new(), address.ToString()));
    }

    [Fact]
    public async Task Who_speaks_no_TLS_at_a_TLS_port_is_closed_and_others_are_served()
    {
        using X509Certificate2 server = NewStranger();
        var tls = new WebSocketTlsOptions { Certificate = server, ServerCheck = (_, _, _, _) => true };
        Libp2pHost listener = await SecureWebSocketAsync(tls, "/ip4/127.0.0.1/tcp/0/wss");
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", listener.Addresses[0].PortOf(MultiaddrCode.Tcp));
        await socket.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        byte[] buffer = new byte[4_096];
        try
        {
            while (await socket.GetStream().ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(20)) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Reset is as good as closed.
        }

        Libp2pHost dialler = await SecureWebSocketAsync(tls, listen: null);
        await EchoAsync(dialler, await dialler.ConnectAsync(listener.Addresses[0]), 1_000);
    }

    private static PeerId Other() => PeerId.FromEd25519(Enumerable.Repeat((byte)77, 32).ToArray());

    private static async Task ReadLinesAsync(ITransportConnection transport, int lines)
    {
        byte[] buffer = new byte[1];
        while (lines > 0 && await transport.ReadAsync(buffer, default) > 0)
        {
            lines -= buffer[0] == (byte)'\n' ? 1 : 0;
        }
    }

    private static async Task EchoAsync(Libp2pHost host, PeerConnection connection, int length)
    {
        await using PeerStream stream = await host.OpenStreamAsync(connection, ["/echo/1.0.0"]);
        byte[] data = RandomNumberGenerator.GetBytes(length);
        byte[] back = new byte[length];
        Task reading = stream.ReadExactlyAsync(back).AsTask();
        await stream.WriteAsync(data);
        await reading.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(data.AsSpan().SequenceEqual(back));
    }

    private static X509Certificate2 NewStranger()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private X509Certificate2 NewPeer()
    {
        ICrypto crypto = PlatformCrypto.Create();
        Ed25519KeyPair key = KeyGenerator.NewEd25519(crypto);
        _keys.Add(key);
        return PeerCertificate.Make(new(key, key.PublicKey.ToPeerId(), crypto, [], TimeProvider.System));
    }

    private async Task<Libp2pHost> HostAsync(bool useNoise, bool useTls = true, Action<Libp2pOptions>? change = null)
    {
        Libp2pHost host = await RawPeer.StartHostAsync(options =>
        {
            options.UseNoise = useNoise;
            if (useTls)
            {
                var tls = new TlsSecurity();
                _keys.Add(tls);
                options.Security.Add(tls);
            }

            change?.Invoke(options);
        });
        _hosts.Add(host);
        return host;
    }

    private async Task<Libp2pHost> SecureWebSocketAsync(WebSocketTlsOptions tls, string? listen)
    {
        Libp2pHost host = await RawPeer.StartHostAsync(options =>
        {
            options.Transports.Clear();
            options.Transports.Add(new WebSocketTransport(tls: tls));
            options.Listen.Clear();
            if (listen is not null)
            {
                options.Listen.Add(Multiaddr.Parse(listen));
            }
        });
        _hosts.Add(host);
        return host;
    }
}
