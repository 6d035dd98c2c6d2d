using Weft.Log;

namespace Weft.Node.Logs;

/// <summary>Where an append went.</summary>
/// <param name="Index">The number of its first block.</param>
/// <param name="Count">Its blocks.</param>
/// <param name="Fork">The log's fork.</param>
public readonly record struct LogPosition(long Index, int Count, long Fork);

/// <summary>Why a read of a log gives what it gives.</summary>
public enum LogReadStatus
{
    /// <summary>The block is here.</summary>
    Found = 0,

    /// <summary>The log has the block, but it is not here, and nobody gave it within the time.</summary>
    NotHere,

    /// <summary>The log, as far as it is known here, has no such block.</summary>
    OutOfRange,
}

/// <summary>What a read of one block gives.</summary>
/// <param name="Status">Whether it was found, and why not.</param>
/// <param name="Block">The block, decrypted when the log is encrypted; empty unless found.</param>
/// <param name="PeersAsked">Peers with the log, when the block was not here.</param>
public readonly record struct LogRead(LogReadStatus Status, ReadOnlyMemory<byte> Block, int PeersAsked = 0);

/// <summary>What a reader of a log gets.</summary>
public enum LogEntryKind
{
    /// <summary>A block.</summary>
    Block = 0,

    /// <summary>A block that is not here: cleared, or never downloaded.</summary>
    Missing,

    /// <summary>The log was cut back to this number; what came after it is void.</summary>
    Truncated,

    /// <summary>The log was found to contradict itself; nothing follows.</summary>
    Stopped,
}

/// <summary>One step of reading a log.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Index">The block's number; for Truncated the new length.</param>
/// <param name="Block">The block; empty for other kinds.</param>
/// <param name="Fork">The fork it belongs to.</param>
public readonly record struct LogEntry(LogEntryKind Kind, long Index, ReadOnlyMemory<byte> Block, long Fork);

/// <summary>A log as it is now.</summary>
/// <param name="Name">The name it has on this node; null for one known by key alone.</param>
/// <param name="Key">Its key: who has it can read and verify the log.</param>
/// <param name="DiscoveryKey">What peers look it up by.</param>
/// <param name="Length">Blocks that are durable, here or not.</param>
/// <param name="ByteLength">Bytes of all of them.</param>
/// <param name="Fork">How often it was cut back.</param>
/// <param name="Here">Blocks that are here.</param>
/// <param name="Contiguous">Blocks from the start that are here without a gap.</param>
/// <param name="Peers">Peers it replicates with now.</param>
/// <param name="IsWritable">True when this node can append.</param>
/// <param name="IsEncrypted">True when its blocks are encrypted.</param>
/// <param name="IsFollowed">True when everything of it is downloaded, now and later.</param>
/// <param name="IsRecovering">True after a restore, until a peer has said how long the log is.</param>
/// <param name="IsStopped">True when it was found to contradict itself.</param>
/// <param name="IsBehind">Whether a peer claims more than is here; null when none has said anything.</param>
public sealed record LogInfo(
    string? Name, Hash32 Key, Hash32 DiscoveryKey, long Length, long ByteLength, long Fork, long Here, long Contiguous,
    int Peers, bool IsWritable, bool IsEncrypted, bool IsFollowed, bool IsRecovering, bool IsStopped, bool? IsBehind);

/// <summary>What reading a whole log again found.</summary>
/// <param name="Length">The length that was looked at.</param>
/// <param name="Good">Blocks that were here and hold.</param>
/// <param name="Bytes">Bytes of them.</param>
/// <param name="Missing">Blocks that are not here.</param>
/// <param name="FaultCount">Blocks that do not hold.</param>
/// <param name="Faults">The first hundred of them.</param>
/// <param name="IsHeadSigned">True when the head is what the log's signers signed.</param>
/// <param name="IsStopped">True when the log was found to contradict itself.</param>
public sealed record LogVerification(
    long Length, long Good, long Bytes, long Missing, long FaultCount, IReadOnlyList<long> Faults, bool IsHeadSigned,
    bool IsStopped)
{
    /// <summary>True when nothing is wrong.</summary>
    public bool Holds => IsHeadSigned && FaultCount == 0 && !IsStopped;
}

/// <summary>What went to the archive.</summary>
/// <param name="Blocks">Blocks.</param>
/// <param name="Bytes">Bytes they had.</param>
/// <param name="StoredBytes">Bytes they have there.</param>
public sealed record LogArchiving(long Blocks, long Bytes, long StoredBytes);

/// <summary>A connection over which logs are replicated.</summary>
/// <param name="Number">The driver's number.</param>
/// <param name="Name">Where it leads.</param>
/// <param name="IsOutbound">True when this node dialled.</param>
/// <param name="Peer">The peer's key, once it is known.</param>
/// <param name="BytesIn">Bytes received.</param>
/// <param name="BytesOut">Bytes sent.</param>
public sealed record LogLinkInfo(int Number, string Name, bool IsOutbound, Hash32? Peer, long BytesIn, long BytesOut);
