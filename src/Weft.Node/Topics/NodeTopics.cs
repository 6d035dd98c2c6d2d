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
    private const int LinksMax = 10_000;

    private readonly WeftNode _node;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Topic, string Key), GossipMessageId> _links = []; // The last of each chain.
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
            live, replay.IsAsked ? new ReplayReader(_node.Network!, topic, live, replay) : null));
    }

    /// <summary>Reads what relays have kept of a topic, and ends.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8; it need not be joined.</param>
    /// <param name="from">Where to begin; <see cref="Replay.None"/> is everything.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>
    /// Messages, oldest first, and gaps where some are missing; each message once. The last message with a cursor says
    /// where a later reading goes on.
    /// </returns>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public IAsyncEnumerable<TopicMessage> HistoryAsync(
        string topic, Replay from = default, CancellationToken cancellationToken = default)
    {
        _ = Gossip;
        return new ReplayReader(_node.Network!, topic, live: null, from.IsAsked ? from : Replay.All)
            .ReadAllAsync(cancellationToken);
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
    /// <param name="data">
    /// At most 511 KiB; copied. It is sent as a record (<see cref="TopicRecord"/>) that links to this node's event before
    /// it in the topic, so that readers see what is missing: readers of other implementations see its head, too.
    /// </param>
    /// <param name="relays">Returns when so many relays hold it durably, or all have been asked: 1 to 16.</param>
    /// <param name="cancellationToken">Ends the waiting; the message was sent.</param>
    /// <returns>
    /// <see cref="TopicReceipt.Stored"/> says how many hold it; fewer than asked for is no exception.
    /// </returns>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public async ValueTask<TopicReceipt> PublishStoredAsync(
        string topic, ReadOnlyMemory<byte> data, int relays = 1, CancellationToken cancellationToken = default)
    {
        CheckRelays(relays);
        return await SendAsync(
            topic, TopicRecordKind.Event, default, data, relays, cancellationToken).ConfigureAwait(false);
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
        CheckRelays(relays);
        return SendAsync(
            topic, value is null ? TopicRecordKind.Tombstone : TopicRecordKind.Latest, key,
            value.GetValueOrDefault(), relays, cancellationToken);
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
        TopicClient client = Client();
        GossipMessage? best = _node.Network?.TopicRelay?.Latest(topic, key.Span)?.Message;
        var answers = new List<(PeerId Relay, GossipMessage? Message)>();
        foreach (PeerId relay in client.Relays.Take(LatestRelays))
        {
            if (await TryAsync(() => client.LatestAsync(relay, topic, key, cancellationToken)).ConfigureAwait(false)
                is (true, var message))
            {
                answers.Add((relay, message));
                best = message is not null && (best is null || IsNewer(message, best)) ? message : best;
            }
        }

        foreach ((PeerId relay, GossipMessage? message) in answers)
        {
            if (best is not null && (message is null || IsNewer(best, message)))
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

    /// <summary>What is set for a topic here, and by which pattern; null when this node keeps no topics.</summary>
    public (TopicRetention Retention, string Pattern)? RetentionOf(string topic) =>
        _node.Network?.TopicRelay?.RetentionOf(topic);

    /// <summary>Sets what this node keeps of topics; durable when this returns.</summary>
    /// <param name="pattern">A topic's name, or the beginning of names and a star; a longer one wins.</param>
    /// <param name="retention">Null for what the other patterns, or the defaults, say.</param>
    /// <exception cref="WeftException">
    /// NetworkOff; Usage when this node keeps no topics; TooManyRequests beyond 256 patterns.
    /// </exception>
    /// <exception cref="ArgumentException">It is out of bounds.</exception>
    public async ValueTask SetRetentionAsync(string pattern, TopicRetention? retention)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        _ = Gossip;
        TopicRelay relay = _node.Network!.TopicRelay ?? throw new WeftException(
            WeftError.Usage, "This node keeps no topics for others: start it with the profile super.");
        if (!await relay.SetRetentionAsync(pattern, retention).ConfigureAwait(false))
        {
            throw new WeftException(
                WeftError.TooManyRequests, $"There are {TopicRetentionBook.PatternsMax} patterns already.");
        }
    }

    /// <summary>Other relays this one has compared itself with; empty when it keeps no topics.</summary>
    public IReadOnlyList<TopicRelayInfo> ListCompared() => _node.Network?.TopicRelay?.ListRelays() ?? [];

    /// <summary>The connected relays, in the order in which they are asked.</summary>
    /// <exception cref="WeftException">NetworkOff.</exception>
    public IReadOnlyList<PeerId> ListRelays() => Client().Relays;

    private TopicClient Client() => new(_node.Network?.Host!, Gossip, _node.Network!.TopicRelays);

    private static void CheckRelays(int relays)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(relays);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(relays, 16);
    }

    /// <summary>Signs a record that links to the one before it, sends it, and has relays keep it.</summary>
    private async ValueTask<TopicReceipt> SendAsync(
        string topic, TopicRecordKind kind, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, int relays,
        CancellationToken cancellationToken)
    {
        GossipService gossip = Gossip;
        ulong time = (ulong)_node.Time.GetUtcNow().ToUnixTimeMilliseconds() << 16;
        // A chain for the events, and one for each key: what replaces a value makes no gap in the events.
        (string Topic, string Key) chain = (topic, kind == TopicRecordKind.Event ? "" : "k" + Convert.ToHexString(key.Span));
        GossipMessage message;
        lock (_gate) // In the order of the links, of the times and of the numbers.
        {
            time = _time = Math.Max(time, _time + 1); // Above every earlier one of this run.
            GossipMessageId previous = _links.GetValueOrDefault(chain);
            message = gossip.Sign(topic, TopicRecord.Write(kind, previous.Span, time, 0, key.Span, value.Span));
            if (_links.Count >= LinksMax && !_links.ContainsKey(chain))
            {
                _links.Clear(); // A chain begins anew: nobody takes that for a gap.
            }

            _links[chain] = TopicLogCore.HashOf(message, _node.Crypto);
        }

        int peers = await gossip.PublishAsync(message, cancellationToken).ConfigureAwait(false);
        return new(message.Sequence, peers, await StoreAsync(message, relays, cancellationToken).ConfigureAwait(false));
    }

    private async Task<int> StoreAsync(GossipMessage message, int relays, CancellationToken cancellationToken)
    {
        int stored = 0;
        if (_node.Network?.TopicRelay is { } own
            && await own.KeepAsync(message).ConfigureAwait(false) is TopicAppend.Kept or TopicAppend.Known)
        {
            stored++;
        }

        TopicClient client = Client();
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

    private bool IsNewer(GossipMessage message, GossipMessage than)
    {
        (ulong time, ulong other) = (TimeOf(message), TimeOf(than));
        return time != other
            ? time > other
            : TopicLogCore.HashOf(message, _node.Crypto).Span
                .SequenceCompareTo(TopicLogCore.HashOf(than, _node.Crypto).Span) > 0;
    }

    private static ulong TimeOf(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) ? record.Time : 0;

    private static TopicRecordKind KindOf(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) ? record.Kind : TopicRecordKind.Event;

    private GossipService Gossip => _node.Network?.Gossip
        ?? throw new WeftException(
            WeftError.NetworkOff, "Topics need libp2p, and this node does not take part in it. Nothing was sent.");
}
