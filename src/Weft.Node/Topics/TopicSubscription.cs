using System.Runtime.CompilerServices;
using Weft.Libp2p.Gossip;
using Weft.Protocols.Gossip;

namespace Weft.Node.Topics;

/// <summary>A topic that is being read. Bounded: a slow reader gets gaps, and holds nobody up.</summary>
public sealed class TopicSubscription : IAsyncDisposable
{
    private readonly GossipSubscription _live;
    private readonly ReplayReader? _replay;

    internal TopicSubscription(GossipSubscription live, ReplayReader? replay = null) =>
        (_live, _replay) = (live, replay);

    /// <summary>The topic's name.</summary>
    public string Topic => _live.Topic;

    /// <summary>
    /// Gives what a relay has kept, if that was asked for, and each message that came since the subscription was made,
    /// this node's own ones included; each once. One reader.
    /// </summary>
    /// <param name="cancellationToken">Ends the reading with <see cref="OperationCanceledException"/>.</param>
    /// <returns>
    /// Messages, each with a signature that was verified, those of one author in its order as far as they took one way;
    /// gaps where this reader was too slow. It ends when the subscription or the node is disposed.
    /// </returns>
    public async IAsyncEnumerable<TopicMessage> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (_replay is not null)
        {
            await foreach (TopicMessage message in _replay.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return message;
            }

            yield break;
        }

        await foreach (GossipDelivery delivery in _live.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return delivery.Message is { } message
                ? Of(message)
                : new(Topic, default, 0, default, delivery.Missed);
        }
    }

    /// <summary>Ends it; the topic is left when nobody else in this node reads it.</summary>
    public ValueTask DisposeAsync() => _live.DisposeAsync();

    internal static TopicMessage Of(GossipMessage message) =>
        new(message.Topic, message.From, message.Sequence, message.Data);
}
