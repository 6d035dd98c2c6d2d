using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>What the GUN core asks its driver to do.</summary>
public enum GunOutputKind
{
    /// <summary>Send a hello to Peer: Id, ReplyTo (or null), and Text as the nonce when there is one.</summary>
    SendHello,

    /// <summary>Send an acknowledgement to Peer: Id, ReplyTo, and Error with Text when the put was refused.</summary>
    SendAck,

    /// <summary>
    /// Send an answer to Peer: Id, ReplyTo, and Soul with Fields, or "not found" when Soul is null; More.
    /// </summary>
    SendReply,

    /// <summary>Send changes to Peer: Id, Push.</summary>
    SendPush,

    /// <summary>Send a get to Peer: Id, Get.</summary>
    SendGet,

    /// <summary>Send a <c>dam:"!"</c> with Text to Peer.</summary>
    SendError,

    /// <summary>Merge Writes, brought by Peer; then call OnWritten with Ticket.</summary>
    Write,

    /// <summary>Read as Read says; then call OnRead or OnSouls with Ticket.</summary>
    Read,

    /// <summary>
    /// Start to follow the change stream for Peer after Sequence; a later one for the same peer replaces it.
    /// </summary>
    Follow,

    /// <summary>Bring the next changes for Peer, about Bytes of them; then call OnChanges.</summary>
    ReadChanges,

    /// <summary>Call OnTimer at Due. Late and double calls are harmless.</summary>
    StartTimer,

    /// <summary>
    /// A question asked by the node itself (Ticket) is over; Count were asked; More when some were late.
    /// </summary>
    AskEnded,

    /// <summary>Close Peer's connection for Reason, with Text.</summary>
    Close,

    /// <summary>Peer sent an error text; log it.</summary>
    PeerError,

    /// <summary>Sign for Peer that this node holds its key, over both nonces, and send it with Id: Text is Peer's nonce.</summary>
    Prove,

    /// <summary>Peer sent a proof of its key, in Text; verify it.</summary>
    CheckProof,
}

/// <summary>Why the core closes a connection.</summary>
public enum GunCloseReason
{
    /// <summary>The peer is this very process.</summary>
    Self = 1,

    /// <summary>There is another connection to the same peer, and that one stays.</summary>
    Duplicate,

    /// <summary>The peer reads too slowly; it may come back and ask again.</summary>
    TooSlow,

    /// <summary>The peer could not store a change now; replication goes on after a reconnect.</summary>
    PeerRefused,

    /// <summary>The peer sent what cannot be read.</summary>
    Malformed,
}

/// <summary>What to read from the local graph.</summary>
/// <param name="Soul">The node; null to list souls.</param>
/// <param name="Range">The fields, or the souls.</param>
/// <param name="CountMax">How many at the most.</param>
/// <param name="BytesMax">Stop after so many bytes of names and values.</param>
public sealed record GunRead(string? Soul, LexRange Range, int CountMax, int BytesMax);

/// <summary>One request of the GUN core to its driver; <see cref="Kind"/> says which of the others count.</summary>
/// <remarks>Carry outputs out, or encode them, before the next call to the core.</remarks>
public readonly record struct GunOutput
{
    /// <summary>What to do.</summary>
    public GunOutputKind Kind { get; init; }

    /// <summary>The connection it concerns.</summary>
    public long Peer { get; init; }

    /// <summary>The number to give back.</summary>
    public long Ticket { get; init; }

    /// <summary>The id of the message to send.</summary>
    public string? Id { get; init; }

    /// <summary>The id of the message it answers.</summary>
    public string? ReplyTo { get; init; }

    /// <summary>The refusal, or None.</summary>
    public WeftError Error { get; init; }

    /// <summary>Text of a refusal, an error or a reason.</summary>
    public string? Text { get; init; }

    /// <summary>The node of an answer.</summary>
    public string? Soul { get; init; }

    /// <summary>On an answer: more parts follow. On AskEnded: the deadline passed first.</summary>
    public bool More { get; init; }

    /// <summary>The fields of an answer.</summary>
    public IReadOnlyList<StoredField>? Fields { get; init; }

    /// <summary>The changes to push.</summary>
    public ReadOnlyMemory<GunFragment> Push { get; init; }

    /// <summary>What to ask a peer.</summary>
    public GunGet? Get { get; init; }

    /// <summary>What to read here.</summary>
    public GunRead? Read { get; init; }

    /// <summary>What to merge.</summary>
    public FieldWrite[]? Writes { get; init; }

    /// <summary>A position in the change stream.</summary>
    public long Sequence { get; init; }

    /// <summary>About how many bytes of changes.</summary>
    public int Bytes { get; init; }

    /// <summary>How many peers were asked.</summary>
    public int Count { get; init; }

    /// <summary>When a timer is due.</summary>
    public WeftInstant Due { get; init; }

    /// <summary>Why a connection is closed.</summary>
    public GunCloseReason Reason { get; init; }

    /// <summary>True when this goes out to the peer as a message.</summary>
    public bool IsSend => Kind <= GunOutputKind.SendError;
}
