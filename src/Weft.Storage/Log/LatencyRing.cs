namespace Weft.Storage.Log;

/// <summary>The latest 1,024 flush latencies. Written by one thread; a reader may see one half-new, which does no harm.</summary>
internal sealed class LatencyRing
{
    private readonly float[] _ms = new float[1_024];
    private long _count;

    public long Count => Interlocked.Read(ref _count);

    public void Add(TimeSpan latency)
    {
        _ms[_count % _ms.Length] = (float)latency.TotalMilliseconds;
        Interlocked.Increment(ref _count);
    }

    public (double P50Ms, double P99Ms) Read()
    {
        int count = (int)Math.Min(Count, _ms.Length);
        if (count == 0)
        {
            return (0, 0);
        }

        float[] sorted = _ms[..count];
        Array.Sort(sorted);
        return (sorted[count / 2], sorted[Math.Min(count - 1, count * 99 / 100)]);
    }
}
