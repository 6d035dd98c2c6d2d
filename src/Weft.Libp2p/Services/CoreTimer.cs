using Weft.Libp2p.Connections;
using Weft.Primitives;

namespace Weft.Libp2p.Services;

/// <summary>
/// The one timer of a core's driver: rings at the earliest moment asked for, and then asks the core anew.
/// </summary>
internal sealed class CoreTimer : IDisposable
{
    private readonly TimeProvider _time;
    private readonly ITimer _timer;

    /// <summary>Makes a timer that does not ring yet.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="ring">Called on another thread; a double call must be harmless.</param>
    internal CoreTimer(TimeProvider time, Action ring)
    {
        _time = time;
        _timer = time.CreateTimer(
            static state => ((Action)state!)(), ring, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    internal WeftInstant Now => _time.Instant();

    internal void Start(WeftInstant due)
    {
        double wait = Math.Clamp((due - Now).TotalMilliseconds, 1, 3_600_000); // Too early is harmless.
        _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(wait)), Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();
}
