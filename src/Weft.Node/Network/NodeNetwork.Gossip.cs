using Weft.Libp2p.Gossip;

namespace Weft.Node.Network;

/// <content>Topics over the host.</content>
public sealed partial class NodeNetwork
{
    /// <summary>Publish and subscribe; most users take <see cref="WeftNode.Topics"/>.</summary>
    public GossipService Gossip { get; private set; } = null!;

    private async Task AddGossipAsync(CancellationToken cancellationToken)
    {
        var options = new GossipServiceOptions();
        if (Options.EffectiveProfile == NetworkProfile.Test)
        {
            options.Core.Score.ColocationWeight = 0; // All peers of a test are at one place.
        }

        await AddAsync(Gossip = new GossipService(Host, options), Gossip.StartAsync, cancellationToken)
            .ConfigureAwait(false);
        foreach (string topic in Options.Subscribe)
        {
            Gossip.Subscribe(topic, isRead: false); // Ends with the service.
        }
    }
}
