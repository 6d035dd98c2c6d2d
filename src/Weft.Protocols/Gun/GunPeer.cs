using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>How a connection came to be.</summary>
public enum GunRole
{
    /// <summary>Somebody connected to this node.</summary>
    Accepted = 0,

    /// <summary>This node dialled a relay: a link.</summary>
    Dialled,
}

/// <summary>What the core knows about one connection.</summary>
internal sealed class GunPeer(long number, GunRole role, string address)
{
    public long Number { get; } = number;

    public GunRole Role { get; } = role;

    public string Address { get; } = address;

    public string? Pid { get; set; }

    public GunIdentity? Identity { get; set; }

    /// <summary>What this node asked it to sign; null when it is asked for no proof.</summary>
    public string? Nonce { get; init; }

    public bool WasProofTaken { get; set; }

    public bool IsClosing { get; set; }

    /// <summary>False while the driver has unsent bytes for it.</summary>
    public bool IsWritable { get; set; } = true;

    public bool IsDirty { get; set; }

    public WeftInstant HelloAt { get; set; }

    public string? HelloId { get; set; }

    public TimeSpan? RoundTrip { get; set; }

    /// <summary>Questions in a row that it left unanswered; a silent peer is still asked, but not waited for.</summary>
    public int Silent { get; set; }

    public int Gets { get; set; }

    public Dictionary<string, Subscription> Subscriptions { get; } = new(StringComparer.Ordinal);

    public int SubscriptionCount { get; set; }

    /// <summary>True when it has passed its bound of subscriptions and gets every change.</summary>
    public bool WantsEverything { get; set; }

    public PendingPush Pending { get; } = new();

    /// <summary>Souls to ask the client about once it has said who it is.</summary>
    public List<string>? AskBack { get; set; }

    /// <summary>Answers that go on when the connection is writable again.</summary>
    public Queue<PendingRead> Paused { get; } = new();

    public bool HasWaiting => Pending.Count > 0 || Paused.Count > 0;

    /// <summary>Set when every change is replicated to this peer by cursor.</summary>
    public GunLinkState? Link { get; set; }

    public bool IsWeft => Identity is not null;

    public int MalformedFrames { get; set; }
}

/// <summary>One connection's interest in one soul.</summary>
internal sealed class Subscription(GunPeer peer, string soul)
{
    public GunPeer Peer { get; } = peer;

    public string Soul { get; } = soul;

    /// <summary>The position in the soul's list, for quick removal.</summary>
    public int Slot { get; set; }

    /// <summary>The fields wanted; null for all.</summary>
    public HashSet<string>? Fields { get; set; }

    /// <summary>True once the client was asked for what it holds of the soul.</summary>
    public bool AskedBack { get; set; }

    public bool Wants(string field) => Fields is null || Fields.Contains(field);
}

/// <summary>One get being answered from the local graph.</summary>
internal sealed class PendingRead
{
    public required GunPeer Peer { get; init; }

    public required string ReplyTo { get; init; }

    public required GunGet Get { get; init; }

    /// <summary>False when peers must not be asked about a miss: they were asked, or asked us.</summary>
    public bool MayAsk { get; init; }

    /// <summary>The soul being read; changes while a range of souls is walked.</summary>
    public string? Soul { get; set; }

    public Queue<string>? Souls { get; set; }

    /// <summary>The field the last part ended with.</summary>
    public string? Last { get; set; }

    public int Budget { get; set; }

    public bool HasAnswered { get; set; }
}

/// <summary>A question to peers, on behalf of a connection or of this node.</summary>
internal sealed class GunAsk
{
    public required string Id { get; init; }

    public required GunGet Get { get; init; }

    /// <summary>The connection that wants to know; null when this node does.</summary>
    public GunPeer? Requester { get; init; }

    public string? ReplyTo { get; init; }

    public long Ticket { get; init; }

    public WeftInstant Due { get; init; }

    public List<GunPeer> Peers { get; } = [];

    public List<GunPeer> Waiting { get; } = [];

    public bool WasAsked(GunPeer peer) => Peers.Contains(peer);

    public int Asked { get; set; }

    public int WritesPending { get; set; }

    public bool GotData { get; set; }

    public bool GotAll { get; set; }
}

/// <summary>A put being stored.</summary>
internal readonly record struct PendingWrite(GunPeer Peer, string? AckTo, int Print, GunAsk? Ask);

/// <summary>Replication of every change to one relay, by cursor over the change stream.</summary>
internal sealed class GunLinkState(string key, bool acknowledges, long cursor)
{
    public string Key { get; } = key;

    /// <summary>Weft relays acknowledge every put; GUN relays often do not, so for them "sent" has to do.</summary>
    public bool Acknowledges { get; } = acknowledges;

    /// <summary>Everything up to here has arrived.</summary>
    public long Cursor { get; set; } = cursor;

    /// <summary>True when the link starts anew as soon as the changes that were asked for are here.</summary>
    public bool IsOutdated { get; set; }

    public bool IsReading { get; set; }

    public bool HasMore { get; set; } = true;

    /// <summary>Messages on their way, oldest first; a null id needs no acknowledgement any more.</summary>
    public LinkedList<LinkMessage> Window { get; } = new();

    public Dictionary<string, LinkedListNode<LinkMessage>> Unacked { get; } = new(StringComparer.Ordinal);

    /// <summary>Souls to ask a GUN relay about, so that it keeps sending their changes.</summary>
    public Queue<string> Questions { get; } = new();

    /// <summary>For a relay that does not acknowledge: what was sent so long ago that it has surely arrived.</summary>
    public long Safe { get; set; } = cursor;

    public long Mark { get; set; } = cursor;

    public WeftInstant MarkAt { get; set; }
}

/// <summary>One message of the replication to a relay, until it is acknowledged.</summary>
/// <param name="Id">Its id; null once it is acknowledged.</param>
/// <param name="Cursor">Where the cursor may go once it and all before it are acknowledged; 0 for nowhere.</param>
/// <param name="Push">What it holds.</param>
internal readonly record struct LinkMessage(string? Id, long Cursor, GunFragment[] Push);
