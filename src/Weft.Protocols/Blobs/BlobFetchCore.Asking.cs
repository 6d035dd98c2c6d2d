using Weft.Primitives;

namespace Weft.Protocols.Blobs;

/// <content>Who is asked for what.</content>
public sealed partial class BlobFetchCore
{
    /// <summary>Brings everything in order after a change: asks whom it can, and says what else is to be done.</summary>
    private void Settle(WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        if (_isOver)
        {
            return;
        }

        if (Tree is not null && _missing == 0)
        {
            outbox.Add(new(BlobFetchOutputKind.Done));
            return;
        }

        int active = _peers.Count(peer => peer.State == BlobPeerState.Asked);
        foreach (BlobFetchPeer peer in _peers)
        {
            if (active >= _options.ActiveMax)
            {
                break;
            }

            if (peer.State == BlobPeerState.Idle && TryAsk(peer, now, outbox))
            {
                active++;
            }
        }

        if (!_wantsPeers && !_peers.Exists(static peer => peer.State != BlobPeerState.Dropped))
        {
            _wantsPeers = true;
            outbox.Add(new(BlobFetchOutputKind.WantPeers));
        }

        StartTimer(now, outbox);
    }

    private bool TryAsk(BlobFetchPeer peer, WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        int from = 0;
        int to = 0; // Who is not known to have it is asked for nothing but that.
        if (peer.HasBlob
            && (!_isReady || (!TryFindOpen(out from, out to) && !TryFindLate(now, out from, out to))))
        {
            return false;
        }

        for (int chunk = from; chunk < to; chunk++)
        {
            _chunks[chunk] |= (_chunks[chunk] & ChunkState.Asked) == 0 ? ChunkState.Asked : ChunkState.AskedTwice;
        }

        peer.State = BlobPeerState.Asked;
        peer.From = from;
        peer.To = to;
        peer.Answer = null;
        peer.AskedAt = now;
        peer.LastAt = now;
        outbox.Add(new(BlobFetchOutputKind.Ask, peer.Id, from, to - from));
        return true;
    }

    /// <summary>Finds chunks that nobody was asked for: where somebody reads first, then from the start.</summary>
    private bool TryFindOpen(out int from, out int to)
    {
        for (from = _prefer; from < _chunks.Length; from++)
        {
            if (IsOpen(from))
            {
                to = EndOf(from, static state => (state & ~ChunkState.Wanted) == 0);
                return true;
            }
        }

        for (from = _cursor; from < _chunks.Length; from++)
        {
            if (IsOpen(from))
            {
                _cursor = from;
                to = EndOf(from, static state => (state & ~ChunkState.Wanted) == 0);
                return true;
            }
        }

        _cursor = _chunks.Length;
        to = from;
        return false;
    }

    private bool IsOpen(int chunk) => _chunks[chunk] == ChunkState.Wanted;

    /// <summary>Finds chunks that a peer owes for too long, and that no second one was asked for.</summary>
    private bool TryFindLate(WeftInstant now, out int from, out int to)
    {
        foreach (BlobFetchPeer late in _peers)
        {
            if (late.State != BlobPeerState.Asked || now - late.AskedAt < _options.StealAfter)
            {
                continue;
            }

            for (from = late.From; from < late.To; from++)
            {
                if (_chunks[from] == (ChunkState.Wanted | ChunkState.Asked))
                {
                    to = Math.Min(
                        late.To, EndOf(from, static state => state == (ChunkState.Wanted | ChunkState.Asked)));
                    return true;
                }
            }
        }

        (from, to) = (0, 0);
        return false;
    }

    private int EndOf(int from, Func<ChunkState, bool> fits)
    {
        int end = Math.Min(_chunks.Length, from + Math.Clamp(_options.AskChunks, 1, BlobLimits.AskChunksMax));
        int to = from + 1;
        while (to < end && (_chunks[to] & ChunkState.Wanted) != 0 && fits(_chunks[to]))
        {
            to++;
        }

        return to;
    }

    /// <summary>What a peer was asked for, and has not given, may be asked of others.</summary>
    private void Release(BlobFetchPeer peer)
    {
        if (peer.State == BlobPeerState.Asked)
        {
            for (int chunk = peer.From; chunk < peer.To; chunk++)
            {
                _chunks[chunk] &= (_chunks[chunk] & ChunkState.AskedTwice) != 0
                    ? ~ChunkState.AskedTwice
                    : ~ChunkState.Asked;
            }

            _cursor = Math.Min(_cursor, peer.From);
        }

        peer.Answer = null;
        peer.From = 0;
        peer.To = 0;
    }

    private void StartTimer(WeftInstant now, Outbox<BlobFetchOutput> outbox)
    {
        WeftInstant due = WeftInstant.Never;
        bool hasIdle = _peers.Exists(static peer => peer.State == BlobPeerState.Idle && peer.HasBlob);
        foreach (BlobFetchPeer peer in _peers)
        {
            WeftInstant own = WeftInstant.Never;
            if (peer.State == BlobPeerState.Waiting)
            {
                own = peer.Due;
            }
            else if (peer.State == BlobPeerState.Asked)
            {
                own = Earlier(peer.LastAt + _options.MessageDeadline, peer.AskedAt + _options.AskDeadline);
                WeftInstant steal = peer.AskedAt + _options.StealAfter;
                own = hasIdle && steal > now ? Earlier(own, steal) : own;
            }

            due = Earlier(due, own);
        }

        if (due < _timer)
        {
            _timer = due;
            outbox.Add(new(BlobFetchOutputKind.StartTimer, Due: due));
        }
    }

    private static WeftInstant Earlier(WeftInstant left, WeftInstant right) => left < right ? left : right;
}
