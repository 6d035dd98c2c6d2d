using Weft.Primitives;

namespace Weft.Node;

/// <summary>When a write is good enough for its writer: held by so many other peers, within a time.</summary>
/// <param name="Peers">Other peers that must hold it durably: 1 to 1,000.</param>
/// <param name="Timeout">How long to wait for them: up to 10 min.</param>
/// <remarks>Source: docs/guide/replication.md.</remarks>
public readonly record struct WriteAck(int Peers, TimeSpan Timeout)
{
    /// <summary>The most peers that can be waited for.</summary>
    public const int PeersMax = 1_000;

    /// <summary>The longest wait.</summary>
    public static TimeSpan TimeoutMax { get; } = TimeSpan.FromMinutes(10);

    internal void ThrowIfInvalid()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Peers, 1, nameof(Peers));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Peers, PeersMax, nameof(Peers));
        ArgumentOutOfRangeException.ThrowIfLessThan(Timeout, TimeSpan.Zero, nameof(Timeout));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Timeout, TimeoutMax, nameof(Timeout));
    }
}

/// <summary>How far a write came.</summary>
/// <param name="Write">What became of it here.</param>
/// <param name="Peers">Other peers that hold it durably, as far as they have said so.</param>
/// <param name="Wanted">How many were asked for.</param>
/// <param name="Elapsed">How long the waiting took.</param>
public readonly record struct AckedWrite(WriteResult Write, int Peers, int Wanted, TimeSpan Elapsed)
{
    /// <summary>True when as many peers hold it as were asked for.</summary>
    public bool IsComplete => Write.IsAccepted && Peers >= Wanted;
}
