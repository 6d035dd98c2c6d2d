using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Kad;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Rules;
using Weft.Protocols.Peers;
using Weft.Transports;

namespace Weft.Interop.Tests.Kad;

/// <summary>
/// Some js-libp2p peers in one node process and some Weft peers here, in one DHT over TCP on loopback.
/// </summary>
internal sealed class KadPeers : IAsyncDisposable
{
    private KadPeers(NodeProcess js) => Js = js;

    public NodeProcess Js { get; }

    public List<Libp2pHost> Hosts { get; } = [];

    public List<KadService> Services { get; } = [];

    public static async Task<KadPeers> StartAsync(
        int js, int weft, string protocol = KadOptions.WeftProtocol, bool jsIsClient = false)
    {
        NodeProcess process = await NodeProcess.StartInAsync(
            NodeTools.KadFolder, "kad.mjs", JsonSerializer.Serialize(new { count = js, protocol, client = jsIsClient }));
        var peers = new KadPeers(process);
        for (int i = 0; i < weft; i++)
        {
            await peers.AddAsync(protocol);
        }

        return peers;
    }

    public string JsId(int index = 0) => Js.Hello[index].GetProperty("peerId").GetString()!;

    public Multiaddr JsAddress(int index = 0) =>
        Multiaddr.Parse(Js.Hello[index].GetProperty("addresses")[0].GetString()!);

    /// <summary>
    /// Connects every peer with the first one of Weft, and waits until it stands in the tables it should.
    /// </summary>
    public async Task JoinAsync(int js, bool jsIsClient = false)
    {
        for (int i = 0; i < js; i++)
        {
            await Hosts[0].ConnectAsync(JsAddress(i));
        }

        for (int i = 1; i < Hosts.Count; i++)
        {
            await Hosts[i].ConnectAsync(Hosts[0].Addresses[0]);
        }

        int expected = (jsIsClient ? 0 : js) + Hosts.Count - 1;
        await UntilAsync(async () => (await Services[0].ReadRoutesAsync()).Count == expected);
        foreach (KadService service in Services)
        {
            await service.BootstrapAsync();
        }

        // js takes a peer into its table when identify has told of the protocol; nothing here waits for its refresh.
        string first = JsonSerializer.Serialize(Hosts[0].Id.ToString());
        await Js.RunAsync(
            $"for (const one of nodes) await until(() => one.services.dht.routingTable.find(peerIdFromString({first})))");
    }

    public static async Task UntilAsync(Func<Task<bool>> test)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(45));
        while (!await test())
        {
            await Task.Delay(20, late.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (KadService service in Services)
        {
            await service.DisposeAsync();
        }

        foreach (Libp2pHost host in Hosts)
        {
            await host.DisposeAsync();
        }

        await Js.DisposeAsync();
    }

    private async Task AddAsync(string protocol)
    {
        var options = new Libp2pOptions { Crypto = PlatformCrypto.Create() };
        options.UseTestProfile();
        options.Transports.Add(new TcpTransport());
        options.Listen.Add(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"));
        Libp2pHost host = await Libp2pHost.StartAsync(options);
        var rules = RecordRules.Default(PlatformCrypto.Create());
        rules.Add("open", new OpenRule());
        var kad = new KadServiceOptions { Rules = rules };
        kad.Kad.Protocol = protocol;
        kad.Kad.Mode = KadMode.Server;
        kad.Kad.KeepsLoopback = true;
        var service = new KadService(host, kad);
        Hosts.Add(host);
        Services.Add(service);
        await service.StartAsync();
    }
}
