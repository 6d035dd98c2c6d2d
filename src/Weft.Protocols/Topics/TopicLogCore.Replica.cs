using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Protocols.Topics;

/// <content>Links of authors, and what relays compare among each other.</content>
public sealed partial class TopicLogCore
{
    private const int DeclinedMax = 16_384;
    private const int MissingMax = 1_024;

    private readonly HashSet<TopicPoint> _declined = [];
    private readonly Queue<TopicPoint> _declinedOrder = [];
    private readonly Dictionary<(PeerId, GossipMessageId), TopicEntry> _missing = [];
    private readonly Built?[] _built = new Built?[2];
    private long _changes;

    /// <summary>
    /// Events with a stamp up to this one are not fetched from other relays: they were let go here, or would be.
    /// </summary>
    public ulong Floor { get; private set; }

    /// <summary>Records that an author linked to and that are not here: gaps that are open, at most 1,024.</summary>
    public int MissingCount => _missing.Count;

    /// <summary>Keeps a message that another relay kept, as old as it says.</summary>
    /// <param name="message">Its signature is verified, and its topic is this one.</param>
    /// <param name="wallMs">Milliseconds since 1970.</param>
    /// <param name="receivedMs">When the other relay says that it came; a later time than now is now.</param>
    /// <param name="outbox">Takes the wishes.</param>
    /// <param name="entry">The entry, new or old; null when it is not kept.</param>
    public TopicAppend AppendReplica(
        GossipMessage message, double wallMs, double receivedMs, Outbox<TopicLogOutput> outbox, out TopicEntry? entry) =>
        Append(message, wallMs, Math.Clamp(receivedMs, 0, wallMs), isReplica: true, outbox, out entry);

    /// <summary>True when a message at this point should be fetched.</summary>
    public bool Wants(TopicSpace space, in TopicPoint point) =>
        !_declined.Contains(point) && !_byHash.ContainsKey(point.ToHash())
        && (space == TopicSpace.Values
            || (Retention.MessagesMax > 0 && (point.Stamp > Floor || Floor == 0)));

    /// <summary>The message at a point; null when it is not kept.</summary>
    public TopicEntry? Find(in TopicPoint point) => _byHash.GetValueOrDefault(point.ToHash());

    /// <summary>The points of a space that are durable.</summary>
    /// <param name="space">Events or values.</param>
    /// <param name="durable">The first offset that is not durable.</param>
    /// <param name="wallMs">Milliseconds since 1970.</param>
    /// <param name="ageMs">An index of this age is good enough.</param>
    public TopicIndex IndexOf(TopicSpace space, long durable, double wallMs, double ageMs)
    {
        ref Built? built = ref _built[(int)space];
        if (built is null
            || ((built.Changes != _changes || built.Durable != durable) && Math.Abs(wallMs - built.AtMs) >= ageMs))
        {
            TopicPoint[] points =
            [
                .. _entries.Where(entry => !entry.IsDropped && entry.Space == space && entry.Offset < durable)
                    .Select(entry => entry.Point),
            ];
            built = new(new(points, _crypto), _changes, durable, wallMs);
        }

        return built.Index;
    }

    /// <summary>From where on a space is compared.</summary>
    public TopicPoint LowOf(TopicSpace space) =>
        space == TopicSpace.Events && Floor > 0 ? new(Floor + 1) : default;

    private void Link(TopicEntry made, in TopicRecord record, Outbox<TopicLogOutput> outbox)
    {
        PeerId from = made.Message.From;
        Author author = _authors[from];
        _missing.Remove((from, made.Hash));
        if (record.HasPrevious)
        {
            var previous = Hash(record.Previous);
            if (!_successors.TryAdd((from, previous), made))
            {
                outbox.Add(new(TopicLogOutputKind.Fork, made, _successors[(from, previous)]));
            }
            else if (made.Kind == TopicRecordKind.Event && author.LastEvent is { } last
                && last.Hash != previous && !_byHash.ContainsKey(previous))
            {
                if (_missing.Count < MissingMax)
                {
                    _missing[(from, previous)] = made;
                }

                outbox.Add(new(TopicLogOutputKind.Gap, made));
            }
        }

        if (author.Head is null || made.Message.Sequence > author.Head.Message.Sequence)
        {
            author.Head = made;
        }

        if (made.Kind == TopicRecordKind.Event
            && (author.LastEvent is null || made.Message.Sequence > author.LastEvent.Message.Sequence))
        {
            author.LastEvent = made;
        }
    }

    /// <summary>A record that is not kept may still prove that its author told two stories.</summary>
    private void ShowFork(TopicEntry made, in TopicRecord record, Outbox<TopicLogOutput> outbox)
    {
        if (record.HasPrevious
            && _successors.TryGetValue((made.Message.From, Hash(record.Previous)), out TopicEntry? other)
            && other.Hash != made.Hash)
        {
            outbox.Add(new(TopicLogOutputKind.Fork, made, other));
        }
    }

    private void Unlink(TopicEntry entry)
    {
        if (TopicRecord.TryRead(entry.Message.Data.Span, out TopicRecord record) && record.HasPrevious)
        {
            (PeerId, GossipMessageId) link = (entry.Message.From, Hash(record.Previous));
            if (_successors.TryGetValue(link, out TopicEntry? successor) && successor == entry)
            {
                _successors.Remove(link);
            }

            _missing.Remove(link);
        }
    }

    /// <summary>Lets go of what is oldest: what is as old is not wanted of others any more.</summary>
    private void LoseOldest(TopicEntry entry, double wallMs, Outbox<TopicLogOutput> outbox)
    {
        if (entry.Kind == TopicRecordKind.Event)
        {
            // A stamp of the future, which anybody can write, must not shut out what comes.
            ulong now = TopicPoint.StampOf(wallMs);
            Floor = Math.Max(Floor, Math.Min(entry.Point.Stamp, now));
            if (entry.Point.Stamp is 0 || entry.Point.Stamp > now)
            {
                Decline(entry.Point); // Its stamp does not say that it is old.
            }
        }

        Lose(entry, outbox);
    }

    private bool IsBehind(TopicEntry made, double wallMs) =>
        made.EndsMs <= wallMs
        || (made.Kind != TopicRecordKind.Latest
            && made.ReceivedMs + Retention.Age.TotalMilliseconds <= wallMs)
        || (made.Kind == TopicRecordKind.Event && Floor > 0 && made.Point.Stamp <= Floor);

    private void Decline(in TopicPoint point)
    {
        if (!_declined.Add(point))
        {
            return;
        }

        _declinedOrder.Enqueue(point);
        if (_declinedOrder.Count > DeclinedMax)
        {
            _declined.Remove(_declinedOrder.Dequeue());
        }
    }

    private sealed record Built(TopicIndex Index, long Changes, long Durable, double AtMs);
}
