using System.Buffers;
using Weft.Log.Replication;
using Weft.Log.Tree;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Log;

/// <summary>
/// One log and the peers it replicates with: tells them what is here, answers what they ask, asks them for what is
/// wanted,
/// and believes only what verifies. Pure; one caller at a time.
/// </summary>
/// <remarks>
/// A peer is a hypercore channel that is open on both sides and whose capability was checked. What a peer sends never
/// throws and never holds more memory than the options say. Source: docs/spec/log.md, section 8.
/// </remarks>
/// <param name="log">The log.</param>
/// <param name="options">Its bounds.</param>
public sealed partial class ReplicationCore(LogCore log, ReplicationOptions options)
{
    private const long RegionLength = 1L << 21;
    private const int LastBlocks = 256;
    private const int PageWords = LogBitfield.PageBits / 32;

    private readonly SortedDictionary<int, ReplicationPeer> _peers = [];
    private readonly SortedDictionary<long, Download> _downloads = [];
    private readonly SortedSet<long> _gets = [];
    private readonly HashSet<long> _asked = [];
    private LogReorg? _reorg;
    private int _reorgPeer = -1;
    private int _upgradePeer = -1;
    private long _downloadLast;
    private long _announcedLength = log.Published.Length;
    private long _announcedFork = log.Published.Fork;
    private readonly long _openedLength = log.Length;
    private WeftInstant? _recoveredAt;
    private bool _isTimed;

    /// <summary>The log.</summary>
    public LogCore Log => log;

    /// <summary>Peers that are connected.</summary>
    public int PeerCount => _peers.Count;

    /// <summary>
    /// Whether a peer claims a longer log, or a higher fork, than is here and durable; null when none has said
    /// anything.
    /// </summary>
    public bool? IsBehind
    {
        get
        {
            bool? isBehind = null;
            LogHead head = log.Published;
            foreach (ReplicationPeer peer in _peers.Values)
            {
                if (peer.Remote is SyncMessage remote)
                {
                    isBehind = isBehind == true || remote.Fork > head.Fork
                        || (remote.Fork == head.Fork && remote.Length > head.Length);
                }
            }

            return isBehind;
        }
    }

    /// <summary>A peer's channel is open on both sides, and it has shown that it knows the log's key.</summary>
    /// <param name="peer">A number that the driver chose.</param>
    /// <param name="now">Now.</param>
    /// <param name="outbox">Takes what to do.</param>
    public void OnPeerOpened(int peer, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (_peers.Count >= options.PeersMax || _peers.ContainsKey(peer) || log.Evidence is not null)
        {
            string reason = log.Evidence is not null ? "the log has stopped" : "too many peers";
            outbox.Add(new ReplicationOutput(ReplicationOutputKind.Drop, peer, Reason: reason));
            return;
        }

        var opened = new ReplicationPeer(peer, options) { HeardAt = now };
        _peers.Add(peer, opened);
        SendSync(opened, outbox);
        long contiguous = Math.Min(log.ContiguousLength, log.Published.Length);
        if (contiguous > 0)
        {
            SendRange(opened, 0, contiguous, false, outbox);
            opened.ToldWhole = contiguous == log.Published.Length ? contiguous : 0;
        }
    }

    /// <summary>A peer's channel is gone: what it owed is asked elsewhere.</summary>
    public void OnPeerClosed(int peer, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (_peers.TryGetValue(peer, out ReplicationPeer? gone))
        {
            Forget(gone);
            Pump(now, outbox);
        }
    }

    /// <summary>The connection took bytes of messages to a peer.</summary>
    public void OnSent(int peer, int bytes, Outbox<ReplicationOutput> outbox)
    {
        if (_peers.TryGetValue(peer, out ReplicationPeer? sent))
        {
            sent.UnsentBytes = Math.Max(0, sent.UnsentBytes - bytes);
            Serve(sent, outbox);
        }
    }

    /// <summary>
    /// The log changed here and the change is durable (<see cref="LogCore.OnDurable"/> was called): peers are told.
    /// </summary>
    public void OnPublished(WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        LogHead head = log.Published;
        if (head.Fork != _announcedFork)
        {
            long kept = Math.Min(_announcedLength, head.Length);
            foreach (ReplicationPeer peer in _peers.Values)
            {
                if (_announcedLength > kept)
                {
                    SendRange(peer, kept, _announcedLength - kept, true, outbox);
                }

                peer.ToldWhole = 0;
            }

            _announcedFork = head.Fork;
            _announcedLength = kept;
        }

        // A writer has all it appended; a reader that only learned of a new length has none of it yet.
        long start = log.Bits.FirstSet(_announcedLength, head.Length);
        long end = start < 0 ? start : Math.Min(log.Bits.FirstUnset(start), head.Length);
        _announcedLength = Math.Max(_announcedLength, head.Length);
        foreach (ReplicationPeer peer in _peers.Values)
        {
            if (start >= 0 && head.Fork == log.Fork)
            {
                Announce(peer, start, end - start, outbox);
            }

            SyncIfNew(peer, outbox);
        }

        Pump(now, outbox);
    }

    /// <summary>Blocks were cleared here: peers are told not to ask for them.</summary>
    public void OnCleared(long start, long end, Outbox<ReplicationOutput> outbox)
    {
        LookAgain();
        foreach (ReplicationPeer peer in _peers.Values)
        {
            SendRange(peer, start, end - start, true, outbox);
            peer.ToldWhole = 0;
        }
    }

    /// <summary>Wants a range of blocks.</summary>
    /// <param name="start">The first block.</param>
    /// <param name="end">The block after the last; null for all there are and will be.</param>
    /// <param name="now">Now.</param>
    /// <param name="outbox">Takes what to do.</param>
    /// <returns>A number for <see cref="Cancel"/> and Done; 0 when there are too many.</returns>
    public long DownloadRange(long start, long? end, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (_downloads.Count >= options.DownloadsMax || start < 0 || end < start)
        {
            return 0;
        }

        _downloads.Add(++_downloadLast, new Download(start, end));
        FinishDownloads(outbox);
        Pump(now, outbox);
        return _downloadLast;
    }

    /// <summary>Wants one block; Stored says when it is here.</summary>
    /// <returns>False when it is here already, or too many are waited for.</returns>
    public bool Want(long index, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (index < 0 || log.Bits[index] || _gets.Count >= options.DownloadsMax)
        {
            return false;
        }

        _gets.Add(index);
        Pump(now, outbox);
        return true;
    }

    /// <summary>Wants a range no longer; what is under way for it may still come.</summary>
    public void Cancel(long download)
    {
        _downloads.Remove(download);
        foreach (ReplicationPeer peer in _peers.Values)
        {
            peer.Looked.Remove(download);
        }
    }

    /// <summary>Wants one block no longer: its request is cancelled.</summary>
    public void Unwant(long index, Outbox<ReplicationOutput> outbox)
    {
        if (!_gets.Remove(index) || !_asked.Contains(index))
        {
            return;
        }

        LookAgain();

        foreach (ReplicationPeer peer in _peers.Values)
        {
            foreach ((long id, Ask ask) in peer.Asks)
            {
                if (ask.Kind == AskKind.Block && ask.Request.Block?.Index == index)
                {
                    peer.Asks.Remove(id);
                    peer.StopExpecting(ask.Brings);
                    peer.Cancelled.Add(id);
                    _asked.Remove(index);
                    Send(peer, LogMessageKind.Cancel, target => LogCodec.WriteCancel(target, id), outbox);
                    return;
                }
            }
        }
    }

    /// <summary>A timer fell due: peers that owe answers and are silent are dropped.</summary>
    public void OnTimer(WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        _isTimed = false;
        foreach (ReplicationPeer peer in _peers.Values.ToArray())
        {
            if (peer.Asks.Count > 0 && now - peer.HeardAt >= options.AnswerTimeout)
            {
                Drop(peer, "it owes answers and is silent", outbox);
            }
        }

        Pump(now, outbox);
    }

    private void Drop(ReplicationPeer peer, string reason, Outbox<ReplicationOutput> outbox)
    {
        Forget(peer);
        outbox.Add(new ReplicationOutput(ReplicationOutputKind.Drop, peer.Number, Reason: reason));
    }

    /// <summary>
    /// Something that was asked for will not come, or more may be had: every peer is gone through from the start again.
    /// </summary>
    private void LookAgain()
    {
        foreach (ReplicationPeer peer in _peers.Values)
        {
            peer.Looked.Clear();
        }
    }

    private void Forget(ReplicationPeer peer)
    {
        _peers.Remove(peer.Number);
        LookAgain();
        foreach (Ask ask in peer.Asks.Values)
        {
            if (ask.Request.Block is NodeRequest block)
            {
                _asked.Remove(block.Index);
            }
        }

        _upgradePeer = _upgradePeer == peer.Number ? -1 : _upgradePeer;
        if (_reorgPeer == peer.Number)
        {
            _reorg = null;
            _reorgPeer = -1;
        }
    }

    private void FinishDownloads(Outbox<ReplicationOutput> outbox)
    {
        foreach ((long number, Download download) in _downloads.ToArray())
        {
            download.Next = log.Bits.FirstUnset(download.Next);
            if (download.End is long end && download.Next >= end)
            {
                Cancel(number);
                outbox.Add(new ReplicationOutput(ReplicationOutputKind.Done, Index: number));
            }
        }
    }

    private static void Send(
        ReplicationPeer peer, LogMessageKind kind, Action<ArrayBufferWriter<byte>> write,
        Outbox<ReplicationOutput> outbox, int bytes = 64)
    {
        var target = new ArrayBufferWriter<byte>(bytes);
        write(target);
        peer.UnsentBytes += target.WrittenCount;
        outbox.Add(new ReplicationOutput(
            ReplicationOutputKind.Send, peer.Number, (int)kind, target.WrittenMemory));
    }

    /// <summary>A range that is wanted.</summary>
    private sealed class Download(long start, long? end)
    {
        public long? End { get; } = end;

        /// <summary>The first block of it that may be missing.</summary>
        public long Next { get; set; } = start;
    }
}
