using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>Moves older blocks of one log to the archive, file by file: written first, dropped then.</summary>
internal sealed class LogArchiver(LogDriver driver, OpenLog log, IProgress<long>? progress)
{
    private const int FileBlocksMax = 4_096;
    private const long FileBytesMax = 4 << 20;

    private long _blocks;
    private long _bytes;
    private long _stored;

    /// <summary>Moves blocks from the beginning, up to a number or to the first that is not old.</summary>
    /// <param name="end">The first block that stays.</param>
    /// <param name="isOld">Whether a block, as it is stored, may go; the first that may not ends it.</param>
    /// <param name="blocksMin">Fewer than these wait for the next time.</param>
    /// <param name="cancellationToken">Stops half-way.</param>
    public async Task<LogArchiving> RunAsync(
        long end, Func<ReadOnlyMemory<byte>, bool> isOld, int blocksMin, CancellationToken cancellationToken)
    {
        ILogArchive archive = driver.Archive
            ?? throw new WeftException(WeftError.LogOutOfRange, "The store of this node has no archive.");
        long at = archive.FirstOutside(log.Key, 0);
        while (at < end)
        {
            (List<ReadOnlyMemory<byte>> blocks, long fork, bool isEnd) =
                await GatherAsync(at, end, isOld, cancellationToken).ConfigureAwait(false);
            if (blocks.Count > 0 && (blocks.Count >= blocksMin || !isEnd))
            {
                _stored += archive.Write(log.Key, fork, at, blocks);
                long start = at;
                long next = at + blocks.Count;
                bool isSame = await driver.AskAsync(
                    () => driver.DropArchived(log, start, next, fork), cancellationToken).ConfigureAwait(false);
                _blocks += isSame ? blocks.Count : 0;
                _bytes += isSame ? blocks.Sum(block => (long)block.Length) : 0;
                progress?.Report(_blocks);
                isEnd |= !isSame;
            }

            if (isEnd)
            {
                break;
            }

            // Blocks that are not here are stepped over; what is in the archive is, too.
            long from = archive.FirstOutside(log.Key, at + Math.Max(1, blocks.Count));
            at = await driver.AskAsync(() => log.Core.Bits.FirstSet(from, log.Core.Length), cancellationToken)
                .ConfigureAwait(false);
            if (at < 0)
            {
                break;
            }
        }

        return new LogArchiving(_blocks, _bytes, _stored);
    }

    private async Task<(List<ReadOnlyMemory<byte>> Blocks, long Fork, bool IsEnd)> GatherAsync(
        long start, long end, Func<ReadOnlyMemory<byte>, bool> isOld, CancellationToken cancellationToken)
    {
        var blocks = new List<ReadOnlyMemory<byte>>();
        long bytes = 0;
        long fork = -1;
        while (blocks.Count < FileBlocksMax && bytes < FileBytesMax)
        {
            long from = start + blocks.Count;
            (IReadOnlyList<ReadOnlyMemory<byte>> Blocks, long Fork) read = await driver.AskAsync(
                () => driver.ReadStored(log, from, Math.Min(end, start + FileBlocksMax)), cancellationToken)
                .ConfigureAwait(false);
            if (read.Blocks.Count == 0 || (fork >= 0 && fork != read.Fork))
            {
                bool isLast = await driver.AskAsync(
                    () => from >= Math.Min(end, log.Core.Published.Length), cancellationToken).ConfigureAwait(false);
                return (blocks, Math.Max(fork, 0), isLast || (fork >= 0 && fork != read.Fork));
            }

            fork = read.Fork;
            foreach (ReadOnlyMemory<byte> block in read.Blocks)
            {
                if (!isOld(block))
                {
                    return (blocks, fork, true);
                }

                if (blocks.Count < FileBlocksMax && bytes < FileBytesMax)
                {
                    blocks.Add(block);
                    bytes += block.Length;
                }
            }
        }

        return (blocks, fork, false);
    }
}
