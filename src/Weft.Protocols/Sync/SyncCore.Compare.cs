using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Sync;

/// <content>
/// The comparison: ranges of fields stand for themselves by fingerprints, unequal ones are cut into parts, small ones are
/// listed, and what one side lacks is sent. The opener leads; both sides answer ranges in the same way.
/// </content>
public sealed partial class SyncCore
{
    private readonly List<SyncRange> _out = [];
    private readonly Queue<string> _toCompare = new();
    private SyncRanges? _in;          // Being answered, range by range.
    private int _at;
    private SyncKey _low;
    private SyncKey _outFrom;
    private int _outBytes;
    private long _compareTicket;      // Of the one lookup that is out; 0 for none.
    private bool _isComparing;        // The opener: from the first message to the last.
    private string? _compared;        // The prefix the opener waits about.
    private bool _isCompared;         // Nothing is left to be compared.
    private bool _isSentAnnounced;
    private bool _isPaused;
    private bool _theyHaveSent;
    private WeftInstant _compareDue = WeftInstant.Never;
    private WeftInstant _compareDeadline = WeftInstant.Never;

    /// <summary>True once the peer has what this side had at the start.</summary>
    public bool HasOurs { get; private set; }

    /// <summary>True once this side has what the peer had at the start.</summary>
    public bool HasTheirs { get; private set; }

    /// <summary>Comparisons that ended.</summary>
    public long Comparisons { get; private set; }

    /// <summary>Answers <see cref="SyncOutputKind.Summarize"/>.</summary>
    public void OnSummary(long ticket, RangeSum sum, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (!Takes(ticket))
        {
            return;
        }

        if (_in is null)
        {
            // The opener's first word about a prefix: the whole of it.
            _outFrom = new SyncKey(_compared!, "");
            _out.Add(new(SyncKey.End, sum.Fingerprint(_crypto)));
            SendRanges(_compared!, now, outbox);
            return;
        }

        if (_at >= _in.Ranges.Count)
        {
            Emit(new(_in.Ranges[^1].To, sum.Fingerprint(_crypto))); // What did not fit, as one range.
            FinishAnswer(now, outbox);
            return;
        }

        SyncRange range = _in.Ranges[_at];
        if (range.Fingerprint == sum.Fingerprint(_crypto))
        {
            Skip(range.To);
            Next(now, outbox);
        }
        else if (sum.Count <= _options.ItemsMax)
        {
            LookUp(SyncOutputKind.List, range.To, _options.ItemsMax + 1, outbox);
        }
        else
        {
            LookUp(SyncOutputKind.Split, range.To, _options.Parts, outbox);
        }
    }

    /// <summary>Answers <see cref="SyncOutputKind.List"/>.</summary>
    /// <param name="ticket">Which.</param>
    /// <param name="items">The fields in order.</param>
    /// <param name="now">Time.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnItems(long ticket, IReadOnlyList<RangeItem> items, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (!Takes(ticket) || _in is null)
        {
            return;
        }

        SyncRange range = _in.Ranges[_at];
        if (items.Count > (range.Ids is null ? _options.ItemsMax : _options.CompareMax))
        {
            // More than can be listed or compared at once (some may have come since they were counted): cut it up.
            LookUp(SyncOutputKind.Split, range.To, _options.Parts, outbox);
            return;
        }

        if (range.Ids is null)
        {
            Emit(new(range.To, Ids: [.. items.Select(item => item.Id)]));
        }
        else
        {
            Compare(range, items, outbox);
        }

        Next(now, outbox);
    }

    /// <summary>Answers <see cref="SyncOutputKind.Split"/>.</summary>
    /// <param name="ticket">Which.</param>
    /// <param name="parts">In order, without holes; the last one ends where the range does.</param>
    /// <param name="now">Time.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnParts(long ticket, IReadOnlyList<RangePart> parts, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (!Takes(ticket) || _in is null)
        {
            return;
        }

        foreach (RangePart part in parts)
        {
            Emit(new(part.To, part.Sum.Fingerprint(_crypto)));
        }

        Next(now, outbox);
    }

    private void StartCompareTimer(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (_self.IsOpener)
        {
            _compareDue = now + (_options.CompareInterval * (0.9 + (_random.NextDouble() / 5)));
            outbox.Add(new(SyncOutputKind.StartTimer, Due: _compareDue));
        }
    }

    private void OnCompareTimer(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (now >= _compareDeadline)
        {
            Close(WeftError.DeadlinePassed, outbox);
            return;
        }

        if (now >= _compareDue)
        {
            StartCompareTimer(now, outbox);
            BeginComparison(now, outbox);
        }
    }

    // Both wishes are known: either both sides go on where they were, or everything is compared.
    private void StartComparing(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (_hasResumed && _peerResumed)
        {
            HasOurs = true;
            HasTheirs = true;
            outbox.Add(new(SyncOutputKind.Progress));
        }
        else
        {
            HasTheirs = _hasResumed;
            HasOurs = _peerResumed;
            if (_self.IsOpener)
            {
                BeginComparison(now, outbox);
            }
        }
    }

    private void BeginComparison(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (_isComparing || _theirPrefixes is null || _isCompared != _isSentAnnounced)
        {
            return; // One at a time; this one ends soon enough.
        }

        _isComparing = true;
        _isCompared = false;
        _isSentAnnounced = false;
        string? last = null;
        foreach (string prefix in _self.Prefixes.Concat(_theirPrefixes).Order(StringComparer.Ordinal))
        {
            if (last is null || !prefix.StartsWith(last, StringComparison.Ordinal))
            {
                _toCompare.Enqueue(prefix); // One that lies within another is compared with it.
                last = prefix;
            }
        }

        NextPrefix(now, outbox);
    }

    private void NextPrefix(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (_toCompare.TryDequeue(out _compared))
        {
            _in = null;
            _low = new SyncKey(_compared, "");
            LookUp(SyncOutputKind.Summarize, SyncKey.End, 0, outbox);
            WaitFor(now, outbox);
            return;
        }

        _isComparing = false;
        _compareDeadline = WeftInstant.Never;
        Send(new SyncCompared(IsSent: false), outbox);
        EndComparison(outbox);
    }

    private void OnCompared(SyncCompared message, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (message.IsSent)
        {
            _theyHaveSent = true;
            Acknowledge(outbox);
        }
        else if (!_self.IsOpener)
        {
            _isSentAnnounced = false;
            EndComparison(outbox);
        }

        Pump(outbox);
        _ = now;
    }

    private void EndComparison(Outbox<SyncOutput> outbox)
    {
        _isCompared = true;
        Comparisons++;
        Pump(outbox);
    }

    private void OnRanges(SyncRanges message, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (_in is not null || _compareTicket != 0 || _theirPrefixes is null || (_self.IsOpener && message.Prefix != _compared))
        {
            Close(WeftError.RequestMalformed, outbox); // It is this side's turn.
            return;
        }

        if (_self.IsOpener && message.Ranges.Count == 0)
        {
            NextPrefix(now, outbox);
            return;
        }

        _in = message;
        _at = -1;
        _low = message.From;
        _outFrom = message.From;
        _out.Clear();
        _outBytes = 0;
        if (_self.IsOpener)
        {
            WaitFor(now, outbox);
        }

        Next(now, outbox);
    }

    private void Next(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (_at >= 0)
        {
            _low = _in!.Ranges[_at].To;
        }

        _at++;
        GoOn(now, outbox);
    }

    private void GoOn(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (_pushes.Count >= _options.PushesMax / 2)
        {
            _isPaused = true; // What was found is sent first: the list of it has a ceiling.
            return;
        }

        for (; _at < _in!.Ranges.Count; _at++)
        {
            SyncRange range = _in.Ranges[_at];
            if (range.IsSkip)
            {
                Skip(range.To);
                _low = range.To;
                continue;
            }

            if (_outBytes > _options.RangeBytesMax)
            {
                _at = _in.Ranges.Count; // Enough for one message.
                LookUp(SyncOutputKind.Summarize, _in.Ranges[^1].To, 0, outbox);
                return;
            }

            if (range.Ids is null)
            {
                LookUp(SyncOutputKind.Summarize, range.To, 0, outbox);
            }
            else
            {
                LookUp(SyncOutputKind.List, range.To, _options.CompareMax + 1, outbox);
            }

            return;
        }

        FinishAnswer(now, outbox);
    }

    private void FinishAnswer(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        string prefix = _in!.Prefix;
        _in = null;
        while (_out.Count > 0 && _out[^1].IsSkip)
        {
            _out.RemoveAt(_out.Count - 1);
        }

        if (_out.Count == 0 && _self.IsOpener)
        {
            NextPrefix(now, outbox);
            return;
        }

        SendRanges(prefix, now, outbox);
    }

    private void SendRanges(string prefix, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        Send(new SyncRanges(prefix, _outFrom, [.. _out]), outbox);
        _out.Clear();
        _outBytes = 0;
        if (_self.IsOpener)
        {
            WaitFor(now, outbox);
        }
    }

    private void WaitFor(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        _compareDeadline = now + _options.CompareTimeout;
        outbox.Add(new(SyncOutputKind.StartTimer, Due: _compareDeadline));
    }

    // What the other side listed, against what is here: one kind is sent, the other asked for.
    private void Compare(in SyncRange range, IReadOnlyList<RangeItem> items, Outbox<SyncOutput> outbox)
    {
        HashSet<UInt128> theirs = [.. range.Ids!];
        HashSet<UInt128> ours = [.. items.Select(item => item.Id)];
        HashSet<UInt128> send = [.. ours.Where(id => !theirs.Contains(id))];
        UInt128[] want = [.. range.Ids!.Where(id => !ours.Contains(id))];
        if (send.Count > 0)
        {
            _pushes.Enqueue(new PushRange(_in!.Prefix, _low, range.To, send));
            Pump(outbox);
        }

        if (want.Length > 0 && _self.Prefixes.Count > 0)
        {
            Send(new SyncWant(_in!.Prefix, _low, range.To, want), outbox);
        }

        Skip(range.To);
    }

    private void Skip(SyncKey to)
    {
        if (_out.Count > 0 && _out[^1].IsSkip)
        {
            _out[^1] = new(to);
        }
        else
        {
            Emit(new(to));
        }
    }

    private void Emit(in SyncRange range)
    {
        _out.Add(range);
        _outBytes += 2 + (range.To.Soul?.Length ?? 0) + range.To.Field.Length
            + (range.Fingerprint is null ? 0 : RangeSum.FingerprintLength) + (16 * (range.Ids?.Count ?? 0));
    }

    private void LookUp(SyncOutputKind kind, SyncKey to, int number, Outbox<SyncOutput> outbox)
    {
        _compareTicket = ++_ticket;
        outbox.Add(new(
            kind, Ticket: _compareTicket, Prefix: _in?.Prefix ?? _compared!, From: _low, To: to, Number: number));
    }

    private bool Takes(long ticket)
    {
        if (IsClosed || ticket != _compareTicket || ticket == 0)
        {
            return false;
        }

        _compareTicket = 0;
        return true;
    }
}
