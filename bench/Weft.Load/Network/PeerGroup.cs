using Weft.Node.Network;

namespace Weft.Load.Network;

/// <summary>Peers in this process, each a whole one: node, host, DHT, topics, sync, over loopback TCP.</summary>
internal sealed class PeerGroup(WeftStoreKind store, string folder) : IAsyncDisposable
{
    private const int Links = 4;

    private readonly Random _random = new(7);

    public List<WeftPeer> Peers { get; } = [];

    /// <summary>Peers that keep a record of the DHT.</summary>
    public int Copies { get; init; } = 20;

    /// <summary>Starts peers until there are so many; each dials some of those before it, or the ones it is told.</summary>
    public async Task GrowAsync(int count, string[]? bootstrap = null)
    {
        while (Peers.Count < count)
        {
            var options = new WeftOptions
            {
                Name = $"peer {Peers.Count}",
                Path = Path.Combine(folder, $"peer-{Peers.Count}"),
                Store = store,
                MemoryMiB = 16,
                Network = new()
                {
                    Listen = ["/ip4/127.0.0.1/tcp/0"],
                    Profile = NetworkProfile.Test,
                    Bootstrap = bootstrap ?? [.. Enumerable.Range(0, Math.Min(Links, Peers.Count))
                        .Select(_ => AddressOf(Peers[_random.Next(Peers.Count)])).Distinct()],
                },
            };
            (options.Network.Discovery.Mdns, options.Network.Dht.OpenNamespaces) = (false, ["open"]);
            options.Network.Dht.Copies = Copies;
            Peers.Add(await WeftPeer.StartAsync(options));
        }

        foreach (WeftPeer peer in Peers)
        {
            while (peer.Options.Network.Bootstrap.Count > 0 && peer.Network!.Host.Connections.Count == 0)
            {
                await Task.Delay(20);
            }
        }
    }

    public static string AddressOf(WeftPeer peer) => peer.Network!.Host.Addresses[0].ToString();

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Peers.Select(peer => peer.DisposeAsync().AsTask()));
    }
}
