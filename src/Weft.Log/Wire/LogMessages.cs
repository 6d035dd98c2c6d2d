namespace Weft.Log.Wire;

/// <summary>The place of a message in the hypercore channel; its value is the type on the wire.</summary>
internal enum LogMessageKind
{
    Sync = 0,
    Request,
    Cancel,
    Data,
    NoData,
    Want,
    Unwant,
    Bitfield,
    Range,
    Extension,
}

/// <summary>What one side has: sent at the start, and whenever it changed.</summary>
internal readonly record struct SyncMessage(
    long Fork, long Length, long RemoteLength, bool CanUpgrade, bool Uploading, bool Downloading, bool HasManifest,
    bool AllowPush);

/// <summary>A block (by number) or a hash (by tree index), and how many nodes above it the asker lacks.</summary>
internal readonly record struct NodeRequest(long Index, long Nodes);

/// <summary>The block that holds a byte, counted without padding.</summary>
internal readonly record struct SeekRequest(long Bytes, long Padding);

/// <summary>The tree from a length, grown by that many blocks.</summary>
internal readonly record struct UpgradeRequest(long Start, long Length);

/// <summary>What is asked for; the answer is a <see cref="LogProof"/> with the same parts.</summary>
internal sealed record LogRequest
{
    public long Id { get; init; }

    public long Fork { get; init; }

    public NodeRequest? Block { get; init; }

    public NodeRequest? Hash { get; init; }

    public SeekRequest? Seek { get; init; }

    public UpgradeRequest? Upgrade { get; init; }

    public bool Manifest { get; init; }

    public long Priority { get; init; }
}

/// <summary>A block, with the hashes beside its path.</summary>
internal sealed record BlockProof(long Index, ReadOnlyMemory<byte> Value, IReadOnlyList<TreeNode> Nodes);

/// <summary>A node, then the hashes beside its path.</summary>
internal sealed record HashProof(long Index, IReadOnlyList<TreeNode> Nodes);

/// <summary>The deepest known node at a byte, then the hashes beside its path.</summary>
internal sealed record SeekProof(long Bytes, IReadOnlyList<TreeNode> Nodes);

/// <summary>How the tree grew, up to the asked length and from there to the head, which alone is signed.</summary>
internal sealed record UpgradeProof(
    long Start, long Length, IReadOnlyList<TreeNode> Nodes, IReadOnlyList<TreeNode> Additional,
    ReadOnlyMemory<byte> Signature);

/// <summary>The answer to a request. Nothing in it is to be believed before it is verified.</summary>
internal sealed record LogProof
{
    public long Request { get; init; }

    public long Fork { get; init; }

    public BlockProof? Block { get; init; }

    public HashProof? Hash { get; init; }

    public SeekProof? Seek { get; init; }

    public UpgradeProof? Upgrade { get; init; }

    public LogManifest? Manifest { get; init; }
}

/// <summary>Why a request is not answered.</summary>
internal enum NoDataReason
{
    Unsaid = 0,
    NotAvailable = 1,
    Invalid = 2,
}

/// <summary>A request will not be answered.</summary>
internal readonly record struct NoDataMessage(long Request, NoDataReason Reason);

/// <summary>A part of the log that a peer wants to hear about, or no longer.</summary>
internal readonly record struct WantMessage(long Start, long Length, bool Any);

/// <summary>Blocks that a peer has, or dropped.</summary>
internal readonly record struct RangeMessage(bool Drop, long Start, long Length);
