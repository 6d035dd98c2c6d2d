using Weft.Libp2p.Transport;
using Weft.Node;
using Weft.Node.Network;
using Weft.Node.Storage;

namespace Weft.Tests.Node.Network;

/// <summary>Nodes of one test that reach each other within this process.</summary>
internal sealed class NetworkRig : IAsyncDisposable
{
    private readonly List<WeftNode> _nodes = [];

    public InMemoryTransport Transport { get; } = new();

    public async Task<WeftNode> NodeAsync(
        Action<NetworkOptions>? change = null, NetworkParts? parts = null, IStore? store = null)
    {
        WeftNode node = await WeftNode.StartAsync(new NodeOptions(), store ?? new MemoryStore());
        _nodes.Add(node);
        var options = new NetworkOptions
        {
            Listen = { "/memory/0" },
            RedialMin = TimeSpan.FromMilliseconds(10),
            RedialMax = TimeSpan.FromMilliseconds(200),
        };
        change?.Invoke(options);
        await node.StartNetworkAsync(options, parts ?? Parts());
        return node;
    }

    public NetworkParts Parts(params BannedPeer[] bans) => new() { Transports = { Transport }, Bans = bans };

    public async Task StopAsync(WeftNode node)
    {
        _nodes.Remove(node);
        await node.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (WeftNode node in _nodes)
        {
            await node.DisposeAsync();
        }
    }
}
