using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft.Libp2p.Discovery;

/// <summary>Everything discovery logs. Ids 7220 to 7239; an id is never used again.</summary>
internal static partial class DiscoveryLog
{
    [LoggerMessage(7220, LogLevel.Debug, "{Peer} told of {Count} peers")]
    internal static partial void Told(ILogger logger, PeerId peer, int count);

    [LoggerMessage(7221, LogLevel.Debug, "{Peer} was asked for peers in vain: {Reason}")]
    internal static partial void ToldNothing(ILogger logger, PeerId peer, string reason);

    [LoggerMessage(7222, LogLevel.Debug, "Rendezvous point {Point} failed: {Reason}")]
    internal static partial void PointFailed(ILogger logger, PeerId point, string reason);
}
