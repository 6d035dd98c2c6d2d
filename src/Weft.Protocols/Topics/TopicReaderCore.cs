using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Protocols.Topics;

/// <summary>What a reader gets.</summary>
/// <param name="Message">A message; null for a gap.</param>
/// <param name="Author">Whose records are missing; empty for a gap that no author's link shows.</param>
/// <param name="Missed">At least so many messages are missing here; 0 for a message.</param>
/// <param name="Tag">What the driver gave with the message.</param>
public readonly record struct TopicReaderOutput(GossipMessage? Message, PeerId Author, long Missed, object? Tag = null);

/// <summary>
/// Brings together what relays have kept and what comes: each message once, those of one author in its order as far as
/// its links tell, and a gap where a link leads to nothing.
/// </summary>
/// <remarks>
/// Pure; one caller at a time. Signatures are verified before. While what was kept comes, a message waits for the one
/// it links to; when everything has come, what still waits is given behind a gap. Live, nothing waits: a link to
/// nothing becomes a gap when its message does not come within a time. Source: docs/spec/topics.md, "Replay, then live".
/// </remarks>
public sealed class TopicReaderCore(TopicReaderOptions options, bool isFromStart)
{
    private readonly HashSet<UInt128> _seen = [];
    private readonly Queue<UInt128> _order = [];
    private readonly HashSet<PeerId> _authors = []; // Of whom a linked event was given.
    private readonly Dictionary<UInt128, List<Held>> _held = []; // By what they wait for.
    private readonly HashSet<UInt128> _heldHashes = []; // What waits itself.
    private readonly Dictionary<UInt128, (PeerId Author, WeftInstant Due)> _late = [];
    private readonly Queue<(UInt128 Link, WeftInstant Due)> _lateOrder = [];
    private readonly List<TopicPoint>[] _points = [[], []];
    private int _heldCount;
    private bool _isCaughtUp;

    /// <summary>Messages that wait for the one they link to.</summary>
    public int HeldCount => _heldCount;

    /// <summary>Gaps that were given.</summary>
    public long Gaps { get; private set; }

    /// <summary>Messages that were given.</summary>
    public long Delivered { get; private set; }

    /// <summary>False when too much came to compare it with a second relay.</summary>
    public bool CanCompare => !_isCaughtUp && _points[0].Count + _points[1].Count < options.PointsMax;

    /// <summary>The lowest stamp of an event that came; 0 for none.</summary>
    public ulong StampMin { get; private set; }

    /// <summary>What came until everything had, to be compared with what a second relay keeps.</summary>
    public TopicIndex IndexOf(TopicSpace space, ICrypto crypto) => new([.. _points[(int)space]], crypto);

    /// <summary>True unless the message at this point came.</summary>
    public bool Wants(in TopicPoint point) => !_seen.Contains(point.High);

    /// <summary>Takes a message of a relay or of the mesh.</summary>
    /// <param name="message">Its signature is verified.</param>
    /// <param name="hash">Its hash.</param>
    /// <param name="tag">Comes out with it.</param>
    /// <param name="now">The present.</param>
    /// <param name="outbox">Takes what the reader gets.</param>
    public void OnMessage(
        GossipMessage message, in GossipMessageId hash, object? tag, WeftInstant now, Outbox<TopicReaderOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(outbox);
        if (!TopicRecord.TryRead(message.Data.Span, out TopicRecord record))
        {
            return;
        }

        var point = TopicPoint.Of(TopicPoint.StampOf(message, record), hash);
        if (!Remember(point.High))
        {
            return;
        }

        Note(point, record.Kind);
        var held = new Held(message, point.High, tag);
        if (record.Kind != TopicRecordKind.Event || !record.HasPrevious)
        {
            Deliver(held, outbox);
            return;
        }

        GossipMessageId.TryRead(record.Previous, out GossipMessageId previous);
        UInt128 link = TopicPoint.Of(0, previous).High;
        bool isKnown = _authors.Contains(message.From);
        if (_seen.Contains(link) && !_heldHashes.Contains(link))
        {
            Deliver(held, outbox);
        }
        else if (!_isCaughtUp && (isKnown || isFromStart))
        {
            Hold(link, held, outbox);
        }
        else
        {
            if (isKnown)
            {
                Await(link, message.From, now, outbox);
            }

            Deliver(held, outbox);
        }
    }

    /// <summary>Everything that was kept has come: what still waits is given, behind a gap where one is sure.</summary>
    public void OnCaughtUp(Outbox<TopicReaderOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        Release(outbox);
        _isCaughtUp = true;
        _points[0] = [];
        _points[1] = [];
    }

    /// <summary>Passes on a gap that a relay or the mesh tells of.</summary>
    public void OnGap(long missed, Outbox<TopicReaderOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        Gap(default, Math.Max(1, missed), outbox);
    }

    /// <summary>Looks whether a message that others link to is late. Early and often is harmless.</summary>
    public void OnTick(WeftInstant now, Outbox<TopicReaderOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        while (_lateOrder.TryPeek(out (UInt128 Link, WeftInstant Due) first) && first.Due <= now)
        {
            _lateOrder.Dequeue();
            if (_late.Remove(first.Link, out (PeerId Author, WeftInstant) late) && !_seen.Contains(first.Link))
            {
                Gap(late.Author, 1, outbox);
            }
        }
    }

    private bool Remember(UInt128 hash)
    {
        if (!_seen.Add(hash))
        {
            return false;
        }

        _order.Enqueue(hash);
        if (_order.Count > options.RememberedMax)
        {
            _seen.Remove(_order.Dequeue());
        }

        return true;
    }

    private void Note(in TopicPoint point, TopicRecordKind kind)
    {
        if (kind == TopicRecordKind.Event && (StampMin == 0 || point.Stamp < StampMin))
        {
            StampMin = point.Stamp;
        }

        if (CanCompare)
        {
            _points[kind == TopicRecordKind.Event ? 0 : 1].Add(point);
        }
    }

    private void Hold(UInt128 link, Held held, Outbox<TopicReaderOutput> outbox)
    {
        if (!_held.TryGetValue(link, out List<Held>? list))
        {
            _held[link] = list = [];
        }

        list.Add(held);
        _heldHashes.Add(held.Hash);
        if (++_heldCount > options.HeldMax)
        {
            Release(outbox);
        }
    }

    private void Deliver(Held first, Outbox<TopicReaderOutput> outbox)
    {
        var line = new Queue<Held>();
        line.Enqueue(first);
        while (line.TryDequeue(out Held held))
        {
            Delivered++;
            _heldHashes.Remove(held.Hash);
            if (_authors.Count < options.AuthorsMax && IsLinked(held.Message))
            {
                _authors.Add(held.Message.From);
            }

            outbox.Add(new(held.Message, held.Message.From, 0, held.Tag));
            if (_heldCount > 0 && _held.Remove(held.Hash, out List<Held>? followers))
            {
                _heldCount -= followers.Count;
                followers.ForEach(line.Enqueue);
            }
        }
    }

    /// <summary>Gives everything that waits, author by author, in the order of their numbers.</summary>
    private void Release(Outbox<TopicReaderOutput> outbox)
    {
        if (_heldCount == 0)
        {
            return;
        }

        Held[] all = [.. _held.Values.SelectMany(list => list)];
        var waiting = all.Select(held => held.Hash).ToHashSet();
        Held[] roots = [.. all.Where(held => !waiting.Contains(LinkOf(held.Message)))
            .OrderBy(held => held.Message.From).ThenBy(held => held.Message.Sequence)];
        foreach (Held root in roots)
        {
            if (_authors.Contains(root.Message.From))
            {
                Gap(root.Message.From, 1, outbox); // What it links to did not come from anywhere.
            }

            if (_held.TryGetValue(LinkOf(root.Message), out List<Held>? list) && list.Remove(root))
            {
                _heldCount--;
                Deliver(root, outbox);
            }
        }

        _held.Clear();
        _heldHashes.Clear();
        _heldCount = 0;
    }

    private void Await(UInt128 link, PeerId author, WeftInstant now, Outbox<TopicReaderOutput> outbox)
    {
        if (_late.Count >= options.LateCountMax)
        {
            Gap(author, 1, outbox);
        }
        else if (_late.TryAdd(link, (author, now + options.LateMax)))
        {
            _lateOrder.Enqueue((link, now + options.LateMax));
        }
    }

    private void Gap(PeerId author, long missed, Outbox<TopicReaderOutput> outbox)
    {
        Gaps++;
        outbox.Add(new(null, author, missed));
    }

    private static bool IsLinked(GossipMessage message) =>
        TopicRecord.IsRecord(message.Data.Span) && TopicRecord.TryRead(message.Data.Span, out TopicRecord record)
        && record.Kind == TopicRecordKind.Event;

    private static UInt128 LinkOf(GossipMessage message)
    {
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record);
        GossipMessageId.TryRead(record.Previous, out GossipMessageId previous);
        return TopicPoint.Of(0, previous).High;
    }

    private readonly record struct Held(GossipMessage Message, UInt128 Hash, object? Tag);
}
