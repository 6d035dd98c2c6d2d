namespace Weft.Log;

/// <summary>A change of a log as a store keeps it: what did not change is null, so that it costs nothing.</summary>
/// <remarks>Applied in this order: <see cref="TruncateTo"/>, <see cref="Cleared"/>, then everything that is
/// added.</remarks>
public sealed record LogDelta
{
    /// <summary>The log's key.</summary>
    public required Hash32 Key { get; init; }

    /// <summary>The head; null when it did not change.</summary>
    public LogHead? Head { get; init; }

    /// <summary>The encoded manifest; null when it did not change.</summary>
    public ReadOnlyMemory<byte>? Manifest { get; init; }

    /// <summary>The evidence; null when it did not change. It never goes.</summary>
    public LogEvidence? Evidence { get; init; }

    /// <summary>Whether the log must ask its peers first; null when that did not change.</summary>
    public bool? IsRecovering { get; init; }

    /// <summary>What the node notes about the log: name, keys; null when it did not change.</summary>
    public ReadOnlyMemory<byte>? Meta { get; init; }

    /// <summary>As <see cref="LogCommit.TruncateTo"/>.</summary>
    public long? TruncateTo { get; init; }

    /// <summary>As <see cref="LogCommit.Cleared"/>.</summary>
    public LogBitRange? Cleared { get; init; }

    /// <summary>As <see cref="LogCommit.Nodes"/>.</summary>
    public IReadOnlyList<TreeNode> Nodes { get; init; } = [];

    /// <summary>As <see cref="LogCommit.Blocks"/>.</summary>
    public IReadOnlyList<KeyValuePair<long, ReadOnlyMemory<byte>>> Blocks { get; init; } = [];

    /// <summary>As <see cref="LogCommit.Bits"/>.</summary>
    public IReadOnlyList<LogBitRange> Bits { get; init; } = [];

    /// <summary>What a commit changes.</summary>
    /// <param name="commit">The commit.</param>
    /// <param name="before">The state that the store has; null when it has none.</param>
    public static LogDelta Of(LogCommit commit, LogState? before)
    {
        LogState state = commit.State;
        bool isSameHead = before is not null && ReferenceEquals(state.Head, before.Head);
        bool isSameManifest = before is not null && state.Manifest.Span.SequenceEqual(before.Manifest.Span);
        bool isSameRecovery = before is not null && state.IsRecovering == before.IsRecovering;
        return new LogDelta
        {
            Key = state.Key,
            Head = isSameHead ? null : state.Head,
            Manifest = isSameManifest ? (ReadOnlyMemory<byte>?)null : state.Manifest,
            Evidence = ReferenceEquals(state.Evidence, before?.Evidence) ? null : state.Evidence,
            IsRecovering = isSameRecovery ? null : state.IsRecovering,
            TruncateTo = commit.TruncateTo,
            Cleared = commit.Cleared,
            Nodes = commit.Nodes,
            Blocks = commit.Blocks,
            Bits = commit.Bits,
        };
    }
}
