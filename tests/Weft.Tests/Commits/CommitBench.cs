using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Commits;

/// <summary>Drives a commit core over segments in memory: what a disk would hold, with and without the unflushed part.</summary>
internal sealed class CommitBench
{
    public const ulong StoreId = 0x1234;

    public CommitBench(CommitCoreOptions? options = null, CommitStart? start = null)
    {
        Core = new CommitCore(
            options ?? new CommitCoreOptions(), start ?? new CommitStart(StoreId, 99, 0, 1, []));
        Core.Pump(Outbox);
    }

    public CommitCore Core { get; }

    public Outbox<CommitOutput> Outbox { get; } = new();

    /// <summary>What the operating system holds.</summary>
    public SortedDictionary<long, byte[]> Segments { get; } = [];

    /// <summary>What would be there after a power cut.</summary>
    public SortedDictionary<long, byte[]> Flushed { get; } = [];

    public List<CommitOutput> Answers { get; } = [];

    public int Writes { get; private set; }

    public int Syncs { get; private set; }

    public static CommitBatch Batch(string soul, string field, WeftValue value, double state = 1) =>
        new([new CommitField(new FieldWrite(soul, field, value, state), default, false)], [], [], state);

    public CommitAdmission Append(CommitBatch batch, Durability wanted = Durability.Disk, object? token = null)
    {
        CommitAdmission admission = Core.Append(batch, wanted, token, Outbox, out _);
        return admission;
    }

    public void Run()
    {
        Core.Pump(Outbox);
        while (Step())
        {
        }
    }

    /// <summary>Carries out one output.</summary>
    public bool Step()
    {
        if (Outbox.Count == 0)
        {
            return false;
        }

        CommitOutput[] outputs = [.. Outbox.Items];
        Outbox.Clear();
        foreach (CommitOutput output in outputs)
        {
            Carry(output);
        }

        return true;
    }

    public LogScan Recover(out List<(long Sequence, CommitBatch Batch)> commits, long flushed = 0) =>
        Recover(Segments, out commits, flushed);

    public static LogScan Recover(
        IReadOnlyDictionary<long, byte[]> segments,
        out List<(long Sequence, CommitBatch Batch)> commits,
        long flushed = 0)
    {
        var found = new List<(long, CommitBatch)>();
        LogScan scan = CommitRecovery.Run(
            [.. segments.Keys.Order()], number => segments[number], StoreId, flushed, (at, batch) => found.Add((at, batch)));
        commits = found;
        return scan;
    }

    private void Carry(in CommitOutput output)
    {
        switch (output.Kind)
        {
            case CommitOutputKind.OpenSegment:
                Segments.Add(output.Segment, new byte[output.Length]);
                Flushed.Add(output.Segment, new byte[output.Length]);
                Core.OnOpened(output.Segment, Outbox);
                break;
            case CommitOutputKind.Write:
                Writes++;
                output.Bytes.Span.CopyTo(Segments[output.Segment].AsSpan((int)output.Offset));
                Core.OnWritten(Outbox);
                break;
            case CommitOutputKind.Sync:
                Syncs++;
                Segments[output.Segment].CopyTo(Flushed[output.Segment], 0);
                Core.OnSynced(Outbox);
                break;
            case CommitOutputKind.FreeSegment:
                Segments.Remove(output.Segment);
                Flushed.Remove(output.Segment);
                break;
            default:
                Answers.Add(output);
                break;
        }
    }
}
