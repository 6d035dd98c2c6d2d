namespace Weft.Protocols.Kad;

/// <summary>How long answers take: the 95th of 100, of the last 64.</summary>
internal sealed class RttEstimator(KadOptions options)
{
    private const int SamplesMax = 64;
    private const int SamplesMin = 5;

    private readonly long[] _samples = new long[SamplesMax];
    private int _next;
    private int _count;
    private long _slow; // The 95th percentile in microseconds; 0 until it is known.

    /// <summary>How long to wait before a lookup goes on without an answer.</summary>
    internal TimeSpan Patience
    {
        get
        {
            TimeSpan patience = _slow == 0 ? options.PatienceFirst : TimeSpan.FromMicroseconds(_slow * 3d);
            return patience < options.PatienceMin ? options.PatienceMin
                : patience > options.RequestTimeout ? options.RequestTimeout : patience;
        }
    }

    internal void Add(TimeSpan roundTrip)
    {
        _samples[_next] = Math.Max(1, (long)roundTrip.TotalMicroseconds);
        _next = (_next + 1) % SamplesMax;
        _count = Math.Min(_count + 1, SamplesMax);
        if (_count == SamplesMin || (_count > SamplesMin && _next % 8 == 0))
        {
            Span<long> sorted = stackalloc long[SamplesMax];
            sorted = sorted[.._count];
            _samples.AsSpan(0, _count).CopyTo(sorted);
            sorted.Sort();
            _slow = sorted[(int)((_count - 1) * 0.95)];
        }
    }
}
