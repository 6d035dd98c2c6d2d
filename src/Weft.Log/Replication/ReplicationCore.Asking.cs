using Weft.Log.Replication;
using Weft.Log.Tree;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Log;

/// <content>What is asked of peers, and what is told to them.</content>
public sealed partial class ReplicationCore
{
    /// <summary>Asks every peer for what it has and what is wanted, up to the bounds.</summary>
    private void Pump(WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (log.Evidence is not null)
        {
            return;
        }

        foreach (ReplicationPeer peer in _peers.Values)
        {
            if (peer.Remote is not SyncMessage remote || peer.IsPaused || !remote.Uploading)
            {
                continue;
            }

            if (remote.Fork > log.Fork)
            {
                AskFork(peer, remote, now, outbox);
            }
            else if (remote.Fork == log.Fork)
            {
                AskUpgrade(peer, remote, now, outbox);
                AskBlocks(peer, remote, now, outbox);
            }
        }

        CheckRecovery(now, outbox);
        if (!_isTimed && _peers.Values.Any(peer => peer.Asks.Count > 0))
        {
            _isTimed = true;
            outbox.Add(new ReplicationOutput(
                ReplicationOutputKind.StartTimer, Due: now + (options.AnswerTimeout / 2)));
        }
    }

    /// <summary>
    /// A log from a backup may lack what it signed and showed before. It appends only after peers who had at least as
    /// much agreed for a while that there is no more; what they have more is fetched meanwhile, as by any reader.
    /// </summary>
    private void CheckRecovery(WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (!log.IsRecovering)
        {
            return;
        }

        int agreeing = 0;
        bool isBehind = false;
        foreach (ReplicationPeer peer in _peers.Values)
        {
            if (peer.Remote is SyncMessage remote && !peer.IsPaused)
            {
                bool hasMore = remote.Fork > log.Fork || (remote.Fork == log.Fork && remote.Length > log.Length);
                isBehind |= hasMore;
                agreeing += !hasMore && remote.Fork == log.Fork && peer.LengthAtFirst >= _openedLength ? 1 : 0;
            }
        }

        if (isBehind || agreeing < options.RecoveryPeersMin)
        {
            _recoveredAt = null;
        }
        else if (_recoveredAt is null)
        {
            _recoveredAt = now + options.RecoverySettle;
            outbox.Add(new ReplicationOutput(ReplicationOutputKind.StartTimer, Due: _recoveredAt.Value));
        }
        else if (now >= _recoveredAt)
        {
            log.EndRecovery();
            outbox.Add(new ReplicationOutput(ReplicationOutputKind.Recovered, Index: log.Length));
        }
    }

    private void AskFork(ReplicationPeer peer, SyncMessage remote, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (_reorgPeer >= 0 || remote.Length == 0)
        {
            return;
        }

        _reorgPeer = peer.Number; // One search at a time; another peer gets its turn when this one fails.
        Ask(peer, AskKind.Fork, now, outbox, new LogRequest
        {
            Fork = remote.Fork,
            Upgrade = new UpgradeRequest(0, remote.Length),
            Manifest = log.Manifest is null,
        });
    }

    private void AskUpgrade(ReplicationPeer peer, SyncMessage remote, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        // Only once the peer has said what it can do for our length: it may be sparse and unable to connect to it.
        if (_upgradePeer >= 0 || remote.Length <= log.Length || remote.RemoteLength != log.Length || !remote.CanUpgrade)
        {
            return;
        }

        _upgradePeer = peer.Number;
        Ask(peer, AskKind.Upgrade, now, outbox, new LogRequest
        {
            Fork = log.Fork,
            Upgrade = new UpgradeRequest(log.Length, remote.Length - log.Length),
            Manifest = log.Manifest is null && remote.HasManifest,
        });
    }

    private void AskBlocks(ReplicationPeer peer, SyncMessage remote, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        long end = Math.Min(remote.Length, log.Length);
        WantRegions(peer, remote, end, outbox);
        foreach (long index in _gets)
        {
            if (peer.Asks.Count + peer.Cancelled.Count >= options.InFlightMax || index >= end)
            {
                break;
            }

            if (!_asked.Contains(index) && peer.Have.Has(index))
            {
                AskBlock(peer, index, now, outbox);
            }
        }

        foreach ((long number, Download download) in _downloads)
        {
            long looked = Math.Max(download.Next, peer.Looked.GetValueOrDefault(number));
            long at = looked;
            long last = Math.Min(download.End ?? end, end);
            while (at < last && peer.Asks.Count + peer.Cancelled.Count < options.InFlightMax)
            {
                at = peer.Have.First(log.Bits.FirstUnset(at), last);
                if (at < 0)
                {
                    break;
                }

                if (!log.Bits[at] && !_asked.Contains(at))
                {
                    AskBlock(peer, at, now, outbox);
                }

                looked = ++at;
            }

            peer.Looked[number] = looked;
        }
    }

    private void AskBlock(ReplicationPeer peer, long index, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        _asked.Add(index);
        var brings = new List<long>();
        long nodes = 0;
        long at = 2 * index;
        while (log.LacksNode(at) && (peer.AnswersOutOfOrder || !peer.Coming.ContainsKey(at)))
        {
            brings.Add(at);
            brings.Add(FlatTree.Sibling(at));
            at = FlatTree.Parent(at);
            nodes++;
        }

        peer.Expect(brings);
        var request = new LogRequest { Fork = log.Fork, Block = new NodeRequest(index, nodes) };
        Ask(peer, new Ask(AskKind.Block, request, brings, log.LacksNode(at)), now, outbox);
    }

    private static void Ask(
        ReplicationPeer peer, AskKind kind, WeftInstant now, Outbox<ReplicationOutput> outbox, LogRequest request) =>
        Ask(peer, new Ask(kind, request), now, outbox);

    private static void Ask(ReplicationPeer peer, in Ask ask, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        LogRequest request = ask.Request;
        LogRequest numbered = request with { Id = peer.TakeId() };
        if (peer.Asks.Count == 0)
        {
            peer.HeardAt = now; // Silence counts from the moment an answer is owed.
        }

        peer.Asks.Add(numbered.Id, ask with { Request = numbered });
        Send(peer, LogMessageKind.Request, target => LogCodec.Write(target, numbered), outbox);
    }

    /// <summary>Asks the next question of the search for the common beginning, or ends it.</summary>
    private void ContinueReorg(ReplicationPeer peer, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (_reorg?.Wanted is NodeRequest wanted)
        {
            Ask(peer, AskKind.ForkHash, now, outbox, new LogRequest { Fork = _reorg.Head.Fork, Hash = wanted });
            return;
        }

        LogReorg found = _reorg!;
        _reorg = null;
        _reorgPeer = -1;
        if (log.CommitReorg(found) != LogVerdict.Accepted)
        {
            return;
        }

        LookAgain();
        foreach (Download download in _downloads.Values)
        {
            download.Next = Math.Min(download.Next, found.Ancestors);
        }

        outbox.Add(new ReplicationOutput(ReplicationOutputKind.Forked, Index: found.Ancestors));
    }

    /// <summary>Asks to hear about regions in which blocks are wanted and the peer has gaps.</summary>
    private void WantRegions(ReplicationPeer peer, SyncMessage remote, long end, Outbox<ReplicationOutput> outbox)
    {
        if (peer.Have.Prefix >= remote.Length)
        {
            return;
        }

        foreach (long index in _gets)
        {
            WantRegion(peer, index, end, outbox);
        }

        foreach (Download download in _downloads.Values)
        {
            long last = Math.Min(download.End ?? end, end);
            long at = Math.Max(download.Next, peer.Have.Prefix);
            while (at < last && peer.Wanted.Count < options.WantsMax)
            {
                WantRegion(peer, at, end, outbox);
                at = ((at / RegionLength) + 1) * RegionLength;
            }
        }
    }

    private void WantRegion(ReplicationPeer peer, long index, long end, Outbox<ReplicationOutput> outbox)
    {
        if (index < end && index >= peer.Have.Prefix && peer.Wanted.Count < options.WantsMax
            && peer.Wanted.Add(index / RegionLength))
        {
            var want = new WantMessage(index / RegionLength * RegionLength, RegionLength, false);
            Send(peer, LogMessageKind.Want, target => LogCodec.Write(target, want), outbox);
        }
    }

    private SyncMessage Sync(ReplicationPeer peer)
    {
        LogHead head = log.Published;
        bool isSameFork = peer.Remote is SyncMessage remote && remote.Fork == head.Fork;
        long remoteLength = isSameFork ? peer.Remote!.Value.Length : 0;
        return new SyncMessage(
            head.Fork, head.Length, remoteLength, CanUpgrade(peer, remoteLength), Uploading: true, Downloading: true,
            HasManifest: log.Manifest is not null && !log.IsCompat, AllowPush: false);
    }

    /// <summary>True when this log can show how a tree of the peer's length grew to its own.</summary>
    private bool CanUpgrade(ReplicationPeer peer, long remoteLength)
    {
        if (peer.Remote is not SyncMessage remote)
        {
            return true;
        }

        return remote.Fork == log.Published.Fork
            && (remoteLength == 0 || (remoteLength < log.Published.Length && log.CanShow(remoteLength)));
    }

    private void SendSync(ReplicationPeer peer, Outbox<ReplicationOutput> outbox)
    {
        SyncMessage sync = Sync(peer);
        peer.Told = sync;
        Send(peer, LogMessageKind.Sync, target => LogCodec.Write(target, sync), outbox);
    }

    private void SyncIfNew(ReplicationPeer peer, Outbox<ReplicationOutput> outbox)
    {
        if (peer.Told != Sync(peer))
        {
            SendSync(peer, outbox);
        }
    }

    /// <summary>Tells a peer about new blocks, if it can be of use to it.</summary>
    private void Announce(ReplicationPeer peer, long start, long length, Outbox<ReplicationOutput> outbox)
    {
        long whole = log.Published.Length;
        bool isWhole = log.Fork == log.Published.Fork && log.Bits.FirstUnset(0) >= whole;
        if (isWhole && peer.ToldWhole < whole)
        {
            peer.ToldWhole = whole;
            SendRange(peer, 0, whole, false, outbox); // From now on it need not be told of single blocks.
            return;
        }

        bool isWanted = peer.WantsAll
            || peer.Wants.Any(want => start < want.Start + want.Length && want.Start < start + length);
        bool isRecent = start + LastBlocks >= whole;
        if (!isWhole && (isWanted || isRecent) && !(length == 1 && peer.Have.Has(start)))
        {
            SendRange(peer, start, length, false, outbox);
        }
    }

    private static void SendRange(
        ReplicationPeer peer, long start, long length, bool drop, Outbox<ReplicationOutput> outbox)
    {
        var range = new RangeMessage(drop, start, length);
        Send(peer, LogMessageKind.Range, target => LogCodec.Write(target, range), outbox);
    }
}
