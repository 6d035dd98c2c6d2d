using Weft.Crypto;
using Weft.Libp2p.Gossip;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Libp2p.Topics;

/// <summary>One topic that is kept: the driver of its log. Readers see what is durable, and nothing else.</summary>
internal sealed class KeptTopic(TopicRelay relay, TopicLogCore log) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Outbox<TopicLogOutput> _outbox = new();
    private GossipSubscription? _live;
    private Task _loop = Task.CompletedTask;
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _durable = log.Next; // The first offset that is not durable yet.

    internal string Topic => log.Topic;

    internal long Gaps
    {
        get
        {
            lock (_gate)
            {
                return log.MissingCount;
            }
        }
    }

    internal long Forks { get; private set; }

    internal (int Count, long Bytes, long Next) State
    {
        get
        {
            lock (_gate)
            {
                return (log.Count, log.Bytes, _durable);
            }
        }
    }

    /// <summary>Joins the topic, and keeps what comes.</summary>
    internal void Start(GossipService gossip)
    {
        _durable = log.Next;
        _live = gossip.Subscribe(log.Topic);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Keeps one message; it is durable when this returns.</summary>
    internal async Task<(TopicAppend Status, long Offset)> KeepAsync(GossipMessage message)
    {
        TopicAppend status = Append(message, out long offset);
        if (status is TopicAppend.Kept or TopicAppend.Known)
        {
            await FlushAsync().ConfigureAwait(false);
        }

        return (status, offset);
    }

    /// <summary>Keeps messages that another relay or a reader gave; they are durable when this returns.</summary>
    /// <returns>How many were new.</returns>
    internal async Task<int> TakeAsync(IReadOnlyList<(GossipMessage Message, double ReceivedMs)> messages)
    {
        int kept = 0;
        lock (_gate)
        {
            double wallMs = relay.WallMs;
            foreach ((GossipMessage message, double receivedMs) in messages)
            {
                kept += log.AppendReplica(message, wallMs, receivedMs, _outbox, out _) == TopicAppend.Kept ? 1 : 0;
            }

            Apply();
        }

        await FlushAsync().ConfigureAwait(false);
        return kept;
    }

    /// <summary>Answers what compares this log with another.</summary>
    internal TopicAnswer Answer(in TopicRequest request)
    {
        lock (_gate)
        {
            return TopicResponder.Answer(log, _durable, request, relay.Epoch, relay.WallMs, relay.Reconcile);
        }
    }

    /// <summary>A session that compares this log with that of a peer.</summary>
    internal TopicSessionCore MakeSession(GossipOptions gossip, ICrypto crypto)
    {
        lock (_gate)
        {
            return new(
                log.Topic, IndexOf, Wants, gives: true, relay.Reconcile, gossip, crypto)
            {
                Low = log.LowOf(TopicSpace.Events),
            };
        }

        TopicIndex IndexOf(TopicSpace space)
        {
            lock (_gate)
            {
                return log.IndexOf(space, _durable, relay.WallMs, 0);
            }
        }

        bool Wants(TopicSpace space, TopicPoint point)
        {
            lock (_gate)
            {
                return log.Wants(space, point);
            }
        }
    }

    /// <summary>The messages at these points that are kept and durable.</summary>
    internal IReadOnlyList<TopicEntry> Find(IReadOnlyList<TopicPoint> points)
    {
        lock (_gate)
        {
            return [.. points.Select(point => log.Find(point)).OfType<TopicEntry>()
                .Where(entry => entry.Offset < _durable)];
        }
    }

    internal void SetRetention(TopicRetention retention)
    {
        lock (_gate)
        {
            log.Retention = retention;
            log.Expire(relay.WallMs, _outbox);
            Apply();
        }
    }

    /// <summary>Where a reader begins, and how many messages it asks for that are gone.</summary>
    internal (long From, long Missed) Place(in TopicRequest request, string epoch)
    {
        lock (_gate)
        {
            long from = request.Start switch
            {
                TopicStart.All => 1,
                TopicStart.Last => log.OffsetOfLast((long)Math.Min(request.Number, int.MaxValue)),
                TopicStart.Since => log.OffsetSince(request.Number),
                TopicStart.Cursor when request.Epoch == epoch => (long)Math.Min(request.Number, long.MaxValue - 1),
                TopicStart.Cursor => 1, // Another store's cursor says nothing here: everything.
                _ => _durable,
            };
            bool isExact = request.Start == TopicStart.Cursor && request.Epoch == epoch;
            long missed = isExact ? Math.Max(0, log.LostThrough - from + 1) : 0;
            return (Math.Min(from, _durable), missed);
        }
    }

    /// <summary>Reads a batch of what is durable.</summary>
    /// <returns>Where to go on, and what to wait for when there was nothing.</returns>
    internal (long Next, Task Grown) Read(long from, int bytesMax, List<TopicEntry> target)
    {
        lock (_gate)
        {
            return (log.Read(from, _durable, bytesMax, target), _grown.Task);
        }
    }

    internal TopicEntry? Latest(ReadOnlySpan<byte> key)
    {
        lock (_gate)
        {
            return log.Latest(key) is { } entry && entry.Offset < _durable ? entry : null;
        }
    }

    internal IReadOnlyList<(PeerId Author, ulong Sequence, GossipMessageId Hash)> Heads()
    {
        lock (_gate)
        {
            return log.Heads();
        }
    }

    internal void Expire()
    {
        lock (_gate)
        {
            log.Expire(relay.WallMs, _outbox);
            Apply();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_live is not null)
        {
            await _live.DisposeAsync().ConfigureAwait(false);
        }

        await _loop.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        try
        {
            await foreach (GossipDelivery delivery in _live!.ReadAllAsync().ConfigureAwait(false))
            {
                if (delivery.Message is { } first)
                {
                    Append(first, out _);
                }

                while (_live.TryRead(out GossipDelivery more))
                {
                    if (more.Message is { } message)
                    {
                        Append(message, out _);
                    }
                }

                await FlushAsync().ConfigureAwait(false);
            }
        }
        catch (WeftException failed)
        {
            relay.OnFailed(log.Topic, failed); // Nothing more is kept, and nobody is told that anything is.
        }
    }

    private TopicAppend Append(GossipMessage message, out long offset)
    {
        lock (_gate)
        {
            TopicAppend status = log.Append(message, relay.WallMs, _outbox, out TopicEntry? entry);
            offset = entry?.Offset ?? 0;
            Apply();
            return status;
        }
    }

    private async Task FlushAsync()
    {
        long until;
        lock (_gate)
        {
            until = log.Next;
        }

        await relay.Shelf.FlushAsync().ConfigureAwait(false);
        TaskCompletionSource? grown = null;
        lock (_gate)
        {
            if (until > _durable)
            {
                _durable = until;
                grown = _grown;
                _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        grown?.TrySetResult();
    }

    private void Apply()
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            TopicEntry entry = _outbox[i].Entry;
            switch (_outbox[i].Kind)
            {
                case TopicLogOutputKind.Keep:
                    relay.Shelf.Keep(log.Topic, entry.Offset, entry.ReceivedMs, entry.Message);
                    break;
                case TopicLogOutputKind.Drop:
                    relay.Shelf.Drop(log.Topic, entry.Offset);
                    break;
                case TopicLogOutputKind.Fork:
                    Forks++;
                    relay.OnFork(log.Topic, entry.Message.From);
                    break;
            }
        }

        _outbox.Clear();
    }
}
