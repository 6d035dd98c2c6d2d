using Weft.Node;
using Weft.Node.Network;
using Weft.Node.Storage;

namespace Weft.Cli.Demo;

/// <summary>The peers of a demo: whole nodes in this process, each with a key, a store in memory and a port of its own.</summary>
internal sealed class DemoWorld : IAsyncDisposable
{
    private readonly DemoWires _wires = new();
    private readonly List<WeftNode> _nodes = [];

    private DemoWorld()
    {
    }

    public IReadOnlyList<WeftNode> Nodes => _nodes;

    /// <summary>Peers of the smaller group, when the wires are cut: the first two.</summary>
    public static bool IsLeft(int peer) => peer < 2;

    /// <summary>The name of a peer in the tour.</summary>
    public static string NameOf(int peer) => $"peer {peer + 1}";

    /// <summary>Starts so many peers; each knows all that were started before it.</summary>
    public static async Task<DemoWorld> StartAsync(int peers, CancellationToken cancellationToken)
    {
        var world = new DemoWorld();
        try
        {
            for (int i = 0; i < peers; i++)
            {
                await world.AddAsync(i, cancellationToken);
            }

            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    public void Cut() => _wires.Cut(IsLeft);

    public void Heal() => _wires.Heal();

    public async ValueTask DisposeAsync()
    {
        foreach (WeftNode node in _nodes)
        {
            await node.DisposeAsync();
        }
    }

    private async Task AddAsync(int number, CancellationToken cancellationToken)
    {
        WeftNode node = await WeftNode.StartAsync(
            new NodeOptions(), new MemoryStore(), cancellationToken: cancellationToken);
        _nodes.Add(node); // Before the network, so that it is stopped whatever happens.
        var options = new NetworkOptions
        {
            Profile = NetworkProfile.Test,
            Listen = { "/ip4/127.0.0.1/tcp/0" },
            RedialMin = TimeSpan.FromMilliseconds(100),
            RedialMax = TimeSpan.FromMilliseconds(500),
        };

        // A tour is short: what is half a minute in earnest is a second here.
        options.Partition.SettledAfter = TimeSpan.FromMilliseconds(200);
        options.Partition.Window = TimeSpan.FromSeconds(10);
        options.Partition.Confirm = TimeSpan.FromSeconds(1);
        options.Discovery.Exchange = false; // Every peer is given to every other one.
        foreach (WeftNode known in _nodes.SkipLast(1))
        {
            options.Bootstrap.Add(known.Network!.Addresses[0].ToString());
        }

        await node.StartNetworkAsync(
            options, new NetworkParts { Transports = { _wires.For(number) }, AgentVersion = "weft-demo" },
            cancellationToken);
    }
}
