using System.Buffers;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Commits;

/// <summary>
/// Decides what goes into the commit log and when a commit may be acknowledged: batches many appends into one write and
/// one flush, moves from segment to segment, and frees those that the disk tier holds.
/// </summary>
/// <remarks>
/// Pure: no clock, no file, no task, one caller at a time. At most one write or flush is in flight; a segment may be
/// prepared beside it. The space of a segment is assured before anything is put in, so that a full disk refuses an
/// append before it has any effect. The engine drives it on files, the simulator on a simulated disk.
/// </remarks>
public sealed class CommitCore
{
    private readonly CommitCoreOptions _options;
    private readonly ulong _storeId;
    private readonly ulong _salt;
    private readonly Queue<CommitSegment> _closed = new();
    private readonly Queue<Entry> _queue = new();
    private readonly List<Entry> _group = [];
    private readonly ArrayBufferWriter<byte> _buffer = new(64 << 10);
    private readonly ArrayBufferWriter<byte> _scratch = new(1 << 10);
    private Phase _phase;
    private Slot _current;     // Where appends are placed; the newest segment in use.
    private Slot _spare;       // Prepared, or being prepared.
    private Slot _writing;     // Where the group in flight goes; trails _current while a segment is filled up.
    private long _writeOffset;
    private long _nextSegment;
    private int _neededBytes;  // The size of a record that found no segment large enough.
    private bool _markDue;
    private bool _markInFlight;

    /// <summary>Starts, or goes on after recovery. The first <see cref="Pump"/> asks for the first segment.</summary>
    public CommitCore(CommitCoreOptions options, in CommitStart start)
    {
        _options = options;
        _storeId = start.StoreId;
        _salt = start.Salt;
        _nextSegment = start.NextSegment;
        LastSequence = WrittenSequence = DurableSequence = CommittedSequence = start.LastSequence;
        foreach (CommitSegment segment in start.Segments)
        {
            _closed.Enqueue(segment);
        }
    }

    private enum Phase
    {
        Idle,
        Writing,
        Syncing,
    }

    private enum SlotState
    {
        None,
        Opening,
        Ready,
    }

    /// <summary>The newest commit that was accepted.</summary>
    public long LastSequence { get; private set; }

    /// <summary>The newest commit that was written.</summary>
    public long WrittenSequence { get; private set; }

    /// <summary>The newest commit that was flushed.</summary>
    public long DurableSequence { get; private set; }

    /// <summary>The newest commit that reached the configured level.</summary>
    public long CommittedSequence { get; private set; }

    /// <summary>Why the log takes nothing any more; None while it does.</summary>
    public WeftError StoppedBy { get; private set; }

    /// <summary>True while the disk has no room for the next segment.</summary>
    public bool IsFull { get; private set; }

    /// <summary>True when a segment is ready beyond the one in use, so that appends are not made to wait.</summary>
    public bool HasSpare => _spare.State == SlotState.Ready;

    /// <summary>True when nothing is in flight and nothing waits.</summary>
    public bool IsIdle => _phase == Phase.Idle && _queue.Count == 0 && !_markDue;

    /// <summary>
    /// True while the next group waits for company: writes are on their way that the same flush can serve. Whoever sets
    /// it bounds the time, and calls <see cref="Pump"/> when it is over.
    /// </summary>
    public bool WaitsForMore { get; set; }

    /// <summary>True when a group waits for company and for nothing else.</summary>
    public bool HasHeldGroup => WaitsForMore && _phase == Phase.Idle && _queue.Count > 0 && StoppedBy == WeftError.None;

    /// <summary>Appends one batch. See the other overload.</summary>
    public CommitAdmission Append(
        CommitBatch batch, Durability wanted, object? token, Outbox<CommitOutput> outbox, out long sequence)
    {
        _scratch.ResetWrittenCount();
        if (!batch.IsEmpty)
        {
            CommitRecordCodec.EncodePayload(batch, _scratch);
        }

        return Append(_scratch.WrittenSpan.ToArray(), wanted, token, outbox, out sequence);
    }

    /// <summary>Appends one encoded batch.</summary>
    /// <param name="payload">Of <see cref="CommitRecordCodec.EncodePayload"/>, valid until the append is done or failed;
    /// empty to wait only until everything before is durable.</param>
    /// <param name="wanted">The level to wait for; the configured level is the ceiling.</param>
    /// <param name="token">Comes back with the outcome.</param>
    /// <param name="outbox">Takes an outcome that is known at once.</param>
    /// <param name="sequence">The commit's sequence; that of the newest commit when the payload is empty.</param>
    public CommitAdmission Append(
        ReadOnlyMemory<byte> payload,
        Durability wanted,
        object? token,
        Outbox<CommitOutput> outbox,
        out long sequence)
    {
        sequence = LastSequence;
        if (StoppedBy != WeftError.None)
        {
            return CommitAdmission.Stopped;
        }

        Durability level = wanted < _options.Durability ? wanted : _options.Durability;
        if (payload.IsEmpty)
        {
            if (Level(level) >= LastSequence)
            {
                outbox.Add(new(CommitOutputKind.Done, Token: token, Sequence: sequence, Level: level));
            }
            else
            {
                _queue.Enqueue(new Entry(sequence, payload, token, level, 0));
            }

            return CommitAdmission.Accepted;
        }

        CommitAdmission admission = Place(CommitRecordCodec.RecordBytes(payload.Length, _options.Seal));
        if (admission != CommitAdmission.Accepted)
        {
            return admission;
        }

        sequence = ++LastSequence;
        bool answered = level == Durability.Memory;
        if (answered)
        {
            outbox.Add(new(CommitOutputKind.Done, Token: token, Sequence: sequence, Level: level));
        }

        _queue.Enqueue(new Entry(sequence, payload, answered ? null : token, level, _current.Number, answered));
        if (_options.Durability == Durability.Memory)
        {
            Commit(sequence, outbox);
        }

        return CommitAdmission.Accepted;
    }

    /// <summary>Starts the next write when none is in flight, and the preparation of the next segment when one is due.</summary>
    public void Pump(Outbox<CommitOutput> outbox)
    {
        if (StoppedBy != WeftError.None)
        {
            return;
        }

        if (_spare.State == SlotState.None && !IsFull)
        {
            int bytes = Math.Max(_options.SegmentBytes, _neededBytes);
            _spare = new Slot(_nextSegment++, bytes, 0, SlotState.Opening);
            outbox.Add(new(CommitOutputKind.OpenSegment, Segment: _spare.Number, Length: bytes));
        }

        if (_phase == Phase.Idle && _queue.Count > 0)
        {
            if (!WaitsForMore)
            {
                StartGroup(outbox);
            }
        }
        else if (_phase == Phase.Idle && _markDue)
        {
            StartMark(outbox);
        }
    }

    /// <summary>Asks for room again after the disk was full; the next <see cref="Pump"/> tries.</summary>
    public void Retry() => IsFull = false;

    /// <summary>The segment that was asked for is ready.</summary>
    public void OnOpened(long segment, Outbox<CommitOutput> outbox)
    {
        if (_spare.Number != segment || _spare.State != SlotState.Opening)
        {
            return;
        }

        IsFull = false;
        _spare = _spare with { State = SlotState.Ready };
        if (_current.State == SlotState.None)
        {
            TakeSpare();
        }

        Pump(outbox);
    }

    /// <summary>The write in flight is done.</summary>
    public void OnWritten(Outbox<CommitOutput> outbox)
    {
        if (_phase != Phase.Writing)
        {
            return;
        }

        _writeOffset += _buffer.WrittenCount;
        foreach (Entry entry in _group)
        {
            WrittenSequence = Math.Max(WrittenSequence, entry.Sequence);
        }

        if (_options.Durability == Durability.Buffered)
        {
            Commit(WrittenSequence, outbox); // The listener hears of a commit before its writer does.
        }

        Answer(Durability.Buffered, outbox);
        if (_options.Durability == Durability.Disk || _markInFlight)
        {
            StartSync(outbox);
        }
        else
        {
            EndGroup(outbox);
        }
    }

    /// <summary>The flush in flight is done.</summary>
    public void OnSynced(Outbox<CommitOutput> outbox)
    {
        if (_phase != Phase.Syncing)
        {
            return;
        }

        DurableSequence = WrittenSequence;
        if (_options.Durability == Durability.Disk)
        {
            Commit(DurableSequence, outbox);
        }

        Answer(Durability.Disk, outbox);
        EndGroup(outbox);
    }

    /// <summary>
    /// A request failed. No room for a segment refuses appends until there is; anything else stops the log, because what
    /// a failed write or flush left on the disk is not known.
    /// </summary>
    public void OnFailed(CommitFailure what, WeftError error, Outbox<CommitOutput> outbox)
    {
        if (what == CommitFailure.Open)
        {
            _spare = default;
            if (error == WeftError.DiskFull)
            {
                IsFull = true;
                return;
            }
        }

        StoppedBy = error;
        var lost = new List<Entry>(_group);
        lost.AddRange(_queue);
        _group.Clear();
        _queue.Clear();
        for (int i = lost.Count - 1; i >= 0; i--)
        {
            Entry entry = lost[i];
            bool undo = entry.Sequence > CommittedSequence && !entry.Payload.IsEmpty;
            if (undo || !entry.Answered)
            {
                outbox.Add(new(CommitOutputKind.Failed, Token: entry.Answered ? null : entry.Token,
                    Sequence: entry.Payload.IsEmpty ? 0 : entry.Sequence, Error: error));
            }
        }

        _phase = Phase.Idle;
    }

    /// <summary>The disk tier holds every commit up to <paramref name="sequence"/>.</summary>
    public void OnFlushed(long sequence, Outbox<CommitOutput> outbox)
    {
        while (_closed.TryPeek(out CommitSegment oldest) && oldest.LastSequence <= sequence)
        {
            _closed.Dequeue();
            outbox.Add(new(CommitOutputKind.FreeSegment, Segment: oldest.Number));
        }
    }

    /// <summary>
    /// Ends the log: everything accepted is flushed, and a mark is set behind it, so that later damage to the last
    /// commits is not taken for a torn tail. Done when <see cref="IsIdle"/> again.
    /// </summary>
    public void Close(Outbox<CommitOutput> outbox)
    {
        _markDue = true;
        Pump(outbox);
    }

    private CommitAdmission Place(int bytes)
    {
        if (_current.State == SlotState.Ready && _current.Used + bytes <= _current.Bytes)
        {
            _current = _current with { Used = _current.Used + bytes };
            return CommitAdmission.Accepted;
        }

        int needed = bytes + CommitRecordCodec.SegmentHeaderBytes;
        if (_spare.State == SlotState.Ready && needed <= _spare.Bytes)
        {
            TakeSpare();
            _neededBytes = 0;
            _current = _current with { Used = _current.Used + bytes };
            return CommitAdmission.Accepted;
        }

        _neededBytes = needed > _options.SegmentBytes ? needed : 0;
        if (_spare.State == SlotState.Ready)
        {
            TakeSpare(); // Too small for this record: let it be filled by others, and ask for a larger one.
        }

        return IsFull ? CommitAdmission.Full : CommitAdmission.Wait;
    }

    private void TakeSpare()
    {
        _current = _spare with { Used = CommitRecordCodec.SegmentHeaderBytes };
        _spare = default;
        if (_writing.State == SlotState.None)
        {
            _writing = _current;
            _writeOffset = 0;
        }
    }

    private void StartGroup(Outbox<CommitOutput> outbox)
    {
        _buffer.ResetWrittenCount();
        bool any = false;
        while (_queue.TryPeek(out Entry entry))
        {
            if (!entry.Payload.IsEmpty)
            {
                bool moves = entry.Segment != _writing.Number;
                int bytes = CommitRecordCodec.RecordBytes(entry.Payload.Length, _options.Seal);
                if (any && (moves || _buffer.WrittenCount + bytes > _options.GroupBytesMax))
                {
                    break;
                }

                if (moves && DurableSequence < WrittenSequence)
                {
                    // Also on the lower levels a segment is flushed before the next one starts: only the last
                    // segment may end torn.
                    StartSync(outbox);
                    return;
                }

                if (moves)
                {
                    MoveOn(entry.Segment);
                }

                StartSegment(entry.Sequence);
                CommitRecordCodec.WriteRecord(_buffer, entry.Payload.Span, entry.Sequence, DurableSequence,
                    SaltOf(_writing.Number), _storeId, _options.Seal);
                any = true;
            }

            _group.Add(_queue.Dequeue());
        }

        _phase = Phase.Writing;
        if (any)
        {
            outbox.Add(new(CommitOutputKind.Write, Segment: _writing.Number, Offset: _writeOffset,
                Bytes: _buffer.WrittenMemory));
            return;
        }

        // Only waiters: everything before them was written and, if so configured, flushed by the groups before.
        Answer(Durability.Disk, outbox);
        EndGroup(outbox);
    }

    private void StartSync(Outbox<CommitOutput> outbox)
    {
        _phase = Phase.Syncing;
        outbox.Add(new(CommitOutputKind.Sync, Segment: _writing.Number));
    }

    private void StartMark(Outbox<CommitOutput> outbox)
    {
        if (DurableSequence < WrittenSequence)
        {
            StartSync(outbox);
            return;
        }

        _markDue = false;
        if (_writing.State != SlotState.Ready || WrittenSequence == 0
            || _writeOffset + CommitRecordCodec.SegmentHeaderBytes + CommitRecordCodec.MarkBytes > _writing.Bytes)
        {
            return; // No place for a mark: the tail is judged without it.
        }

        _buffer.ResetWrittenCount();
        StartSegment(WrittenSequence + 1);
        CommitRecordCodec.WriteMark(_buffer, WrittenSequence, SaltOf(_writing.Number));
        _markInFlight = true;
        _phase = Phase.Writing;
        outbox.Add(new(CommitOutputKind.Write, Segment: _writing.Number, Offset: _writeOffset,
            Bytes: _buffer.WrittenMemory));
    }

    /// <summary>The segment in use is full, and what it holds is flushed.</summary>
    private void MoveOn(long segment)
    {
        for (long number = _writing.Number; number < segment; number++)
        {
            _closed.Enqueue(new CommitSegment(number, WrittenSequence)); // One that was passed over holds nothing.
        }

        _writing = _current.Number == segment ? _current : new Slot(segment, _options.SegmentBytes, 0, SlotState.Ready);
        _writeOffset = 0;
    }

    private void StartSegment(long firstSequence)
    {
        if (_writeOffset == 0 && _buffer.WrittenCount == 0)
        {
            CommitRecordCodec.WriteSegmentHeader(
                _buffer, new SegmentHeader(_storeId, _writing.Number, firstSequence, SaltOf(_writing.Number)));
        }
    }

    private void Answer(Durability level, Outbox<CommitOutput> outbox)
    {
        for (int i = 0; i < _group.Count; i++)
        {
            Entry entry = _group[i];
            if (!entry.Answered && entry.Level <= level)
            {
                outbox.Add(new(CommitOutputKind.Done, Token: entry.Token, Sequence: entry.Sequence, Level: entry.Level));
                _group[i] = entry with { Answered = true };
            }
        }
    }

    private void EndGroup(Outbox<CommitOutput> outbox)
    {
        _group.Clear();
        _phase = Phase.Idle;
        _markInFlight = false;
        Pump(outbox);
    }

    private void Commit(long sequence, Outbox<CommitOutput> outbox)
    {
        if (sequence > CommittedSequence)
        {
            CommittedSequence = sequence;
            outbox.Add(new(CommitOutputKind.Committed, Sequence: sequence));
        }
    }

    private long Level(Durability level) => level switch
    {
        Durability.Memory => LastSequence,
        Durability.Buffered => WrittenSequence,
        _ => DurableSequence,
    };

    /// <summary>Each segment's own: a reused file still holds records of its earlier life, which must not fit.</summary>
    private ulong SaltOf(long segment) => (_salt ^ (ulong)segment) * 0x9E3779B97F4A7C15;

    private readonly record struct Slot(long Number, int Bytes, int Used, SlotState State);

    private readonly record struct Entry(
        long Sequence, ReadOnlyMemory<byte> Payload, object? Token, Durability Level, long Segment, bool Answered = false);
}
