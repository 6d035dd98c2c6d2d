using Weft.Libp2p.Gossip;
using Weft.Libp2p.Topics;
using Weft.Node.Topics;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Node.Network;

/// <content>Topics over the host.</content>
public sealed partial class NodeNetwork
{
    /// <summary>Publish and subscribe; most users take <see cref="WeftNode.Topics"/>.</summary>
    public GossipService Gossip { get; private set; } = null!;

    /// <summary>What keeps topics for others; null unless the profile is <see cref="NetworkProfile.Super"/>.</summary>
    public TopicRelay? TopicRelay { get; private set; }

    /// <summary>The relays of the configuration, which are asked first.</summary>
    internal IReadOnlyList<PeerId> TopicRelays =>
        [.. Options.TopicRelays.Select(text => Multiaddr.Parse(text).Peer)];

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

        if (Options.EffectiveProfile == NetworkProfile.Super)
        {
            ITopicShelf shelf = Node.Store.Records is { } records
                ? new StoreTopicShelf(Node.Store, records)
                : new MemoryTopicShelf(Node.Store.StoreId);
            var relay = new TopicRelayOptions { KeepsWhatIsAsked = true };
            foreach (string topic in Options.Subscribe)
            {
                relay.Topics.Add(topic);
            }

            relay.Relays.UnionWith(TopicRelays);

            TopicRelay = new(Host, Gossip, shelf, relay);
            await AddAsync(TopicRelay, TopicRelay.StartAsync, cancellationToken).ConfigureAwait(false);
        }
    }
}
