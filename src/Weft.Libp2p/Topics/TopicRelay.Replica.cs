using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Libp2p.Topics;

/// <summary>Another relay, as this one sees it.</summary>
/// <param name="Peer">Who.</param>
/// <param name="IsConfigured">Named in the options.</param>
/// <param name="ComparedAt">When everything was last compared with it, to the end; null for never.</param>
/// <param name="Taken">Messages that it gave.</param>
/// <param name="Given">Messages that it was given.</param>
/// <param name="Withheld">Messages that it named, and then did not give.</param>
/// <param name="Problem">Why the last comparison broke off; null when it did not.</param>
public readonly record struct TopicRelayInfo(
    PeerId Peer, bool IsConfigured, DateTimeOffset? ComparedAt, long Taken, long Given, long Withheld, string? Problem);

/// <content>Comparing with other relays, and what is set for topics.</content>
public sealed partial class TopicRelay
{
    private static readonly TimeSpan TickEvery = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _stopping = new();
    private readonly SortedDictionary<PeerId, TopicRelayInfo> _others = []; // Under the gate.
    private readonly WeftRandom _random;
    private Task _replication = Task.CompletedTask;

    internal TopicReconcileOptions Reconcile => _options.Reconcile;

    /// <summary>The relays it has compared itself with since the start, in the order of their ids; at most 256.</summary>
    public IReadOnlyList<TopicRelayInfo> ListRelays()
    {
        lock (_gate)
        {
            return [.. _others.Values];
        }
    }

    /// <summary>What is set for topics, and what counts for one.</summary>
    public (TopicRetention Retention, string Pattern) RetentionOf(string topic)
    {
        lock (_gate)
        {
            return _retentions.Find(topic);
        }
    }

    /// <summary>Sets what is kept of topics; it is durable when this returns.</summary>
    /// <param name="pattern">A topic, or the beginning of topics and a star.</param>
    /// <param name="retention">Null for what the rest of the patterns say.</param>
    /// <returns>False when there are too many patterns.</returns>
    /// <exception cref="ArgumentException">It is out of bounds.</exception>
    public async Task<bool> SetRetentionAsync(string pattern, TopicRetention? retention)
    {
        if (retention?.FindFault() is { } fault)
        {
            throw new ArgumentException($"Out of bounds: {fault}.", nameof(retention));
        }

        KeptTopic[] kept;
        lock (_gate)
        {
            if (!_retentions.Set(pattern, retention))
            {
                return false;
            }

            Shelf.KeepRetention(pattern, retention is null ? default : TopicRetentionBook.Write(retention));
            kept = [.. _topics.Values];
        }

        foreach (KeptTopic one in kept)
        {
            one.SetRetention(RetentionOf(one.Topic).Retention);
        }

        await Shelf.FlushAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Compares all topics with one relay now.</summary>
    /// <returns>What became of it.</returns>
    public async Task<TopicRelayInfo> CompareAsync(PeerId relay, CancellationToken cancellationToken = default)
    {
        string? problem = null;
        (long taken, long given, long withheld) = (0, 0, 0);
        try
        {
            await AdoptAsync(relay, cancellationToken).ConfigureAwait(false);
            foreach (string topic in Names())
            {
                if (Find(topic, makes: false) is { } kept)
                {
                    TopicSessionCore session =
                        await CompareAsync(relay, kept, cancellationToken).ConfigureAwait(false);
                    (taken, given, withheld) =
                        (taken + session.Taken, given + session.Given, withheld + session.Withheld);
                }
            }
        }
        catch (Exception broken) when (
            broken is WeftException or IOException or InvalidDataException or OperationCanceledException)
        {
            problem = broken is OperationCanceledException ? "it took too long" : broken.Message;
            TopicLog.NotCompared(_log, relay, problem);
        }

        lock (_gate)
        {
            TopicRelayInfo before = _others.GetValueOrDefault(relay);
            var info = new TopicRelayInfo(
                relay, _options.Relays.Contains(relay),
                problem is null ? _host.Settings.Time.GetUtcNow() : before.ComparedAt, before.Taken + taken,
                before.Given + given, before.Withheld + withheld, problem);
            if (_others.Count < 256 || _others.ContainsKey(relay))
            {
                _others[relay] = info;
            }

            return info;
        }
    }

    private async Task<TopicSessionCore> CompareAsync(
        PeerId relay, KeptTopic kept, CancellationToken cancellationToken)
    {
        TopicSessionCore session = kept.MakeSession(_gossip.Options.Core, _host.Settings.Crypto);
        try
        {
            await TopicSessionRunner.RunAsync(
                _host, relay, session, _options.AnswerMax, kept.TakeAsync, kept.Find, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It does not keep this topic, or has gone; the next topic shows which.
        }

        if (session.Taken + session.Given > 0)
        {
            TopicLog.Compared(_log, relay, kept.Topic, session.Taken, session.Given);
        }

        return session;
    }

    /// <summary>What a configured relay keeps is kept here, too: so one that was wiped is filled again.</summary>
    private async Task AdoptAsync(PeerId relay, CancellationToken cancellationToken)
    {
        if (!_options.Relays.Contains(relay))
        {
            return;
        }

        var client = new TopicClient(_host, _gossip);
        foreach (string topic in await client.TopicsAsync(relay, cancellationToken).ConfigureAwait(false))
        {
            Find(topic, makes: true);
        }
    }

    private async Task ReplicateAsync()
    {
        var plan = new TopicPlanCore(_options.Plan, _random);
        var outbox = new Outbox<PeerId>();
        var client = new TopicClient(_host, _gossip, _options.Relays);
        var running = new Dictionary<PeerId, Task>();
        using var timer = new PeriodicTimer(TickEvery, _host.Settings.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false))
            {
                foreach (PeerId ended in running.Where(one => one.Value.IsCompleted).Select(one => one.Key).ToList())
                {
                    running.Remove(ended);
                    plan.OnEnded(ended);
                }

                plan.OnTick(client.Relays, _host.Settings.Time.Instant(), outbox);
                for (int i = 0; i < outbox.Count; i++)
                {
                    running[outbox[i]] = CompareAsync(outbox[i], _stopping.Token);
                }

                outbox.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            // The relay stops.
        }

        await Task.WhenAll(running.Values).ConfigureAwait(false);
    }

    private string[] Names()
    {
        lock (_gate)
        {
            return [.. _topics.Keys];
        }
    }

    private async Task<int> TakeManyAsync(KeptTopic kept, TopicRequest request)
    {
        var messages = new List<(GossipMessage Message, double ReceivedMs)>();
        IReadOnlyList<ulong> times = request.Times ?? [];
        foreach (ReadOnlyMemory<byte> body in request.Messages ?? [])
        {
            GossipMessage? message = TopicWire.ReadBody(body.Span, request.Topic, _gossip.Options.Core);
            if (message is null || !GossipSigning.Verify(message, _host.Settings.Crypto))
            {
                throw new InvalidDataException("A message was given that its author did not sign.");
            }

            messages.Add((message, messages.Count < times.Count ? times[messages.Count] : double.MaxValue));
        }

        return await kept.TakeAsync(messages).ConfigureAwait(false);
    }
}
