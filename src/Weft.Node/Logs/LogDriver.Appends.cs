using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <content>Appending: batches, flushes, and who is told when.</content>
internal sealed partial class LogDriver
{
    private readonly List<OpenLog> _appending = [];
    private readonly bool[] _isFlushing = new bool[3];
    private readonly long[] _flushed = new long[3];
    private long _written;
    private int _bufferedWaiting;

    /// <summary>Queues blocks; they are appended at the end of the turn, together with others of the log.</summary>
    public ValueTask AppendAsync(OpenLog log, PendingAppend append, CancellationToken cancellationToken) => PostAsync(
        () =>
        {
            if (log.Pending.Count == 0)
            {
                _appending.Add(log);
            }

            log.Pending.Add(append);
        },
        cancellationToken);

    /// <summary>Waits until a change of a log is durable and shown.</summary>
    public async Task WaitDurableAsync(OpenLog log, long number, CancellationToken cancellationToken)
    {
        while (true)
        {
            (bool isDurable, Task changed) = await AskAsync(
                () => (_flushed[(int)Durability.Disk] >= number, log.Changed), cancellationToken).ConfigureAwait(false);
            if (isDurable)
            {
                return;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void WriteAppends()
    {
        foreach (OpenLog log in _appending)
        {
            for (int at = 0; at < log.Pending.Count;)
            {
                int end = at;
                int blocks = 0;
                long bytes = 0;
                while (end < log.Pending.Count && (end == at
                    || (blocks + log.Pending[end].Blocks.Count <= _options.BatchBlocksMax
                        && bytes + log.Pending[end].Bytes <= _options.BatchBytesMax)))
                {
                    blocks += log.Pending[end].Blocks.Count;
                    bytes += log.Pending[end++].Bytes;
                }

                WriteBatch(log, at, end, blocks);
                at = end;
            }

            log.Pending.Clear();
        }

        _appending.Clear();
    }

    private void WriteBatch(OpenLog log, int start, int end, int count)
    {
        var blocks = new ReadOnlyMemory<byte>[count];
        int next = 0;
        for (int i = start; i < end; i++)
        {
            for (int j = 0; j < log.Pending[i].Blocks.Count; j++)
            {
                blocks[next++] = log.Pending[i].Blocks[j];
            }
        }

        long index = log.Core.Length;
        WeftException? failure;
        try
        {
            failure = LogErrors.OfHistory(log) ?? LogErrors.Of(log.Core.Append(blocks), log);
        }
        catch (WeftException refused)
        {
            failure = refused;
        }

        for (int i = start; i < end; i++)
        {
            PendingAppend append = log.Pending[i];
            append.Position = new LogPosition(index, append.Blocks.Count, log.Core.Fork);
            append.Number = log.Core.LastCommit;
            index += append.Blocks.Count;
            if (failure is not null)
            {
                append.Done.TrySetException(failure);
            }
            else if (append.Wanted == Durability.Memory)
            {
                append.Done.TrySetResult(append.Position);
            }
            else
            {
                log.Written.Enqueue(append);
                _bufferedWaiting += append.Wanted == Durability.Buffered ? 1 : 0;
            }
        }

        _touched.Add(log);
    }

    /// <summary>
    /// Asks the store for a level, one request at a time; what is written meanwhile is the next one's.
    /// </summary>
    private void StartFlush(Durability level)
    {
        foreach (OpenLog log in _touched)
        {
            _written = Math.Max(_written, log.Core.LastCommit);
        }

        bool isWanted = level == Durability.Disk || _bufferedWaiting > 0;
        if (_written > _flushed[(int)level] && !_isFlushing[(int)level] && isWanted)
        {
            _isFlushing[(int)level] = true;
            _ = FlushAsync(level, _written);
        }
    }

    private async Task FlushAsync(Durability level, long number)
    {
        try
        {
            await _store.AppendAsync(CommitBatch.Empty, level).ConfigureAwait(false);
            Post(() => OnFlushed(level, number));
        }
        catch (WeftException failure)
        {
            Post(() => OnFlushFailed(level, failure));
        }
    }

    private void OnFlushed(Durability level, long number)
    {
        _isFlushing[(int)level] = false;
        _flushed[(int)level] = Math.Max(_flushed[(int)level], number);
        foreach (OpenLog log in _touched.ToArray())
        {
            if (level == Durability.Disk)
            {
                Publish(log, number);
            }

            int waiting = log.Written.Count;
            while (waiting-- > 0)
            {
                PendingAppend append = log.Written.Dequeue();
                if (append.Number <= number && append.Wanted <= level)
                {
                    append.Done.TrySetResult(append.Position);
                    _bufferedWaiting -= append.Wanted == Durability.Buffered ? 1 : 0;
                }
                else
                {
                    log.Written.Enqueue(append);
                }
            }
        }
    }

    /// <summary>
    /// After the loop has ended: what was written becomes durable before anyone is told that it failed.
    /// </summary>
    private async Task FlushLastAsync()
    {
        try
        {
            await _store.AppendAsync(CommitBatch.Empty, Durability.Disk).ConfigureAwait(false);
            foreach (PendingAppend append in _logs.Values.SelectMany(log => log.Written))
            {
                append.Done.TrySetResult(append.Position);
            }
        }
        catch (WeftException failure)
        {
            LogDriverLog.StoreFailed(_logger, failure);
        }
    }

    /// <summary>Shows peers and readers what is durable.</summary>
    private void Publish(OpenLog log, long number)
    {
        LogHead shown = log.Core.Published;
        log.Core.OnDurable(number);
        if (!ReferenceEquals(shown, log.Core.Published))
        {
            _hub.Run(log.Key, (core, outputs) => core.OnPublished(Now, outputs), Now, _outbox);
        }

        while (log.Arrived.TryPeek(out (long Number, TaskCompletionSource Done) arrived) && arrived.Number <= number)
        {
            log.Arrived.Dequeue().Done.TrySetResult();
        }

        log.Signal();
        if (log.Core.LastCommit <= number)
        {
            _touched.Remove(log);
        }
    }

    private void OnFlushFailed(Durability level, WeftException failure)
    {
        _isFlushing[(int)level] = false;
        _flushed[(int)level] = _written; // The store has stopped; asking again brings the same answer.
        LogDriverLog.StoreFailed(_logger, failure);
        foreach (OpenLog log in _logs.Values)
        {
            while (log.Written.TryDequeue(out PendingAppend? append))
            {
                append.Done.TrySetException(failure);
            }
        }
    }
}
