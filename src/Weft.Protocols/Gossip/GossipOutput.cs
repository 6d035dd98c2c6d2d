using Weft.Primitives;

namespace Weft.Protocols.Gossip;

/// <summary>What a gossip core asks its driver to do.</summary>
public enum GossipOutputKind
{
    /// <summary>Send Frame to Peer; a control frame goes before messages. Message is set when it is one.</summary>
    Send,

    /// <summary>Verify Message, have it judged, and call OnVerdict.</summary>
    Judge,

    /// <summary>Hand Message to whoever has joined its topic here.</summary>
    Deliver,

    /// <summary>Peer became a mesh link of Topic.</summary>
    Grafted,

    /// <summary>Peer is no mesh link of Topic any more.</summary>
    Pruned,

    /// <summary>Peer names Candidate, with Frame as its signed record (or empty): try to connect with it.</summary>
    Exchange,

    /// <summary>Something of Peer was not taken, because of Reason; the penalty, if any, is given.</summary>
    Refused,

    /// <summary>Call OnTimer at Due.</summary>
    StartTimer,
}

/// <summary>Why something was not taken.</summary>
public enum GossipReason
{
    /// <summary>It was.</summary>
    None = 0,

    /// <summary>Bytes that are no RPC, or no strictly signed message.</summary>
    Malformed,

    /// <summary>The peer's score is too low for anything.</summary>
    Graylisted,

    /// <summary>A message of a topic that is not joined.</summary>
    UnknownTopic,

    /// <summary>A message that claims to be from this peer.</summary>
    OwnName,

    /// <summary>The signature does not fit.</summary>
    BadSignature,

    /// <summary>The application refuses the message.</summary>
    Rejected,

    /// <summary>The application does not want the message; nobody is to blame.</summary>
    Ignored,

    /// <summary>Too much awaits a verdict.</summary>
    Overload,

    /// <summary>More control messages than allowed in a heartbeat.</summary>
    ControlFlood,

    /// <summary>More topics than are remembered.</summary>
    TopicLimit,

    /// <summary>A link that was asked for before the time.</summary>
    GraftTooEarly,

    /// <summary>What was announced did not come.</summary>
    BrokenPromise,
}

/// <summary>What was found out about a message.</summary>
public enum GossipVerdict
{
    /// <summary>Good: it is handed over and sent on.</summary>
    Accept,

    /// <summary>Not wanted, and nobody is to blame.</summary>
    Ignore,

    /// <summary>Wrong, by the application's rules: whoever brought it is to blame.</summary>
    Reject,

    /// <summary>Not signed by its author: whoever brought it is to blame, and the real one may still come.</summary>
    BadSignature,

    /// <summary>There was no time to look; it may come again.</summary>
    Dropped,
}

/// <summary>One wish of a gossip core; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Peer">The peer it concerns.</param>
/// <param name="Frame">Bytes to send, length in front; or a signed peer record.</param>
/// <param name="Message">The message it concerns.</param>
/// <param name="Topic">The topic it concerns.</param>
/// <param name="Candidate">A peer to connect with.</param>
/// <param name="Reason">Why something was not taken.</param>
/// <param name="Due">When a timer is due.</param>
public readonly record struct GossipOutput(
    GossipOutputKind Kind,
    GossipPeer? Peer = null,
    ReadOnlyMemory<byte> Frame = default,
    GossipMessage? Message = null,
    string? Topic = null,
    PeerId Candidate = default,
    GossipReason Reason = GossipReason.None,
    WeftInstant Due = default);
