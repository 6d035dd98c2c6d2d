using System.Runtime.CompilerServices;
using Weft.Libp2p.Gossip;
using Weft.Protocols.Gossip;

namespace Weft.Node.Topics;

/// <summary>A topic that is being read. Bounded: a slow reader gets gaps, and holds nobody up.</summary>
public sealed class TopicSubscription : IAsyncDisposable
{
    private readonly GossipSubscription _live;

    internal TopicSubscription(GossipSubscription live) => _live = live;

    /// <summary>The topic's name.</summary>
    public string Topic => _live.Topic;

    /// <summary>
    /// Gives each message that came since the subscription was made, this node's own ones included; one reader.
    /// </summary>
    /// <param name="cancellationToken">Ends the reading with <see cref="OperationCanceledException"/>.</param>
    /// <returns>
    /// Messages, each with a signature that was verified, those of one author in its order as far as they took one way;
    /// gaps where this reader was too slow. It ends when the subscription or the node is disposed.
    /// </returns>
    public async IAsyncEnumerable<TopicMessage> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (GossipDelivery delivery in _live.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return delivery.Message is { } message
                ? new(message.Topic, message.From, message.Sequence, message.Data)
                : new(Topic, default, 0, default, delivery.Missed);
        }
    }

    /// <summary>Ends it; the topic is left when nobody else in this node reads it.</summary>
    public ValueTask DisposeAsync() => _live.DisposeAsync();
}
