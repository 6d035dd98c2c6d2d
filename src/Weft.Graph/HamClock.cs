namespace Weft.Graph;

/// <summary>Gives states to local writes: hybrid of wall time and a counter, strictly rising, never stepping back.</summary>
/// <remarks>
/// The caller persists <see cref="High"/> and hands it back after a restart. Observing merged states makes a local write
/// win over everything this node has seen, even while its wall clock is behind. One caller at a time.
/// </remarks>
public sealed class HamClock(double high = double.NegativeInfinity)
{
    /// <summary>The step between two states of one millisecond; a thousand fit, as in gun.js.</summary>
    public const double Step = 0.001;

    /// <summary>The highest state given or seen; negative infinity before the first.</summary>
    public double High { get; private set; } = high;

    /// <summary>A state above all earlier ones, and not below <paramref name="wallMs"/>.</summary>
    /// <param name="wallMs">Wall time in milliseconds; may have stepped back.</param>
    public double Next(double wallMs)
    {
        double whole = Math.Floor(wallMs);
        if (whole > High)
        {
            return High = whole;
        }

        double next = High + Step;
        return High = next > High ? next : Math.BitIncrement(High); // Far from our epoch the step may round away.
    }

    /// <summary>Notes a state that was merged or issued elsewhere on this node.</summary>
    public void Observe(double state)
    {
        if (state > High)
        {
            High = state;
        }
    }
}
