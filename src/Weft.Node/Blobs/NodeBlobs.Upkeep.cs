using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <content>Room, collection, checks.</content>
public sealed partial class NodeBlobs
{
    private const int DamagedMax = 1_000;

    /// <summary>Removes blobs that are neither pinned nor linked, and were not used for a while. Maintenance does this.</summary>
    /// <param name="cancellationToken">Stops early; what was removed stays removed.</param>
    public async Task<BlobCollection> CollectAsync(CancellationToken cancellationToken = default)
    {
        long started = Node.Time.GetTimestamp();
        (int removed, long bytes) = await SweepAsync(
            Node.Time.GetUtcNow() - Options.UnlinkedGrace, long.MaxValue, int.MaxValue, cancellationToken)
            .ConfigureAwait(false);
        if (removed > 0)
        {
            BlobLog.Collected(Log, removed, bytes);
        }

        return new BlobCollection(removed, bytes, Index.Count, Node.Time.GetElapsedTime(started));
    }

    /// <summary>Reads every blob that is whole, and compares it with its id.</summary>
    /// <param name="repairWait">
    /// How long to ask peers for each chunk that is damaged; zero, the default, does not ask.
    /// </param>
    /// <param name="progress">Takes the bytes that were read so far.</param>
    /// <param name="cancellationToken">Stops early.</param>
    public async Task<BlobCheck> CheckAsync(
        TimeSpan repairWait = default, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        long started = Node.Time.GetTimestamp();
        var damaged = new List<BlobId>();
        int blobs = 0;
        int count = 0;
        int repaired = 0;
        long bytes = 0;
        foreach (StoredBlob blob in Index.List(null, int.MaxValue))
        {
            if (!blob.IsWhole && !blob.IsDamaged)
            {
                continue; // Nobody has asked for all of it.
            }

            blobs++;
            bool isGood = blob.IsWhole && await Task.Run(
                () => IsGood(blob, read => progress?.Report(bytes += read), cancellationToken), cancellationToken)
                .ConfigureAwait(false);
            if (isGood)
            {
                continue;
            }

            count++;
            if (damaged.Count < DamagedMax)
            {
                damaged.Add(blob.Id);
            }

            repaired += await TryRepairAsync(blob, repairWait, cancellationToken).ConfigureAwait(false) ? 1 : 0;
        }

        return new BlobCheck(blobs, bytes, damaged, count, repaired, Node.Time.GetElapsedTime(started));
    }

    private bool IsGood(StoredBlob blob, Action<long> onRead, CancellationToken cancellationToken)
    {
        Index.Hold(blob.Id);
        try
        {
            using IBlobFile? file = Shelf.Open(blob.Id);
            bool isGood = file is { IsWhole: true };
            byte[] chunk = new byte[BlobLimits.ChunkBytes];
            for (int at = 0; at < (file?.Tree.Chunks ?? 0); at++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<byte> target = chunk.AsSpan(0, BlobLimits.ChunkLength(file!.Size, at));
                if (file.Read(at, target) != BlobChunkRead.Right)
                {
                    OnDamaged(blob.Id, at);
                    isGood = false;
                }

                onRead(target.Length);
            }

            return isGood;
        }
        catch (WeftException failure) when (failure.Error == WeftError.FileDamaged)
        {
            OnDamaged(blob.Id, 0);
            return false;
        }
        finally
        {
            Index.Release(blob.Id);
        }
    }

    private async Task<bool> TryRepairAsync(StoredBlob blob, TimeSpan wait, CancellationToken cancellationToken)
    {
        if (wait <= TimeSpan.Zero)
        {
            return false;
        }

        try
        {
            if (IsUnreadable(blob.Id))
            {
                Shelf.Remove(blob.Id); // Not even its head can be read: it begins anew.
            }

            Index.Put(blob with { IsWhole = false, IsDamaged = true });
            BlobInfo fetched = await FetchAsync(blob.Id, wait, null, null, cancellationToken).ConfigureAwait(false);
            if (blob.IsPinned)
            {
                await PinAsync(blob.Id, isPinned: true, cancellationToken).ConfigureAwait(false);
            }

            return fetched.IsWhole;
        }
        catch (WeftException)
        {
            return false; // It is counted as damaged, and stays so.
        }
    }

    private bool IsUnreadable(BlobId id)
    {
        try
        {
            using IBlobFile? file = Shelf.Open(id);
            return false;
        }
        catch (WeftException failure) when (failure.Error == WeftError.FileDamaged)
        {
            return true;
        }
    }

    /// <summary>Sets room aside; where there is none, blobs go that nobody wants.</summary>
    private async ValueTask ReserveAsync(long bytes, bool isFirst, CancellationToken cancellationToken)
    {
        if (Index.TryReserve(bytes, isFirst, out long missing))
        {
            return;
        }

        await SweepAsync(DateTimeOffset.MaxValue, missing, 1, cancellationToken).ConfigureAwait(false);
        if (!Index.TryReserve(bytes, isFirst, out _))
        {
            throw Full();
        }
    }

    private WeftException Full() => new(
        WeftError.BlobsFull,
        $"{Index.Count} blobs with {Index.Bytes >> 20} MiB are here; {Options.CountMax} with {Options.TotalMiB} MiB are "
        + "allowed, and no more of them may go. Nothing was kept.");

    /// <summary>Removes blobs that nobody wants, the one that was used longest ago first.</summary>
    /// <param name="unusedSince">Those that were last used before.</param>
    /// <param name="bytesWanted">Stops when so many bytes of content are gone.</param>
    /// <param name="countWanted">Goes on until so many blobs are gone, too.</param>
    /// <param name="cancellationToken">Stops early.</param>
    private async Task<(int Removed, long Bytes)> SweepAsync(
        DateTimeOffset unusedSince, long bytesWanted, int countWanted, CancellationToken cancellationToken)
    {
        int removed = 0;
        long bytes = 0;
        foreach (StoredBlob blob in Index.ListLoose())
        {
            if (bytes >= bytesWanted && removed >= countWanted)
            {
                break;
            }

            if (blob.UsedAt < unusedSince && !await IsLinkedAsync(blob.Id, cancellationToken).ConfigureAwait(false)
                && Index.IsLoose(blob.Id))
            {
                bytes += await RemoveAsync(blob.Id, cancellationToken).ConfigureAwait(false);
                removed++;
            }
        }

        return (removed, bytes);
    }
}
