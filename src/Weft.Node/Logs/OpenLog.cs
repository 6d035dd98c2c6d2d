using Weft.Log;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>Blocks that wait to be appended, and then for their durability.</summary>
internal sealed class PendingAppend(IReadOnlyList<ReadOnlyMemory<byte>> blocks, long bytes, Durability wanted)
{
    public IReadOnlyList<ReadOnlyMemory<byte>> Blocks => blocks;

    public long Bytes => bytes;

    public Durability Wanted => wanted;

    /// <summary>The number of the commit; 0 until it was written.</summary>
    public long Number { get; set; }

    public LogPosition Position { get; set; }

    public TaskCompletionSource<LogPosition> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>A piece of a log.</summary>
/// <param name="Entries">What was read.</param>
/// <param name="Next">Where to go on.</param>
/// <param name="Fork">The log's fork.</param>
/// <param name="Length">The log's length.</param>
/// <param name="Changed">Completes when there may be more.</param>
internal sealed record LogPage(IReadOnlyList<LogEntry> Entries, long Next, long Fork, long Length, Task Changed);

/// <summary>One log on the driver's loop, with those who wait for something of it.</summary>
internal sealed class OpenLog(LogCore core, ReplicationCore replication, LogNote note, LogKeyPair? keys) : IDisposable
{
    private const int CutsMax = 64;

    private readonly Queue<(long Fork, long Length)> _cuts = [];
    private TaskCompletionSource _changed = NewSignal();

    public LogCore Core => core;

    public ReplicationCore Replication => replication;

    public LogNote Note { get; set; } = note;

    public Hash32 Key => core.Key;

    /// <summary>Appends of this turn.</summary>
    public List<PendingAppend> Pending { get; } = [];

    /// <summary>Appends that are written, in order, each until it is as durable as wanted.</summary>
    public Queue<PendingAppend> Written { get; } = [];

    /// <summary>Who waits for a block.</summary>
    public Dictionary<long, List<TaskCompletionSource>> BlockWaiters { get; } = [];

    /// <summary>Who waits for a download.</summary>
    public Dictionary<long, TaskCompletionSource> Downloads { get; } = [];

    /// <summary>The newest commit that is durable.</summary>
    public long Durable { get; set; }

    /// <summary>What came and was waited for, each until its commit is durable.</summary>
    public Queue<(long Number, TaskCompletionSource Done)> Arrived { get; } = [];

    public ITimer? Timer { get; set; }

    /// <summary>When the core wants to be called: few at once, for it has two reasons for it.</summary>
    public SortedSet<WeftInstant> Due { get; } = [];

    /// <summary>Completes at the next change that a reader could see.</summary>
    public Task Changed => _changed.Task;

    public LogInfo Info() => new(
        Note.Name, core.Key, core.DiscoveryKey, core.Published.Length,
        core.Length == core.Published.Length ? core.ByteLength : core.Published.ByteLength, core.Published.Fork,
        core.Bits.Count, Math.Min(core.ContiguousLength, core.Published.Length), replication.PeerCount,
        core.IsWritable, Note.Secret.Length > 0, Note.IsFollowed, core.IsRecovering, core.Evidence is not null,
        replication.IsBehind);

    /// <summary>Notes that the log was cut back to a length, with its present fork.</summary>
    public void NoteCut(long length)
    {
        _cuts.Enqueue((core.Fork, length));
        if (_cuts.Count > CutsMax)
        {
            _cuts.Dequeue();
        }
    }

    /// <summary>How far back a reader must go who has seen a fork last; 0 when that is not known any more.</summary>
    public long CutSince(long fork)
    {
        bool isKnown = _cuts.Count > 0 && _cuts.Peek().Fork <= fork + 1;
        return isKnown ? _cuts.Where(cut => cut.Fork > fork).Select(cut => cut.Length).DefaultIfEmpty(0).Min() : 0;
    }

    public void Signal()
    {
        TaskCompletionSource changed = _changed;
        _changed = NewSignal();
        changed.TrySetResult();
    }

    public void Dispose()
    {
        Timer?.Dispose();
        core.Dispose();
        keys?.Dispose();
        Signal();
        foreach (PendingAppend waiting in Pending.Concat(Written))
        {
            waiting.Done.TrySetException(new WeftException(
                WeftError.NodeUnavailable, "The node is stopping; whether the blocks were appended is not known."));
        }

        foreach (TaskCompletionSource waiting in BlockWaiters.Values.SelectMany(list => list)
            .Concat(Downloads.Values).Concat(Arrived.Select(one => one.Done)))
        {
            waiting.TrySetCanceled();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
