using Weft.Log.Tree;

namespace Weft.Log;

/// <content>Appending as a part of somebody else's commit.</content>
public sealed partial class LogCore
{
    /// <summary>
    /// Makes everything of an append but the commit: for a caller that writes it together with something else, all or
    /// nothing. The log has not changed until <see cref="Complete"/>; nothing else may be done with it in between.
    /// </summary>
    /// <param name="blocks">As for <see cref="Append"/>; at least one.</param>
    /// <param name="prepared">Takes what has to be stored; null unless Accepted.</param>
    /// <returns>Accepted, NotWritable, Stopped, Recovering, TooLarge.</returns>
    public LogVerdict Prepare(ReadOnlySpan<ReadOnlyMemory<byte>> blocks, out PreparedAppend? prepared)
    {
        prepared = null;
        LogVerdict verdict = MayWrite();
        if (verdict != LogVerdict.Accepted)
        {
            return verdict;
        }

        ArgumentOutOfRangeException.ThrowIfZero(blocks.Length, nameof(blocks));
        verdict = Build(blocks, out MerkleTree? tree, out LogCommit? commit);
        if (verdict == LogVerdict.Accepted)
        {
            LogState? known = _state.Head.Length == 0 && _state.Head.Fork == 0 ? null : _state;
            prepared = new PreparedAppend(this, Length, tree!, commit!, LogDelta.Of(commit!, known));
        }

        return verdict;
    }

    /// <summary>Reads a block as it is stored: encrypted when block encryption is on.</summary>
    /// <returns>False when it is not here.</returns>
    public bool TryGetStored(long index, out ReadOnlyMemory<byte> block)
    {
        block = default;
        return index >= 0 && index < Length && _bits[index] && _store.TryReadBlock(index, out block);
    }

    /// <summary>
    /// Lets the store drop the data of blocks that it has in its archive. They stay here: reads find them there.
    /// </summary>
    /// <param name="start">The first block.</param>
    /// <param name="end">The block after the last.</param>
    /// <returns>Accepted, OutOfRange.</returns>
    public LogVerdict Archived(long start, long end)
    {
        if (start < 0 || end < start || end > Length)
        {
            return LogVerdict.OutOfRange;
        }

        if (start < end)
        {
            Commit(_tree, new LogCommit { State = _state, Cleared = new LogBitRange(start, end - start, false) });
        }

        return LogVerdict.Accepted;
    }

    /// <summary>Says that the store has taken what <see cref="Prepare"/> gave.</summary>
    /// <param name="prepared">What was prepared last.</param>
    /// <param name="number">The number of the commit it was a part of.</param>
    public void Complete(PreparedAppend prepared, long number)
    {
        ArgumentNullException.ThrowIfNull(prepared);
        if (!ReferenceEquals(prepared.Log, this) || prepared.Start != Length)
        {
            throw new ArgumentException("Something else was appended in between.", nameof(prepared));
        }

        Took(prepared.Tree, prepared.Commit, number);
    }
}

/// <summary>An append that waits for its commit.</summary>
public sealed class PreparedAppend
{
    internal PreparedAppend(LogCore log, long start, MerkleTree tree, LogCommit commit, LogDelta delta)
    {
        (Log, Start, Tree, Commit, Delta) = (log, start, tree, commit, delta);
    }

    /// <summary>The number of its first block.</summary>
    public long Start { get; }

    /// <summary>What the store has to take.</summary>
    public LogDelta Delta { get; }

    internal LogCore Log { get; }

    internal MerkleTree Tree { get; }

    internal LogCommit Commit { get; }
}
