using Microsoft.Extensions.Logging;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>
/// Drives a <see cref="BlobFetchCore"/>: streams to peers, the file, the timer. It lives as long as somebody waits for
/// the blob.
/// </summary>
internal sealed class BlobFetch : IAsyncDisposable
{
    private const long FlushBytes = 16 << 20;

    private static readonly TimeSpan SearchAgainAfter = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SearchDelay = TimeSpan.FromMilliseconds(500);

    private readonly NodeBlobs _blobs;
    private readonly IBlobPeers _peers;
    private readonly BlobFetchCore _core;
    private readonly Outbox<BlobFetchOutput> _outbox = new();
    private readonly Dictionary<PeerId, BlobFetchLink> _links = [];
    private readonly HashSet<Task> _running = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private readonly TimeProvider _time;
    private readonly long _startedAt;
    private TaskCompletionSource _news = NewNews();
    private IBlobFile? _file;
    private WeftException? _failure;
    private long _unflushed;
    private bool _isSearching;
    private bool _wantsPeers = true;
    private bool _isStopped;

    public BlobFetch(NodeBlobs blobs, BlobId id, IBlobPeers peers)
    {
        _blobs = blobs;
        _peers = peers;
        _time = blobs.Node.Time;
        _startedAt = _time.GetTimestamp();
        _core = new BlobFetchCore(
            id, blobs.Options.BlobBytesMax, blobs.Options.Fetch, new BlobHasher(blobs.Node.Crypto));
        _timer = _time.CreateTimer(
            static state => ((BlobFetch)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public BlobId Id => _core.Id;

    /// <summary>Who waits for it; under the gate of <see cref="NodeBlobs"/>.</summary>
    public int Users { get; set; }

    private WeftInstant Now => new((long)_time.GetElapsedTime(_startedAt).TotalMicroseconds);

    /// <summary>Takes up what is here, and asks the peers that are connected.</summary>
    public void Start()
    {
        lock (_gate)
        {
            _file = _blobs.Shelf.Open(Id);
            if (_file is not null && !_file.Tree.Has(_file.Tree.RootNode))
            {
                _file.Dispose();
                _file = null;
                _blobs.Shelf.Remove(Id); // Nothing of it can be proved to be right.
            }

            if (_file is not null)
            {
                _core.Resume(_file.Tree, _file.IsHere);
            }

            Track(SearchAsync(SearchDelay));
            Apply();
        }
    }

    public void Release() => _blobs.Release(this);

    /// <summary>Waits until the size is known.</summary>
    public Task WaitHeadAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _core.Want(0, 0, Now, _outbox);
            Apply();
        }

        return WaitForAsync(() => _file is not null, cancellationToken);
    }

    /// <summary>Wants chunks from one on, and waits for that one.</summary>
    public Task WaitChunkAsync(int chunk, int to, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _core.Prefer(chunk);
            _core.Want(chunk, to, Now, _outbox);
            Apply();
        }

        return WaitForAsync(() => _file is { } file && file.IsHere(chunk), cancellationToken);
    }

    /// <summary>Wants chunks, and waits until they are durable.</summary>
    /// <param name="from">The first.</param>
    /// <param name="to">The one after the last; beyond the end is the end.</param>
    /// <param name="progress">Takes the bytes that are here of those.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task WaitRangeAsync(
        int from, int to, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _core.Want(from, to, Now, _outbox);
            Apply();
        }

        int next = from; // What lies before it is here.
        await WaitForAsync(
            () =>
            {
                if (_file is not { } file)
                {
                    return false;
                }

                int end = Math.Min(to, file.Tree.Chunks);
                while (next < end && file.IsHere(next))
                {
                    next++;
                }

                progress?.Report(Math.Min(file.Size, (long)next * BlobLimits.ChunkBytes));
                return next >= end;
            },
            cancellationToken).ConfigureAwait(false);
        Flush();
    }

    /// <summary>Reads a chunk of what was fetched.</summary>
    public bool TryRead(int chunk, Span<byte> target)
    {
        IBlobFile? file;
        lock (_gate)
        {
            file = _file;
        }

        return file?.Read(chunk, target) == BlobChunkRead.Right;
    }

    /// <summary>Takes a message of a peer; its bytes are used up when this returns.</summary>
    public void OnMessage(PeerId peer, ReadOnlyMemory<byte> message)
    {
        bool isFlushDue;
        lock (_gate)
        {
            _core.OnMessage(peer, message, Now, _outbox);
            Apply();
            isFlushDue = _unflushed >= Math.Max(FlushBytes, (_core.Tree?.NodeCount ?? 0) * 512L);
        }

        if (isFlushDue)
        {
            Flush();
        }
    }

    public void OnLinkEnded(BlobFetchLink link, string why)
    {
        BlobLog.StreamEnded(_blobs.Log, link.Peer, why);
        lock (_gate)
        {
            if (_links.GetValueOrDefault(link.Peer) == link)
            {
                _links.Remove(link.Peer);
                _core.OnGone(link.Peer, Now, _outbox);
                Apply();
            }
        }
    }

    /// <summary>Ends it; what has come is kept.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_gate)
        {
            if (_isStopped)
            {
                return;
            }

            _isStopped = true;
            running = [.. _running];
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(running).ConfigureAwait(false);
        try
        {
            Flush();
        }
        catch (WeftException failure)
        {
            BlobLog.Failed(_blobs.Log, Id.ToString(), failure.Message);
        }

        lock (_gate)
        {
            _file?.Dispose();
            _file = null;
            _failure ??= new WeftException(WeftError.NodeUnavailable, "The fetch has ended.");
            Tell();
        }

        _stopping.Dispose();
    }

    private static TaskCompletionSource NewNews() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task WaitForAsync(Func<bool> isThere, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task news;
            lock (_gate)
            {
                if (isThere())
                {
                    return;
                }

                if (_failure is not null)
                {
                    throw _failure;
                }

                news = _news.Task;
            }

            await news.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            if (!_isStopped)
            {
                _core.OnTimer(Now, _outbox);
                Apply();
            }
        }
    }

    private void Flush()
    {
        IBlobFile? file;
        lock (_gate)
        {
            file = _file;
            _unflushed = 0;
        }

        if (file is not null && file.Flush())
        {
            _blobs.OnWhole(file);
            lock (_gate)
            {
                Tell();
            }
        }
    }

    /// <summary>Carries out what the core asks for. Under the gate.</summary>
    private void Apply()
    {
        for (int i = 0; i < _outbox.Count && !_isStopped; i++)
        {
            BlobFetchOutput output = _outbox[i];
            try
            {
                Apply(output);
            }
            catch (WeftException failure)
            {
                BlobLog.Failed(_blobs.Log, Id.ToString(), failure.Message);
                _failure = failure; // The disk, or no room: nothing a peer could help with.
                Tell();
            }
        }

        _outbox.Clear();
    }

    private void Apply(in BlobFetchOutput output)
    {
        switch (output.Kind)
        {
            case BlobFetchOutputKind.Ask:
                LinkTo(output.Peer).Ask(output.From, output.Count);
                break;
            case BlobFetchOutputKind.Drop:
                if (_links.Remove(output.Peer, out BlobFetchLink? link))
                {
                    link.End();
                }

                _blobs.OnDropped(Id, output.Peer, output.Fault);
                break;
            case BlobFetchOutputKind.Head when _file is null:
                Track(KeepAsync(_core.Tree!));
                break;
            case BlobFetchOutputKind.Chunk when _failure is null:
                _file?.Write(output.From, output.Data.Span);
                _unflushed += output.Data.Length;
                Tell();
                break;
            case BlobFetchOutputKind.WantPeers:
                _wantsPeers = true;
                if (!_isSearching)
                {
                    Track(SearchAsync(SearchAgainAfter));
                }

                break;
            case BlobFetchOutputKind.Done:
                Tell();
                break;
            case BlobFetchOutputKind.Failed:
                _failure = Explain(output.Fault);
                Tell();
                break;
            case BlobFetchOutputKind.StartTimer:
                TimeSpan wait = output.Due - Now;
                _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
                break;
        }
    }

    private WeftException Explain(BlobFault fault) => fault == BlobFault.TooLarge
        ? new WeftException(
            WeftError.TooLarge, $"Blob {Id} has more than {_blobs.Options.BlobMiB} MiB; it was not fetched.")
        : new WeftException(WeftError.BlobUnknown, $"Blob {Id} is not here, and no peer gave it ({fault}).");

    private BlobFetchLink LinkTo(PeerId peer)
    {
        if (!_links.TryGetValue(peer, out BlobFetchLink? link))
        {
            link = new BlobFetchLink(this, _peers, peer, _stopping.Token);
            _links.Add(peer, link);
            Track(link.RunAsync());
        }

        return link;
    }

    private void Track(Task task)
    {
        _running.Add(task);
        _ = task.ContinueWith(
            ended =>
            {
                lock (_gate)
                {
                    _running.Remove(ended);
                }
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Names peers to the core: those that are connected at once, those that the DHT knows after a moment.</summary>
    private async Task SearchAsync(TimeSpan pause)
    {
        _isSearching = true;
        try
        {
            while (true)
            {
                await Task.Yield();
                Add(_peers.Connected());
                await Task.Delay(pause, _time, _stopping.Token).ConfigureAwait(false);
                if (IsOver())
                {
                    break;
                }

                Add(await _peers.FindAsync(Id, _stopping.Token).ConfigureAwait(false));
                lock (_gate)
                {
                    if (!_wantsPeers)
                    {
                        _isSearching = false;
                        return;
                    }
                }

                pause = SearchAgainAfter;
            }
        }
        catch (OperationCanceledException)
        {
            // It has ended.
        }

        lock (_gate)
        {
            _isSearching = false;
        }
    }

    /// <summary>Makes room for a blob whose size is known, and a file; then the core may ask for it.</summary>
    private async Task KeepAsync(BlobTree tree)
    {
        await Task.Yield(); // The gate is held here.
        try
        {
            IBlobFile file = await _blobs.KeepAsync(Id, tree, _stopping.Token).ConfigureAwait(false);
            lock (_gate)
            {
                if (_isStopped)
                {
                    file.Dispose();
                    return;
                }

                _file = file;
                _core.OnReady(Now, _outbox);
                Apply();
                Tell();
            }
        }
        catch (WeftException failure)
        {
            lock (_gate)
            {
                _failure = failure;
                Tell();
            }
        }
        catch (OperationCanceledException)
        {
            // It has ended.
        }
    }

    private bool IsOver()
    {
        lock (_gate)
        {
            return _core.Tree is not null && _core.Missing == 0;
        }
    }

    private void Add(IReadOnlyList<PeerId> peers)
    {
        lock (_gate)
        {
            foreach (PeerId peer in peers)
            {
                _wantsPeers = false; // The core says so again when they are of no use.
                _core.AddPeer(peer, Now, _outbox);
            }

            Apply();
        }
    }

    private void Tell()
    {
        TaskCompletionSource news = _news;
        _news = NewNews();
        news.TrySetResult();
    }
}
