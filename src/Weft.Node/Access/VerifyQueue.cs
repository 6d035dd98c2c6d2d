using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Node.Access;

/// <summary>
/// Verifies signatures beside the loops: bounded, and fair by source. Sources take turns, so one that sends nothing but
/// junk at full rate costs the others at most its share.
/// </summary>
internal sealed class VerifyQueue : IAsyncDisposable
{
    private const int TurnMax = 8; // Signatures of one source before the next one's turn.

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Source> _sources = [];
    private readonly Queue<Source> _turns = new();
    private readonly SemaphoreSlim _work = new(0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ICrypto _crypto;
    private readonly VerifyOptions _options;
    private readonly SeaKeyCache _keys;
    private readonly VerifiedCache _verified;
    private readonly Task[] _workers;
    private int _waiting;
    private long _checked;
    private long _failed;

    public VerifyQueue(ICrypto crypto, VerifyOptions options)
    {
        _crypto = crypto;
        _options = options;
        _keys = new SeaKeyCache(crypto, options.KeysMax);
        _verified = new VerifiedCache(options.VerifiedMax);
        _workers = [.. Enumerable.Range(0, options.WorkersOrDefault).Select(_ => Task.Run(WorkAsync))];
    }

    /// <summary>Signatures that wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Signatures verified since the start.</summary>
    public long Checked => Interlocked.Read(ref _checked);

    /// <summary>Those of them that did not hold.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Verifies what a delta asks for, except what is known already or not wanted.</summary>
    /// <param name="source">Whose turn it costs.</param>
    /// <param name="admission">Takes what failed.</param>
    /// <param name="isWanted">Which writes are worth it.</param>
    /// <returns>False when the source has too much waiting: then nothing was verified.</returns>
    public ValueTask<bool> VerifyAsync(long source, Admission admission, bool[]? isWanted)
    {
        IReadOnlyList<NeededCheck> checks = ChecksOf(admission, isWanted);
        if (checks.Count == 0)
        {
            return new(true);
        }

        var job = new Job(checks, admission);
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested)
            {
                throw new OperationCanceledException(_stopping.Token);
            }

            if (!_sources.TryGetValue(source, out Source? line))
            {
                _sources.Add(source, line = new Source(source));
            }

            // A delta larger than the bound passes alone: it is bounded by the size of a message.
            if (line.Waiting > 0 && (line.Waiting + checks.Count > _options.WaitingPerSourceMax
                || _waiting + checks.Count > _options.WaitingMax))
            {
                return new(false);
            }

            line.Waiting += checks.Count;
            _waiting += checks.Count;
            line.Jobs.Enqueue(job);
            if (!line.HasTurn)
            {
                line.HasTurn = true;
                _turns.Enqueue(line);
                _work.Release();
            }
        }

        return new(job.Task);
    }

    private IReadOnlyList<NeededCheck> ChecksOf(Admission admission, bool[]? isWanted)
    {
        if (isWanted is null && admission.Error == WeftError.None && !admission.HasSharedChecks)
        {
            return admission.Checks; // All of them, as for nearly every put of a user.
        }

        var checks = new List<NeededCheck>(admission.Checks.Count);
        foreach (NeededCheck needed in admission.Checks)
        {
            bool wanted = admission.Writes[needed.Write].Error == WeftError.None
                && (isWanted is null || isWanted[needed.Write]);
            if (wanted && !IsKnown(needed.Check))
            {
                checks.Add(needed);
            }
        }

        return checks;
    }

    private bool IsKnown(SignatureCheck check) => check.IsShared && _verified.Contains(check);

    /// <summary>Stops. What waits is given up.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_workers).ConfigureAwait(false);
        Job[] left;
        lock (_gate)
        {
            left = [.. _sources.Values.SelectMany(line => line.Jobs)];
            _sources.Clear();
        }

        foreach (Job job in left)
        {
            _ = Task.Run(job.TrySetCanceled); // Who waits goes on in that call, and not in this one.
        }

        _stopping.Dispose();
        _work.Dispose();
    }

    private async Task WorkAsync()
    {
        while (true)
        {
            try
            {
                await _work.WaitAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            Source? line;
            lock (_gate)
            {
                _turns.TryDequeue(out line);
            }

            if (line is not null)
            {
                TakeTurn(line);
            }
        }
    }

    /// <summary>Verifies a few signatures of one source, then sends it to the end of the line.</summary>
    private void TakeTurn(Source line)
    {
        for (int left = TurnMax; left > 0;)
        {
            Job job;
            lock (_gate)
            {
                job = line.Jobs.Peek(); // A line that has a turn has a job, and only its turn takes one out.
            }

            int taken = 0;
            while (taken < left && job.Next < job.Checks.Count)
            {
                Verify(job);
                taken++;
            }

            left -= taken;
            bool isDone = job.Next == job.Checks.Count;
            bool isEmpty;
            lock (_gate)
            {
                line.Waiting -= taken;
                _waiting -= taken;
                if (isDone)
                {
                    line.Jobs.Dequeue();
                }

                isEmpty = line.Jobs.Count == 0;
                if (isEmpty)
                {
                    line.HasTurn = false;
                    _sources.Remove(line.Number); // Only sources that wait cost memory.
                }
            }

            if (isDone)
            {
                job.Finish();
            }

            if (isEmpty)
            {
                return;
            }
        }

        lock (_gate)
        {
            _turns.Enqueue(line);
            _work.Release();
        }
    }

    private void Verify(Job job)
    {
        NeededCheck needed = job.Checks[job.Next++];
        if (job.Admission.Writes[needed.Write].Error != WeftError.None || IsKnown(needed.Check))
        {
            return; // The write has failed already, or an earlier write of the batch has asked the same.
        }

        Interlocked.Increment(ref _checked);
        bool holds;
        try
        {
            holds = needed.Check.Verify(_crypto, _keys);
        }
        catch (Exception bug)
        {
            job.Bug = bug; // The writer learns it; the worker goes on.
            holds = false;
        }

        if (!holds)
        {
            Interlocked.Increment(ref _failed);
            job.Admission.Refuse(needed.Write, needed.Check.Refusal);
        }
        else if (needed.Check.IsShared)
        {
            _verified.Add(needed.Check);
        }
    }

    private sealed class Source(long number)
    {
        public long Number { get; } = number;

        public Queue<Job> Jobs { get; } = new();

        public int Waiting { get; set; }

        public bool HasTurn { get; set; }
    }

    /// <summary>
    /// A delta that waits. Who awaits it goes on in the worker, which saves a change of threads for every delta: that
    /// is the write path, which only puts the delta into its lane.
    /// </summary>
    private sealed class Job(IReadOnlyList<NeededCheck> checks, Admission admission) : TaskCompletionSource<bool>
    {
        public IReadOnlyList<NeededCheck> Checks { get; } = checks;

        public Admission Admission { get; } = admission;

        public int Next { get; set; }

        public Exception? Bug { get; set; }

        public void Finish()
        {
            if (Bug is null)
            {
                TrySetResult(true);
            }
            else
            {
                ThreadPool.UnsafeQueueUserWorkItem(static job => job.TrySetException(job.Bug!), this, false);
            }
        }
    }
}
