using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Relay;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Testing;
using Weft.Transports;
using Weft.Transports.Tls;

namespace Weft.Integration.Tests.Network;

/// <summary>What the flags of <c>weft up</c> turn on, seen from outside.</summary>
public sealed class NetworkFlagTests : IDisposable
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_node_speaks_TLS_alone_or_beside_Noise_as_it_is_told()
    {
        await using WeftProcess tls = await WeftProcess.StartAsync(
            _folder["tls"], "--listen", Loopback, "--security", "tls");
        await using WeftProcess both = await WeftProcess.StartAsync(
            _folder["both"], "--listen", Loopback, "--security", "both", "--bootstrap", AddressOf(tls));
        Assert.Equal(0, (await both.CallAsync("peers", "ping", AddressOf(tls))).Exit);
        await using Libp2pHost noise = await HostAsync(security: null);
        await Assert.ThrowsAsync<Libp2pException>(() => noise.ConnectAsync(Multiaddr.Parse(AddressOf(tls))));
        Assert.NotNull(await noise.ConnectAsync(Multiaddr.Parse(AddressOf(both))));
        await using Libp2pHost only = await HostAsync(new TlsSecurity());
        Assert.NotNull(await only.ConnectAsync(Multiaddr.Parse(AddressOf(both))));
        Assert.Contains("security tls", (await tls.CallAsync("status")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_with_a_certificate_listens_at_WebSocket_over_TLS()
    {
        (string certificate, string key) = WriteCertificate();
        await using WeftProcess node = await WeftProcess.StartAsync(
            _folder["wss"], "--listen", Loopback + "/tls/ws", "--listen-tls-cert", certificate, "--listen-tls-key", key);
        string address = AddressOf(node);
        Assert.Contains("/tls/ws/p2p/", address, StringComparison.Ordinal);

        string? shown = null;
        await using Libp2pHost host = await HostAsync(null, new WebSocketTransport(tls: new()
        {
            ServerCheck = (_, remote, _, _) =>
            {
                shown = remote?.Subject; // Self-signed: who it is, the handshake within says.
                return true;
            },
        }));
        PeerConnection connection = await host.ConnectAsync(Multiaddr.Parse(address));
        Assert.Equal("CN=weft-test", shown);
        Assert.True(await host.PingAsync(connection.Remote) > TimeSpan.Zero);
        await using Libp2pHost strict = await HostAsync(null, new WebSocketTransport());
        await Assert.ThrowsAsync<Libp2pException>(() => strict.ConnectAsync(Multiaddr.Parse(address)));
    }

    [Fact]
    public async Task A_hidden_node_is_reached_through_the_relay_it_names_or_is_told_of()
    {
        await using WeftProcess relay = await WeftProcess.StartAsync(
            _folder["relay"], "--listen", Loopback, "--serve-relay", "on", "--limit", "RelayPlacesMax=7");
        await using WeftProcess hidden = await WeftProcess.StartAsync(
            _folder["hidden"], "--relay", AddressOf(relay), "--mdns", "off");
        string listed = await UntilAsync(hidden, text => text.Contains("reserved", StringComparison.Ordinal), "relay");
        Assert.Contains(AddressOf(relay), listed, StringComparison.Ordinal);
        string id = JsonDocument.Parse((await hidden.CallAsync("id", "show", "--json")).Out)
            .RootElement.GetProperty("peerId").GetString()!;
        await using Libp2pHost host = await HostAsync();
        await using var circuits = new RelayClient(host);
        await circuits.StartAsync();
        PeerConnection through = await host.ConnectAsync(
            Multiaddr.Parse($"{AddressOf(relay)}/p2p-circuit/p2p/{id}"));
        Assert.True(through.IsLimited);
        Assert.Contains("relay places: 1 of 7", (await relay.CallAsync("status")).Out, StringComparison.Ordinal);

        await using WeftProcess late = await WeftProcess.StartAsync(_folder["late"], "--profile", "default");
        Assert.Equal(0, (await late.CallAsync("relay", "add", AddressOf(relay))).Exit);
        await UntilAsync(late, text => text.Contains("reserved", StringComparison.Ordinal), "relay", "ls");
        string peer = AddressOf(relay)[(AddressOf(relay).LastIndexOf('/') + 1)..];
        Assert.Equal(0, (await late.CallAsync("relay", "rm", peer)).Exit);
        Assert.Equal(3, (await late.CallAsync("relay", "rm", peer)).Exit);
        Assert.Contains("W3102", (await late.CallAsync("relay", "add", Loopback)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_nodes_meet_at_a_rendezvous_point_by_flags_alone_and_one_of_them_dials()
    {
        await using WeftProcess point = await WeftProcess.StartAsync(
            _folder["point"], "--listen", Loopback, "--serve-rendezvous", "on");
        string[] meet = ["--rendezvous", AddressOf(point), "--namespace", "tea", "--mdns", "off", "--exchange", "off"];
        await using WeftProcess left = await WeftProcess.StartAsync(_folder["left"], [.. meet, "--listen", Loopback]);
        await UntilAsync(point, text => text.Contains("rendezvous registrations: 1", StringComparison.Ordinal), "status");
        await using WeftProcess right = await WeftProcess.StartAsync(
            _folder["right"], [.. meet, "--listen", Loopback, "--outbound", "2"]);
        string status = await UntilAsync(right, text => text.Contains("rendezvous: on, 1 found", StringComparison.Ordinal), "status");
        Assert.Contains("finds", status, StringComparison.Ordinal);
        string peer = AddressOf(left)[(AddressOf(left).LastIndexOf('/') + 1)..];
        await UntilAsync(right, text => text.Contains(peer, StringComparison.Ordinal), "peers");
    }

    [Fact]
    public async Task Events_tell_of_connections_and_bans_as_they_happen()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(_folder["node"], "--listen", Loopback);
        using HttpClient client = node.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var ask = new HttpRequestMessage(
            HttpMethod.Get, new Uri(node.Url, "api/v1/events?kinds=peer.connect,peer.disconnect,peer.ban"));
        ask.Headers.Accept.ParseAdd("application/x-ndjson");
        using HttpResponseMessage answer = await client.SendAsync(ask, HttpCompletionOption.ResponseHeadersRead, late.Token);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(late.Token));
        Assert.Equal("{\"event\":\"live\"}", await lines.ReadLineAsync(late.Token));

        Task<WeftRun> command = node.CallAsync("events", "peer.ban", "-n", "1", "--json");
        await using Libp2pHost host = await HostAsync();
        await host.ConnectAsync(Multiaddr.Parse(AddressOf(node)), late.Token);
        JsonElement there = await NextAsync(lines, late.Token);
        Assert.Equal("peer.connect", there.GetProperty("event").GetString());
        Assert.Equal(host.Id.ToString(), there.GetProperty("peer").GetString());
        Assert.Equal("tcp", there.GetProperty("transport").GetString());
        Assert.Equal("inbound", there.GetProperty("state").GetString());
        var seen = new List<string>();
        while (!command.IsCompleted)
        {
            // The command may not be listening yet: the ban is lifted and told again until it has heard.
            await node.CallAsync("peers", "ban", host.Id.ToString(), "--reason", "too loud");
            await node.CallAsync("peers", "unban", host.Id.ToString());
        }

        WeftRun heard = await command;
        Assert.Equal(0, heard.Exit);
        Assert.Contains("too loud", heard.Out, StringComparison.Ordinal);
        while (!seen.Contains("peer.ban") || !seen.Contains("peer.disconnect"))
        {
            JsonElement next = await NextAsync(lines, late.Token);
            seen.Add(next.GetProperty("event").GetString()!);
            if (seen[^1] == "peer.disconnect")
            {
                Assert.Equal("it is banned", next.GetProperty("reason").GetString());
            }
        }

        HttpResponseMessage wrong = await client.GetAsync(new Uri(node.Url, "api/v1/events?kinds=A%0A"), late.Token);
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Theory]
    [InlineData("--security", "plain", "--security takes")]
    [InlineData("--outbound", "many", "--outbound takes")]
    [InlineData("--limit", "NoSuchThing=1", "NoSuchThing")]
    [InlineData("--limit", "InboundStreamsMax", "NAME=N")]
    [InlineData("--dns", "example.org", "DnsServers")]
    [InlineData("--mdns", "perhaps", "--mdns takes")]
    [InlineData("--relay", "/ip4/127.0.0.1/tcp/1", "Relays")]
    public async Task A_flag_that_makes_no_sense_is_named(string flag, string value, string named)
    {
        WeftRun up = await WeftProcess.RunAsync(
            "up", "--data", _folder["wrong"], "--http", "127.0.0.1:0", "--listen", Loopback, flag, value);
        Assert.Equal(2, up.Exit);
        Assert.Contains(named, up.Error, StringComparison.Ordinal);
    }

    internal static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal)))
        .RootElement.GetProperty("addresses")[0].GetString()!;

    private static async Task<JsonElement> NextAsync(StreamReader lines, CancellationToken cancellationToken)
    {
        while (true)
        {
            string line = await lines.ReadLineAsync(cancellationToken) ?? throw new IOException("The stream ended.");
            if (line.Length > 0)
            {
                return JsonDocument.Parse(line).RootElement;
            }
        }
    }

    // Processes and sockets: there is no event to wait for.
    private static async Task<string> UntilAsync(WeftProcess node, Func<string, bool> test, params string[] command)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            WeftRun run = await node.CallAsync(command);
            if (test(run.Out))
            {
                return run.Out;
            }

            await Task.Delay(200, late.Token);
        }
    }

    private static Task<Libp2pHost> HostAsync(
        TlsSecurity? security = null, ITransport? transport = null)
    {
        var options = new Libp2pOptions { Crypto = PlatformCrypto.Create(), UseNoise = security is null };
        options.Transports.Add(transport ?? new TcpTransport());
        if (security is not null)
        {
            options.Security.Add(security);
        }

        return Libp2pHost.StartAsync(options);
    }

    private (string Certificate, string Key) WriteCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=weft-test", key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(
            DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_folder["cert.pem"], certificate.ExportCertificatePem());
        File.WriteAllText(_folder["key.pem"], key.ExportPkcs8PrivateKeyPem());
        return (_folder["cert.pem"], _folder["key.pem"]);
    }
}
