using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft.Libp2p.Kad;

/// <summary>Everything the DHT's driver logs. Ids 7300 to 7349 belong to it; an id is never used again.</summary>
internal static partial class KadLog
{
    [LoggerMessage(7301, LogLevel.Debug, "{Protocol}: {Peer} entered the routing table")]
    internal static partial void RouteAdded(ILogger logger, string protocol, PeerId peer);

    [LoggerMessage(7302, LogLevel.Debug, "{Protocol}: {Peer} left the routing table")]
    internal static partial void RouteRemoved(ILogger logger, string protocol, PeerId peer);

    [LoggerMessage(7303, LogLevel.Information, "{Protocol}: this peer answers others now: {IsServer}")]
    internal static partial void Mode(ILogger logger, string protocol, bool isServer);

    [LoggerMessage(7304, LogLevel.Debug, "{Protocol}: a question of {Peer} was refused")]
    internal static partial void Refused(ILogger logger, string protocol, PeerId peer);

    [LoggerMessage(7305, LogLevel.Debug, "{Protocol}: {Peer} gave no answer: {Reason}")]
    internal static partial void NoAnswer(ILogger logger, string protocol, PeerId peer, string reason);

    [LoggerMessage(7306, LogLevel.Critical, "{Protocol} has stopped because of an error of its own")]
    internal static partial void Stopped(ILogger logger, string protocol, Exception error);

    [LoggerMessage(7307, LogLevel.Warning, "{Protocol}: the record store is {Percent} % full")]
    internal static partial void StoreFull(ILogger logger, string protocol, int percent);
}
