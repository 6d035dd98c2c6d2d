using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Libp2p.Gossip;

/// <summary>
/// Publish and subscribe over a host: gossipsub 1.0 to 1.2 and floodsub. Safe to use from many threads.
/// </summary>
/// <remarks>
/// The driver of one <see cref="GossipCore"/>: whoever holds the gate is the core's one caller; signatures are verified
/// outside of it, in loops of their own. Every message is signed by this host, and only signed ones are taken.
/// Source: docs/spec/gossip.md.
/// </remarks>
public sealed partial class GossipService : IAsyncDisposable
{
    /// <summary>The protocols, the best first.</summary>
    public static IReadOnlyList<string> Protocols { get; } =
        ["/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0", "/floodsub/1.0.0"];

    private readonly Libp2pHost _host;
    private readonly ICrypto _crypto;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly GossipCore _core;
    private readonly Outbox<GossipOutput> _outbox = new();
    private readonly Dictionary<PeerId, GossipLink> _links = [];
    private readonly Dictionary<string, List<GossipSubscription>> _subscriptions = [];
    private readonly ConcurrentDictionary<string, GossipValidator> _validators = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _exchanges = new(4, 4);
    private readonly long[] _refused = new long[Enum.GetValues<GossipReason>().Length];
    private readonly ITimer _timer;
    private WeftInstant _due = WeftInstant.Never;
    private Task _loops = Task.CompletedTask;
    private int _subscriptionCount;
    private int _exchangesWaiting;
    private long _sequence;
    private long _published;
    private long _delivered;
    private long _sent;
    private long _dropped;
    private long _verified;
    private int _isStopped;

    /// <summary>Makes the service; <see cref="StartAsync"/> begins.</summary>
    /// <param name="host">The host it runs over; it must outlive the service.</param>
    /// <param name="options">Kept; null for the defaults.</param>
    public GossipService(Libp2pHost host, GossipServiceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        Options = options ?? new();
        _host = host;
        _crypto = host.Settings.Crypto;
        _time = host.Settings.Time;
        _log = host.Settings.Loggers.CreateLogger<GossipService>();
        var random = new WeftRandom(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        _core = new(host.Id, Options.Core, _crypto, random);
        // Above that of any earlier run, as long as the clock is not set back: microseconds since 1970.
        _sequence = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / 10;
        _timer = _time.CreateTimer(
            static state => ((GossipService)state!).OnTimer(), this,
            Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _verifiers = MakeVerifiers();
        Stopping = _stopping.Token;
    }

    /// <summary>The options it runs with.</summary>
    public GossipServiceOptions Options { get; }

    internal Lock Gate { get; } = new();

    internal CancellationToken Stopping { get; }

    /// <summary>Counts since the start.</summary>
    public GossipCounts Counts => new(
        Interlocked.Read(ref _published), Interlocked.Read(ref _delivered), Interlocked.Read(ref _sent),
        Interlocked.Read(ref _dropped), Interlocked.Read(ref _verified),
        _refused.Select((count, reason) => ((GossipReason)reason, count)).Where(one => one.count > 0)
            .ToDictionary(one => one.Item1, one => one.count));

    /// <summary>Answers the protocols, and links with every connected peer that speaks one of them.</summary>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        IAsyncEnumerable<PeerEvent> events = _host.WatchAsync(Stopping);
        foreach (string protocol in Protocols)
        {
            _host.Handle(protocol, ServeAsync);
        }

        lock (Gate)
        {
            _core.Start(Now, _outbox);
            Apply();
        }

        _loops = Task.WhenAll([WatchAsync(events), .. StartVerifiers()]);
        foreach (PeerConnection connection in _host.Connections)
        {
            OnIdentified(connection, connection.Identity);
        }

        return Task.CompletedTask;
    }

    /// <summary>Joins a topic: live when this returns.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8.</param>
    /// <param name="isRead">False to take part without reading: messages are passed on, and none waits here.</param>
    /// <exception cref="ArgumentException">The name is too long, or empty.</exception>
    /// <exception cref="WeftException">TooManyRequests when too many are joined.</exception>
    public GossipSubscription Subscribe(string topic, bool isRead = true)
    {
        Check(topic);
        ObjectDisposedException.ThrowIf(_isStopped != 0, this);
        var subscription = new GossipSubscription(
            this, topic, isRead ? Options.SubscriptionMax : 0, Options.SubscriptionBytesMax);
        lock (Gate)
        {
            bool isJoined = _subscriptionCount < Options.SubscriptionsMax && _core.Join(topic, Now, _outbox);
            Apply();
            if (!isJoined)
            {
                throw new WeftException(
                    WeftError.TooManyRequests, "As many topics or subscriptions as are allowed are joined already.");
            }

            _subscriptionCount++;
            if (!_subscriptions.TryGetValue(topic, out List<GossipSubscription>? list))
            {
                _subscriptions[topic] = list = [];
            }

            list.Add(subscription);
        }

        return subscription;
    }

    /// <summary>Signs a message and sends it.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8; it need not be joined.</param>
    /// <param name="data">At most <see cref="GossipOptions.DataBytesMax"/> bytes; copied.</param>
    /// <param name="cancellationToken">Ends the waiting for peers that are slow; the message was sent.</param>
    /// <returns>The message, and to how many peers it was sent at once; others may get it through them.</returns>
    /// <remarks>
    /// Waits a moment when no peer keeps up, so that a quick publisher does not lose its own messages.
    /// </remarks>
    /// <exception cref="ArgumentException">A bound above is broken. Nothing was sent.</exception>
    public async ValueTask<(GossipMessage Message, int Peers)> PublishAsync(
        string topic, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        GossipMessage message = Sign(topic, data.Span);
        return (message, await PublishAsync(message, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Signs a message, and does not send it: for who needs it as it will stand before it goes out.</summary>
    /// <param name="topic">1 to 256 bytes of UTF-8.</param>
    /// <param name="data">At most <see cref="GossipOptions.DataBytesMax"/> bytes; copied.</param>
    /// <exception cref="ArgumentException">A bound above is broken.</exception>
    public GossipMessage Sign(string topic, ReadOnlySpan<byte> data)
    {
        Check(topic);
        if (data.Length > Options.Core.DataBytesMax)
        {
            throw new ArgumentException($"A message has at most {Options.Core.DataBytesMax} bytes.", nameof(data));
        }

        ulong sequence = (ulong)Interlocked.Increment(ref _sequence);
        return GossipSigning.Sign(_host.IdentityKey, _crypto, sequence, topic, data);
    }

    /// <summary>Sends a message that was made with <see cref="Sign"/>, once.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Ends the waiting for peers that are slow; the message was sent.</param>
    /// <returns>To how many peers it was sent at once.</returns>
    public async ValueTask<int> PublishAsync(GossipMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        ObjectDisposedException.ThrowIf(_isStopped != 0, this);
        Task? wait;
        int reached;
        lock (Gate)
        {
            reached = _core.Publish(message, Now, _outbox);
            GossipLink? quickest = Apply();
            bool isLong = quickest is not null && quickest.Queue.DataBytes > Options.Core.DataQueueBytesMax / 2;
            wait = isLong ? quickest!.WaitDrained() : null;
        }

        Interlocked.Increment(ref _published);
        if (wait is not null)
        {
            await Task.WhenAny(wait, Task.Delay(Options.PublishPatience, _time, cancellationToken))
                .ConfigureAwait(false);
        }

        return reached;
    }

    /// <summary>Sets who judges the messages of a topic; null for nobody.</summary>
    public void SetValidator(string topic, GossipValidator? validator)
    {
        Check(topic);
        if (validator is null)
        {
            _validators.TryRemove(topic, out _);
        }
        else
        {
            _validators[topic] = validator;
        }
    }

    /// <summary>The topics joined here, in the order of their names.</summary>
    public IReadOnlyList<GossipTopicInfo> ListTopics()
    {
        lock (Gate)
        {
            return
            [
                .. _core.Joined.Order(StringComparer.Ordinal).Select(topic => new GossipTopicInfo(
                    topic, _core.PeersOf(topic), _core.MeshOf(topic).Count, _subscriptions[topic].Count)),
            ];
        }
    }

    /// <summary>How many peers are known to have joined a topic.</summary>
    public int PeersOf(string topic)
    {
        lock (Gate)
        {
            return _core.PeersOf(topic);
        }
    }

    /// <summary>The connected peers that are known to have joined a topic, in no particular order.</summary>
    public IReadOnlyList<PeerId> SubscribersOf(string topic)
    {
        lock (Gate)
        {
            return [.. _core.SubscribersOf(topic).Select(peer => peer.Id)];
        }
    }

    /// <summary>The mesh links of a topic.</summary>
    public IReadOnlyList<PeerId> MeshOf(string topic)
    {
        lock (Gate)
        {
            return [.. _core.MeshOf(topic).Select(peer => peer.Id)];
        }
    }

    /// <summary>A peer's score; null when it does not gossip.</summary>
    public double? ScoreOf(PeerId peer)
    {
        lock (Gate)
        {
            return _core.Find(peer) is { } known ? _core.Score(known) : null;
        }
    }

    /// <summary>What the application thinks of a peer: it is added to its score.</summary>
    /// <returns>False when the peer does not gossip.</returns>
    public bool SetApplicationScore(PeerId peer, double score)
    {
        lock (Gate)
        {
            if (_core.Find(peer) is not { } known)
            {
                return false;
            }

            GossipCore.SetApplicationScore(known, score);
            return true;
        }
    }

    /// <summary>Leaves every topic; streams end, subscriptions too.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
        {
            return;
        }

        foreach (string protocol in Protocols)
        {
            _host.Unhandle(protocol);
        }

        await _timer.DisposeAsync().ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        GossipLink[] links;
        lock (Gate)
        {
            links = [.. _links.Values];
            foreach (GossipSubscription subscription in _subscriptions.Values.SelectMany(list => list))
            {
                subscription.Complete();
            }
        }

        CompleteVerifiers();
        await Task.WhenAll(links.Select(link => link.Loop)).ConfigureAwait(false);
        await _loops.ConfigureAwait(false);
        _exchanges.Dispose();
        _stopping.Dispose();
    }

    internal void Remove(GossipSubscription subscription)
    {
        lock (Gate)
        {
            if (!_subscriptions.TryGetValue(subscription.Topic, out List<GossipSubscription>? list)
                || !list.Remove(subscription))
            {
                return;
            }

            _subscriptionCount--;
            if (list.Count == 0)
            {
                _subscriptions.Remove(subscription.Topic);
                _core.Leave(subscription.Topic, Now, _outbox);
                Apply();
            }
        }
    }

    private WeftInstant Now => _time.Instant();

    private void Check(string topic)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        if (Encoding.UTF8.GetByteCount(topic) > Options.Core.TopicBytesMax)
        {
            throw new ArgumentException(
                $"The name of a topic has at most {Options.Core.TopicBytesMax} bytes of UTF-8.", nameof(topic));
        }
    }
}
