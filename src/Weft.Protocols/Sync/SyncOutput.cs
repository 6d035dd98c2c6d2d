using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Replication;

namespace Weft.Protocols.Sync;

/// <summary>What a session asks its driver to do.</summary>
public enum SyncOutputKind
{
    /// <summary>Send the message. After one with changes, the driver calls OnSent once the stream has taken it.</summary>
    Send = 0,

    /// <summary>Merge the writes, and answer with OnWritten once they are durable.</summary>
    Write,

    /// <summary>Follow the changes of the graph after the commit Number (-1: from now on), of Prefixes.</summary>
    Follow,

    /// <summary>Answer with OnChanges: what has come, about Bytes of it, or nothing.</summary>
    ReadChanges,

    /// <summary>Read Soul, or its Field, and answer with OnRead.</summary>
    Read,

    /// <summary>Answer with OnSummary: what lies From here To there, under Prefix.</summary>
    Summarize,

    /// <summary>Answer with OnItems: the first Number fields From here To there, under Prefix.</summary>
    List,

    /// <summary>Answer with OnParts: Number parts of the same size of what lies From here To there, under Prefix.</summary>
    Split,

    /// <summary>Answer with OnRange: about Bytes of the fields From here To there, under Prefix.</summary>
    ReadRange,

    /// <summary>The question Ticket of this side has ended; Number is 1 when the peer answered, 0 when it did not.</summary>
    AskEnded,

    /// <summary>Answer with OnSequence: the newest commit that touches Reach, as far as it lies after Number, or a later one.</summary>
    ReadSequence,

    /// <summary>The probe Ticket was answered: the peer's commits go up to Number.</summary>
    ProbeEnded,

    /// <summary>Call OnTimer at Due; earlier ones may be forgotten.</summary>
    StartTimer,

    /// <summary>How far the session is has changed: see the properties of the core.</summary>
    Progress,

    /// <summary>End the session: the stream is closed when what was sent is out.</summary>
    Close,
}

/// <summary>One thing a session asks for. Which members count is said by <see cref="SyncOutputKind"/>.</summary>
public readonly record struct SyncOutput(
    SyncOutputKind Kind,
    SyncMessage? Message = null,
    long Ticket = 0,
    IReadOnlyList<FieldWrite>? Writes = null,
    IReadOnlyList<string>? Prefixes = null,
    string Prefix = "",
    SyncKey From = default,
    SyncKey To = default,
    string? Soul = null,
    string? Field = null,
    long Number = 0,
    int Bytes = 0,
    WeftInstant Due = default,
    WeftError Error = WeftError.None,
    SyncReach Reach = default);

/// <summary>One committed change, for a session.</summary>
/// <param name="Write">The field as it is now.</param>
/// <param name="Origin">Who brought it: the number of a session or connection; 0 for this node.</param>
public readonly record struct SyncChange(FieldWrite Write, long Origin);

/// <summary>What one side of a session is.</summary>
/// <param name="StoreId">Its store.</param>
/// <param name="NetworkId">Its network: 32 bytes.</param>
/// <param name="Prefixes">What it wants: prefixes of souls; an empty one for everything, none for nothing.</param>
/// <param name="IsOpener">True for the side that opened the stream; it leads comparisons.</param>
/// <param name="Origin">The number of the session: changes that came through it bear it.</param>
/// <param name="Runs">The runs of its store, the present one last; its end is filled in at the hello.</param>
public sealed record SyncSelf(
    string StoreId, ReadOnlyMemory<byte> NetworkId, IReadOnlyList<string> Prefixes, bool IsOpener, long Origin,
    IReadOnlyList<SyncRun>? Runs = null)
{
    /// <summary>How far a soul may go by itself; the default lets every one go everywhere.</summary>
    public Func<string, ReplicaReach> ReachOf { get; init; } = static _ => ReplicaReach.Everywhere;
}
