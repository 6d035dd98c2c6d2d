using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Transports;
using Weft.Transports.Tls;

namespace TransportInterop;

/// <summary>One end of the test: it listens and says where, or dials, pings once and says how long that took.</summary>
/// <remarks>Source: libp2p/test-plans, transport-interop/README.md.</remarks>
internal static class InteropEnd
{
    private const string AddressKey = "listenerAddr";

    /// <summary>Runs.</summary>
    /// <param name="settings">What to do.</param>
    /// <param name="result">Takes the one line of the dialer.</param>
    /// <param name="log">Takes everything else.</param>
    /// <param name="cancellationToken">The time of the test is over.</param>
    /// <returns>0 when the dialer has measured; else 1.</returns>
    public static async Task<int> RunAsync(
        InteropSettings settings, TextWriter result, TextWriter log, CancellationToken cancellationToken)
    {
        using X509Certificate2? certificate = settings.Transport == "wss" ? NewCertificate() : null;
        using var tls = new TlsSecurity();
        try
        {
            await using RedisClient redis = await RedisClient
                .ConnectAsync(settings.RedisHost, settings.RedisPort, cancellationToken).ConfigureAwait(false);
            await using Libp2pHost host = await Libp2pHost
                .StartAsync(OptionsOf(settings, certificate, tls), cancellationToken).ConfigureAwait(false);
            if (settings.IsDialer)
            {
                await DialAsync(host, redis, result, cancellationToken).ConfigureAwait(false);
                return 0;
            }

            Multiaddr address = Reachable(host);
            await redis.PushAsync(AddressKey, address.ToString(), cancellationToken).ConfigureAwait(false);
            await log.WriteLineAsync($"listening at {address}").ConfigureAwait(false);
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (
            error is IOException or WeftException or OperationCanceledException or FormatException)
        {
            await log.WriteLineAsync(error.Message).ConfigureAwait(false);
        }

        return 1; // Whoever runs the test ends the listener before its time is over.
    }

    private static async Task DialAsync(
        Libp2pHost host, RedisClient redis, TextWriter result, CancellationToken cancellationToken)
    {
        string text = await redis.PopAsync(AddressKey, cancellationToken).ConfigureAwait(false);
        Multiaddr address = Multiaddr.Parse(text);
        long start = Stopwatch.GetTimestamp();
        PeerConnection connection = await host.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
        TimeSpan ping = await host.PingAsync(connection.Remote, cancellationToken).ConfigureAwait(false);
        TimeSpan all = Stopwatch.GetElapsedTime(start);
        await result.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"handshakePlusOneRTTMillis\": {all.TotalMilliseconds:0.###}, "
            + $"\"pingRTTMilllis\": {ping.TotalMilliseconds:0.###}}}")).ConfigureAwait(false);
    }

    private static Libp2pOptions OptionsOf(InteropSettings settings, X509Certificate2? certificate, TlsSecurity tls)
    {
        var options = new Libp2pOptions { Crypto = PlatformCrypto.Create(), AgentVersion = "weft-transport-interop" };
        options.UseTestProfile();
        ITransport transport = settings.Transport == "tcp"
            ? new TcpTransport()
            : new WebSocketTransport(tls: new()
            {
                Certificate = certificate,
                // The test has no authority; who it is shows in the handshake within.
                ServerCheck = (_, _, _, _) => true,
            });
        options.Transports.Add(transport);
        if (settings.Security == "tls")
        {
            options.UseNoise = false;
            options.Security.Add(tls);
        }

        if (!settings.IsDialer)
        {
            string family = settings.Ip.Contains(':', StringComparison.Ordinal) ? "ip6" : "ip4";
            string tail = settings.Transport switch { "tcp" => "", "ws" => "/ws", _ => "/tls/ws" };
            options.Listen.Add(Multiaddr.Parse($"/{family}/{settings.Ip}/tcp/0{tail}"));
        }

        return options;
    }

    /// <summary>An address the other end can dial: not loopback, where there is another.</summary>
    private static Multiaddr Reachable(Libp2pHost host) =>
        host.Addresses.FirstOrDefault(one => one.Parts[0].Value.Span is not [127, ..]) ?? host.Addresses[0];

    private static X509Certificate2 NewCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=transport-interop", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
    }
}
