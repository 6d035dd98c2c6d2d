using Weft.Primitives;

namespace Weft.Node.Commits;

/// <summary>The knobs of the commit log.</summary>
public sealed class CommitCoreOptions
{
    /// <summary>What a completed write means. Default: <see cref="Primitives.Durability.Disk"/>.</summary>
    public Durability Durability { get; set; } = Durability.Disk;

    /// <summary>Bytes of one segment: 4 KiB and up. Default: 16 MiB. A larger record gets a segment of its own.</summary>
    public int SegmentBytes { get; set; } = 16 << 20;

    /// <summary>Bytes that one write takes together: 1 KiB and up. Default: 2 MiB. A larger record goes alone.</summary>
    public int GroupBytesMax { get; set; } = 2 << 20;

    /// <summary>Seals each record's payload; null, the default, writes them as they are.</summary>
    public ICommitSeal? Seal { get; set; }
}

/// <summary>Where a commit log goes on: what recovery found.</summary>
/// <param name="StoreId">The store the log belongs to.</param>
/// <param name="Salt">Any random number; it makes the checksums of this run's segments unlike those of others.</param>
/// <param name="LastSequence">The newest commit there is; 0 in a new store.</param>
/// <param name="NextSegment">The number of the next segment: above all there are.</param>
/// <param name="Segments">The segments that are kept, oldest first.</param>
public readonly record struct CommitStart(
    ulong StoreId, ulong Salt, long LastSequence, long NextSegment, IReadOnlyList<CommitSegment> Segments);

/// <summary>One segment of the log that is not written any more.</summary>
/// <param name="Number">Its number: 1 and up.</param>
/// <param name="LastSequence">The newest commit in it.</param>
public readonly record struct CommitSegment(long Number, long LastSequence);

/// <summary>Whether an append was taken.</summary>
public enum CommitAdmission
{
    /// <summary>Taken: it has a sequence, and an output will tell what became of it.</summary>
    Accepted,

    /// <summary>Not taken: the next segment is being prepared. Offer it again after the next <c>OnOpened</c>.</summary>
    Wait,

    /// <summary>Refused without any effect: the disk had no room for another segment. It is tried again.</summary>
    Full,

    /// <summary>Refused without any effect: an earlier write or flush failed, so the log is not trusted any more.</summary>
    Stopped,
}

/// <summary>Which request to the disk failed.</summary>
public enum CommitFailure
{
    /// <summary>Preparing a segment.</summary>
    Open,

    /// <summary>Writing.</summary>
    Write,

    /// <summary>Flushing.</summary>
    Sync,
}

/// <summary>What the commit core asks its driver to do.</summary>
public enum CommitOutputKind
{
    /// <summary>
    /// Make a segment of <c>Length</c> bytes whose space is assured (filled with zeros, or a freed one), flush it and its
    /// folder entry, and call <c>OnOpened</c>. It may run beside writes.
    /// </summary>
    OpenSegment,

    /// <summary>Write <c>Bytes</c> at <c>Offset</c> of the segment, then call <c>OnWritten</c>. The bytes stay valid until then.</summary>
    Write,

    /// <summary>Flush the segment, then call <c>OnSynced</c>.</summary>
    Sync,

    /// <summary>The append with this <c>Token</c> reached <c>Level</c>.</summary>
    Done,

    /// <summary>Every commit up to <c>Sequence</c> reached the configured level.</summary>
    Committed,

    /// <summary>
    /// The commit <c>Sequence</c> failed with <c>Error</c>; what it did must be undone. Newest first. The token is null
    /// when the append was answered before, on a lower level.
    /// </summary>
    Failed,

    /// <summary>Everything in the segment is in the disk tier: remove or reuse it.</summary>
    FreeSegment,
}

/// <summary>One request of the commit core to its driver; <paramref name="Kind"/> says which fields count.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Segment">The segment's number.</param>
/// <param name="Offset">Where to write.</param>
/// <param name="Bytes">What to write.</param>
/// <param name="Length">Bytes of a segment to open.</param>
/// <param name="Token">What the append was given.</param>
/// <param name="Sequence">The commit.</param>
/// <param name="Level">The level reached.</param>
/// <param name="Error">Why it failed.</param>
public readonly record struct CommitOutput(
    CommitOutputKind Kind,
    long Segment = 0,
    long Offset = 0,
    ReadOnlyMemory<byte> Bytes = default,
    long Length = 0,
    object? Token = null,
    long Sequence = 0,
    Durability Level = Durability.Memory,
    WeftError Error = WeftError.None);
