using Microsoft.Extensions.Logging;
using Weft.Primitives;
using Weft.Protocols.Relay;

namespace Weft.Libp2p.Relay;

/// <summary>Everything relays and their clients log. Ids 7400 to 7419; an id is never used again.</summary>
internal static partial class RelayLog
{
    [LoggerMessage(7400, LogLevel.Debug, "{Peer} asked for a place: {Status}")]
    internal static partial void Reserved(ILogger logger, PeerId peer, RelayStatus status);

    [LoggerMessage(7401, LogLevel.Debug, "{Source} asked for a circuit to {Target}: {Status}")]
    internal static partial void Connected(ILogger logger, PeerId source, PeerId target, RelayStatus status);

    [LoggerMessage(7402, LogLevel.Debug, "Circuit {Circuit} was cut: {Reason}")]
    internal static partial void Cut(ILogger logger, long circuit, RelayCut reason);

    [LoggerMessage(7403, LogLevel.Information, "There is a place at relay {Relay}")]
    internal static partial void HasPlace(ILogger logger, PeerId relay);

    [LoggerMessage(7404, LogLevel.Information, "The place at relay {Relay} is lost")]
    internal static partial void LostPlace(ILogger logger, PeerId relay);

    [LoggerMessage(7405, LogLevel.Debug, "Relay {Relay} gave no place: {Reason}")]
    internal static partial void NoPlace(ILogger logger, PeerId relay, string reason);

    [LoggerMessage(7406, LogLevel.Debug, "Relay {Relay} brought {Peer}: {Status}")]
    internal static partial void Brought(ILogger logger, PeerId relay, PeerId peer, RelayStatus status);
}
