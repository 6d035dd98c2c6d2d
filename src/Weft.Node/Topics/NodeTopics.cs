using Weft.Libp2p.Gossip;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Node.Topics;

/// <summary>The topics of a node: signed messages for everyone who has joined. Safe to use from many threads.</summary>
/// <remarks>Source: docs/spec/gossip.md.</remarks>
public sealed class NodeTopics
{
    private readonly WeftNode _node;

    internal NodeTopics(WeftNode node) => _node = node;

    /// <summary>Joins a topic: live when the await returns.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8.</param>
    /// <param name="cancellationToken">Checked before any effect.</param>
    /// <exception cref="WeftException">NetworkOff; TooManyRequests when too many topics are joined.</exception>
    /// <exception cref="ArgumentException">The name is too long, or empty.</exception>
    public Task<TopicSubscription> SubscribeAsync(string topic, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(new TopicSubscription(Gossip.Subscribe(topic)));
    }

    /// <summary>Signs a message with the node's key and sends it to whoever has joined the topic.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8; it need not be joined here.</param>
    /// <param name="data">At most 1 MiB; copied.</param>
    /// <param name="cancellationToken">Ends the waiting for slow peers; the message was sent.</param>
    /// <returns>When it is in line to be sent, which says nothing of its arrival.</returns>
    /// <exception cref="WeftException">NetworkOff.</exception>
    /// <exception cref="ArgumentException">A bound above is broken. Nothing was sent.</exception>
    public async ValueTask<TopicReceipt> PublishAsync(
        string topic, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        (GossipMessage message, int peers) =
            await Gossip.PublishAsync(topic, data, cancellationToken).ConfigureAwait(false);
        return new(message.Sequence, peers);
    }

    /// <summary>The topics that are joined here, in the order of their names.</summary>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public IReadOnlyList<GossipTopicInfo> List() => Gossip.ListTopics();

    /// <summary>Sets who judges the messages of a topic before they are handed over and sent on; null for nobody.</summary>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public void SetValidator(string topic, GossipValidator? validator) => Gossip.SetValidator(topic, validator);

    private GossipService Gossip => _node.Network?.Gossip
        ?? throw new WeftException(
            WeftError.NetworkOff, "Topics need libp2p, and this node does not take part in it. Nothing was sent.");
}
