using Weft.Protocols.Gossip;

namespace Weft.Protocols.Topics;

/// <summary>One kept message.</summary>
public sealed class TopicEntry
{
    internal TopicEntry(
        long offset, GossipMessage message, double receivedMs, GossipMessageId hash, in TopicRecord record)
    {
        Offset = offset;
        Message = message;
        ReceivedMs = receivedMs;
        Hash = hash;
        Kind = record.Kind;
        Time = record.Time;
        EndsMs = record.TtlSeconds == 0 ? double.PositiveInfinity : receivedMs + (record.TtlSeconds * 1_000d);
        Key = Convert.ToHexString(record.Key);
        Point = TopicPoint.Of(TopicPoint.StampOf(message, record), hash);
    }

    /// <summary>Its place in the topic at this node: 1 and up, never used again.</summary>
    public long Offset { get; }

    /// <summary>The message, as its author signed it.</summary>
    public GossipMessage Message { get; }

    /// <summary>When it came, in milliseconds since 1970.</summary>
    public double ReceivedMs { get; }

    /// <summary>What the author's next record links to: SHA-256 of what was signed and the signature.</summary>
    public GossipMessageId Hash { get; }

    /// <summary>What it is.</summary>
    public TopicRecordKind Kind { get; }

    /// <summary>The author's time; 0 for none.</summary>
    public ulong Time { get; }

    /// <summary>Its place in the order that all relays share.</summary>
    public TopicPoint Point { get; }

    internal TopicSpace Space => Kind == TopicRecordKind.Event ? TopicSpace.Events : TopicSpace.Values;

    internal double EndsMs { get; }

    internal string Key { get; }

    internal int Bytes => Message.Frame.Length;

    internal bool IsDropped { get; set; }
}

/// <summary>What became of a message that was to be kept.</summary>
public enum TopicAppend
{
    /// <summary>It is kept.</summary>
    Kept = 0,

    /// <summary>It was kept already.</summary>
    Known,

    /// <summary>A later value of its key is kept.</summary>
    Superseded,

    /// <summary>It begins as a record and is none.</summary>
    Malformed,

    /// <summary>The author's time lies too far in the future.</summary>
    Future,

    /// <summary>It is larger than one message may be.</summary>
    TooLarge,

    /// <summary>There is no room for another key or author.</summary>
    Quota,

    /// <summary>It came from another relay, and is older than what is kept here.</summary>
    TooOld,

    /// <summary>Its key begins with the id of another peer, and is that peer's.</summary>
    Foreign,
}

/// <summary>What a topic's log asks its driver to do.</summary>
public enum TopicLogOutputKind
{
    /// <summary>Make Entry durable.</summary>
    Keep,

    /// <summary>Entry may be forgotten.</summary>
    Drop,

    /// <summary>A record of Entry's author is missing before Entry.</summary>
    Gap,

    /// <summary>The author linked two records, Entry and Other, to the same one: both are proof of it.</summary>
    Fork,
}

/// <summary>One wish of a topic's log.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Entry">The message it concerns.</param>
/// <param name="Other">The other half of a fork.</param>
public readonly record struct TopicLogOutput(TopicLogOutputKind Kind, TopicEntry Entry, TopicEntry? Other = null);
