using Microsoft.Extensions.Logging;

namespace Weft.Node.Replication;

internal static partial class ReplicationLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Joined the topic of {Scope}: {Topic}")]
    internal static partial void Joined(ILogger logger, string scope, string topic);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Left the topic of {Scope}")]
    internal static partial void Left(ILogger logger, string scope);

    [LoggerMessage(Level = LogLevel.Debug, Message = "A message of {Peer} was refused: {Code}")]
    internal static partial void Refused(ILogger logger, string peer, string code);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Stored at {Copies} of {Wanted} responsible peers ({Pages} records)")]
    internal static partial void Stored(ILogger logger, int copies, int wanted, int pages);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Replication failed and goes on: {What}")]
    internal static partial void Failed(ILogger logger, string what, Exception error);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "A node of {Bytes} bytes is too large for responsible peers; it is kept by those who follow its prefix alone")]
    internal static partial void TooLarge(ILogger logger, long bytes);
}
