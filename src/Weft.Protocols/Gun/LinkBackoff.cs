using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>
/// How long to wait before dialling a relay again: doubling, with jitter, so that relays do not dial in step.
/// </summary>
/// <param name="shortest">The first wait.</param>
/// <param name="longest">The ceiling.</param>
/// <param name="random">Draws the jitter.</param>
public sealed class LinkBackoff(TimeSpan shortest, TimeSpan longest, WeftRandom random)
{
    private int _failures;

    /// <summary>Failures since the last <see cref="Reset"/>.</summary>
    public int Failures => _failures;

    /// <summary>The next wait: between half and the whole of a span that doubles with each failure.</summary>
    public TimeSpan Next()
    {
        double span = Math.Min(
            longest.TotalMilliseconds, shortest.TotalMilliseconds * Math.Pow(2, Math.Min(_failures, 30)));
        _failures++;
        return TimeSpan.FromMilliseconds(span * (0.5 + (random.NextDouble() / 2)));
    }

    /// <summary>The link held: the next wait is short again.</summary>
    public void Reset() => _failures = 0;
}
