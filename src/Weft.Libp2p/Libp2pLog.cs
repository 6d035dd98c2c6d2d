using Microsoft.Extensions.Logging;
using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Libp2p;

/// <summary>Everything the host logs. Ids 7000 to 7099 belong to libp2p; an id is never used again.</summary>
internal static partial class Libp2pLog
{
    [LoggerMessage(7001, LogLevel.Debug, "Connected with {Peer} at {Address} (inbound: {IsInbound})")]
    internal static partial void Connected(ILogger logger, PeerId peer, Multiaddr address, bool isInbound);

    [LoggerMessage(7002, LogLevel.Debug, "Connection with {Peer} ended: {Reason}")]
    internal static partial void Closed(ILogger logger, PeerId peer, ConnectionEnd reason);

    [LoggerMessage(7003, LogLevel.Debug, "Refused a connection from {Address}: {Reason}")]
    internal static partial void Refused(ILogger logger, Multiaddr address, string reason);

    [LoggerMessage(7004, LogLevel.Debug, "Refused a connection from {Address}: {Reason}")]
    internal static partial void Full(ILogger logger, Multiaddr address, string reason);

    [LoggerMessage(7005, LogLevel.Debug, "A connection failed before it was taken: {Reason}")]
    internal static partial void AcceptFailed(ILogger logger, string reason);

    [LoggerMessage(7006, LogLevel.Warning, "The handler of {Protocol} failed on a stream of {Peer}")]
    internal static partial void HandlerFailed(ILogger logger, string protocol, PeerId peer, Exception error);

    [LoggerMessage(7008, LogLevel.Debug, "The heartbeat of {Peer} ended: {Reason}")]
    internal static partial void HeartbeatEnded(ILogger logger, PeerId peer, string reason);

    [LoggerMessage(7007, LogLevel.Debug, "Identify with {Peer} failed: {Reason}")]
    internal static partial void IdentifyFailed(ILogger logger, PeerId peer, string reason);
}
