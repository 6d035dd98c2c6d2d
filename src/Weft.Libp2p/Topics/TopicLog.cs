using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft.Libp2p.Topics;

/// <summary>Everything kept topics log. Ids 7300 to 7349 belong to them; an id is never used again.</summary>
internal static partial class TopicLog
{
    [LoggerMessage(7300, LogLevel.Error, "Topic {Topic} is kept no more")]
    internal static partial void Failed(ILogger logger, string topic, Exception error);

    [LoggerMessage(7301, LogLevel.Warning, "{Author} linked two records of {Topic} to the same one")]
    internal static partial void Forked(ILogger logger, PeerId author, string topic);

    [LoggerMessage(7302, LogLevel.Information, "Topic {Topic} is kept: {Count} messages")]
    internal static partial void Keeping(ILogger logger, string topic, int count);

    [LoggerMessage(7303, LogLevel.Debug, "The relay {Peer} ended a replay: {Reason}")]
    internal static partial void ReplayEnded(ILogger logger, PeerId peer, string reason);

    [LoggerMessage(7304, LogLevel.Information, "{Topic}: {Taken} messages from the relay {Peer}, {Given} to it")]
    internal static partial void Compared(ILogger logger, PeerId peer, string topic, int taken, int given);

    [LoggerMessage(7305, LogLevel.Warning, "The relay {Peer} was not compared with: {Reason}")]
    internal static partial void NotCompared(ILogger logger, PeerId peer, string reason);
}
