using Microsoft.Extensions.Logging;
using Weft.Primitives;
using Weft.Protocols.Relay;

namespace Weft.Libp2p.Relay;

/// <summary>Everything relays and their clients log. Ids 7200 to 7219; an id is never used again.</summary>
internal static partial class RelayLog
{
    [LoggerMessage(7200, LogLevel.Debug, "{Peer} asked for a place: {Status}")]
    internal static partial void Reserved(ILogger logger, PeerId peer, RelayStatus status);

    [LoggerMessage(7201, LogLevel.Debug, "{Source} asked for a circuit to {Target}: {Status}")]
    internal static partial void Connected(ILogger logger, PeerId source, PeerId target, RelayStatus status);

    [LoggerMessage(7202, LogLevel.Debug, "Circuit {Circuit} was cut: {Reason}")]
    internal static partial void Cut(ILogger logger, long circuit, RelayCut reason);

    [LoggerMessage(7203, LogLevel.Information, "There is a place at relay {Relay}")]
    internal static partial void HasPlace(ILogger logger, PeerId relay);

    [LoggerMessage(7204, LogLevel.Information, "The place at relay {Relay} is lost")]
    internal static partial void LostPlace(ILogger logger, PeerId relay);

    [LoggerMessage(7205, LogLevel.Debug, "Relay {Relay} gave no place: {Reason}")]
    internal static partial void NoPlace(ILogger logger, PeerId relay, string reason);

    [LoggerMessage(7206, LogLevel.Debug, "Relay {Relay} brought {Peer}: {Status}")]
    internal static partial void Brought(ILogger logger, PeerId relay, PeerId peer, RelayStatus status);
}
