using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>What became of one delta. A refused delta changed nothing at all.</summary>
/// <param name="State">The highest state written; for local writes the one this node gave.</param>
/// <param name="Durable">The durability level reached.</param>
/// <param name="Sequence">The commit that holds it (or, when nothing changed, the newest one before the answer).</param>
/// <param name="Applied">Fields that changed.</param>
/// <param name="Kept">Fields whose known value was newer, larger or equal.</param>
/// <param name="Deferred">Fields from the near future, held durably until they are due.</param>
/// <param name="Error">Why the delta was refused, or None.</param>
/// <param name="RefusedWrite">The position of the write that was refused; -1 when none was.</param>
/// <param name="Standing">The fields that writes of the delta lost against, as they stand; null when none lost.</param>
/// <param name="Reason">What exactly is wrong with the refused write, for people; null when the error says it all.</param>
/// <param name="Dropped">
/// For a delta of a link: why some of its writes were refused while the others were taken; None when none was.
/// </param>
public readonly record struct WriteResult(
    double State,
    Durability Durable,
    long Sequence,
    int Applied,
    int Kept,
    int Deferred,
    WeftError Error = WeftError.None,
    int RefusedWrite = -1,
    IReadOnlyList<StoredChange>? Standing = null,
    string? Reason = null,
    WeftError Dropped = WeftError.None)
{
    /// <summary>True unless the delta was refused.</summary>
    public bool IsAccepted => Error == WeftError.None;

    /// <summary>A delta that was refused for the given reason.</summary>
    public static WriteResult Refused(WeftError error, int write, string? reason = null) =>
        new(0, Durability.Memory, 0, 0, 0, 0, error, write, Reason: reason);
}

/// <summary>What a read found out.</summary>
public enum ReadStatus
{
    /// <summary>There is a value.</summary>
    Found = 0,

    /// <summary>There was one, and it was deleted.</summary>
    Deleted,

    /// <summary>Neither this node nor any peer that was asked has it.</summary>
    Absent,

    /// <summary>This node has nothing, and there is no peer to ask.</summary>
    Unknown,

    /// <summary>Peers were asked and did not answer before the deadline.</summary>
    TimedOut,
}

/// <summary>The answer to a read of one field: a result, never an exception, and never silence.</summary>
/// <param name="Status">What was found out.</param>
/// <param name="Value">The value; null unless found.</param>
/// <param name="State">Its state; 0 when there is none.</param>
/// <param name="Source">Where it came from.</param>
/// <param name="PeersAsked">How many peers were asked.</param>
/// <param name="Author">
/// The writer's public key, when the write carried one: 32 bytes of Ed25519; for a SEA soul the text "x.y" in UTF-8.
/// </param>
public readonly record struct ReadResult(
    ReadStatus Status,
    WeftValue Value,
    double State,
    ReadSource Source,
    int PeersAsked,
    ReadOnlyMemory<byte> Author = default);

/// <summary>The answer to a read of a node.</summary>
/// <param name="Status">Found when at least one field has a value.</param>
/// <param name="Fields">The fields in order of their names, tombstones included.</param>
/// <param name="More">True when the range holds more than was asked for.</param>
/// <param name="Source">Where it came from.</param>
/// <param name="PeersAsked">How many peers were asked.</param>
public readonly record struct NodeResult(
    ReadStatus Status, IReadOnlyList<StoredField> Fields, bool More, ReadSource Source, int PeersAsked);

/// <summary>How far a read goes.</summary>
/// <param name="Deadline">How long peers may take; zero asks none.</param>
public readonly record struct ReadPolicy(TimeSpan Deadline)
{
    /// <summary>This node only.</summary>
    public static ReadPolicy Local => default;

    /// <summary>This node; if it has nothing, the peers it knows.</summary>
    public static ReadPolicy LocalFirst(TimeSpan deadline) => new(deadline);
}

/// <summary>What an observed item is.</summary>
public enum ChangeKind
{
    /// <summary>A field as it was when the observer came.</summary>
    Snapshot = 0,

    /// <summary>The snapshot (or the catching up) is complete; changes follow as they happen. Carries no field.</summary>
    Synced,

    /// <summary>A field changed.</summary>
    Change,

    /// <summary>
    /// The reader was too slow: intermediate changes were dropped. Carries no field; the fields that changed follow with
    /// their last value, then <see cref="Synced"/>.
    /// </summary>
    Gap,
}

/// <summary>One item of a change stream.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Soul">The node; empty for Synced and Gap.</param>
/// <param name="Field">The field as it is now; a null value is a deletion.</param>
/// <param name="Cursor">Resuming after this commit misses nothing; -1 while a snapshot is not complete.</param>
/// <param name="Origin">Who brought it: 0 for this process, else the number of a connection.</param>
public readonly record struct GraphChange(
    ChangeKind Kind, string Soul, StoredField Field, long Cursor, long Origin = 0);

/// <summary>What an observer wants to see.</summary>
/// <param name="Soul">One node, or null.</param>
/// <param name="Prefix">All nodes whose soul starts so; used when <paramref name="Soul"/> is null.</param>
/// <param name="Field">One field only, or null for all.</param>
/// <param name="AfterSequence">Resume after this commit instead of a snapshot; null for a snapshot first.</param>
public readonly record struct ChangeFilter(
    string? Soul = null, string Prefix = "", string? Field = null, long? AfterSequence = null)
{
    /// <summary>True when the change is wanted.</summary>
    public bool Matches(string soul, string field) =>
        (Soul is null ? soul.StartsWith(Prefix, StringComparison.Ordinal) : soul == Soul)
        && (Field is null || Field == field);
}

/// <summary>Which links a walk follows.</summary>
public enum WalkDirection
{
    /// <summary>Links of the node.</summary>
    Out = 0,

    /// <summary>Links to the node.</summary>
    In,

    /// <summary>Both.</summary>
    Both,
}

/// <summary>One step of a walk along links, breadth first; each node is reached once.</summary>
/// <param name="Depth">0 for the start.</param>
/// <param name="Soul">The node reached.</param>
/// <param name="From">The node it was reached from; null for the start.</param>
/// <param name="Field">The field that links them; null for the start.</param>
/// <param name="Direction">Out when <paramref name="From"/> links to <paramref name="Soul"/>, In when the other way.</param>
public readonly record struct WalkStep(
    int Depth, string Soul, string? From, string? Field, WalkDirection Direction);

/// <summary>Why a field has the value it has.</summary>
/// <param name="Current">The field now; null when absent.</param>
/// <param name="Losses">Losing writes on it that the journal still holds, newest first.</param>
public sealed record FieldExplanation(StoredField? Current, IReadOnlyList<Loss> Losses);
