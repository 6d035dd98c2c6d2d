namespace Weft.Graph;

/// <summary>Writes of the near future, held until they are due. Bounded: a full queue refuses.</summary>
/// <remarks>Pure; one caller at a time. The store holds the same writes durably.</remarks>
public sealed class DeferredQueue(GraphOptions options)
{
    private readonly PriorityQueue<FieldWrite, double> _queue = new();

    /// <summary>How many writes are held.</summary>
    public int Count => _queue.Count;

    /// <summary>Bytes they are counted with.</summary>
    public long Bytes { get; private set; }

    /// <summary>When the first is due; positive infinity when none is held.</summary>
    public double NextDueMs => _queue.TryPeek(out _, out double due) ? due : double.PositiveInfinity;

    /// <summary>True when so many more writes fit.</summary>
    /// <param name="writes">How many.</param>
    /// <param name="bytes">Their size, see <see cref="SizeOf"/>.</param>
    public bool HasRoom(int writes, long bytes) =>
        _queue.Count + writes <= options.DeferredMax && Bytes + bytes <= options.DeferredBytesMax;

    /// <summary>Holds one write. The caller has asked <see cref="HasRoom"/>; writes read back at start are always taken.</summary>
    public void Add(in FieldWrite write)
    {
        _queue.Enqueue(write, write.State);
        Bytes += SizeOf(write);
    }

    /// <summary>Takes the next write that is due.</summary>
    /// <param name="wallMs">Wall time in milliseconds.</param>
    /// <param name="write">The write.</param>
    /// <returns>False when none is due.</returns>
    public bool TryTake(double wallMs, out FieldWrite write)
    {
        if (NextDueMs > wallMs || !_queue.TryDequeue(out write, out _))
        {
            write = default;
            return false;
        }

        Bytes -= SizeOf(write);
        return true;
    }

    /// <summary>Bytes one held write is counted with.</summary>
    public static long SizeOf(in FieldWrite write) =>
        100 + (2 * (write.Soul.Length + write.Field.Length)) + write.Value.Json.Length;
}
