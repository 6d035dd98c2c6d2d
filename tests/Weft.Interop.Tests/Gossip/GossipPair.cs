using System.Text;
using System.Text.Json;
using Weft.Interop.Tests.Libp2p;
using Weft.Libp2p;
using Weft.Libp2p.Gossip;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Interop.Tests.Gossip;

/// <summary>
/// One js-libp2p process and one Weft host that gossip with each other; neither has joined a topic yet.
/// </summary>
internal sealed class GossipPair : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private GossipPair(NodeProcess js, Libp2pHost host, GossipService service) =>
        (Js, Host, Service) = (js, host, service);

    public NodeProcess Js { get; }

    public Libp2pHost Host { get; }

    public GossipService Service { get; }

    public PeerId JsId => IdOf(Js);

    /// <summary>Starts both.</summary>
    /// <param name="gossip">Options of js gossipsub.</param>
    /// <param name="ids">"sha256" for an explicit message-id function at the js side; null for its default.</param>
    /// <param name="change">Changes the options of Weft.</param>
    public static async Task<GossipPair> StartAsync(
        object? gossip = null, string? ids = null, Action<GossipServiceOptions>? change = null)
    {
        var options = new GossipServiceOptions();
        options.Core.Score.ColocationWeight = 0;
        change?.Invoke(options);
        Libp2pHost host = await Libp2pPeer.StartHostAsync();
        var service = new GossipService(host, options);
        await service.StartAsync();
        return new(await StartJsAsync(gossip, ids), host, service);
    }

    public static Task<NodeProcess> StartJsAsync(object? gossip = null, string? ids = null) => NodeProcess.StartInAsync(
        NodeTools.GossipFolder, "gossip.mjs", JsonSerializer.Serialize(new { gossip, ids }));

    public static PeerId IdOf(NodeProcess js) =>
        PeerId.TryParse(js.Hello.GetProperty("peerId").GetString(), out PeerId id) ? id : default;

    public Task DialAsync(NodeProcess? js = null) =>
        Host.DialAsync(Multiaddr.Parse((js ?? Js).Hello.GetProperty("addresses")[0].GetString()!));

    public Task DialFromJsAsync() => Js.RunAsync($"await node.dial(to('{Host.Addresses[0]}'))");

    /// <summary>Waits until each side knows that the other has joined.</summary>
    public async Task UntilKnownAsync(string topic, int peers = 1)
    {
        using var late = new CancellationTokenSource(Patience);
        while (Service.PeersOf(topic) < peers)
        {
            await Task.Delay(10, late.Token);
        }

        await UntilJsKnowsAsync(Js, topic);
    }

    public static Task UntilJsKnowsAsync(NodeProcess js, string topic) =>
        js.RunAsync($"await until(() => pubsub.getSubscribers('{topic}').length > 0)");

    public static async Task<List<string>> TakeAsync(GossipSubscription subscription, int count, PeerId from)
    {
        using var late = new CancellationTokenSource(Patience);
        var texts = new List<string>();
        await foreach (GossipDelivery delivery in subscription.ReadAllAsync(late.Token))
        {
            if (delivery.Message?.From == from)
            {
                texts.Add(Encoding.UTF8.GetString(delivery.Message.Data.Span));
                if (texts.Count == count)
                {
                    break;
                }
            }
        }

        return texts;
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        await Host.DisposeAsync();
        await Js.DisposeAsync();
    }
}
