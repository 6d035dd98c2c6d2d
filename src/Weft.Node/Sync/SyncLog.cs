using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft.Node.Sync;

/// <summary>Everything the synchronization logs. Ids 4800 to 4849 belong to it; an id is never used again.</summary>
internal static partial class SyncLog
{
    [LoggerMessage(4800, LogLevel.Debug, "Session {Session} with {Peer} begins")]
    internal static partial void Opened(ILogger logger, long session, PeerId peer);

    [LoggerMessage(4801, LogLevel.Information,
        "Synchronized with {Peer}: {In} fields in, {Out} out, {ElapsedMs} ms")]
    internal static partial void CaughtUp(ILogger logger, PeerId peer, long @in, long @out, long elapsedMs);

    [LoggerMessage(4802, LogLevel.Debug, "Session {Session} with {Peer} ended after {ElapsedMs} ms: {Reason}")]
    internal static partial void Ended(ILogger logger, long session, PeerId peer, long elapsedMs, string reason);

    [LoggerMessage(4803, LogLevel.Warning, "{Count} fields from {Peer} were refused, the last with {Code}")]
    internal static partial void Refused(ILogger logger, int count, PeerId peer, string code);

    [LoggerMessage(4805, LogLevel.Warning, "How far peers are could not be kept ({Code}); after a restart they compare")]
    internal static partial void CursorsNotKept(ILogger logger, string code);

    [LoggerMessage(4806, LogLevel.Warning, "Something from {Peer} is for a damaged node ({Reason}); the rest is taken")]
    internal static partial void Damaged(ILogger logger, PeerId peer, string reason);

    [LoggerMessage(4804, LogLevel.Error, "The session with {Peer} stopped on an error")]
    internal static partial void Failed(ILogger logger, PeerId peer, Exception error);
}
