using System.Runtime.InteropServices;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Protocols.Topics;

/// <summary>
/// What is kept of one topic: messages in the order in which they came, the last value of each key, the last record of
/// each
/// author. It decides what goes when there is too much.
/// </summary>
/// <remarks>Pure; one caller at a time. Signatures are verified before. Source: docs/spec/topics.md.</remarks>
public sealed partial class TopicLogCore
{
    private readonly ICrypto _crypto;
    private readonly List<TopicEntry> _entries = []; // By offset; dropped ones stay until they are many.
    private readonly Dictionary<GossipMessageId, TopicEntry> _byHash = [];
    private readonly Dictionary<string, TopicEntry> _latest = [];
    private readonly Dictionary<PeerId, Author> _authors = [];
    private readonly Queue<PeerId> _authorOrder = [];
    private readonly Dictionary<(PeerId, GossipMessageId), TopicEntry> _successors = [];
    private int _count;   // Events that were restored behind a loss.
    private int _first;   // Where the oldest event may be.
    private int _dropped; // Dropped entries that are still in the list.

    /// <summary>Makes an empty log.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="retention">What is kept.</param>
    /// <param name="crypto">Hashes.</param>
    public TopicLogCore(string topic, TopicRetention retention, ICrypto crypto)
    {
        Topic = topic;
        Retention = retention;
        _crypto = crypto;
    }

    /// <summary>The topic's name.</summary>
    public string Topic { get; }

    /// <summary>What is kept; another one counts from the next message on.</summary>
    public TopicRetention Retention { get; set; }

    /// <summary>The offset the next message gets.</summary>
    public long Next { get; private set; } = 1;

    /// <summary>
    /// The highest offset of a message that went because there was too much, or it was too old; 0 for none.
    /// </summary>
    public long LostThrough { get; private set; }

    /// <summary>Messages that are kept, values of keys included.</summary>
    public int Count => _entries.Count - _dropped;

    /// <summary>Bytes of those.</summary>
    public long Bytes { get; private set; }

    /// <summary>Authors that are known.</summary>
    public int AuthorCount => _authors.Count;

    /// <summary>Keeps a message.</summary>
    /// <param name="message">Its signature is verified, and its topic is this one.</param>
    /// <param name="wallMs">Milliseconds since 1970.</param>
    /// <param name="outbox">Takes the wishes.</param>
    /// <param name="entry">The entry, new or old; null when it is not kept.</param>
    public TopicAppend Append(
        GossipMessage message, double wallMs, Outbox<TopicLogOutput> outbox, out TopicEntry? entry) =>
        Append(message, wallMs, wallMs, isReplica: false, outbox, out entry);

    private TopicAppend Append(
        GossipMessage message, double wallMs, double receivedMs, bool isReplica, Outbox<TopicLogOutput> outbox,
        out TopicEntry? entry)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(outbox);
        entry = null;
        if (message.Frame.Length > Retention.MessageBytesMax)
        {
            return TopicAppend.TooLarge;
        }

        if (!TopicRecord.TryRead(message.Data.Span, out TopicRecord record))
        {
            return TopicAppend.Malformed;
        }

        if (record.TimeMs > wallMs + Retention.FutureMax.TotalMilliseconds)
        {
            return TopicAppend.Future;
        }

        if (TopicRecord.OwnerOf(record.Key) is { IsEmpty: false } owner && owner != message.From)
        {
            return TopicAppend.Foreign;
        }

        GossipMessageId hash = HashOf(message, _crypto);
        if (_byHash.TryGetValue(hash, out entry))
        {
            return TopicAppend.Known;
        }

        var made = new TopicEntry(Next, message, receivedMs, hash, record);
        TopicAppend verdict = isReplica && IsBehind(made, wallMs) ? TopicAppend.TooOld : Admit(made);
        if (verdict != TopicAppend.Kept)
        {
            ShowFork(made, record, outbox);
            Decline(made.Point);
            return verdict;
        }

        entry = made;
        Next++;
        outbox.Add(new(TopicLogOutputKind.Keep, made));
        Link(made, record, outbox);
        Insert(made, outbox);
        Author author = _authors[message.From];
        while (author.Bytes > Retention.AuthorBytesMax
            && author.Entries.TryPeek(out TopicEntry? oldest) && oldest != made)
        {
            Decline(oldest.Point); // Its author's share is used up: it is not fetched again.
            Lose(oldest, outbox);
        }

        Shrink(wallMs, outbox);
        return TopicAppend.Kept;
    }

    /// <summary>Puts back what was kept before a restart, in the order of the offsets.</summary>
    /// <returns>False when it is no record, or out of order; it may be forgotten.</returns>
    public bool Restore(long offset, GossipMessage message, double receivedMs, Outbox<TopicLogOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (offset < Next || !TopicRecord.TryRead(message.Data.Span, out TopicRecord record)
            || AuthorOf(message.From) is null)
        {
            return false;
        }

        if (Next == 1)
        {
            LostThrough = offset - 1; // What was before is gone; whether it was lost or replaced is not known any more.
        }

        var made = new TopicEntry(offset, message, receivedMs, HashOf(message, _crypto), record);
        if (LostThrough > 0 && made.Kind == TopicRecordKind.Event)
        {
            // What was let go before the restart lies before what is kept, and is not fetched again.
            ulong below = made.Point.Stamp - Math.Min(1, made.Point.Stamp);
            Floor = _count == 0 ? below : Math.Min(Floor, below);
            _count++;
        }

        Next = offset + 1;
        Link(made, record, outbox);
        Insert(made, outbox);
        return true;
    }

    /// <summary>Lets go what is too old, and what has come to its own end.</summary>
    public void Expire(double wallMs, Outbox<TopicLogOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        foreach (TopicEntry entry in _entries)
        {
            if (!entry.IsDropped && entry.EndsMs <= wallMs)
            {
                Decline(entry.Point);
                Lose(entry, outbox);
            }
            else if (!entry.IsDropped && entry.Kind == TopicRecordKind.Event && IsTooOld(entry, wallMs))
            {
                LoseOldest(entry, wallMs, outbox);
            }
        }

        Shrink(wallMs, outbox);
    }

    /// <summary>Reads messages from an offset on, oldest first.</summary>
    /// <param name="from">The first offset that is wanted.</param>
    /// <param name="until">The first one that is not.</param>
    /// <param name="bytesMax">Stops behind the message that passes this many bytes.</param>
    /// <param name="target">Takes them.</param>
    /// <returns>The offset to go on from.</returns>
    public long Read(long from, long until, int bytesMax, List<TopicEntry> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        int bytes = 0;
        for (int i = IndexOf(from); i < _entries.Count && _entries[i].Offset < until; i++)
        {
            if (!_entries[i].IsDropped)
            {
                target.Add(_entries[i]);
                bytes += _entries[i].Bytes;
                if (bytes >= bytesMax)
                {
                    return _entries[i].Offset + 1;
                }
            }
        }

        return Math.Max(from, until);
    }

    /// <summary>The offset of the newest so many messages' first one.</summary>
    public long OffsetOfLast(long count)
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            if (!_entries[i].IsDropped && --count < 0)
            {
                return _entries[i].Offset + 1;
            }
        }

        return 1;
    }

    /// <summary>The offset of the first message that came at that time or later.</summary>
    public long OffsetSince(double wallMs)
    {
        foreach (TopicEntry entry in _entries)
        {
            if (!entry.IsDropped && entry.ReceivedMs >= wallMs)
            {
                return entry.Offset;
            }
        }

        return Next;
    }

    /// <summary>The last value of a key, or its end; null when it has none.</summary>
    public TopicEntry? Latest(ReadOnlySpan<byte> key) => _latest.GetValueOrDefault(Convert.ToHexString(key));

    /// <summary>The last record that is known of each author, sorted by author.</summary>
    public IReadOnlyList<(PeerId Author, ulong Sequence, GossipMessageId Hash)> Heads() =>
    [
        .. _authors.Where(author => author.Value.Head is not null).OrderBy(author => author.Key)
            .Select(author => (author.Key, author.Value.Head!.Message.Sequence, author.Value.Head.Hash)),
    ];

    /// <summary>The last durable record that is kept of each author, the newest so many, sorted by author.</summary>
    public IEnumerable<TopicHead> Heads(int countMax, long durable) => _authors.Values
        .Where(author => author.Head is { IsDropped: false } head && head.Offset < durable)
        .OrderByDescending(author => author.Head!.Offset).Take(countMax)
        .Select(author => new TopicHead(author.Head!.Message.From, author.Head.Message.Sequence, author.Head.Hash))
        .OrderBy(head => head.Author);

    /// <summary>What the author's next record links to.</summary>
    public static GossipMessageId HashOf(GossipMessage message, ICrypto crypto)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(crypto);
        int length = message.Signed.Length + message.Signature.Length;
        byte[] rented = System.Buffers.ArrayPool<byte>.Shared.Rent(length);
        message.Signed.CopyTo(rented);
        message.Signature.CopyTo(rented.AsSpan(message.Signed.Length));
        Span<byte> digest = stackalloc byte[TopicRecord.HashLength];
        crypto.Sha256(rented.AsSpan(0, length), digest);
        System.Buffers.ArrayPool<byte>.Shared.Return(rented);
        return Hash(digest);
    }

    /// <summary>
    /// True when the first beats the second as the value of one key: the later time, then the larger hash.
    /// </summary>
    public static bool IsNewer(TopicEntry entry, TopicEntry than)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(than);
        return entry.Time != than.Time
            ? entry.Time > than.Time
            : entry.Hash.Span.SequenceCompareTo(than.Hash.Span) > 0;
    }

    private TopicAppend Admit(TopicEntry made)
    {
        if (made.Kind == TopicRecordKind.Event && Retention.MessagesMax == 0)
        {
            return TopicAppend.Quota; // Only values are kept here.
        }

        if (made.Kind != TopicRecordKind.Event)
        {
            if (_latest.TryGetValue(made.Key, out TopicEntry? before) && !IsNewer(made, before))
            {
                return TopicAppend.Superseded;
            }

            if (before is null && _latest.Count >= Retention.KeysMax)
            {
                return TopicAppend.Quota;
            }
        }

        return AuthorOf(made.Message.From) is null ? TopicAppend.Quota : TopicAppend.Kept;
    }

    private void Insert(TopicEntry made, Outbox<TopicLogOutput> outbox)
    {
        _changes++;
        _entries.Add(made);
        _byHash[made.Hash] = made;
        Bytes += made.Bytes;
        Author author = _authors[made.Message.From];
        author.Bytes += made.Bytes;
        author.Entries.Enqueue(made);
        if (made.Kind != TopicRecordKind.Event)
        {
            if (_latest.TryGetValue(made.Key, out TopicEntry? before))
            {
                Drop(before, outbox); // Replaced, not lost.
            }

            _latest[made.Key] = made;
        }
    }

    private void Shrink(double wallMs, Outbox<TopicLogOutput> outbox)
    {
        foreach (ref readonly TopicEntry entry in CollectionsMarshal.AsSpan(_entries)[_first..])
        {
            // Values of keys stay; of events the oldest stand in front.
            bool isEvent = entry.Kind == TopicRecordKind.Event;
            if (isEvent && !entry.IsDropped && !IsTooOld(entry, wallMs)
                && Count - _latest.Count <= Retention.MessagesMax && Bytes <= Retention.BytesMax)
            {
                break;
            }

            if (!entry.IsDropped && (isEvent || (entry.Kind == TopicRecordKind.Tombstone && IsTooOld(entry, wallMs))
                || entry.EndsMs <= wallMs || Bytes > Retention.BytesMax))
            {
                LoseOldest(entry, wallMs, outbox);
            }
        }

        while (_first < _entries.Count && _entries[_first].IsDropped)
        {
            _first++;
        }

        if (_dropped > 1_024 && _dropped > _entries.Count / 2)
        {
            _entries.RemoveAll(entry => entry.IsDropped);
            _first = 0;
            _dropped = 0;
        }
    }

    private bool IsTooOld(TopicEntry entry, double wallMs) =>
        entry.ReceivedMs + Retention.Age.TotalMilliseconds <= wallMs || entry.EndsMs <= wallMs;

    private void Lose(TopicEntry entry, Outbox<TopicLogOutput> outbox)
    {
        LostThrough = Math.Max(LostThrough, entry.Offset);
        if (_latest.TryGetValue(entry.Key, out TopicEntry? latest) && latest == entry)
        {
            _latest.Remove(entry.Key);
        }

        Drop(entry, outbox);
    }

    private void Drop(TopicEntry entry, Outbox<TopicLogOutput> outbox)
    {
        entry.IsDropped = true;
        _dropped++;
        Bytes -= entry.Bytes;
        _byHash.Remove(entry.Hash);
        if (_authors.TryGetValue(entry.Message.From, out Author? author))
        {
            author.Bytes -= entry.Bytes;
            while (author.Entries.TryPeek(out TopicEntry? oldest) && oldest.IsDropped)
            {
                author.Entries.Dequeue();
            }
        }

        Unlink(entry);
        _changes++;
        outbox.Add(new(TopicLogOutputKind.Drop, entry));
    }

    private Author? AuthorOf(PeerId peer)
    {
        if (_authors.TryGetValue(peer, out Author? author))
        {
            return author;
        }

        for (int looked = _authorOrder.Count; _authors.Count >= Retention.AuthorsMax && looked > 0; looked--)
        {
            PeerId oldest = _authorOrder.Dequeue();
            if (_authors[oldest].Entries.Count == 0)
            {
                _authors.Remove(oldest);
            }
            else
            {
                _authorOrder.Enqueue(oldest);
            }
        }

        if (_authors.Count >= Retention.AuthorsMax)
        {
            return null;
        }

        _authorOrder.Enqueue(peer);
        return _authors[peer] = new();
    }

    private static GossipMessageId Hash(ReadOnlySpan<byte> bytes)
    {
        GossipMessageId.TryRead(bytes, out GossipMessageId hash);
        return hash;
    }

    private int IndexOf(long offset)
    {
        int low = 0;
        int high = _entries.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_entries[middle].Offset < offset)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>What is known of one author.</summary>
    private sealed class Author
    {
        public TopicEntry? Head { get; set; }

        public TopicEntry? LastEvent { get; set; }

        public long Bytes { get; set; }

        public Queue<TopicEntry> Entries { get; } = [];
    }
}
