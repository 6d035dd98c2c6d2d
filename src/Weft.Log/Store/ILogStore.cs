namespace Weft.Log;

/// <summary>The signed head of a log.</summary>
/// <param name="Fork">How often the log was cut back; a higher fork replaces a lower one.</param>
/// <param name="Length">Blocks.</param>
/// <param name="ByteLength">Bytes of all blocks, as they are stored.</param>
/// <param name="Roots">The roots of the tree, left to right.</param>
/// <param name="Signature">What the manifest's signers signed; empty while the log is empty.</param>
public sealed record LogHead(
    long Fork, long Length, long ByteLength, ReadOnlyMemory<TreeNode> Roots, ReadOnlyMemory<byte> Signature)
{
    /// <summary>The head of a log without a block.</summary>
    public static LogHead Empty { get; } = new(0, 0, 0, default, default);
}

/// <summary>Two signed trees of one fork that contradict each other: proof that two writers used one key.</summary>
/// <param name="Own">An answer in the form of the wire, with what this node had.</param>
/// <param name="Other">An answer in the form of the wire, with what it was shown.</param>
public sealed record LogEvidence(ReadOnlyMemory<byte> Own, ReadOnlyMemory<byte> Other);

/// <summary>What a store knows about a log when it is opened.</summary>
public sealed record LogState
{
    /// <summary>The log's key.</summary>
    public required Hash32 Key { get; init; }

    /// <summary>The encoded manifest; empty while it is unknown.</summary>
    public ReadOnlyMemory<byte> Manifest { get; init; }

    /// <summary>The signed head.</summary>
    public LogHead Head { get; init; } = LogHead.Empty;

    /// <summary>Set once the log was found to contradict itself; it stays stopped for good.</summary>
    public LogEvidence? Evidence { get; init; }

    /// <summary>
    /// True after a restore from a backup: what the writer signed since may be lost, so that it must ask its peers
    /// before
    /// it appends. The restoring part sets it; the log clears it.
    /// </summary>
    public bool IsRecovering { get; init; }
}

/// <summary>One change of a log. A store takes all of it or nothing.</summary>
/// <remarks>Applied in this order: <see cref="TruncateTo"/>, <see cref="Cleared"/>, then everything that is
/// added.</remarks>
public sealed record LogCommit
{
    /// <summary>The whole state after the change: small, and always written.</summary>
    public required LogState State { get; init; }

    /// <summary>
    /// When not null: drop blocks from this number on, and every node whose span reaches the leaf of that number or
    /// beyond. The bits that go with it are in <see cref="Bits"/>.
    /// </summary>
    public long? TruncateTo { get; init; }

    /// <summary>
    /// When not null: drop the data of these blocks and keep their nodes. Its bits are in <see cref="Bits"/>.
    /// </summary>
    public LogBitRange? Cleared { get; init; }

    /// <summary>Nodes to add or to replace.</summary>
    public IReadOnlyList<TreeNode> Nodes { get; init; } = [];

    /// <summary>Blocks to add, with their numbers; not to be changed by anyone afterwards.</summary>
    public IReadOnlyList<KeyValuePair<long, ReadOnlyMemory<byte>>> Blocks { get; init; } = [];

    /// <summary>How the bitfield changed, in order.</summary>
    public IReadOnlyList<LogBitRange> Bits { get; init; } = [];
}

/// <summary>Where one log is kept. The log calls it synchronously, from its one loop.</summary>
/// <remarks>
/// Reads are of single nodes (about 48 bytes) and blocks, on the local disk or from a cache: an implementation may take
/// as
/// long as a local read takes and no longer; a driver for which that is too long runs the log on a loop of its own.
/// After <see cref="Write"/> returns, reads see the change. It becomes durable later, in order with other changes and
/// flushed in groups; the driver then calls <see cref="LogCore.OnDurable"/> with the number. After a crash a store
/// holds
/// exactly the changes up to some number, never a part of one.
/// A store throws <see cref="Weft.Primitives.WeftException"/> when the world fails it (disk full, file damaged); the
/// log
/// has then not changed. Source: docs/spec/log.md, section 9.
/// </remarks>
public interface ILogStore
{
    /// <summary>What is kept of the log; null when it is new.</summary>
    LogState? ReadState();

    /// <summary>Brings an empty bitfield to what is kept.</summary>
    void ReadBits(LogBitfield bits);

    /// <summary>Reads a node of the tree.</summary>
    /// <returns>False when it is not kept.</returns>
    bool TryReadNode(long index, out TreeNode node);

    /// <summary>Reads a block as it was given.</summary>
    /// <returns>False when it is not kept.</returns>
    bool TryReadBlock(long index, out ReadOnlyMemory<byte> block);

    /// <summary>Takes a change.</summary>
    /// <returns>Its number: higher than that of every change before.</returns>
    long Write(LogCommit commit);
}
