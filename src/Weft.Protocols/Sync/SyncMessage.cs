using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Sync;

/// <summary>The first byte of a message.</summary>
public enum SyncMessageKind : byte
{
    /// <summary><see cref="SyncHello"/>.</summary>
    Hello = 1,

    /// <summary><see cref="SyncSubscribe"/>.</summary>
    Subscribe = 2,

    /// <summary><see cref="SyncChanges"/>.</summary>
    Changes = 3,

    /// <summary><see cref="SyncAck"/>.</summary>
    Ack = 4,

    /// <summary><see cref="SyncAsk"/>.</summary>
    Ask = 5,

    /// <summary><see cref="SyncAnswer"/>.</summary>
    Answer = 6,

    /// <summary><see cref="SyncRanges"/>.</summary>
    Ranges = 7,

    /// <summary><see cref="SyncWant"/>.</summary>
    Want = 8,

    /// <summary><see cref="SyncCompared"/>.</summary>
    Compared = 9,

    /// <summary><see cref="SyncProbe"/>.</summary>
    Probe = 10,

    /// <summary><see cref="SyncGoodbye"/>.</summary>
    Goodbye = 11,
}

/// <summary>One message of <c>/weft/sync/1</c>.</summary>
/// <remarks>Source: docs/spec/sync.md, section 2.</remarks>
public abstract record SyncMessage
{
    private protected SyncMessage()
    {
    }

    /// <summary>Which it is.</summary>
    public abstract SyncMessageKind Kind { get; }
}

/// <summary>The first message, each way.</summary>
/// <param name="StoreId">The sender's store: 16 hex digits.</param>
/// <param name="NetworkId">The network: 32 bytes.</param>
/// <param name="Sequence">The sender's newest commit.</param>
/// <param name="Window">Bytes of changes the receiver of this message may send before it gets an ack.</param>
/// <param name="Runs">
/// The newest runs of the sender's store, the present one last; null or none where nobody shall go on after its end.
/// </param>
public sealed record SyncHello(
    string StoreId, ReadOnlyMemory<byte> NetworkId, long Sequence, long Window, IReadOnlyList<SyncRun>? Runs = null)
    : SyncMessage
{
    /// <summary>At most so many runs are named.</summary>
    public const int RunsMax = 16;

    /// <summary>True when a cursor of one run of this store still means what it meant.</summary>
    /// <param name="run">The run.</param>
    /// <param name="cursor">A commit of it.</param>
    public bool Covers(ulong run, long cursor) =>
        Runs?.Any(one => one.Id == run && cursor <= one.End && cursor <= Sequence) == true;

    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Hello;
}

/// <summary>Which changes the sender wants.</summary>
/// <param name="Prefixes">Of souls; an empty one means everything.</param>
/// <param name="After">The receiver's commit up to which the sender has everything; -1 for none.</param>
public sealed record SyncSubscribe(IReadOnlyList<string> Prefixes, long After) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Subscribe;
}

/// <summary>What part of a graph something is about.</summary>
/// <param name="Text">The prefix of souls, or the soul.</param>
/// <param name="IsSoul">True for one soul, false for all that begin so; the default is the whole graph.</param>
public readonly record struct SyncReach(string? Text, bool IsSoul)
{
    /// <summary>True for the whole graph.</summary>
    public bool IsAll => !IsSoul && string.IsNullOrEmpty(Text);
}

/// <summary>One run of a store: its commits have numbers of their own up to its end.</summary>
/// <param name="Id">Drawn at the start of the run.</param>
/// <param name="End">Its last commit that the next run found; for the newest run the newest commit.</param>
/// <remarks>
/// A cursor of a run means nothing beyond its end: commits that were lost in a crash, or by going back to a backup, leave
/// their numbers to others.
/// </remarks>
public readonly record struct SyncRun(ulong Id, long End);

/// <summary>Fields to merge.</summary>
/// <param name="Cursor">
/// The sender's commit up to which the receiver then has everything; -1 for fields out of a comparison.
/// </param>
/// <param name="Writes">The fields; none when only the cursor moves.</param>
public sealed record SyncChanges(long Cursor, IReadOnlyList<FieldWrite> Writes) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Changes;
}

/// <summary>What became of changes; sent once they are durable.</summary>
/// <param name="Cursor">The receiver's commit up to which the sender has everything; -1 for none yet.</param>
/// <param name="Grant">Further bytes of changes that may be sent.</param>
/// <param name="Refused">Fields that were refused since the last ack.</param>
/// <param name="Error">Why the last one of them was; None when none was.</param>
public sealed record SyncAck(long Cursor, long Grant, int Refused, WeftError Error) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Ack;
}

/// <summary>Asks for a node or a field.</summary>
/// <param name="Id">Comes back with the answer.</param>
/// <param name="Soul">The node.</param>
/// <param name="Field">One field; null for all.</param>
public sealed record SyncAsk(long Id, string Soul, string? Field) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Ask;
}

/// <summary>What the sender has of what it was asked for.</summary>
/// <param name="Id">The question's.</param>
/// <param name="More">True when another answer to the same question follows.</param>
/// <param name="Writes">The fields; none for "not here".</param>
public sealed record SyncAnswer(long Id, bool More, IReadOnlyList<FieldWrite> Writes) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Answer;
}

/// <summary>What is said of one range.</summary>
/// <param name="To">Where it ends; this place is not in it.</param>
/// <param name="Fingerprint">Of what the sender has there; null unless it is compared so.</param>
/// <param name="Ids">Everything the sender has there; null unless it is listed.</param>
public readonly record struct SyncRange(SyncKey To, UInt128? Fingerprint = null, IReadOnlyList<UInt128>? Ids = null)
{
    /// <summary>True for a range of which nothing more needs to be said.</summary>
    public bool IsSkip => Fingerprint is null && Ids is null;
}

/// <summary>One step of a comparison. Without ranges: nothing is left to compare under this prefix.</summary>
/// <param name="Prefix">What is compared: souls that begin so.</param>
/// <param name="From">Where the first range begins.</param>
/// <param name="Ranges">In order, without holes.</param>
public sealed record SyncRanges(string Prefix, SyncKey From, IReadOnlyList<SyncRange> Ranges) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Ranges;
}

/// <summary>Asks for fields that the receiver has listed.</summary>
/// <param name="Prefix">What is compared.</param>
/// <param name="From">The range they are in.</param>
/// <param name="To">Where that ends.</param>
/// <param name="Ids">Which.</param>
public sealed record SyncWant(string Prefix, SyncKey From, SyncKey To, IReadOnlyList<UInt128> Ids) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Want;
}

/// <summary>How far the sender is with a comparison.</summary>
/// <param name="IsSent">
/// False: everything is compared. True: and everything the receiver lacked has been sent before this message.
/// </param>
public sealed record SyncCompared(bool IsSent) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Compared;
}

/// <summary>Asks how far the other side's commits go, or answers.</summary>
/// <param name="Id">Comes back with the answer.</param>
/// <param name="Sequence">-1 in the question; in the answer the newest commit within the scope, or a later one.</param>
/// <param name="Scope">In the question: what it is about.</param>
/// <param name="After">In the question: the commit up to which the one who asks has everything; -1 for none.</param>
public sealed record SyncProbe(long Id, long Sequence, SyncReach Scope = default, long After = -1) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Probe;
}

/// <summary>The last message: why the session ends.</summary>
/// <param name="Error">Why.</param>
public sealed record SyncGoodbye(WeftError Error) : SyncMessage
{
    /// <inheritdoc/>
    public override SyncMessageKind Kind => SyncMessageKind.Goodbye;
}
