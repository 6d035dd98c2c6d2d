using Microsoft.Extensions.Logging;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>
/// Blobs: content of any size under a name that is computed from it. Safe to use from many threads.
/// </summary>
/// <remarks>
/// <code>
/// BlobInfo photo = await node.Blobs.AddAsync(File.OpenRead("photo.jpg"));
/// await node.Graph.Get("album/1").PutAsync("photo", WeftValue.FromLink(photo.Id.Soul));
/// await using Stream content = await node.Blobs.OpenReadAsync(photo.Id, wait: TimeSpan.FromSeconds(10));
/// </code>
/// What is neither pinned nor linked by a field here goes after a while: see <see cref="BlobOptions.UnlinkedGrace"/>.
/// Source: docs/spec/blobs.md.
/// </remarks>
public sealed partial class NodeBlobs : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<BlobId, BlobFetch> _fetches = [];
    private readonly HashSet<Task> _ending = [];
    private IBlobShelf? _shelf;
    private bool _isStopped;
    private long _liars;

    internal NodeBlobs(WeftNode node)
    {
        Node = node;
        Options = node.Options.Blobs;
        Index = new BlobIndex(Options);
        Log = node.Loggers.CreateLogger("Weft.Blobs");
    }

    /// <summary>The options it runs with.</summary>
    public BlobOptions Options { get; }

    internal WeftNode Node { get; }

    internal BlobIndex Index { get; }

    internal ILogger Log { get; }

    internal IBlobShelf Shelf => _shelf
        ?? throw new WeftException(WeftError.FolderUnusable, "The store of this node keeps no blobs.");

    /// <summary>Where other peers are found; null while the node speaks no libp2p.</summary>
    internal BlobService? Service { get; set; }

    /// <summary>Keeps content under the name that is computed from it.</summary>
    /// <param name="content">Read to its end, and not disposed.</param>
    /// <param name="isPinned">
    /// True, the default: it stays until it is unpinned. False: it goes a while after its last use, unless it is linked.
    /// </param>
    /// <param name="expected">The id it must have; null takes any.</param>
    /// <param name="progress">Takes the bytes that were read so far.</param>
    /// <param name="cancellationToken">Stops it; nothing is kept.</param>
    /// <returns>The blob, durable: after a crash it is there whole.</returns>
    /// <exception cref="WeftException">
    /// TooLarge, BlobsFull, BlobMismatch, DiskFull, DiskFailed. Nothing was kept.
    /// </exception>
    public async Task<BlobInfo> AddAsync(
        Stream content, bool isPinned = true, BlobId? expected = null, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        ObjectDisposedException.ThrowIf(_isStopped, this);
        using IBlobDraft draft = Shelf.Begin();
        byte[] chunk = new byte[BlobLimits.ChunkBytes];
        long reserved = 0;
        try
        {
            while (true)
            {
                int read = await content.ReadAtLeastAsync(
                    chunk, chunk.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
                if (read == 0 && reserved > 0)
                {
                    break;
                }

                if (reserved + read > Options.BlobBytesMax)
                {
                    throw new WeftException(
                        WeftError.TooLarge, $"A blob has at most {Options.BlobMiB} MiB here. Nothing was kept.");
                }

                await ReserveAsync(read, isFirst: reserved == 0, cancellationToken).ConfigureAwait(false);
                reserved += read;
                draft.Append(chunk.AsSpan(0, read));
                progress?.Report(reserved);
                if (read < chunk.Length)
                {
                    break;
                }
            }

            DateTimeOffset now = Node.Time.GetUtcNow();
            bool isNew = false;
            StoredBlob blob = await Task.Run(
                () => draft.Commit(isPinned, expected, now, out isNew), cancellationToken).ConfigureAwait(false);
            Index.Put(blob);
            Service?.Announce(blob.Id);
            BlobLog.Added(Log, blob.Id.ToString(), blob.Size);
            return Describe(blob, null) with { IsNew = isNew };
        }
        finally
        {
            Index.Unreserve(reserved);
        }
    }

    /// <summary>What is known of a blob here.</summary>
    /// <returns>Null when nothing of it is here.</returns>
    public async ValueTask<BlobInfo?> FindAsync(BlobId id, CancellationToken cancellationToken = default) =>
        Index.Find(id) is { } blob
            ? Describe(blob, await IsLinkedAsync(id, cancellationToken).ConfigureAwait(false))
            : null;

    /// <summary>Lists blobs, parts included, in the order of their ids.</summary>
    /// <param name="after">The one before the first; null to begin.</param>
    /// <param name="max">How many at the most: 1 and up.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async ValueTask<IReadOnlyList<BlobInfo>> ListAsync(
        BlobId? after = null, int max = 1_000, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        var blobs = new List<BlobInfo>();
        foreach (StoredBlob blob in Index.List(after, max))
        {
            blobs.Add(Describe(blob, await IsLinkedAsync(blob.Id, cancellationToken).ConfigureAwait(false)));
        }

        return blobs;
    }

    /// <summary>Opens a blob for reading from any place; what is not here is fetched while it is read.</summary>
    /// <param name="id">The blob.</param>
    /// <param name="wait">How long to look for it among peers when it is not here; the default does not look.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="WeftException">BlobUnknown, TooLarge, BlobsFull, FileDamaged.</exception>
    public async Task<BlobStream> OpenReadAsync(
        BlobId id, TimeSpan wait = default, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isStopped, this);
        IBlobFile? file = Shelf.Open(id);
        if (file is { IsWhole: true })
        {
            NoteUse(id);
            return new BlobStream(this, file, null);
        }

        file?.Dispose();
        if (wait <= TimeSpan.Zero)
        {
            throw Unknown(id);
        }

        BlobFetch fetch = BeginFetch(id) ?? throw Unknown(id);
        try
        {
            await WithDeadlineAsync(id, fetch.WaitHeadAsync, wait, cancellationToken).ConfigureAwait(false);
            file = Shelf.Open(id) ?? throw Unknown(id);
            NoteUse(id);
            return new BlobStream(this, file, fetch) { Patience = wait };
        }
        catch
        {
            fetch.Release();
            throw;
        }
    }

    /// <summary>Brings a blob here, or a range of it, and waits until it is durable.</summary>
    /// <param name="id">The blob.</param>
    /// <param name="wait">How long.</param>
    /// <param name="range">Bytes from and to, the last not included; null for all of it.</param>
    /// <param name="progress">Takes the bytes that are here from the start on.</param>
    /// <param name="cancellationToken">Gives up; what has come is kept, and another fetch goes on from there.</param>
    /// <exception cref="WeftException">BlobUnknown, TooLarge, BlobsFull, DiskFull, DiskFailed.</exception>
    public async Task<BlobInfo> FetchAsync(
        BlobId id, TimeSpan wait, (long From, long To)? range = null, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        if (Index.Find(id) is { IsWhole: true } here)
        {
            return Describe(here, null);
        }

        int from = ChunkOf(range?.From ?? 0);
        int to = range is null ? int.MaxValue : ChunkOf(range.Value.To + BlobLimits.ChunkBytes - 1);
        BlobFetch fetch = BeginFetch(id) ?? throw Unknown(id);
        try
        {
            await WithDeadlineAsync(
                id, late => fetch.WaitRangeAsync(from, to, progress, late), wait, cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            fetch.Release();
        }

        return Describe(Index.Find(id) ?? throw Unknown(id), null);
    }

    /// <summary>Pins a blob, so that it stays, or unpins it.</summary>
    /// <returns>False when it is not here.</returns>
    public async Task<bool> PinAsync(BlobId id, bool isPinned = true, CancellationToken cancellationToken = default)
    {
        using IBlobFile? file = Shelf.Open(id);
        if (file is null)
        {
            return false;
        }

        await Task.Run(() => file.Pin(isPinned), cancellationToken).ConfigureAwait(false);
        if (Index.Find(id) is { } blob)
        {
            Index.Put(blob with { IsPinned = isPinned });
        }

        return true;
    }

    /// <summary>Removes a blob, pinned or linked or not. Others may still have it.</summary>
    /// <returns>Bytes that were given back; 0 when it was not here.</returns>
    public async Task<long> RemoveAsync(BlobId id, CancellationToken cancellationToken = default)
    {
        Service?.Withdraw(id);
        long bytes = await Task.Run(() => Shelf.Remove(id), cancellationToken).ConfigureAwait(false);
        Index.Remove(id);
        return bytes;
    }

    /// <summary>Counts, cheap enough to ask every second.</summary>
    public BlobStats ReadStats()
    {
        int fetching;
        lock (_gate)
        {
            fetching = _fetches.Count;
        }

        return new(
            Index.Count, Index.Bytes, Options.TotalBytesMax, fetching, Service?.Streams ?? 0,
            Interlocked.Read(ref _liars));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task[] ending;
        lock (_gate)
        {
            if (_isStopped)
            {
                return;
            }

            _isStopped = true;
            ending = [.. _ending, .. _fetches.Values.Select(fetch => fetch.DisposeAsync().AsTask())];
            _fetches.Clear();
        }

        await Task.WhenAll(ending).ConfigureAwait(false);
    }

    /// <summary>Learns what is here. Before anything else.</summary>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        if (Node.Store.Blobs is not { } shelf)
        {
            return;
        }

        _shelf = shelf;
        foreach (StoredBlob blob in await Task.Run(shelf.List, cancellationToken).ConfigureAwait(false))
        {
            Index.Put(blob);
        }
    }

    /// <summary>Joins the fetch of a blob, or begins one; release it. Null when there is nobody to fetch from.</summary>
    /// <exception cref="WeftException">TooManyRequests.</exception>
    internal BlobFetch? BeginFetch(BlobId id)
    {
        if (Service is not { } peers)
        {
            return null;
        }

        BlobFetch? fetch;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopped, this);
            if (_fetches.TryGetValue(id, out fetch))
            {
                fetch.Users++;
                return fetch;
            }

            if (_fetches.Count >= Options.FetchesMax)
            {
                throw new WeftException(
                    WeftError.TooManyRequests, $"{Options.FetchesMax} blobs are being fetched; no more at once.");
            }

            fetch = new BlobFetch(this, id, peers) { Users = 1 };
            _fetches.Add(id, fetch);
        }

        try
        {
            fetch.Start();
            return fetch;
        }
        catch
        {
            Release(fetch);
            throw;
        }
    }

    internal void Release(BlobFetch fetch)
    {
        lock (_gate)
        {
            if (--fetch.Users > 0 || !_fetches.Remove(fetch.Id))
            {
                return;
            }

            Task ending = fetch.DisposeAsync().AsTask();
            _ending.Add(ending);
            _ = ending.ContinueWith(
                ended =>
                {
                    lock (_gate)
                    {
                        _ending.Remove(ended);
                    }
                },
                CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    /// <summary>Makes room for a blob whose size a peer has proved, and a file.</summary>
    internal async Task<IBlobFile> KeepAsync(BlobId id, BlobTree tree, CancellationToken cancellationToken)
    {
        bool isKnown = Index.Find(id) is not null; // Then its room is counted already.
        if (!isKnown)
        {
            await ReserveAsync(tree.Size, isFirst: true, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            IBlobFile file = await Task.Run(() => Shelf.BeginPart(id, tree), cancellationToken).ConfigureAwait(false);
            Index.Put(new StoredBlob(id, tree.Size, file.IsWhole, file.IsPinned, Node.Time.GetUtcNow()));
            return file;
        }
        finally
        {
            Index.Unreserve(isKnown ? 0 : tree.Size);
        }
    }

    internal void OnWhole(IBlobFile file)
    {
        if (Index.Find(file.Id) is { IsWhole: false } part)
        {
            Index.Put(part with { IsWhole = true, IsDamaged = false });
            BlobLog.Fetched(Log, file.Id.ToString(), file.Size);
            Service?.Announce(file.Id);
        }
    }

    internal void OnDamaged(BlobId id, int chunk)
    {
        BlobLog.Damaged(Log, id.ToString(), chunk);
        if (Index.Find(id) is { IsWhole: true } whole)
        {
            Index.Put(whole with { IsWhole = false, IsDamaged = true });
        }
    }

    internal void OnDropped(BlobId id, PeerId peer, BlobFault fault)
    {
        if (fault != BlobFault.Absent)
        {
            BlobLog.Dropped(Log, id.ToString(), peer, fault.ToString());
        }

        if (fault is BlobFault.WrongBytes or BlobFault.Malformed)
        {
            Interlocked.Increment(ref _liars);
        }
    }

    /// <summary>Notes that a blob was used; to the hour.</summary>
    internal void NoteUse(BlobId id)
    {
        DateTimeOffset now = Node.Time.GetUtcNow();
        if (Index.Touch(id, now))
        {
            Shelf.Touch(id, now);
        }
    }

    private static int ChunkOf(long at) =>
        (int)Math.Clamp(at / BlobLimits.ChunkBytes, 0, BlobLimits.BytesMax / BlobLimits.ChunkBytes);

    private static BlobInfo Describe(StoredBlob blob, bool? isLinked) =>
        new(blob.Id, blob.Size, blob.IsWhole, blob.IsPinned, isLinked, blob.UsedAt) { IsDamaged = blob.IsDamaged };

    private static WeftException Unknown(BlobId id) =>
        new(WeftError.BlobUnknown, $"Blob {id} is not here.");

    private static WeftException Late(BlobId id) =>
        new(WeftError.BlobUnknown, $"Blob {id} is not here, and no peer gave it in time.");

    private async Task WithDeadlineAsync(
        BlobId id, Func<CancellationToken, Task> run, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(wait, Node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            await run(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Late(id);
        }
    }

    private async ValueTask<bool> IsLinkedAsync(BlobId id, CancellationToken cancellationToken) =>
        (await Node.Store.ReadLinksToAsync(id.Soul, null, 1, cancellationToken).ConfigureAwait(false)).Count > 0;
}
