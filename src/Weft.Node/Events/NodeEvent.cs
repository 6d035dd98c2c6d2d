namespace Weft.Node.Events;

/// <summary>Something that happened to a node or its peers.</summary>
/// <param name="Kind">What, as a word with a dot: <see cref="NodeEventKind"/>.</param>
/// <param name="At">When.</param>
public sealed record NodeEvent(string Kind, DateTimeOffset At)
{
    /// <summary>Whom it is about: a peer id, or a connection of the GUN side; null where it is about nobody.</summary>
    public string? Peer { get; init; }

    /// <summary>Where that is; null where it does not matter.</summary>
    public string? Address { get; init; }

    /// <summary>By what it is reached: "tcp", "ws", "relay", "memory", "gun"; null where it does not matter.</summary>
    public string? Transport { get; init; }

    /// <summary>The state it has now; null where it has none.</summary>
    public string? State { get; init; }

    /// <summary>Why, or which: at most some hundred characters; null for nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>How many; 0 where nothing is counted.</summary>
    public long Count { get; init; }
}

/// <summary>The kinds of events. A kind is never renamed; there may be more.</summary>
public static class NodeEventKind
{
    /// <summary>A connection is there, and its ends have proved who they are.</summary>
    public const string PeerConnect = "peer.connect";

    /// <summary>A connection is gone; the reason says why.</summary>
    public const string PeerDisconnect = "peer.disconnect";

    /// <summary>A libp2p connection, or the attempt to make one, has gone on to another state.</summary>
    public const string PeerState = "peer.state";

    /// <summary>A peer was banned; the reason is that of who banned it.</summary>
    public const string PeerBan = "peer.ban";

    /// <summary>A peer is allowed again.</summary>
    public const string PeerUnban = "peer.unban";

    /// <summary>A ceiling has said no, so many times since the last such event; the reason is its name.</summary>
    public const string Limit = "limit.hit";

    /// <summary>A session that keeps the graph equal with a peer's has begun.</summary>
    public const string SyncStart = "sync.start";

    /// <summary>For the first time in a session both ends have what the other one has.</summary>
    public const string SyncDone = "sync.done";

    /// <summary>A session has ended.</summary>
    public const string SyncEnd = "sync.end";

    /// <summary>A place at a relay, or none any more; the state is "reserved" or "lost".</summary>
    public const string Relay = "relay.place";

    /// <summary>
    /// A part of the mesh is unreachable, or more of it ("began", "grew"); the count is that of the peers that are away.
    /// </summary>
    public const string PartitionBegin = "partition.begin";

    /// <summary>It is over ("healed"), or those that are away count as gone ("givenup"); the count is theirs.</summary>
    public const string PartitionEnd = "partition.end";

    /// <summary>The reader was slow: so many events before the next one are lost to it.</summary>
    public const string Missed = "events.missed";
}
