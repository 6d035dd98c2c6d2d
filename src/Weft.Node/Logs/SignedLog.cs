using System.Runtime.CompilerServices;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>
/// One signed log of a node: append to it, read it, follow it, prove it. Safe to use from many threads.
/// </summary>
/// <remarks>
/// <code>
/// SignedLog audit = await node.Logs.OpenAsync("audit");
/// LogPosition at = await audit.AppendAsync(entry);
/// await foreach (LogEntry entry in audit.FollowAsync(at.Index, ct)) { … }
/// </code>
/// </remarks>
public sealed class SignedLog
{
    private readonly LogDriver _driver;
    private readonly OpenLog _log;

    internal SignedLog(LogDriver driver, OpenLog log)
    {
        _driver = driver;
        _log = log;
    }

    /// <summary>The log's key: who has it can read and verify the log.</summary>
    public Hash32 Key => _log.Key;

    /// <summary>The name it has on this node; null for one known by key alone.</summary>
    public string? Name => _log.Note.Name;

    /// <summary>True for a log that holds the history of a prefix: the graph alone writes it.</summary>
    public bool HoldsHistory => _log.Note.IsHistory;

    /// <summary>Appends one block.</summary>
    /// <param name="block">Up to 15 MiB; not to be changed before the task completes.</param>
    /// <param name="durability">When the task completes. Default: once it is on the disk.</param>
    /// <param name="cancellationToken">Stops the waiting for a place in the queue; what has one is appended.</param>
    /// <returns>The block's number.</returns>
    /// <exception cref="WeftException">
    /// LogNotWritable, LogStopped, LogRecovering, TooLarge, DiskFull, DiskFailed, StoreStopped, NodeUnavailable.
    /// </exception>
    public Task<LogPosition> AppendAsync(
        ReadOnlyMemory<byte> block, Durability durability = Durability.Disk,
        CancellationToken cancellationToken = default) =>
        AppendAsync([block], durability, cancellationToken);

    /// <summary>Appends blocks: all of them under one signature, or none.</summary>
    /// <param name="blocks">
    /// Blocks of up to 15 MiB, together at most 64 MiB and 65,536; not to be changed before the task completes.
    /// </param>
    /// <param name="durability">When the task completes. Default: once they are on the disk.</param>
    /// <param name="cancellationToken">Stops the waiting for a place in the queue; what has one is appended.</param>
    /// <returns>The number of the first block.</returns>
    /// <exception cref="WeftException">As for one block.</exception>
    public async Task<LogPosition> AppendAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> blocks, Durability durability = Durability.Disk,
        CancellationToken cancellationToken = default)
    {
        const int BlocksMax = 65_536;
        const long BytesMax = 64L << 20;
        const int Overhead = 8; // Of an encrypted block.
        ArgumentNullException.ThrowIfNull(blocks);
        ArgumentOutOfRangeException.ThrowIfZero(blocks.Count, nameof(blocks));
        long bytes = 0;
        for (int i = 0; i < blocks.Count; i++)
        {
            bytes += blocks[i].Length;
            if (blocks[i].Length > LogLimits.BlockBytesMax - Overhead)
            {
                throw new WeftException(
                    WeftError.TooLarge, $"A block has at most {LogLimits.BlockBytesMax} bytes; nothing was appended.");
            }
        }

        if (blocks.Count > BlocksMax || bytes > BytesMax)
        {
            throw new WeftException(
                WeftError.TooLarge,
                $"One append takes {BlocksMax} blocks and {BytesMax} bytes at the most; nothing was appended.");
        }

        var append = new PendingAppend(blocks, bytes, durability);
        await _driver.AppendAsync(_log, append, cancellationToken).ConfigureAwait(false);
        return await append.Done.Task.ConfigureAwait(false);
    }

    /// <summary>Reads one block. One that is not here is asked of peers, for as long as the caller allows.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="wait">How long peers may take; zero, the default, asks nobody.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    public async Task<LogRead> GetAsync(
        long index, TimeSpan wait = default, CancellationToken cancellationToken = default)
    {
        LogRead read = await _driver.AskAsync(() => TryRead(index), cancellationToken).ConfigureAwait(false);
        if (read.Status != LogReadStatus.NotHere || wait <= TimeSpan.Zero)
        {
            return read;
        }

        Task here = await _driver.AskAsync(() => _driver.Want(_log, index), cancellationToken).ConfigureAwait(false);
        try
        {
            await here.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _driver.AskAsync(() => Unwant(index), CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await _driver.AskAsync(() => Unwant(index), CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        return await _driver.AskAsync(() => TryRead(index), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads a stretch as it is now, in order; blocks that are not here are given as missing.</summary>
    /// <param name="start">The first block.</param>
    /// <param name="end">The block after the last; null for the log's end of now.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async IAsyncEnumerable<LogEntry> ReadAsync(
        long start = 0, long? end = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        LogInfo now = await InfoAsync(cancellationToken).ConfigureAwait(false);
        long last = Math.Min(end ?? now.Length, now.Length);
        long fork = now.Fork;
        while (start < last)
        {
            LogPage page = await _driver.AskAsync(
                () => _driver.Read(_log, start, last, fork, waits: false), cancellationToken).ConfigureAwait(false);
            foreach (LogEntry entry in page.Entries)
            {
                yield return entry;
            }

            if (page.Entries.Count == 0 || page.Fork != fork || page.Entries[^1].Kind == LogEntryKind.Stopped)
            {
                yield break; // It was cut back meanwhile: the reader was told, and decides.
            }

            start = page.Next;
        }
    }

    /// <summary>
    /// Reads a log from a number on, and then what comes, for as long as the caller likes: no block is left out, none
    /// comes twice. Someone else's log is downloaded while it is followed.
    /// </summary>
    /// <param name="start">The first block; a number beyond the end waits for it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<LogEntry> FollowAsync(
        long start = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        (long stream, long fork) = await _driver.AskAsync(
            () => (_driver.BeginStream(_log, start), _log.Core.Published.Fork), cancellationToken)
            .ConfigureAwait(false);
        try
        {
            while (true)
            {
                LogPage page = await _driver.AskAsync(
                    () => _driver.Read(_log, start, long.MaxValue, fork, waits: true), cancellationToken)
                    .ConfigureAwait(false);
                (start, fork) = (page.Next, page.Fork);
                foreach (LogEntry entry in page.Entries)
                {
                    yield return entry;
                    if (entry.Kind == LogEntryKind.Stopped)
                    {
                        yield break;
                    }
                }

                if (page.Entries.Count == 0)
                {
                    await page.Changed.WaitAsync(cancellationToken).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            await EndStreamAsync(stream).ConfigureAwait(false);
        }
    }

    /// <summary>Downloads a stretch from peers; completes when all of it is here.</summary>
    /// <param name="start">The first block.</param>
    /// <param name="end">The block after the last.</param>
    /// <param name="cancellationToken">Stops the download; what came of it stays.</param>
    public async Task DownloadAsync(long start, long end, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(end, start);
        (long number, Task done) = await _driver.AskAsync(
            () => _driver.Download(_log, start, end), cancellationToken).ConfigureAwait(false);
        try
        {
            await done.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await _driver.AskAsync(
                () =>
                {
                    _driver.CancelDownload(_log, number);
                    return true;
                },
                CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Downloads everything there is and will be, also after a restart; or no longer.</summary>
    public Task SetFollowedAsync(bool isFollowed, CancellationToken cancellationToken = default) => _driver.AskAsync(
        () =>
        {
            _driver.Follow(_log, isFollowed);
            return true;
        },
        cancellationToken);

    /// <summary>Waits until the log is at least so long.</summary>
    public async Task<LogInfo> WaitForLengthAsync(long length, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            (LogInfo info, Task changed) = await _driver.AskAsync(() => (_log.Info(), _log.Changed), cancellationToken)
                .ConfigureAwait(false);
            if (info.Length >= length)
            {
                return info;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The log as it is now.</summary>
    public Task<LogInfo> InfoAsync(CancellationToken cancellationToken = default) =>
        _driver.AskAsync(_log.Info, cancellationToken);

    /// <summary>Cuts the log back; its readers follow, because the fork rises.</summary>
    /// <param name="length">How many blocks stay: less than there are.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="WeftException">LogNotWritable, LogStopped, LogRecovering, LogOutOfRange.</exception>
    public async Task TruncateAsync(long length, CancellationToken cancellationToken = default)
    {
        long number = await _driver.AskAsync(() => _driver.Truncate(_log, length), cancellationToken)
            .ConfigureAwait(false);
        await _driver.WaitDurableAsync(_log, number, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Forgets the data of blocks on this node. The log stays provable: their hashes stay.</summary>
    /// <param name="start">The first block.</param>
    /// <param name="end">The block after the last.</param>
    /// <param name="cancellationToken">Stops half-way.</param>
    /// <exception cref="WeftException">LogOutOfRange.</exception>
    public async Task ClearAsync(long start, long end, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(end, start);
        while (start < end)
        {
            start = await _driver.AskAsync(() => _driver.Clear(_log, start, end), cancellationToken)
                .ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Moves older blocks to the store's archive: a folder of compressed, checksummed files, which may lie on a slower
    /// disk. They stay here: they are read, served and proven as before, only slower.
    /// </summary>
    /// <param name="end">The first block that stays where it is.</param>
    /// <param name="progress">Takes the blocks moved so far.</param>
    /// <param name="cancellationToken">Stops half-way; what was moved stays moved.</param>
    /// <exception cref="WeftException">LogOutOfRange: the store has no archive; DiskFull, DiskFailed.</exception>
    public Task<LogArchiving> ArchiveAsync(
        long end, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        new LogArchiver(_driver, _log, progress).RunAsync(end, static _ => true, 1, cancellationToken);

    internal Task<LogArchiving> ArchiveAsync(
        Func<ReadOnlyMemory<byte>, bool> isOld, int blocksMin, CancellationToken cancellationToken) =>
        new LogArchiver(_driver, _log, null).RunAsync(long.MaxValue, isOld, blocksMin, cancellationToken);

    /// <summary>Reads everything that is here again and compares it with what the log's key signed.</summary>
    /// <param name="progress">Takes the blocks looked at so far.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<LogVerification> VerifyAsync(
        IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        const int StepBlocks = 256;
        LogAudit audit = await _driver.AskAsync(() => new LogAudit(_log.Core), cancellationToken).ConfigureAwait(false);
        bool isDone = audit.IsDone;
        while (!isDone)
        {
            isDone = await _driver.AskAsync(
                () =>
                {
                    audit.Step(StepBlocks);
                    return audit.IsDone;
                },
                cancellationToken).ConfigureAwait(false);
            progress?.Report(audit.Good + audit.Missing + audit.FaultCount);
        }

        return await _driver.AskAsync(
            () => new LogVerification(
                audit.Length, audit.Good, audit.Bytes, audit.Missing, audit.FaultCount, audit.Faults,
                audit.IsHeadSigned(), _log.Core.Evidence is not null),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A proof that a block is part of the log: whoever has the log's key can verify it alone.</summary>
    /// <exception cref="WeftException">LogOutOfRange: the block is not here.</exception>
    public async Task<ReadOnlyMemory<byte>> ProveAsync(long index, CancellationToken cancellationToken = default) =>
        await _driver.AskAsync(() => LogProofs.Write(_log.Core, index), cancellationToken).ConfigureAwait(false)
            ?? throw new WeftException(WeftError.LogOutOfRange, $"Block {index} of the log is not here.");

    /// <summary>Whether a proof shows that a block stands at a position of this log.</summary>
    /// <param name="position">The block's number is that of its first block.</param>
    /// <param name="proof">What <see cref="ProveAsync"/> gave, here or elsewhere.</param>
    public bool Verify(LogPosition position, ReadOnlySpan<byte> proof) =>
        LogProofs.Verify(_driver.Crypto, Key, proof, out ProvenBlock? proven) == LogVerdict.Accepted
        && proven!.Index == position.Index && proven.Fork == position.Fork;

    /// <summary>The two proofs that contradict each other; null while the log does not.</summary>
    public Task<LogEvidence?> EvidenceAsync(CancellationToken cancellationToken = default) =>
        _driver.AskAsync(() => _log.Core.Evidence, cancellationToken);

    /// <summary>
    /// Lets a log from a backup be appended to although no peer has said how long it is. Only for an operator who knows
    /// that nothing was appended after the backup: a contradiction stops the log for good.
    /// </summary>
    public Task EndRecoveryAsync(CancellationToken cancellationToken = default) => _driver.AskAsync(
        () =>
        {
            _driver.EndRecovery(_log);
            return true;
        },
        cancellationToken);

    private async ValueTask EndStreamAsync(long stream)
    {
        if (stream == 0)
        {
            return;
        }

        try
        {
            await _driver.AskAsync(
                () =>
                {
                    _driver.EndStream(_log, stream);
                    return true;
                },
                CancellationToken.None).ConfigureAwait(false);
        }
        catch (WeftException)
        {
            // The node stops; nothing is downloaded any more.
        }
    }

    private bool Unwant(long index)
    {
        _driver.Unwant(_log, index);
        return true;
    }

    private LogRead TryRead(long index)
    {
        if (index < 0 || index >= _log.Core.Published.Length)
        {
            return new LogRead(LogReadStatus.OutOfRange, default, _log.Replication.PeerCount);
        }

        return _log.Core.TryGet(index, out ReadOnlyMemory<byte> block)
            ? new LogRead(LogReadStatus.Found, block)
            : new LogRead(LogReadStatus.NotHere, default, _log.Replication.PeerCount);
    }
}
