using System.Buffers;
using System.Diagnostics;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage.Files;

namespace Weft.Storage.Log;

/// <summary>Drives the commit core on files: one thread writes and flushes; segments are prepared beside it.</summary>
internal sealed class CommitLog : IDisposable
{
    private static readonly TimeSpan CompanyMax = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan CompanyStep = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly ICommitSink _sink;
    private readonly SegmentFiles _files;
    private readonly CommitCore _core;
    private readonly Outbox<CommitOutput> _outbox = new();
    private readonly Outbox<CommitOutput> _atOnce = new();
    private readonly Dictionary<long, IFile> _open = [];
    private readonly Queue<(long Segment, IFile? File, Exception? Failure)> _opened = new();
    private readonly Queue<Pending> _pending = new();
    private readonly Queue<long> _toDelete = new();
    private readonly LatencyRing _latency = new();
    private readonly Thread _thread;
    private readonly bool _reusesBuffers;
    private Task _preparing = Task.CompletedTask;
    private Task _deleting = Task.CompletedTask;
    private long _committed;
    private long _committedAtOnce;
    private long _accepted;
    private long _flushed;
    private long _flushedTold;
    private long _bytes;
    private Func<int>? _onTheWay;
    private long _heldSince; // A time stamp; 0 while no group waits for company.
    private int _holds;
    private int _waiters;      // Threads other than the log's own that wait on the gate.
    private bool _isWaiting;   // The log's own.
    private bool _closing;
    private bool _closeTold;
    private bool _ended;
    private volatile bool _hasSpare;

    public CommitLog(ICommitSink sink, SegmentFiles files, CommitCoreOptions options, in CommitStart start)
    {
        _sink = sink;
        _files = files;
        _core = new CommitCore(options, start);
        _reusesBuffers = options.Durability != Durability.Memory; // There a commit is told before it is written.
        _thread = new Thread(Run) { Name = "weft commit log", IsBackground = true };
    }

    /// <summary>Guards the core and everything that must change together with it.</summary>
    public object Gate { get; } = new();

    public long CommittedSequence => Volatile.Read(ref _committed);

    /// <summary>The newest commit that was accepted. Under the gate.</summary>
    public long LastSequence => _core.LastSequence;

    public long Commits { get; private set; }

    public long Flushes => _latency.Count;

    /// <summary>Bytes of records since the start.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public bool HasSpare => _hasSpare;

    /// <summary>True once the first segment is ready.</summary>
    public bool HasAny { get; private set; }

    public bool IsFull { get; private set; }

    public Exception? Failure { get; private set; }

    public (double P50Ms, double P99Ms) FlushLatency => _latency.Read();

    public void Start()
    {
        lock (Gate)
        {
            Volatile.Write(ref _committed, _core.CommittedSequence);
        }

        _thread.Start();
    }

    /// <summary>How to ask whether a group is worth waiting for company: 2 ms at the most.</summary>
    public void FollowArrivals(Func<int> writesOnTheWay) => Volatile.Write(ref _onTheWay, writesOnTheWay);

    /// <summary>Appends a batch. It is visible to reads when this returns.</summary>
    public ValueTask<CommitReceipt> Append(CommitBatch batch, Durability wanted)
    {
        PayloadWriter writer = PayloadWriter.Instance;
        writer.Begin();
        if (!batch.IsEmpty)
        {
            CommitRecordCodec.EncodePayload(batch, writer);
        }

        byte[] buffer = writer.Take(out int length);
        AppendRequest request = AppendRequest.Rent();
        ValueTask<CommitReceipt> task = request.Task;
        bool taken = false;
        try
        {
            lock (Gate)
            {
                long sequence = Place(buffer.AsMemory(0, length), wanted, request);
                taken = true;
                if (!batch.IsEmpty)
                {
                    _pending.Enqueue(new Pending(sequence, batch, buffer));
                    _bytes += length;
                    _sink.Apply(sequence, batch);
                }

                AnswerAtOnce();
                if (_isWaiting)
                {
                    Monitor.PulseAll(Gate);
                }
            }
        }
        finally
        {
            if (!taken)
            {
                request.Return();
            }

            if (!taken || batch.IsEmpty)
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        return task;
    }

    /// <summary>The disk tier holds everything up to here: segments may go.</summary>
    public void OnFlushed(long sequence)
    {
        lock (Gate)
        {
            _flushed = Math.Max(_flushed, sequence);
            Monitor.PulseAll(Gate);
        }
    }

    /// <summary>Keeps all segments until the answer is disposed, so that a reader of the log is not overtaken.</summary>
    public void Hold(bool on)
    {
        lock (Gate)
        {
            _holds += on ? 1 : -1;
            Monitor.PulseAll(Gate);
        }
    }

    /// <summary>Waits until everything up to a commit is as durable as configured, or the log has stopped.</summary>
    public bool WaitCommitted(long sequence)
    {
        lock (Gate)
        {
            while (_committed < sequence && Failure is null && !_ended)
            {
                _waiters++;
                Monitor.Wait(Gate);
                _waiters--;
            }

            return _committed >= sequence;
        }
    }

    /// <summary>Finishes what was accepted, marks the clean end and stops.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (_closing)
            {
                return;
            }

            _closing = true;
            Monitor.PulseAll(Gate);
        }

        if (_thread.ThreadState.HasFlag(System.Threading.ThreadState.Unstarted))
        {
            return;
        }

        _thread.Join();
        Task.WaitAll(_preparing, _deleting);
        while (_opened.TryDequeue(out var late))
        {
            late.File?.Dispose();
        }

        foreach (IFile file in _open.Values)
        {
            file.Dispose();
        }
    }

    private long Place(ReadOnlyMemory<byte> payload, Durability wanted, AppendRequest request)
    {
        while (true)
        {
            CommitAdmission admission = _closing || Failure is not null
                ? CommitAdmission.Stopped
                : _core.Append(payload, wanted, request, _atOnce, out long sequence) is var answer
                    && answer == CommitAdmission.Accepted ? Accept(sequence) : answer;
            switch (admission)
            {
                case CommitAdmission.Accepted:
                    return _accepted;
                case CommitAdmission.Full:
                    throw StorageErrors.Full(_files.Folder, Failure);
                case CommitAdmission.Stopped:
                    throw StorageErrors.Stopped(Failure?.Message ?? "it is closing.");
                default:
                    // A new segment is being filled with zeros: milliseconds, and seldom, because WaitForRoomAsync
                    // has waited before.
                    _waiters++;
                    Monitor.PulseAll(Gate);
                    Monitor.Wait(Gate);
                    _waiters--;
                    break;
            }
        }
    }

    private CommitAdmission Accept(long sequence)
    {
        _accepted = sequence;
        _hasSpare = _core.HasSpare;
        return CommitAdmission.Accepted;
    }

    private void AnswerAtOnce()
    {
        for (int i = 0; i < _atOnce.Count; i++)
        {
            CommitOutput output = _atOnce[i];
            if (output.Kind == CommitOutputKind.Committed)
            {
                _committedAtOnce = output.Sequence; // Level "memory": the log's thread tells the listener.
            }
            else
            {
                ((AppendRequest)output.Token!).Complete(new CommitReceipt(output.Sequence, output.Level));
            }
        }

        _atOnce.Clear();
    }

    private void Run()
    {
        while (TakeWork())
        {
            for (int i = 0; i < _outbox.Count; i++)
            {
                Carry(_outbox[i]);
            }

            _outbox.Clear();
        }

        lock (Gate)
        {
            _ended = true;
            Monitor.PulseAll(Gate);
        }
    }

    private bool TakeWork()
    {
        lock (Gate)
        {
            while (true)
            {
                while (_opened.TryDequeue(out var opened))
                {
                    TakeOpened(opened.Segment, opened.File, opened.Failure);
                }

                if (_flushed > _flushedTold)
                {
                    _flushedTold = _flushed;
                    _core.OnFlushed(_flushed, _outbox);
                }

                if (_committedAtOnce > _committed)
                {
                    _outbox.Add(new CommitOutput(CommitOutputKind.Committed, Sequence: _committedAtOnce));
                }

                DeleteFreed();
                if (Failure is null && _closing && !_closeTold)
                {
                    _closeTold = true;
                    _core.WaitsForMore = false;
                    _core.Close(_outbox);
                }
                else if (Failure is null)
                {
                    _core.WaitsForMore = MayWaitForMore();
                    _core.Pump(_outbox);
                }

                if (_outbox.Count > 0)
                {
                    return true;
                }

                if (_core.HasHeldGroup)
                {
                    // Appends do not wake this wait: they are the company.
                    _heldSince = _heldSince == 0 ? Stopwatch.GetTimestamp() : _heldSince;
                    Monitor.Wait(Gate, CompanyStep);
                    continue;
                }

                if (_closing && (_core.IsIdle || Failure is not null || _core.IsFull))
                {
                    return false;
                }

                _isWaiting = true;
                bool pulsed = Monitor.Wait(Gate, _core.IsFull ? RetryAfter : Timeout.InfiniteTimeSpan);
                _isWaiting = false;
                if (!pulsed && _core.IsFull)
                {
                    _core.Retry();
                }
            }
        }
    }

    /// <summary>
    /// A flush costs the same for one write as for fifty. While signatures are being verified, more writes are at most
    /// moments away, and those that wait lose less than the machine wins.
    /// </summary>
    private bool MayWaitForMore() =>
        Volatile.Read(ref _onTheWay) is Func<int> onTheWay && onTheWay() > 0 && !_closing
        && (_heldSince == 0 || Stopwatch.GetElapsedTime(_heldSince) < CompanyMax);

    private void Carry(in CommitOutput output)
    {
        switch (output.Kind)
        {
            case CommitOutputKind.OpenSegment:
                Prepare(output.Segment, output.Length);
                break;
            case CommitOutputKind.Write:
                _heldSince = 0;
                Try(CommitFailure.Write, output, static (log, write) =>
                    log._open[write.Segment].Write(write.Offset, write.Bytes.Span));
                break;
            case CommitOutputKind.Sync:
                long started = Stopwatch.GetTimestamp();
                Try(CommitFailure.Sync, output, static (log, sync) => log._open[sync.Segment].Sync());
                _latency.Add(Stopwatch.GetElapsedTime(started));
                break;
            case CommitOutputKind.Done:
                ((AppendRequest)output.Token!).Complete(new CommitReceipt(output.Sequence, output.Level));
                break;
            case CommitOutputKind.Committed:
                TellCommitted(output.Sequence);
                break;
            case CommitOutputKind.Failed:
                (output.Token as AppendRequest)?.Fail(output.Error == WeftError.DiskFull
                    ? StorageErrors.Full(_files.Folder, Failure)
                    : StorageErrors.Failed("The commit log could not be written; nothing of this write is served", Failure!));
                break;
            case CommitOutputKind.FreeSegment:
                lock (Gate)
                {
                    _toDelete.Enqueue(output.Segment);
                }

                break;
        }
    }

    private void Try(CommitFailure what, in CommitOutput output, Action<CommitLog, CommitOutput> action)
    {
        try
        {
            action(this, output);
            lock (Gate)
            {
                _core.WaitsForMore = MayWaitForMore(); // What arrived meanwhile is the next group.
                if (what == CommitFailure.Write)
                {
                    _core.OnWritten(_outbox);
                }
                else
                {
                    _core.OnSynced(_outbox);
                }
            }
        }
        catch (Exception failure) when (StorageErrors.IsWorld(failure))
        {
            Stop(what, failure);
        }
    }

    private void Stop(CommitFailure what, Exception failure)
    {
        lock (Gate)
        {
            Failure = failure;
            _core.OnFailed(what, StorageErrors.Classify(failure), _outbox);

            // What was visible and did not become durable is taken back before anyone learns of the failure.
            Pending[] lost = [.. _pending.Where(pending => pending.Sequence > _core.CommittedSequence)];
            for (int i = lost.Length - 1; i >= 0; i--)
            {
                _sink.Undo(lost[i].Sequence, lost[i].Batch);
            }

            Monitor.PulseAll(Gate);
        }

        _sink.OnStopped(StorageErrors.Classify(failure), failure);
    }

    private void TellCommitted(long through)
    {
        while (true)
        {
            Pending pending;
            lock (Gate)
            {
                if (!_pending.TryPeek(out pending) || pending.Sequence > through)
                {
                    break;
                }

                _pending.Dequeue();
            }

            Commits++;
            if (_reusesBuffers)
            {
                ArrayPool<byte>.Shared.Return(pending.Buffer);
            }

            _sink.OnCommitted(new Commit(pending.Sequence, pending.Batch));
        }

        lock (Gate)
        {
            Volatile.Write(ref _committed, through);
            if (_waiters > 0)
            {
                Monitor.PulseAll(Gate);
            }
        }
    }

    private void Prepare(long segment, long bytes) => _preparing = Task.Run(() =>
    {
        IFile? file = null;
        Exception? failure = null;
        try
        {
            file = _files.Create(segment, bytes);
        }
        catch (Exception caught) when (StorageErrors.IsWorld(caught))
        {
            failure = caught;
        }

        lock (Gate)
        {
            _opened.Enqueue((segment, file, failure));
            Monitor.PulseAll(Gate);
        }
    });

    private void TakeOpened(long segment, IFile? file, Exception? failure)
    {
        if (file is not null)
        {
            _open.Add(segment, file);
            HasAny = true;
            _core.OnOpened(segment, _outbox);
        }
        else if (StorageErrors.Classify(failure!) == WeftError.DiskFull)
        {
            _core.OnFailed(CommitFailure.Open, WeftError.DiskFull, _outbox);
        }
        else
        {
            Stop(CommitFailure.Open, failure!);
        }

        _hasSpare = _core.HasSpare;
        IsFull = _core.IsFull;
        Monitor.PulseAll(Gate);
        _sink.OnRoomChanged();
    }

    private void DeleteFreed()
    {
        while (_holds == 0 && _toDelete.TryDequeue(out long segment))
        {
            if (_open.Remove(segment, out IFile? file))
            {
                file.Dispose();
            }

            // A large file takes milliseconds to go; acknowledgements do not wait for it.
            _deleting = _deleting.ContinueWith(
                _ => _files.TryDelete(segment), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private readonly record struct Pending(long Sequence, CommitBatch Batch, byte[] Buffer);
}
