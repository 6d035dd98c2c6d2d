using Microsoft.Extensions.Logging;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Libp2p.Gossip;

/// <summary>Everything gossip logs. Ids 7200 to 7299 belong to it; an id is never used again.</summary>
internal static partial class GossipLog
{
    [LoggerMessage(7200, LogLevel.Debug, "{Peer} gossips over {Protocol}")]
    internal static partial void Linked(ILogger logger, PeerId peer, string protocol);

    [LoggerMessage(7201, LogLevel.Debug, "Gossip with {Peer} ended: {Reason}")]
    internal static partial void Unlinked(ILogger logger, PeerId peer, string reason);

    [LoggerMessage(7202, LogLevel.Debug, "Something of {Peer} was not taken: {Reason}")]
    internal static partial void Refused(ILogger logger, PeerId peer, GossipReason reason);

    [LoggerMessage(7203, LogLevel.Warning, "The validator of {Topic} failed; the message is ignored")]
    internal static partial void ValidatorFailed(ILogger logger, string topic, Exception error);

    [LoggerMessage(7204, LogLevel.Debug, "{Candidate}, named by {Peer}, cannot be reached: {Reason}")]
    internal static partial void ExchangeFailed(ILogger logger, PeerId candidate, PeerId peer, string reason);
}
