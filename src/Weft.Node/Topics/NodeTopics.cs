using Weft.Libp2p;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Topics;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Node.Topics;

/// <summary>The topics of a node: signed messages for everyone who has joined. Safe to use from many threads.</summary>
/// <remarks>Source: docs/spec/gossip.md, docs/spec/topics.md.</remarks>
public sealed class NodeTopics
{
    private const int LatestRelays = 2;

    private readonly WeftNode _node;
    private readonly Lock _gate = new();
    private ulong _time;

    internal NodeTopics(WeftNode node) => _node = node;

    /// <summary>Joins a topic: live when the await returns.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8.</param>
    /// <param name="cancellationToken">Checked before any effect.</param>
    /// <exception cref="WeftException">NetworkOff; TooManyRequests when too many topics are joined.</exception>
    /// <exception cref="ArgumentException">The name is too long, or empty.</exception>
    public Task<TopicSubscription> SubscribeAsync(string topic, CancellationToken cancellationToken = default) =>
        SubscribeAsync(topic, Replay.None, cancellationToken);

    /// <summary>Joins a topic, and reads first what relays have kept: live when the await returns.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8.</param>
    /// <param name="replay">
    /// Where to begin: at this node's own relay, else at the connected relays one after the other. A gap says that none
    /// gave
    /// everything.
    /// </param>
    /// <param name="cancellationToken">Checked before any effect.</param>
    /// <exception cref="WeftException">NetworkOff; TooManyRequests when too many topics are joined.</exception>
    /// <exception cref="ArgumentException">The name is too long, or empty.</exception>
    public Task<TopicSubscription> SubscribeAsync(
        string topic, Replay replay, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        GossipSubscription live = Gossip.Subscribe(topic);
        return Task.FromResult(new TopicSubscription(
            live, replay.IsAsked ? new ReplayReader(_node.Network!, live, replay) : null));
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

    /// <summary>Publishes a message and has relays keep it.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8.</param>
    /// <param name="data">At most 512 KiB; copied.</param>
    /// <param name="relays">Returns when so many relays hold it durably, or all have been asked: 1 to 16.</param>
    /// <param name="cancellationToken">Ends the waiting; the message was sent.</param>
    /// <returns>
    /// <see cref="TopicReceipt.Stored"/> says how many hold it; fewer than asked for is no exception.
    /// </returns>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public async ValueTask<TopicReceipt> PublishStoredAsync(
        string topic, ReadOnlyMemory<byte> data, int relays = 1, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(relays);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(relays, 16);
        (GossipMessage message, int peers) =
            await Gossip.PublishAsync(topic, data, cancellationToken).ConfigureAwait(false);
        return new(message.Sequence, peers, await StoreAsync(message, relays, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Sets the present value of a key: relays keep the last one of each key, however old it is.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8.</param>
    /// <param name="key">1 to 1,024 bytes.</param>
    /// <param name="value">The value; null ends the key.</param>
    /// <param name="relays">As for <see cref="PublishStoredAsync"/>.</param>
    /// <param name="cancellationToken">Ends the waiting; the message was sent.</param>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public ValueTask<TopicReceipt> PutAsync(
        string topic, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? value, int relays = 1,
        CancellationToken cancellationToken = default)
    {
        ulong time = (ulong)_node.Time.GetUtcNow().ToUnixTimeMilliseconds() << 16;
        lock (_gate)
        {
            time = _time = Math.Max(time, _time + 1); // Above every earlier one of this run.
        }

        byte[] data = TopicRecord.Write(
            value is null ? TopicRecordKind.Tombstone : TopicRecordKind.Latest, [], time, 0, key.Span,
            value.GetValueOrDefault().Span);
        return PublishStoredAsync(topic, data, relays, cancellationToken);
    }

    /// <summary>
    /// The last value of a key, by two relays: the later one wins, and a relay that lacks it is given it.
    /// </summary>
    /// <param name="topic">1 to 256 bytes of UTF-8.</param>
    /// <param name="key">1 to 1,024 bytes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The value; null when no relay that answered has one, or the key was ended.</returns>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public async ValueTask<TopicMessage?> LatestAsync(
        string topic, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        var client = new TopicClient(_node.Network?.Host!, Gossip);
        GossipMessage? best = _node.Network?.TopicRelay?.Latest(topic, key.Span)?.Message;
        var answers = new List<(PeerId Relay, GossipMessage? Message)>();
        foreach (PeerId relay in client.Relays.Take(LatestRelays))
        {
            if (await TryAsync(() => client.LatestAsync(relay, topic, key, cancellationToken)).ConfigureAwait(false)
                is (true, var message))
            {
                answers.Add((relay, message));
                best = message is not null && (best is null || TimeOf(message) > TimeOf(best)) ? message : best;
            }
        }

        foreach ((PeerId relay, GossipMessage? message) in answers)
        {
            if (best is not null && (message is null || TimeOf(message) < TimeOf(best)))
            {
                await TryAsync(() => client.StoreAsync(relay, best, cancellationToken)).ConfigureAwait(false);
            }
        }

        return best is null || KindOf(best) == TopicRecordKind.Tombstone ? null : TopicSubscription.Of(best);
    }

    /// <summary>What this node keeps of topics; empty when it keeps none.</summary>
    public IReadOnlyList<KeptTopicInfo> ListKept() => _node.Network?.TopicRelay?.List() ?? [];

    /// <summary>The topics that are joined here, in the order of their names.</summary>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public IReadOnlyList<GossipTopicInfo> List() => Gossip.ListTopics();

    /// <summary>
    /// Sets who judges the messages of a topic before they are handed over and sent on; null for nobody.
    /// </summary>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public void SetValidator(string topic, GossipValidator? validator) => Gossip.SetValidator(topic, validator);

    private async Task<int> StoreAsync(GossipMessage message, int relays, CancellationToken cancellationToken)
    {
        int stored = 0;
        if (_node.Network?.TopicRelay is { } own
            && await own.KeepAsync(message).ConfigureAwait(false) is TopicAppend.Kept or TopicAppend.Known)
        {
            stored++;
        }

        var client = new TopicClient(_node.Network!.Host, Gossip);
        foreach (PeerId relay in client.Relays)
        {
            if (stored >= relays)
            {
                break;
            }

            stored += await TryAsync(() => client.StoreAsync(relay, message, cancellationToken)).ConfigureAwait(false)
                is (true, TopicAppend.Kept or TopicAppend.Known) ? 1 : 0;
        }

        return stored;
    }

    /// <summary>A relay that cannot answer is as good as none.</summary>
    private static async Task<(bool HasAnswered, T? Answer)> TryAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return (true, await ask().ConfigureAwait(false));
        }
        catch (Exception broken) when (broken is Libp2pException or IOException or InvalidDataException)
        {
            return default;
        }
    }

    private static ulong TimeOf(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) ? record.Time : 0;

    private static TopicRecordKind KindOf(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) ? record.Kind : TopicRecordKind.Event;

    private GossipService Gossip => _node.Network?.Gossip
        ?? throw new WeftException(
            WeftError.NetworkOff, "Topics need libp2p, and this node does not take part in it. Nothing was sent.");
}
