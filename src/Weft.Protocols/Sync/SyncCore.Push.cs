using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Sync;

/// <content>Sending what a comparison found the peer to lack: range by range, under the same credit as changes.</content>
public sealed partial class SyncCore
{
    private readonly Queue<PushRange> _pushes = new();
    private long _pushTicket;
    private readonly List<FieldWrite> _pushed = []; // Read, and not sent yet.
    private int _pushedBytes;
    private SyncKey _pushFrom;

    /// <summary>Ranges that wait to be sent.</summary>
    public int PushesWaiting => _pushes.Count;

    /// <summary>Answers <see cref="SyncOutputKind.ReadRange"/>.</summary>
    /// <param name="ticket">Which.</param>
    /// <param name="writes">The fields from there on, in order.</param>
    /// <param name="next">Where to go on; null when the range has been read to its end.</param>
    /// <param name="now">Time.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnRange(
        long ticket, IReadOnlyList<FieldWrite> writes, SyncKey? next, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(writes);
        if (IsClosed || ticket != _pushTicket || ticket == 0)
        {
            return;
        }

        _pushTicket = 0;
        PushRange range = _pushes.Peek();
        foreach (FieldWrite write in writes)
        {
            if (range.Ids.Contains(IdOf(write)) && IsWanted(write.Soul))
            {
                _pushed.Add(write);
                _pushedBytes += SyncCodec.SizeOf(write);
            }
        }

        _pushFrom = next ?? default;
        if (next is null)
        {
            _pushes.Dequeue();
        }

        // Ranges are small; what several of them lack travels together.
        if (_pushed.Count > 0
            && (_pushes.Count == 0 || _pushedBytes >= _options.ChunkBytes || _pushed.Count >= _options.FieldsMax))
        {
            SendChanges(-1, [.. _pushed], outbox);
            _pushed.Clear();
            _pushedBytes = 0;
        }

        if (_isPaused && _pushes.Count <= _options.PushesMax / 4)
        {
            _isPaused = false;
            GoOn(now, outbox);
        }

        Pump(outbox);
    }

    /// <summary>
    /// Sends the peer some fields of a range, and asks it for others: what an audit has found to differ. As with a
    /// comparison, nobody says when all of it has come.
    /// </summary>
    /// <param name="prefix">The range lies under it.</param>
    /// <param name="from">Where the range begins.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="give">The fields of this side to send, if the peer wants their souls at all.</param>
    /// <param name="take">The fields of the peer to ask for: at most <see cref="SyncOptions.CompareMax"/>.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    /// <returns>False when nothing was done: not connected yet, or too much waits to be sent. Try again later.</returns>
    public bool Exchange(
        string prefix, SyncKey from, SyncKey to, IReadOnlyCollection<UInt128> give, IReadOnlyCollection<UInt128> take,
        Outbox<SyncOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(give);
        ArgumentNullException.ThrowIfNull(take);
        if (IsClosed || _theirPrefixes is null || _pushes.Count >= _options.PushesMax / 2)
        {
            return false;
        }

        if (take.Count > 0)
        {
            Send(new SyncWant(prefix, from, to, [.. take]), outbox);
        }

        if (give.Count > 0)
        {
            _pushes.Enqueue(new PushRange(prefix, from, to, [.. give]));
            Pump(outbox);
        }

        return true;
    }

    private void OnWant(SyncWant want, Outbox<SyncOutput> outbox)
    {
        if (_pushes.Count >= _options.PushesMax)
        {
            Close(WeftError.TooManyRequests, outbox); // An honest side waits for its turn, and cannot come so far.
        }
        else if (want.Ids.Count > 0 && want.From < want.To)
        {
            _pushes.Enqueue(new PushRange(want.Prefix, want.From, want.To, [.. want.Ids]));
            Pump(outbox);
        }
    }

    private void PushNext(Outbox<SyncOutput> outbox)
    {
        if (_pushes.TryPeek(out PushRange? range))
        {
            _pushTicket = ++_ticket;
            SyncKey from = _pushFrom == default ? range.From : _pushFrom;
            outbox.Add(new(
                SyncOutputKind.ReadRange, Ticket: _pushTicket, Prefix: range.Prefix, From: from, To: range.To,
                Bytes: _options.ChunkBytes));
        }
    }

    private void AnnounceSent(Outbox<SyncOutput> outbox)
    {
        if (_isCompared && !_isSentAnnounced && _pushes.Count == 0)
        {
            _isSentAnnounced = true;
            HasOurs = true;
            Send(new SyncCompared(IsSent: true), outbox);
            outbox.Add(new(SyncOutputKind.Progress));
        }
    }

    private sealed record PushRange(string Prefix, SyncKey From, SyncKey To, HashSet<UInt128> Ids);
}
