using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft.Libp2p.Discovery;

/// <summary>Everything discovery logs. Ids 7420 to 7439; an id is never used again.</summary>
internal static partial class DiscoveryLog
{
    [LoggerMessage(7420, LogLevel.Debug, "{Peer} told of {Count} peers")]
    internal static partial void Told(ILogger logger, PeerId peer, int count);

    [LoggerMessage(7421, LogLevel.Debug, "{Peer} was asked for peers in vain: {Reason}")]
    internal static partial void ToldNothing(ILogger logger, PeerId peer, string reason);

    [LoggerMessage(7422, LogLevel.Debug, "Rendezvous point {Point} failed: {Reason}")]
    internal static partial void PointFailed(ILogger logger, PeerId point, string reason);
}
