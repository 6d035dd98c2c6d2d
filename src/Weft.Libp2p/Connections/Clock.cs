using Weft.Primitives;

namespace Weft.Libp2p.Connections;

/// <summary>The monotonic clock of cores.</summary>
internal static class Clock
{
    internal static WeftInstant Instant(this TimeProvider time) =>
        new((long)(time.GetTimestamp() * (1_000_000.0 / time.TimestampFrequency)));
}
