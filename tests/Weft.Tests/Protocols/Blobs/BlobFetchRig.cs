using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Tests.Protocols.Blobs;

/// <summary>How a peer of the rig behaves.</summary>
public enum BlobManner
{
    Honest = 0,
    Absent,
    WrongChunk,
    WrongParents,
    WrongRoot,
    WrongSize,
    Endless,
    Garbage,
    Silent,
    Trickling,
    Breaking,
    Busy,
    HeadTwice,
}

/// <summary>One fetch and its peers in virtual time; the messages go through the codec.</summary>
internal sealed class BlobFetchRig
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    private readonly ICrypto _crypto = PlatformCrypto.Create();
    private readonly Dictionary<PeerId, BlobManner> _manners = [];
    private readonly PriorityQueue<(PeerId Peer, byte[]? Message, long Ask), (long, int)> _events = new();
    private readonly Dictionary<PeerId, long> _asks = [];
    private readonly Dictionary<PeerId, int> _given = [];
    private readonly Outbox<BlobFetchOutput> _outbox = new();
    private readonly BlobTree _tree;
    private readonly BlobHasher _hasher;
    private int _order;
    private long _askNumber;

    public BlobFetchRig(byte[] content, BlobFetchOptions? options = null, long bytesMax = BlobLimits.BytesMax)
    {
        Content = content;
        _hasher = new BlobHasher(_crypto);
        _tree = TestBlob.Tree(content, _hasher);
        Got = new byte[]?[_tree.Chunks];
        Core = new BlobFetchCore(
            _hasher.Id(content.Length, _tree.Root), bytesMax, options ?? new BlobFetchOptions(), new BlobHasher(_crypto));
    }

    public byte[] Content { get; }

    public BlobFetchCore Core { get; }

    public WeftInstant Now { get; private set; }

    public byte[]?[] Got { get; }

    public Dictionary<PeerId, BlobFault> Dropped { get; } = [];

    public BlobFault? Failed { get; private set; }

    public bool IsDone { get; private set; }

    public int Questions { get; private set; }

    public int PeersWanted { get; private set; }

    public WeftInstant Timer { get; private set; } = WeftInstant.Never;

    /// <summary>Chunks that were asked for, of each peer.</summary>
    public Dictionary<PeerId, int> Asked { get; } = [];

    public PeerId Peer(byte number, BlobManner manner)
    {
        byte[] key = new byte[32];
        key[0] = number;
        PeerId id = PeerId.FromEd25519(key);
        _manners[id] = manner;
        return id;
    }

    public void Change(PeerId peer, BlobManner manner) => _manners[peer] = manner;

    public void Add(PeerId peer)
    {
        Core.AddPeer(peer, Now, _outbox);
        Apply();
    }

    public void Want(int from, int to)
    {
        Core.Want(from, to, Now, _outbox);
        Apply();
    }

    public void NobodyElse()
    {
        Core.OnNoMorePeers(Now, _outbox);
        Apply();
    }

    /// <summary>Runs until it is done, has failed, or the time is over.</summary>
    public void Run(TimeSpan limit)
    {
        WeftInstant end = Now + limit;
        IsDone = false;
        while (!IsDone && Failed is null && Now < end)
        {
            long next = _events.TryPeek(out _, out (long At, int Order) first) ? first.At : long.MaxValue;
            if (Timer.Microseconds <= next && Timer < end)
            {
                Now = Timer > Now ? Timer : Now;
                Timer = WeftInstant.Never;
                Core.OnTimer(Now, _outbox);
                Core.OnTimer(Now, _outbox); // Twice is harmless.
            }
            else if (next < end.Microseconds)
            {
                Now = new WeftInstant(Math.Max(next, Now.Microseconds));
                (PeerId peer, byte[]? message, long ask) = _events.Dequeue();
                if (_asks.GetValueOrDefault(peer) != ask)
                {
                    continue; // The stream was closed, or the answer is another's.
                }

                if (message is null)
                {
                    Core.OnGone(peer, Now, _outbox);
                }
                else
                {
                    Core.OnMessage(peer, message, Now, _outbox);
                }
            }
            else
            {
                Now = end;
            }

            Apply();
        }
    }

    private void Apply()
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            BlobFetchOutput output = _outbox[i];
            switch (output.Kind)
            {
                case BlobFetchOutputKind.Ask:
                    Questions++;
                    Asked[output.Peer] = Asked.GetValueOrDefault(output.Peer) + output.Count;
                    Answer(output.Peer, output.From, output.Count);
                    break;
                case BlobFetchOutputKind.Drop:
                    Dropped[output.Peer] = output.Fault;
                    _asks.Remove(output.Peer);
                    break;
                case BlobFetchOutputKind.Head:
                    Core.OnReady(Now, _outbox);
                    break;
                case BlobFetchOutputKind.Chunk:
                    Assert.Null(Got[output.From]); // Never the same twice.
                    Assert.True(output.Data.Span.SequenceEqual(TestBlob.Chunk(Content, output.From)));
                    Got[output.From] = output.Data.ToArray();
                    break;
                case BlobFetchOutputKind.Done:
                    IsDone = true;
                    break;
                case BlobFetchOutputKind.Failed:
                    Failed = output.Fault;
                    break;
                case BlobFetchOutputKind.WantPeers:
                    PeersWanted++;
                    break;
                case BlobFetchOutputKind.StartTimer:
                    Timer = output.Due;
                    break;
            }
        }

        _outbox.Clear();
    }

    private void Answer(PeerId peer, int from, int count)
    {
        long ask = ++_askNumber;
        _asks[peer] = ask;
        BlobManner manner = _manners[peer];
        long at = Now.Microseconds + (long)Step.TotalMicroseconds;
        void Send(byte[]? message)
        {
            _events.Enqueue((peer, message, ask), (at, _order++));
            at += (long)(manner == BlobManner.Trickling ? TimeSpan.FromSeconds(4) : Step).TotalMicroseconds;
        }

        switch (manner)
        {
            case BlobManner.Absent:
                Send([(byte)BlobMessageKind.Absent]);
                return;
            case BlobManner.Silent:
                return;
            case BlobManner.Garbage:
                Send([99, 1, 2, 3]);
                return;
            case BlobManner.Busy when _given.GetValueOrDefault(peer) == 0:
                _given[peer] = 1;
                Send(Message(target => BlobCodec.WriteBusy(target, TimeSpan.FromSeconds(1))));
                return;
            case BlobManner.WrongRoot:
                Send(Message(target => BlobCodec.WriteHead(target, Content.Length, new byte[32])));
                return;
            case BlobManner.WrongSize:
                Send(Message(target => BlobCodec.WriteHead(target, BlobLimits.BytesMax, _tree.Root)));
                return;
        }

        Send(Message(target => BlobCodec.WriteHead(target, Content.Length, _tree.Root)));
        if (manner == BlobManner.HeadTwice)
        {
            Send(Message(target => BlobCodec.WriteHead(target, Content.Length, _tree.Root)));
        }

        Give(peer, manner, from, Math.Min(_tree.Chunks, from + count), Send);
    }

    private void Give(PeerId peer, BlobManner manner, int from, int to, Action<byte[]?> send)
    {
        var walk = new BlobWalk(_tree.Chunks, from, to);
        for (int chunk = from; chunk < to; chunk++)
        {
            if (manner == BlobManner.Breaking && _given.GetValueOrDefault(peer) % 3 == 2)
            {
                _given[peer] = _given.GetValueOrDefault(peer) + 1;
                send(null);
                return;
            }

            byte[] data = TestBlob.Chunk(Content, chunk).ToArray();
            var target = new ArrayBufferWriter<byte>();
            BlobCodec.TryWriteChunk(target, _tree, ref walk, data);
            byte[] message = Unframed(target);
            if (manner == BlobManner.WrongChunk && _given.GetValueOrDefault(peer) == 2)
            {
                message[^1] ^= 1;
            }

            if (manner == BlobManner.WrongParents && message[1] > 0)
            {
                message[10] ^= 1;
            }

            _given[peer] = _given.GetValueOrDefault(peer) + 1;
            send(message);
            if (manner == BlobManner.Endless && chunk == to - 1)
            {
                send([.. message]);
                send([.. message]);
            }
        }
    }

    private static byte[] Message(Action<IBufferWriter<byte>> write)
    {
        var target = new ArrayBufferWriter<byte>();
        write(target);
        return Unframed(target);
    }

    private static byte[] Unframed(ArrayBufferWriter<byte> target)
    {
        Assert.Equal(
            OperationStatus.Done,
            BlobCodec.ReadFrame(target.WrittenSpan, BlobLimits.FrameBytesMax, out int start, out int length));
        return target.WrittenSpan.Slice(start, length).ToArray();
    }
}
