using System.Buffers;
using Weft.Log.Replication;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Log;

/// <content>What peers send.</content>
public sealed partial class ReplicationCore
{
    /// <summary>Takes a message of a peer.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="type">Its type in the hypercore channel; unknown ones are ignored.</param>
    /// <param name="body">Its body.</param>
    /// <param name="now">Now.</param>
    /// <param name="outbox">Takes what to do.</param>
    public void OnMessage(
        int peer, int type, ReadOnlySpan<byte> body, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (!_peers.TryGetValue(peer, out ReplicationPeer? from))
        {
            return;
        }

        bool isRead = true;
        switch ((LogMessageKind)type)
        {
            case LogMessageKind.Sync when isRead = LogCodec.TryRead(body, out SyncMessage sync):
                OnSync(from, sync, now, outbox);
                break;
            case LogMessageKind.Request:
                isRead = OnRequest(from, LogCodec.ReadRequest(body), outbox);
                break;
            case LogMessageKind.Cancel when isRead = LogCodec.TryReadCancel(body, out long request):
                OnCancel(from, request);
                break;
            case LogMessageKind.Data:
                isRead = OnData(from, LogCodec.ReadProof(body), now, outbox);
                break;
            case LogMessageKind.NoData when isRead = LogCodec.TryRead(body, out NoDataMessage none):
                OnNoData(from, none, now, outbox);
                break;
            case LogMessageKind.Want when isRead = LogCodec.TryRead(body, out WantMessage want):
                OnWant(from, want, outbox);
                break;
            case LogMessageKind.Unwant when isRead = LogCodec.TryRead(body, out WantMessage unwant):
                from.Wants.Remove((unwant.Start, unwant.Length));
                break;
            case LogMessageKind.Bitfield
                when isRead = LogCodec.TryReadBitfield(body, out long start, out ReadOnlySpan<byte> words):
                from.Have.AddWords(start, words);
                from.Looked.Clear();
                Pump(now, outbox);
                break;
            case LogMessageKind.Range when isRead = LogCodec.TryRead(body, out RangeMessage range):
                OnRange(from, range, now, outbox);
                break;
        }

        if (!isRead)
        {
            Drop(from, "a message that cannot be read", outbox);
            Pump(now, outbox);
        }
    }

    private void OnSync(ReplicationPeer peer, SyncMessage sync, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        peer.LengthAtFirst = peer.Remote is null ? sync.Length : peer.LengthAtFirst;
        peer.Remote = sync;
        SyncIfNew(peer, outbox);
        Pump(now, outbox);
    }

    private void OnRange(ReplicationPeer peer, RangeMessage range, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (range.Drop)
        {
            peer.Have.Drop(range.Start, range.Length);
            return;
        }

        peer.Have.Add(range.Start, range.Length);
        peer.Looked.Clear();
        Pump(now, outbox);
    }

    private void OnWant(ReplicationPeer peer, WantMessage want, Outbox<ReplicationOutput> outbox)
    {
        if (peer.Wants.Count >= options.WantsMax)
        {
            peer.WantsAll = true;
        }
        else
        {
            peer.Wants.Add((want.Start, want.Length));
        }

        long length = log.Published.Length;
        long end = Math.Min(want.Start + Math.Min(want.Length, RegionLength), length);
        long contiguous = Math.Min(log.ContiguousLength, length);
        if (contiguous >= end)
        {
            if (contiguous > want.Start)
            {
                SendRange(peer, 0, contiguous, false, outbox);
            }

            return;
        }

        uint[] words = new uint[PageWords];
        for (long at = want.Start / 32 * 32; at < end; at += LogBitfield.PageBits)
        {
            log.Bits.CopyWords(at, words);
            int count = (int)Math.Min(PageWords, (end - at + 31) / 32);
            if (words.AsSpan(0, count).ContainsAnyExcept(0u))
            {
                long start = at;
                Send(peer, LogMessageKind.Bitfield,
                    target => LogCodec.WriteBitfield(target, start, words.AsSpan(0, count)), outbox);
            }
        }
    }

    private bool OnRequest(ReplicationPeer peer, LogRequest? request, Outbox<ReplicationOutput> outbox)
    {
        if (request is null || peer.Waiting.Count >= options.ServeQueueMax)
        {
            return false; // The reference keeps 512 under way at most; more than our bound is no honest peer.
        }

        peer.CancelledByPeer.Remove(request.Id);
        peer.Waiting.Enqueue(request);
        Serve(peer, outbox);
        return true;
    }

    private static void OnCancel(ReplicationPeer peer, long request)
    {
        if (peer.Waiting.Any(waiting => waiting.Id == request))
        {
            peer.CancelledByPeer.Add(request); // At most as many as wait.
        }
    }

    /// <summary>Answers in order, as long as the connection takes what was sent before.</summary>
    private void Serve(ReplicationPeer peer, Outbox<ReplicationOutput> outbox)
    {
        while (peer.UnsentBytes < options.UnsentBytesMax && peer.Waiting.TryDequeue(out LogRequest? request))
        {
            if (peer.CancelledByPeer.Remove(request.Id))
            {
                continue;
            }

            if (log.Prove(request) is LogProof proof)
            {
                int bytes = 1_024 + (proof.Block?.Value.Length ?? 0) + (40 * (proof.Block?.Nodes.Count ?? 0));
                Send(peer, LogMessageKind.Data, target => LogCodec.Write(target, proof), outbox, bytes);
                continue;
            }

            bool isHonest = log.Lacks(request);
            var none = new NoDataMessage(request.Id, isHonest ? NoDataReason.NotAvailable : NoDataReason.Invalid);
            Send(peer, LogMessageKind.NoData, target => LogCodec.Write(target, none), outbox);
            if (!isHonest && ++peer.InvalidRequests >= options.InvalidRequestsMax)
            {
                Drop(peer, "it asks for what cannot be proven", outbox);
                return;
            }
        }
    }

    private void OnNoData(ReplicationPeer peer, NoDataMessage none, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (!TakeAsk(peer, none.Request, now, out Ask ask))
        {
            return;
        }

        LookAgain();
        if (ask.Request.Block is NodeRequest block)
        {
            peer.Have.Drop(block.Index, 1); // Or it would be asked for the same block for ever.
        }

        if (ask.Kind is AskKind.Fork or AskKind.ForkHash)
        {
            _reorg = null;
            _reorgPeer = -1;
        }

        if (ask.Kind != AskKind.Block)
        {
            CountBad(peer, outbox);
        }

        Pump(now, outbox);
    }

    private bool TakeAsk(ReplicationPeer peer, long id, WeftInstant now, out Ask ask)
    {
        if (peer.Cancelled.Remove(id))
        {
            peer.FreeId(id);
        }

        if (!peer.Asks.Remove(id, out ask))
        {
            return false;
        }

        peer.HeardAt = now;
        peer.FreeId(id);
        peer.StopExpecting(ask.Brings);
        if (ask.Request.Block is NodeRequest block)
        {
            _asked.Remove(block.Index);
        }

        if (ask.Kind == AskKind.Upgrade)
        {
            _upgradePeer = -1;
        }

        return true;
    }

    private bool OnData(ReplicationPeer peer, LogProof? proof, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (proof is null)
        {
            return false;
        }

        if (proof.Request == 0)
        {
            OnUnasked(peer, proof, now, outbox);
            return true;
        }

        if (!TakeAsk(peer, proof.Request, now, out Ask ask))
        {
            return true;
        }

        bool answers = Answers(proof, ask.Request);
        if (!answers && ask.Kind is AskKind.Fork or AskKind.ForkHash)
        {
            _reorg = null;
            _reorgPeer = -1;
        }

        LogVerdict verdict = !answers ? LogVerdict.Malformed : ask.Kind switch
        {
            AskKind.Fork => OnFork(peer, proof, now, outbox),
            AskKind.ForkHash => OnForkHash(peer, proof, now, outbox),
            _ => OnProof(proof, outbox),
        };
        if (verdict != LogVerdict.Accepted)
        {
            LookAgain();
        }

        if (verdict == LogVerdict.Unproven && ask.IsHopeful)
        {
            peer.AnswersOutOfOrder = true; // What this answer leant on did not come first; it is asked again, in full.
            verdict = LogVerdict.Stale;
        }

        if (verdict is not (LogVerdict.Accepted or LogVerdict.Stale))
        {
            Refuse(peer, verdict, outbox);
        }

        Pump(now, outbox);
        return true;
    }

    /// <summary>True when an answer has the parts that were asked for, and no others.</summary>
    private static bool Answers(LogProof proof, LogRequest request) =>
        proof.Fork == request.Fork
        && proof.Block?.Index == request.Block?.Index
        && proof.Hash?.Index == request.Hash?.Index
        && proof.Upgrade?.Start == request.Upgrade?.Start
        && proof.Upgrade?.Length == request.Upgrade?.Length
        && (proof.Seek is null || request.Seek is not null);

    private LogVerdict OnProof(LogProof proof, Outbox<ReplicationOutput> outbox)
    {
        LogVerdict verdict = log.Accept(proof);
        if (verdict != LogVerdict.Accepted)
        {
            return verdict;
        }

        if (proof.Upgrade is not null)
        {
            outbox.Add(new ReplicationOutput(ReplicationOutputKind.Grew, Index: log.Length));
        }

        if (proof.Block is BlockProof block)
        {
            _gets.Remove(block.Index);
            outbox.Add(new ReplicationOutput(ReplicationOutputKind.Stored, Index: block.Index));
            foreach (ReplicationPeer other in _peers.Values)
            {
                Announce(other, block.Index, 1, outbox);
            }

            FinishDownloads(outbox);
        }

        return verdict;
    }

    private LogVerdict OnFork(ReplicationPeer peer, LogProof proof, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        LogVerdict verdict = log.BeginReorg(proof, out _reorg);
        if (verdict == LogVerdict.Accepted)
        {
            ContinueReorg(peer, now, outbox);
            return verdict;
        }

        _reorgPeer = -1;
        return verdict;
    }

    private LogVerdict OnForkHash(
        ReplicationPeer peer, LogProof proof, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        if (_reorg is null || _reorgPeer != peer.Number)
        {
            return LogVerdict.Stale;
        }

        if (!_reorg.TryTake(proof))
        {
            _reorg = null;
            _reorgPeer = -1;
            return LogVerdict.WrongHash;
        }

        ContinueReorg(peer, now, outbox);
        return LogVerdict.Accepted;
    }

    /// <summary>
    /// Data nobody asked for by number: the proof that was asked for after a bad answer, or a contradiction.
    /// </summary>
    private void OnUnasked(ReplicationPeer peer, LogProof proof, WeftInstant now, Outbox<ReplicationOutput> outbox)
    {
        switch (log.CheckConflict(proof))
        {
            case LogVerdict.Conflict:
                outbox.Add(new ReplicationOutput(ReplicationOutputKind.Conflict, peer.Number));
                ReadOnlyMemory<byte> own = log.Evidence!.Own;
                ReadOnlyMemory<byte> other = log.Evidence.Other;
                foreach (ReplicationPeer told in _peers.Values.ToArray())
                {
                    ReadOnlyMemory<byte> proofFor = told == peer ? own : other;
                    Send(told, LogMessageKind.Data, target => target.Write(proofFor.Span), outbox);
                    Drop(told, "the log contradicts itself", outbox);
                }

                break;
            case LogVerdict.Accepted when peer.IsPaused:
                peer.IsPaused = false; // It agrees with us after all; bad answers are counted nevertheless.
                Pump(now, outbox);
                break;
        }
    }

    private void Refuse(ReplicationPeer peer, LogVerdict verdict, Outbox<ReplicationOutput> outbox)
    {
        outbox.Add(new ReplicationOutput(ReplicationOutputKind.Refused, peer.Number, Verdict: verdict));
        peer.IsPaused = true;
        CountBad(peer, outbox);
        long length = Math.Min(log.Length, peer.Remote?.Length ?? 0);
        if (length > 0 && verdict is LogVerdict.WrongHash or LogVerdict.WrongSignature or LogVerdict.Unproven
            && _peers.ContainsKey(peer.Number))
        {
            // A contradiction looks like this from here: the whole tree up to a common length tells.
            var request = new LogRequest { Fork = log.Fork, Upgrade = new UpgradeRequest(0, length) };
            Send(peer, LogMessageKind.Request, target => LogCodec.Write(target, request), outbox);
        }
    }

    private void CountBad(ReplicationPeer peer, Outbox<ReplicationOutput> outbox)
    {
        if (++peer.BadAnswers >= options.BadAnswersMax && _peers.ContainsKey(peer.Number))
        {
            Drop(peer, "its answers do not hold", outbox);
        }
    }
}
