using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>
/// The clocks of one node: a wall clock that may be wrong and jump, and a monotonic one that only drifts.
/// </summary>
/// <remarks>Reading them is a pure function of the world's time and of what was set here.</remarks>
public sealed class SimClock(SimWorld world)
{
    private double _driftPpm;
    private double _driftedMs; // What drift had added up to when the rate was last changed.
    private WeftInstant _driftSince;

    /// <summary>How far the wall clock is from true time, drift excluded, in milliseconds. Positive is ahead.</summary>
    public double OffsetMs { get; private set; }

    /// <summary>
    /// How fast both clocks run away from true time, in parts per million; real quartz stays within 200.
    /// </summary>
    public double DriftPpm
    {
        get => _driftPpm;
        set
        {
            _driftedMs = Drifted;
            _driftSince = world.Now;
            _driftPpm = value;
        }
    }

    /// <summary>Wall time as this node sees it, in milliseconds since 1970.</summary>
    public double WallMs => world.WallMs + OffsetMs + Drifted;

    /// <summary>The monotonic clock of this node.</summary>
    public WeftInstant Now => world.Now + TimeSpan.FromMicroseconds(Drifted * 1_000);

    private double Drifted =>
        _driftedMs + ((world.Now.Microseconds - _driftSince.Microseconds) / 1_000d * _driftPpm / 1e6);

    /// <summary>Moves the wall clock by <paramref name="span"/> at once, as a time server or a person would.</summary>
    public void Jump(TimeSpan span) => OffsetMs += span.TotalMilliseconds;
}
