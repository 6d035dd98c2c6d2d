using System.Text.Json;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Transports;

namespace Weft.Interop.Tests.Libp2p;

/// <summary>One js-libp2p process and one Weft host, both listening on loopback, with a few words for both.</summary>
internal sealed class Libp2pPeer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>TCP.</summary>
    public const string Tcp = "/ip4/127.0.0.1/tcp/0";

    /// <summary>WebSocket.</summary>
    public const string Ws = "/ip4/127.0.0.1/tcp/0/ws";

    private Libp2pPeer(NodeProcess js, Libp2pHost host)
    {
        Js = js;
        Host = host;
        Id = IdOf(js);
        Address = Multiaddr.Parse(js.Hello.GetProperty("addresses")[0].GetString()!);
    }

    /// <summary>The js-libp2p process.</summary>
    public NodeProcess Js { get; }

    /// <summary>The Weft host.</summary>
    public Libp2pHost Host { get; }

    /// <summary>The peer id of the js-libp2p process.</summary>
    public PeerId Id { get; }

    /// <summary>Where the js-libp2p process listens.</summary>
    public Multiaddr Address { get; }

    /// <summary>Where Weft listens, as a JavaScript literal.</summary>
    public string HostAddress => $"'{Host.Addresses[0]}'";

    /// <summary>Starts both.</summary>
    /// <param name="change">Changes the options of the Weft host.</param>
    /// <param name="keyType">The kind of key of the js-libp2p peer; null for its default, Ed25519.</param>
    /// <param name="listen">Where both listen; both dial TCP and WebSocket.</param>
    /// <param name="arguments">What the js-libp2p peer is told; null for the above.</param>
    public static async Task<Libp2pPeer> StartAsync(
        Action<Libp2pOptions>? change = null, string? keyType = null, string listen = Tcp, object? arguments = null)
    {
        Libp2pHost host = await StartHostAsync(change, listen);
        try
        {
            return new(await StartJsAsync(arguments ?? new { listen = new[] { listen }, key = keyType }), host);
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a js-libp2p process alone.</summary>
    public static Task<NodeProcess> StartJsAsync(object arguments) =>
        NodeProcess.StartInAsync(NodeTools.Libp2pFolder, "peer.mjs", JsonSerializer.Serialize(arguments));

    /// <summary>The peer id of a js-libp2p process.</summary>
    public static PeerId IdOf(NodeProcess js) =>
        PeerId.TryParse(js.Hello.GetProperty("peerId").GetString(), out PeerId id) ? id : default;

    /// <summary>Starts a Weft host alone.</summary>
    public static Task<Libp2pHost> StartHostAsync(Action<Libp2pOptions>? change = null, string listen = Tcp)
    {
        var options = new Libp2pOptions
        {
            Crypto = PlatformCrypto.Create(),
            ServeEcho = true,
            ServePerf = true,
            AgentVersion = "weft-interop/1",
            HandshakeTimeout = Patience, // A busy machine is no failure.
            NegotiationTimeout = Patience,
        };
        options.Transports.Add(new TcpTransport());
        options.Transports.Add(new WebSocketTransport());
        options.Listen.Add(Multiaddr.Parse(listen));
        change?.Invoke(options);
        return Libp2pHost.StartAsync(options);
    }

    /// <summary>Waits for something that happens on another machine's time.</summary>
    public static async Task<T> UntilAsync<T>(Func<T?> look)
        where T : class
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        T? seen;
        while ((seen = look()) is null)
        {
            await Task.Delay(10, late.Token);
        }

        return seen;
    }

    /// <summary>Connects from Weft.</summary>
    public Task<PeerConnection> DialAsync() => Host.DialAsync(Address);

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await Js.DisposeAsync();
    }
}
