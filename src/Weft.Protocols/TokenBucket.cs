using Weft.Primitives;

namespace Weft.Protocols;

/// <summary>
/// Lets through so much per second, and a burst beyond it. It refuses nothing: it says how long to wait.
/// </summary>
public struct TokenBucket
{
    private readonly double _perSecond;
    private readonly double _burst;
    private double _tokens;
    private WeftInstant _at;

    /// <summary>Makes a full bucket.</summary>
    /// <param name="perSecond">Tokens that flow in each second; above 0.</param>
    /// <param name="burst">Tokens it holds.</param>
    public TokenBucket(double perSecond, double burst) => (_perSecond, _burst, _tokens) = (perSecond, burst, burst);

    /// <summary>Takes tokens; the level may fall below zero, and then the taker owes time.</summary>
    /// <param name="tokens">How many: 0 and up.</param>
    /// <param name="now">The moment.</param>
    /// <returns>How long to wait before taking more; zero when there is enough.</returns>
    public TimeSpan Take(double tokens, WeftInstant now)
    {
        double seconds = Math.Max(0, (now - _at).TotalSeconds);
        _tokens = Math.Min(_burst, _tokens + (seconds * _perSecond)) - tokens;
        _at = now;
        return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / _perSecond);
    }

    /// <summary>True when nothing was taken for so long that it holds all it can.</summary>
    public readonly bool IsFull(WeftInstant now) =>
        _tokens + (Math.Max(0, (now - _at).TotalSeconds) * _perSecond) >= _burst;
}
