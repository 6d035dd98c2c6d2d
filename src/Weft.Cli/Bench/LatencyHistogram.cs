using System.Numerics;

namespace Weft.Cli.Bench;

/// <summary>Counts latencies in buckets that are 1/64 of their value wide: percentiles are right to 1.6 %.</summary>
/// <remarks>One caller at a time; merge the histograms of several.</remarks>
internal sealed class LatencyHistogram
{
    private const int SubBits = 6;
    private const int SubBuckets = 1 << SubBits;

    private readonly long[] _buckets = new long[(64 - SubBits) * SubBuckets];

    /// <summary>How many.</summary>
    public long Count { get; private set; }

    /// <summary>The longest, in microseconds.</summary>
    public long MaxMicroseconds { get; private set; }

    /// <summary>Counts one.</summary>
    public void Add(TimeSpan latency)
    {
        long microseconds = Math.Max(0, (long)latency.TotalMicroseconds);
        _buckets[IndexOf(microseconds)]++;
        Count++;
        MaxMicroseconds = Math.Max(MaxMicroseconds, microseconds);
    }

    /// <summary>Adds another one's counts.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _buckets.Length; i++)
        {
            _buckets[i] += other._buckets[i];
        }

        Count += other.Count;
        MaxMicroseconds = Math.Max(MaxMicroseconds, other.MaxMicroseconds);
    }

    /// <summary>The latency that a share of all did not exceed; zero when there is none.</summary>
    /// <param name="share">0 to 1, for example 0.99.</param>
    public TimeSpan At(double share)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(share * Count));
        long seen = 0;
        for (int i = 0; i < _buckets.Length && Count > 0; i++)
        {
            seen += _buckets[i];
            if (seen >= rank)
            {
                return TimeSpan.FromMicroseconds(Math.Min(UpperOf(i), MaxMicroseconds));
            }
        }

        return TimeSpan.Zero;
    }

    private static int IndexOf(long microseconds)
    {
        if (microseconds < SubBuckets)
        {
            return (int)microseconds;
        }

        int shift = 63 - BitOperations.LeadingZeroCount((ulong)microseconds) - SubBits;
        return ((shift + 1) << SubBits) + (int)((microseconds >> shift) - SubBuckets);
    }

    private static long UpperOf(int index)
    {
        int shift = (index >> SubBits) - 1;
        return shift < 0 ? index : ((long)(index & (SubBuckets - 1)) + SubBuckets + 1 << shift) - 1;
    }
}
