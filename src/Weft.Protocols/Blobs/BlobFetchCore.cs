using Weft.Primitives;

namespace Weft.Protocols.Blobs;

/// <summary>
/// Fetches one blob, or ranges of it, from any number of peers, none of which is believed: what a peer sends is checked
/// against the id before it counts; who sends anything else, or too little, is dropped and another is asked.
/// </summary>
/// <remarks>Pure; one caller at a time. Source: docs/spec/blobs.md, section 4.</remarks>
public sealed partial class BlobFetchCore
{
    private const int EarlyMax = 256;

    private readonly long _bytesMax;
    private readonly BlobFetchOptions _options;
    private readonly BlobHasher _hasher;
    private readonly List<BlobFetchPeer> _peers = [];
    private readonly Dictionary<PeerId, BlobFetchPeer> _byId = [];
    private readonly List<(int From, int To)> _early = []; // What was wanted before the number of chunks was known.
    private ChunkState[] _chunks = [];
    private int _missing;
    private int _cursor; // Before it there is nothing to ask for.
    private int _prefer;
    private bool _wantsPeers;
    private bool _isOver;
    private bool _isReady;
    private WeftInstant _timer = WeftInstant.Never;

    /// <summary>Makes a fetch that knows nothing and wants nothing yet.</summary>
    /// <param name="id">The blob.</param>
    /// <param name="bytesMax">A larger one is not taken.</param>
    /// <param name="options">The knobs.</param>
    /// <param name="hasher">Its own.</param>
    public BlobFetchCore(BlobId id, long bytesMax, BlobFetchOptions options, BlobHasher hasher)
    {
        Id = id;
        _bytesMax = Math.Min(bytesMax, BlobLimits.BytesMax);
        _options = options;
        _hasher = hasher;
    }

    [Flags]
    private enum ChunkState : byte
    {
        None = 0,
        Wanted = 1,
        Here = 2,
        Asked = 4,      // By one peer.
        AskedTwice = 8, // By a second one, because the first is slow.
    }

    /// <summary>The blob.</summary>
    public BlobId Id { get; }

    /// <summary>The tree as far as it is known; null before the first peer has proved the size.</summary>
    public BlobTree? Tree { get; private set; }

    /// <summary>Chunks that are wanted and not here.</summary>
    public int Missing => Tree is null ? Math.Max(1, _early.Count) : _missing;

    /// <summary>Peers that were dropped because of what they sent.</summary>
    public int Liars { get; private set; }

    /// <summary>Chunks that came although they were here already.</summary>
    public int Repeated { get; private set; }

    /// <summary>Goes on with what an earlier fetch left. Before anything else.</summary>
    /// <param name="tree">What is known of the tree.</param>
    /// <param name="isHere">Tells of each chunk whether it is kept, and right.</param>
    public void Resume(BlobTree tree, Func<int, bool> isHere)
    {
        ArgumentNullException.ThrowIfNull(isHere);
        Know(tree);
        _isReady = true;
        for (int chunk = 0; chunk < tree.Chunks; chunk++)
        {
            if (isHere(chunk))
            {
                _chunks[chunk] |= ChunkState.Here;
            }
        }
    }

    /// <summary>Answers Head: there is room for the chunks; before this none is asked for.</summary>
    public void OnReady(WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        _isReady = true;
        Settle(now, outbox);
    }

    /// <summary>Wants chunks, beside those that it wants already.</summary>
    /// <param name="from">The first.</param>
    /// <param name="to">The one after the last; beyond the end is as good as the end.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void Want(int from, int to, WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        if (Tree is null)
        {
            if (_early.Count >= EarlyMax)
            {
                _early.Clear();
                (from, to) = (0, int.MaxValue); // So many parts are the whole.
            }

            if (!_early.Contains((from, to)))
            {
                _early.Add((from, to));
            }
        }
        else
        {
            Mark(from, to);
        }

        Settle(now, outbox);
    }

    /// <summary>Asks for what lies here and behind before anything else: somebody is reading there.</summary>
    public void Prefer(int chunk) => _prefer = Math.Max(0, chunk);

    /// <summary>Names a peer that may have the blob. One that lied stays dropped; another is given a new chance.</summary>
    public void AddPeer(PeerId id, WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        if (_byId.TryGetValue(id, out BlobFetchPeer? known))
        {
            if (known.State == BlobPeerState.Dropped && known.MayComeBack)
            {
                known.State = BlobPeerState.Idle;
                known.Retries = 0;
                _wantsPeers = false;
            }
        }
        else if (_peers.Count < _options.PeersMax || TryForget())
        {
            var peer = new BlobFetchPeer(id);
            _peers.Add(peer);
            _byId.Add(id, peer);
            _wantsPeers = false;
        }

        Settle(now, outbox);
    }

    /// <summary>Answers WantPeers: nobody else is known.</summary>
    public void OnNoMorePeers(WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        _wantsPeers = false;
        if (!_isOver && Missing > 0 && !_peers.Exists(peer => peer.State != BlobPeerState.Dropped))
        {
            Fail(_peers.Count == 0 ? BlobFault.Absent : _peers[^1].Fault, outbox);
        }

        Settle(now, outbox);
    }

    /// <summary>Takes a message of a peer.</summary>
    /// <param name="from">The peer.</param>
    /// <param name="bytes">The message, without its length; what comes of it may refer to it.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnMessage(
        PeerId from, ReadOnlyMemory<byte> bytes, WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        if (_isOver || !_byId.TryGetValue(from, out BlobFetchPeer? peer) || peer.State == BlobPeerState.Dropped)
        {
            return; // It was on its way when the peer was dropped.
        }

        if (peer.State != BlobPeerState.Asked || !BlobCodec.TryRead(bytes.Span, out BlobMessage message))
        {
            Drop(peer, BlobFault.Malformed, outbox);
            Settle(now, outbox);
            return;
        }

        peer.LastAt = now;
        switch (message.Kind)
        {
            case BlobMessageKind.Head when peer.Answer is null:
                TakeHead(peer, message, now, outbox);
                break;
            case BlobMessageKind.Absent when peer.Answer is null:
                Drop(peer, BlobFault.Absent, outbox);
                break;
            case BlobMessageKind.Busy when peer.Answer is null:
                Release(peer);
                Wait(peer, now + message.RetryAfter + _options.RetryDelay);
                break;
            case BlobMessageKind.Chunk when peer.Answer is not null:
                TakeChunk(peer, message, bytes, outbox);
                break;
            default:
                Drop(peer, BlobFault.Malformed, outbox);
                break;
        }

        Settle(now, outbox);
    }

    /// <summary>The stream to a peer broke, or none could be opened.</summary>
    public void OnGone(PeerId id, WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        if (_isOver || !_byId.TryGetValue(id, out BlobFetchPeer? peer) || peer.State != BlobPeerState.Asked)
        {
            return;
        }

        Release(peer);
        if (++peer.Retries > _options.RetriesMax)
        {
            Drop(peer, BlobFault.Unreachable, outbox);
        }
        else
        {
            Wait(peer, now + (_options.RetryDelay * (1 << Math.Min(peer.Retries - 1, 10))));
        }

        Settle(now, outbox);
    }

    /// <summary>Looks who is late. Early and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        _timer = WeftInstant.Never; // An early call asks for another.
        foreach (BlobFetchPeer peer in _peers)
        {
            if (peer.State == BlobPeerState.Asked
                && (now - peer.LastAt >= _options.MessageDeadline || now - peer.AskedAt >= _options.AskDeadline))
            {
                Drop(peer, BlobFault.Slow, outbox);
            }
            else if (peer.State == BlobPeerState.Waiting && now >= peer.Due)
            {
                peer.State = BlobPeerState.Idle;
            }
        }

        Settle(now, outbox);
    }

    private void TakeHead(
        BlobFetchPeer peer, in BlobMessage message, WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        if (Tree is null)
        {
            // The id first: nothing is made room for on the word of a peer.
            if (_hasher.Id(message.Size, message.Root) != Id)
            {
                Drop(peer, BlobFault.WrongBytes, outbox);
                return;
            }

            if (message.Size > _bytesMax)
            {
                Fail(BlobFault.TooLarge, outbox);
                return;
            }

            var tree = new BlobTree(message.Size);
            tree.TrySetRoot(Id, message.Root, _hasher);
            Know(tree);
            outbox.Add(new(BlobFetchOutputKind.Head, peer.Id));
        }
        else if (message.Size != Tree.Size || !message.Root.SequenceEqual(Tree.Root))
        {
            Drop(peer, BlobFault.WrongBytes, outbox);
            return;
        }

        peer.HasBlob = true;
        peer.Answer = new BlobAnswer(Tree!, _hasher, peer.From, peer.To);
        EndIfDone(peer);
    }

    private void TakeChunk(
        BlobFetchPeer peer, in BlobMessage message, ReadOnlyMemory<byte> bytes, Outbox<BlobFetchOutput> outbox)
    {
        ReadOnlyMemory<byte> data = bytes[^message.DataLength..];
        if (!peer.Answer!.TryTake(message.Parents, data.Span, out int chunk))
        {
            Drop(peer, BlobFault.WrongBytes, outbox);
            return;
        }

        peer.Retries = 0;
        if ((_chunks[chunk] & ChunkState.Here) != 0)
        {
            Repeated++;
        }
        else
        {
            _missing -= (_chunks[chunk] & ChunkState.Wanted) != 0 ? 1 : 0;
            _chunks[chunk] |= ChunkState.Here;
            outbox.Add(new(BlobFetchOutputKind.Chunk, peer.Id, chunk, Data: data));
        }

        EndIfDone(peer);
    }

    private void EndIfDone(BlobFetchPeer peer)
    {
        if (peer.Answer!.IsDone)
        {
            Release(peer);
            peer.State = BlobPeerState.Idle;
        }
    }

    private void Know(BlobTree tree)
    {
        Tree = tree;
        _chunks = new ChunkState[tree.Chunks];
        foreach ((int from, int to) in _early)
        {
            Mark(from, to);
        }

        _early.Clear();
    }

    private void Mark(int from, int to)
    {
        for (int chunk = Math.Max(0, from); chunk < Math.Min(to, _chunks.Length); chunk++)
        {
            if ((_chunks[chunk] & ChunkState.Wanted) == 0)
            {
                _chunks[chunk] |= ChunkState.Wanted;
                _missing += (_chunks[chunk] & ChunkState.Here) == 0 ? 1 : 0;
            }
        }

        _cursor = Math.Min(_cursor, Math.Max(0, from));
    }

    private static void Wait(BlobFetchPeer peer, WeftInstant due)
    {
        peer.State = BlobPeerState.Waiting;
        peer.Due = due;
    }

    private void Drop(BlobFetchPeer peer, BlobFault fault, Outbox<BlobFetchOutput> outbox)
    {
        Release(peer);
        peer.State = BlobPeerState.Dropped;
        peer.Fault = fault;
        peer.HasBlob = false;
        Liars += fault is BlobFault.WrongBytes or BlobFault.Malformed ? 1 : 0;
        outbox.Add(new(BlobFetchOutputKind.Drop, peer.Id, Fault: fault));
    }

    private void Fail(BlobFault fault, Outbox<BlobFetchOutput> outbox)
    {
        _isOver = true;
        outbox.Add(new(BlobFetchOutputKind.Failed, Fault: fault == BlobFault.None ? BlobFault.Absent : fault));
    }

    /// <summary>Makes room for a peer by forgetting one that has not got the blob; liars are remembered.</summary>
    private bool TryForget()
    {
        int at = _peers.FindIndex(peer => peer.State == BlobPeerState.Dropped && peer.MayComeBack);
        if (at < 0)
        {
            return false;
        }

        _byId.Remove(_peers[at].Id);
        _peers.RemoveAt(at);
        return true;
    }
}
