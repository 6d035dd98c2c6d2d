using System.Diagnostics;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage.Files;
using Weft.Storage.Memory;

namespace Weft.Storage;

/// <content>Writing: the gate, the room, and the way down to the disk tier.</content>
public sealed partial class StorageEngine
{
    private static readonly TimeSpan FlushRetryAfter = TimeSpan.FromSeconds(1);

    private readonly Thread _flusher;
    private readonly Lock _tierGate = new();    // One writer of the disk tier at a time.
    private readonly Lock _roomGate = new();
    private TaskCompletionSource _room = NewRoom();
    private byte[]? _applyBuffer;
    private long _logBytesFlushed;
    private long _logBytesAtRotation;
    private bool _stopFlusher;
    private bool _flushWanted;
    private WeftException? _failure;
    private volatile WeftException? _flushFull;

    private string? FailureText => _failure?.Message ?? _flushFull?.Message;

    /// <inheritdoc/>
    public async ValueTask WaitForRoomAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task room = _room.Task;
            if (_failure is not null || Volatile.Read(ref _disposed) != 0)
            {
                return; // The append says what is wrong.
            }

            if (HasRoom())
            {
                return;
            }

            if (_flushFull is not null || _log.IsFull)
            {
                return; // As above: a write is refused now rather than left waiting for room on the disk.
            }

            await room.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void FollowArrivals(Func<int> writesOnTheWay) => _log.FollowArrivals(writesOnTheWay);

    /// <inheritdoc/>
    public ValueTask<CommitReceipt> AppendAsync(CommitBatch batch, Durability wanted)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (_failure is not null)
        {
            return ValueTask.FromException<CommitReceipt>(StorageErrors.Stopped(_failure.Message));
        }

        if (_flushFull is not null && !batch.IsEmpty && !HasRoom())
        {
            return ValueTask.FromException<CommitReceipt>(StorageErrors.Full(_folder, _flushFull));
        }

        try
        {
            return _log.Append(batch, wanted);
        }
        catch (WeftException refused)
        {
            return ValueTask.FromException<CommitReceipt>(refused);
        }
    }

    private static TaskCompletionSource NewRoom() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool HasRoom()
    {
        Tables tables = Volatile.Read(ref _tables);
        return (tables.Flushing is null || tables.Active.Bytes < _tableBytesMax) && _log.HasSpare;
    }

    private void Apply(long sequence, CommitBatch batch)
    {
        MemTable active = _tables.Active;
        string previous = "";
        ReadOnlySpan<byte> soul = default;
        for (int i = 0; i < batch.Fields.Count; i++)
        {
            FieldWrite write = batch.Fields[i].Write;
            if (!ReferenceEquals(previous, write.Soul))
            {
                soul = KeyText.Encode(write.Soul, ref _applyBuffer);
                previous = write.Soul;
            }

            active.Put(soul, write, sequence);
            _hot.Forget(write.Soul, write.Field);
        }

        for (int i = 0; i < batch.History.Count; i++)
        {
            FieldWrite row = batch.History[i];
            active.Put(KeyText.Encode(row.Soul, ref _applyBuffer), row, sequence);
            _hot.Forget(row.Soul, row.Field);
        }

        if (batch.ClockHigh > _clockHigh)
        {
            _clockHigh = batch.ClockHigh;
        }

        if (batch.Deferred.Count > 0 || batch.Released.Count > 0)
        {
            NoteDeferred(batch);
        }

        for (int i = 0; i < batch.Logs.Count; i++)
        {
            active.Logs.Apply(batch.Logs[i]);
        }

        for (int i = 0; i < batch.Records.Count; i++)
        {
            active.Records.Apply(batch.Records[i]);
        }

        active.LastSequence = sequence;
        bool isFull = active.Bytes >= _tableBytesMax || _log.Bytes - _logBytesFlushed > 4 * _tableBytesMax;
        if (isFull && _tables.Flushing is null)
        {
            Rotate();
        }
    }

    private void Undo(long sequence, CommitBatch batch)
    {
        for (int i = 0; i < batch.Fields.Count; i++)
        {
            Undo(sequence, batch.Fields[i].Write);
        }

        for (int i = 0; i < batch.History.Count; i++)
        {
            Undo(sequence, batch.History[i]);
        }
    }

    private void Undo(long sequence, in FieldWrite write)
    {
        _tables.Active.Undo(write.Soul, write.Field, sequence);
        _tables.Flushing?.Undo(write.Soul, write.Field, sequence);
        _hot.Forget(write.Soul, write.Field);
    }

    private void NoteDeferred(CommitBatch batch)
    {
        lock (_deferredGate)
        {
            foreach (FieldWrite released in batch.Released)
            {
                int count = _deferred.GetValueOrDefault(released);
                if (count > 1)
                {
                    _deferred[released] = count - 1;
                }
                else
                {
                    _deferred.Remove(released);
                }
            }

            foreach (FieldWrite held in batch.Deferred)
            {
                _deferred[held] = _deferred.GetValueOrDefault(held) + 1;
            }
        }
    }

    /// <summary>Closes the active table and hands it to the flusher. Under the log's gate.</summary>
    private void Rotate()
    {
        Tables tables = _tables;
        _logBytesAtRotation = _log.Bytes;
        Volatile.Write(ref _tables, new Tables(new MemTable(_pool, _seed), tables.Active));
        Monitor.PulseAll(_log.Gate);
    }

    private void RunFlusher()
    {
        while (true)
        {
            MemTable? table;
            lock (_log.Gate)
            {
                while (_tables.Flushing is null && !_stopFlusher)
                {
                    if (_flushWanted && _tables.Active.LastSequence > _tier.Writer.State.Flushed)
                    {
                        Rotate();
                        break;
                    }

                    _flushWanted = false;
                    Monitor.Wait(_log.Gate);
                }

                table = _tables.Flushing;
            }

            if (table is null)
            {
                return;
            }

            if (!TryFlush(table))
            {
                return;
            }
        }
    }

    private bool TryFlush(MemTable table)
    {
        // What is not durable may have to be taken back, and cannot once it is in the disk tier.
        if (!_log.WaitCommitted(table.LastSequence))
        {
            return false;
        }

        while (true)
        {
            try
            {
                Flush(table);
                _flushFull = null;
                ReleaseRoom();
                return true;
            }
            catch (WeftException failure) when (failure.Error == WeftError.DiskFull)
            {
                if (_flushFull is null)
                {
                    EngineLog.FlushWaitsForRoom(_logger, _folder);
                }

                _flushFull = failure;
                ReleaseRoom();
                lock (_log.Gate)
                {
                    if (_stopFlusher)
                    {
                        return false;
                    }

                    Monitor.Wait(_log.Gate, FlushRetryAfter);
                }
            }
            catch (Exception failure)
            {
                Fail(StorageErrors.Classify(failure), failure);
                return false;
            }
        }
    }

    private void Flush(MemTable table)
    {
        long started = Stopwatch.GetTimestamp();
        long fields = table.Fields;
        lock (_tierGate)
        {
            _tier.Writer.Flush(table, _clockHigh, [.. Deferred]);
        }

        if (!table.Logs.IsEmpty)
        {
            _logRows.Forget();
        }

        // From here on the disk tier shows the table's content. Blocks read before are forgotten first, then the table
        // goes: while it is there, it hides them.
        _tier.Cache.BeginSwitch();
        var walk = new MemWalk(table.Shards);
        while (walk.MoveNext())
        {
            _tier.Cache.Remove(KeyText.Decode(walk.Soul));
        }

        lock (_log.Gate)
        {
            Volatile.Write(ref _tables, new Tables(_tables.Active, null));
            Volatile.Write(ref _logBytesFlushed, _logBytesAtRotation);
            if (_tables.Active.Bytes >= _tableBytesMax)
            {
                Rotate();
            }
        }

        long sequence = table.LastSequence;
        table.Drop();
        _tier.Cache.EndSwitch();
        _log.OnFlushed(sequence);
        ReleaseRoom();
        lock (_tierGate)
        {
            _tier.Writer.Checkpoint();
        }

        EngineLog.Flushed(_logger, fields, sequence, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    /// <summary>Brings everything accepted so far into the disk tier.</summary>
    private async Task FlushAllAsync(CancellationToken cancellationToken)
    {
        long target;
        lock (_log.Gate)
        {
            target = _log.LastSequence;
        }

        while (_tier.Writer.State.Flushed < target)
        {
            Task room = _room.Task;
            ThrowIfFailed();
            lock (_log.Gate)
            {
                _flushWanted = true;
                Monitor.PulseAll(_log.Gate);
            }

            if (_tier.Writer.State.Flushed < target)
            {
                await room.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private void ThrowIfFailed()
    {
        if (_failure is not null)
        {
            throw StorageErrors.Stopped(_failure.Message);
        }

        if (_flushFull is not null)
        {
            throw StorageErrors.Full(_folder, _flushFull);
        }
    }

    private void Fail(WeftError error, Exception failure)
    {
        if (_failure is not null)
        {
            return;
        }

        _failure = failure as WeftException ?? new WeftException(error, failure.Message, failure);
        EngineLog.Stopped(_logger, _folder, ErrorCatalogue.Code(error), failure);
        ReleaseRoom();
    }

    private void ReleaseRoom()
    {
        TaskCompletionSource room;
        lock (_roomGate)
        {
            room = _room;
            _room = NewRoom();
        }

        room.TrySetResult();
    }

    private void StopFlusher()
    {
        lock (_log.Gate)
        {
            _stopFlusher = true;
            Monitor.PulseAll(_log.Gate);
        }

        if (_flusher.IsAlive)
        {
            _flusher.Join();
        }
    }

    private void TryCheckpoint()
    {
        try
        {
            _tier.Writer.Checkpoint(truncate: true);
        }
        catch (WeftException)
        {
            // The next start does it.
        }
    }
}
