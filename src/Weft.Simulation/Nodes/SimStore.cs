using System.Globalization;
using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>
/// Runs the commit core and its recovery on a simulated disk: it carries requests, and decides nothing.
/// </summary>
internal sealed class SimStore
{
    private const string Freed = "freed-";

    private readonly SimWorld _world;
    private readonly SimDisk _disk;
    private readonly SimTier _tier;
    private readonly CommitCore _core;
    private readonly Outbox<CommitOutput> _outbox = new();
    private readonly Queue<(long Sequence, CommitBatch Batch)> _uncommitted = new();
    private readonly Queue<(long Sequence, CommitBatch Batch)> _untiered = new();
    private readonly Action<long, CommitBatch> _onCommitted;
    private readonly Action _onRoom;
    private readonly TimeSpan _flushEvery;
    private bool _isApplying;
    private bool _isDead;

    /// <summary>Starts on what the disk holds: recovery, then a new log behind it.</summary>
    /// <param name="world">The world.</param>
    /// <param name="disk">Survives this object.</param>
    /// <param name="tier">Survives this object.</param>
    /// <param name="options">Of the log.</param>
    /// <param name="flushEvery">How often the log is taken over into the tier.</param>
    /// <param name="onCommitted">Takes each commit in order, once it is as durable as configured.</param>
    /// <param name="onRoom">Called when an append that had to wait may be offered again.</param>
    public SimStore(
        SimWorld world,
        SimDisk disk,
        SimTier tier,
        CommitCoreOptions options,
        TimeSpan flushEvery,
        Action<long, CommitBatch> onCommitted,
        Action onRoom)
    {
        _world = world;
        _disk = disk;
        _tier = tier;
        _flushEvery = flushEvery;
        _onCommitted = onCommitted;
        _onRoom = onRoom;
        ClockHigh = tier.ClockHigh;
        Deferred.UnionWith(tier.Deferred);

        foreach ((FieldKey key, StoredField field) in tier.Fields.OrderBy(entry => entry.Value.Sequence)
            .ThenBy(entry => entry.Key.Soul, StringComparer.Ordinal)
            .ThenBy(entry => entry.Key.Field, StringComparer.Ordinal))
        {
            Graph.Put(key.Soul, field);
        }

        _core = new CommitCore(options, Recover());
        _world.After(_flushEvery, Flush);
        Pump();
    }

    public SimGraph Graph { get; } = new();

    /// <summary>The highest local state that was durable at the start.</summary>
    public double ClockHigh { get; private set; }

    /// <summary>The held writes that were durable at the start.</summary>
    public HashSet<FieldWrite> Deferred { get; } = [];

    /// <summary>What recovery found.</summary>
    public LogScan Scan { get; private set; } = null!;

    public long CommittedSequence => _core.CommittedSequence;

    public bool IsIdle => _core.IsIdle;

    /// <summary>
    /// True when the next append will not be made to wait, unless its record is larger than a segment.
    /// </summary>
    public bool CanAppend => _core.HasSpare || _core.IsFull || _core.StoppedBy != WeftError.None;

    /// <summary>
    /// Stores a batch; reads see it when this returns Accepted, and <paramref name="done"/> tells the rest.
    /// </summary>
    public CommitAdmission Append(CommitBatch batch, Action<long, WeftError> done)
    {
        CommitAdmission admission = _core.Append(batch, Durability.Disk, done, _outbox, out long sequence);
        if (admission == CommitAdmission.Accepted && !batch.IsEmpty)
        {
            Graph.Put(sequence, batch);
            _uncommitted.Enqueue((sequence, batch));
        }

        Pump();
        return admission;
    }

    /// <summary>Ends the log cleanly; over when <see cref="IsIdle"/>.</summary>
    public void Close()
    {
        _core.Close(_outbox);
        Apply();
    }

    /// <summary>The process is gone: whatever still happens to this object is ignored.</summary>
    public void Kill() => _isDead = true;

    private CommitStart Recover()
    {
        List<long> numbers = [.. _disk.Files
            .Where(file => !file.StartsWith(Freed, StringComparison.Ordinal))
            .Select(file => long.Parse(file, CultureInfo.InvariantCulture))
            .Order()];
        Scan = CommitRecovery.Run(
            numbers, number => _disk.Read(NameOf(number)), StoreId, _tier.Sequence, (sequence, batch) =>
            {
                Graph.Put(sequence, batch);
                _untiered.Enqueue((sequence, batch));
                ClockHigh = Math.Max(ClockHigh, batch.ClockHigh);
                Deferred.UnionWith(batch.Deferred);
                Deferred.ExceptWith(batch.Released);
            });
        var kept = new List<CommitSegment>();
        foreach (SegmentScan segment in Scan.Segments)
        {
            if (segment.Header == default)
            {
                Free(segment.Number);
            }
            else
            {
                kept.Add(new CommitSegment(segment.Number, segment.LastSequence));
            }
        }

        long next = numbers.Count == 0 ? 1 : numbers[^1] + 1;
        return new CommitStart(StoreId, _world.Random.NextUInt64(), Scan.LastSequence, next, kept);
    }

    private ulong StoreId => 0x57454654; // One disk holds one store, so any number does.

    private void Pump()
    {
        _core.Pump(_outbox);
        Apply();
    }

    private void Apply()
    {
        if (_isApplying)
        {
            return; // An output led to a new input: the loop further out carries its outputs.
        }

        _isApplying = true;
        for (int i = 0; i < _outbox.Count; i++)
        {
            Carry(_outbox[i]);
        }

        _outbox.Clear();
        _isApplying = false;
    }

    private void Carry(CommitOutput output)
    {
        switch (output.Kind)
        {
            case CommitOutputKind.OpenSegment:
                _world.After(_disk.NextSync(), Alive(() => OpenSegment(output.Segment, (int)output.Length)));
                break;
            case CommitOutputKind.Write:
                _disk.Write(NameOf(output.Segment), output.Offset, output.Bytes.Span);
                _world.After(TimeSpan.FromMicroseconds(50), Alive(() => _core.OnWritten(_outbox)));
                break;
            case CommitOutputKind.Sync:
                _disk.BeginSync(NameOf(output.Segment), Alive(() => _core.OnSynced(_outbox)));
                break;
            case CommitOutputKind.Done:
                ((Action<long, WeftError>)output.Token!)(output.Sequence, WeftError.None);
                break;
            case CommitOutputKind.Committed:
                Commit(output.Sequence);
                break;
            case CommitOutputKind.Failed:
                ((Action<long, WeftError>?)output.Token)?.Invoke(output.Sequence, output.Error);
                break;
            case CommitOutputKind.FreeSegment:
                Free(output.Segment);
                break;
        }
    }

    private void OpenSegment(long number, int length)
    {
        string? freed = _disk.Files.FirstOrDefault(file => file.StartsWith(Freed, StringComparison.Ordinal));
        if (freed is not null)
        {
            _disk.Rename(freed, NameOf(number)); // It keeps the records of its earlier life.
        }

        if (_disk.TryAllocate(NameOf(number), length))
        {
            _core.OnOpened(number, _outbox);
            _world.After(TimeSpan.Zero, Alive(_onRoom));
            return;
        }

        _core.OnFailed(CommitFailure.Open, WeftError.DiskFull, _outbox);
        _world.After(TimeSpan.FromSeconds(1), Alive(() => _core.Retry()));
    }

    private void Commit(long sequence)
    {
        while (_uncommitted.TryPeek(out (long Sequence, CommitBatch Batch) next) && next.Sequence <= sequence)
        {
            _uncommitted.Dequeue();
            _untiered.Enqueue(next);
            _onCommitted(next.Sequence, next.Batch);
        }
    }

    /// <summary>Takes committed batches over into the tier, then lets the log free what it needs no more.</summary>
    private void Flush()
    {
        if (_isDead)
        {
            return;
        }

        // Often only a part: then segments whose end is still needed must stay.
        for (int count = _world.Random.Next(_untiered.Count + 1); count > 0; count--)
        {
            (long sequence, CommitBatch batch) = _untiered.Dequeue();
            _tier.Take(sequence, batch);
        }

        _core.OnFlushed(_tier.Sequence, _outbox);
        Apply();
        _world.After(_flushEvery, Flush);
    }

    private void Free(long number) => _disk.Rename(NameOf(number), Freed + NameOf(number));

    private Action Alive(Action action) => () =>
    {
        if (!_isDead)
        {
            action();
            Pump();
        }
    };

    private static string NameOf(long number) => number.ToString("D8", CultureInfo.InvariantCulture);
}
