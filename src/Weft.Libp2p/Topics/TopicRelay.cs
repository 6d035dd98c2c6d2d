using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Libp2p.Topics;

/// <summary>What is kept of a topic here.</summary>
/// <param name="Topic">Its name.</param>
/// <param name="Count">Messages.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Next">The offset the next one gets.</param>
/// <param name="Gaps">Records that were missing before others.</param>
/// <param name="Forks">Authors' forks.</param>
public readonly record struct KeptTopicInfo(string Topic, int Count, long Bytes, long Next, long Gaps, long Forks);

/// <summary>
/// Keeps topics for those who come later, and serves them over <c>/weft/topics/1</c>. Safe to use from many threads.
/// </summary>
/// <remarks>
/// It is an ordinary member of each topic's mesh that does not forget. Nothing is served or acknowledged before it is
/// durable. Source: docs/spec/topics.md.
/// </remarks>
public sealed partial class TopicRelay : IAsyncDisposable
{
    private readonly Libp2pHost _host;
    private readonly GossipService _gossip;
    private readonly TopicRelayOptions _options;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, KeptTopic> _topics = new(StringComparer.Ordinal);
    private readonly ITimer _timer;
    private readonly TopicRetentionBook _retentions; // Under the gate.
    private int _streams;
    private int _isStopped;

    /// <summary>Makes the relay; <see cref="StartAsync"/> begins.</summary>
    /// <param name="host">The host.</param>
    /// <param name="gossip">Started before, stopped after.</param>
    /// <param name="shelf">Where messages outlive a restart.</param>
    /// <param name="options">Kept.</param>
    public TopicRelay(Libp2pHost host, GossipService gossip, ITopicShelf shelf, TopicRelayOptions options)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(gossip);
        ArgumentNullException.ThrowIfNull(shelf);
        ArgumentNullException.ThrowIfNull(options);
        _host = host;
        _gossip = gossip;
        _options = options;
        _retentions = new(options.Retention);
        _random = new(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        Shelf = shelf;
        _log = host.Settings.Loggers.CreateLogger<TopicRelay>();
        _timer = host.Settings.Time.CreateTimer(
            static state => ((TopicRelay)state!).Maintain(), this, options.MaintainEvery, options.MaintainEvery);
    }

    /// <summary>Names the store of this relay.</summary>
    public string Epoch => Shelf.Epoch;

    internal ITopicShelf Shelf { get; }

    internal double WallMs => (_host.Settings.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    /// <summary>Brings back what was kept, joins those topics and those of the options, and serves.</summary>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var logs = new Dictionary<string, TopicLogCore>();
        var outbox = new Outbox<TopicLogOutput>();
        foreach (ShelvedMessage shelved in Shelf.Load())
        {
            if (shelved.Offset == 0)
            {
                _retentions.Set(shelved.Topic, TopicRetentionBook.TryRead(shelved.Body.Span));
                continue;
            }

            if (!logs.TryGetValue(shelved.Topic, out TopicLogCore? log))
            {
                logs[shelved.Topic] = log = MakeLog(shelved.Topic);
            }

            GossipMessage? message = TopicWire.ReadBody(shelved.Body.Span, shelved.Topic, _gossip.Options.Core);
            if (message is null || !log.Restore(shelved.Offset, message, shelved.ReceivedMs, outbox))
            {
                Shelf.Drop(shelved.Topic, shelved.Offset);
            }
        }

        foreach (TopicLogCore log in logs.Values)
        {
            log.Retention = _retentions.Find(log.Topic).Retention; // Set ones may stand behind messages.
        }

        foreach (string topic in logs.Keys.Concat(_options.Topics).Distinct().Take(_options.TopicsMax))
        {
            Add(logs.GetValueOrDefault(topic) ?? MakeLog(topic));
        }

        _host.Handle(TopicWire.Protocol, ServeAsync);
        _replication = Task.Run(ReplicateAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>The topics that are kept, in the order of their names.</summary>
    public IReadOnlyList<KeptTopicInfo> List()
    {
        lock (_gate)
        {
            return
            [
                .. _topics.Values.Select(kept => new KeptTopicInfo(
                    kept.Topic, kept.State.Count, kept.State.Bytes, kept.State.Next, kept.Gaps, kept.Forks)),
            ];
        }
    }

    /// <summary>Keeps a topic from now on.</summary>
    /// <returns>False when too many are kept.</returns>
    public bool Keep(string topic) => Find(topic, makes: true) is not null;

    /// <summary>Keeps a message; it is durable when this returns.</summary>
    /// <param name="message">Signed by this host, or verified.</param>
    public async Task<TopicAppend> KeepAsync(GossipMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return Find(message.Topic, _options.KeepsWhatIsAsked) is { } kept
            ? (await kept.KeepAsync(message).ConfigureAwait(false)).Status
            : TopicAppend.Quota;
    }

    /// <summary>The last value of a key that is kept here; null when none is.</summary>
    public TopicEntry? Latest(string topic, ReadOnlySpan<byte> key) => Find(topic, makes: false)?.Latest(key);

    /// <summary>Reads what is kept here as another peer would; null when the topic is not kept.</summary>
    public IAsyncEnumerable<TopicReplayItem>? ReplayAsync(
        TopicRequest request, CancellationToken cancellationToken = default) =>
        Find(request.Topic, makes: false) is { } kept ? ReplayAsync(kept, request, cancellationToken) : null;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
        {
            return;
        }

        _host.Unhandle(TopicWire.Protocol);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _replication.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        KeptTopic[] kept;
        lock (_gate)
        {
            kept = [.. _topics.Values];
        }

        foreach (KeptTopic one in kept)
        {
            await one.DisposeAsync().ConfigureAwait(false);
        }

        _stopping.Dispose();
    }

    private async IAsyncEnumerable<TopicReplayItem> ReplayAsync(
        KeptTopic kept, TopicRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (long next, long missed) = kept.Place(request, Epoch);
        if (missed > 0)
        {
            yield return new(TopicAnswerKind.Gap, null, missed, Epoch, next);
        }

        bool isCaughtUp = false;
        var batch = new List<TopicEntry>();
        while (_isStopped == 0)
        {
            batch.Clear();
            (next, Task grown) = kept.Read(next, _options.BatchBytesMax, batch);
            foreach (TopicEntry entry in batch)
            {
                yield return new(TopicAnswerKind.Batch, entry.Message, 0, Epoch, entry.Offset + 1) { Hash = entry.Hash };
            }

            if (batch.Count > 0)
            {
                continue;
            }

            if (!isCaughtUp)
            {
                isCaughtUp = true;
                yield return new(TopicAnswerKind.CaughtUp, null, 0, Epoch, next);
            }

            if (!request.IsLive)
            {
                yield break;
            }

            await grown.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    internal KeptTopic? Find(string topic, bool makes)
    {
        lock (_gate)
        {
            if (_topics.TryGetValue(topic, out KeptTopic? kept))
            {
                return kept;
            }

            return makes && _isStopped == 0 && _topics.Count < _options.TopicsMax ? Add(MakeLog(topic)) : null;
        }
    }

    internal void OnFailed(string topic, Exception error) => TopicLog.Failed(_log, topic, error);

    internal void OnFork(string topic, PeerId author) => TopicLog.Forked(_log, author, topic);

    private TopicLogCore MakeLog(string topic)
    {
        lock (_gate)
        {
            return new(topic, _retentions.Find(topic).Retention, _host.Settings.Crypto);
        }
    }

    private KeptTopic Add(TopicLogCore log)
    {
        lock (_gate)
        {
            var kept = new KeptTopic(this, log);
            kept.Start(_gossip);
            _topics.Add(log.Topic, kept);
            TopicLog.Keeping(_log, log.Topic, log.Count);
            return kept;
        }
    }

    private void Maintain()
    {
        KeptTopic[] kept;
        lock (_gate)
        {
            kept = [.. _topics.Values];
        }

        foreach (KeptTopic one in kept)
        {
            try
            {
                one.Expire();
            }
            catch (WeftException failed)
            {
                OnFailed(one.Topic, failed);
            }
        }
    }

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _streams) > _options.StreamsMax)
        {
            Interlocked.Decrement(ref _streams);
            stream.Abort();
            return;
        }

        try
        {
            var frames = new TopicFrames(stream);
            while (await frames.ReadAsync(cancellationToken).ConfigureAwait(false) is { } frame)
            {
                if (!TopicWire.TryRead(frame.Span, out TopicRequest request))
                {
                    stream.Abort();
                    return;
                }

                if (request.Kind == TopicRequestKind.Topics)
                {
                    await stream.WriteAsync(
                        TopicWire.Write(new TopicAnswer(TopicAnswerKind.Topics, Epoch: Epoch, Topics: Names())),
                        cancellationToken).ConfigureAwait(false);
                    continue;
                }

                // Who only compares does not make a topic be kept.
                bool makes = _options.KeepsWhatIsAsked
                    && request.Kind is not (TopicRequestKind.Heads or TopicRequestKind.Ranges or TopicRequestKind.Fetch);
                if (Find(request.Topic, makes) is not { } kept)
                {
                    stream.Abort();
                    return;
                }

                await AnswerAsync(stream, kept, request, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is InvalidDataException or WeftException)
        {
            stream.Abort();
        }
        finally
        {
            Interlocked.Decrement(ref _streams);
        }
    }

    private async Task AnswerAsync(
        PeerStream stream, KeptTopic kept, TopicRequest request, CancellationToken cancellationToken)
    {
        switch (request.Kind)
        {
            case TopicRequestKind.Subscribe:
                await SendAsync(stream, kept, request, cancellationToken).ConfigureAwait(false);
                break;
            case TopicRequestKind.Publish:
                (TopicAppend status, long offset) = await TakeAsync(kept, request).ConfigureAwait(false);
                await stream.WriteAsync(
                    TopicWire.Write(new TopicAnswer(
                        TopicAnswerKind.Acknowledged, Epoch: Epoch, Offset: offset, Status: status)),
                    cancellationToken).ConfigureAwait(false);
                break;
            case TopicRequestKind.Give:
                int taken = await TakeManyAsync(kept, request).ConfigureAwait(false);
                await stream.WriteAsync(
                    TopicWire.Write(new TopicAnswer(TopicAnswerKind.Acknowledged, Epoch: Epoch, Offset: taken)),
                    cancellationToken).ConfigureAwait(false);
                break;
            case TopicRequestKind.Heads or TopicRequestKind.Ranges or TopicRequestKind.Fetch:
                await stream.WriteAsync(TopicWire.Write(kept.Answer(request)), cancellationToken)
                    .ConfigureAwait(false);
                break;
            default:
                TopicEntry? entry = kept.Latest(request.Bytes.Span);
                await stream.WriteAsync(
                    TopicWire.Write(new TopicAnswer(
                        TopicAnswerKind.Batch, entry is null ? [] : [TopicWire.BodyOf(entry.Message)], Epoch,
                        entry?.Offset ?? 0)),
                    cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    private async Task<(TopicAppend Status, long Offset)> TakeAsync(KeptTopic kept, TopicRequest request)
    {
        GossipMessage? message = TopicWire.ReadBody(request.Bytes.Span, request.Topic, _gossip.Options.Core);
        return message is not null && GossipSigning.Verify(message, _host.Settings.Crypto)
            ? await kept.KeepAsync(message).ConfigureAwait(false)
            : (TopicAppend.Malformed, 0);
    }

    private async Task SendAsync(
        PeerStream stream, KeptTopic kept, TopicRequest request, CancellationToken cancellationToken)
    {
        (long next, long missed) = kept.Place(request, Epoch);
        if (missed > 0)
        {
            await stream.WriteAsync(
                TopicWire.Write(new TopicAnswer(TopicAnswerKind.Gap, null, Epoch, next, missed)), cancellationToken)
                .ConfigureAwait(false);
        }

        bool isCaughtUp = false;
        var batch = new List<TopicEntry>();
        while (_isStopped == 0)
        {
            batch.Clear();
            (next, Task grown) = kept.Read(next, _options.BatchBytesMax, batch);
            if (batch.Count > 0)
            {
                // The stream itself holds back: who does not read is sent nothing more.
                await stream.WriteAsync(
                    TopicWire.Write(new TopicAnswer(
                        TopicAnswerKind.Batch, [.. batch.Select(entry => TopicWire.BodyOf(entry.Message))], Epoch,
                        next, Times: [.. batch.Select(entry => (ulong)entry.Offset + 1)])),
                    cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (!isCaughtUp)
            {
                isCaughtUp = true;
                await stream.WriteAsync(
                    TopicWire.Write(new TopicAnswer(TopicAnswerKind.CaughtUp, null, Epoch, next)), cancellationToken)
                    .ConfigureAwait(false);
            }

            if (!request.IsLive)
            {
                return;
            }

            await grown.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
