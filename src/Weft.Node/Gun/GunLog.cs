using Microsoft.Extensions.Logging;

namespace Weft.Node.Gun;

/// <summary>Everything the GUN driver logs. Ids 4000 to 4099 belong to it; an id is never used again.</summary>
internal static partial class GunLog
{
    [LoggerMessage(4001, LogLevel.Debug, "Connection {Connection} from {Address} is open")]
    internal static partial void Opened(ILogger logger, long connection, string address);

    [LoggerMessage(
        4002, LogLevel.Debug, "Connection {Connection} from {Address} is closed after {ElapsedMs} ms: {Reason}")]
    internal static partial void Closed(ILogger logger, long connection, string address, long elapsedMs, string reason);

    [LoggerMessage(4003, LogLevel.Information, "Link to {Address} is up")]
    internal static partial void LinkUp(ILogger logger, Uri address);

    [LoggerMessage(4004, LogLevel.Information, "Link to {Address} is down: {Reason}; dialling again in {WaitMs} ms")]
    internal static partial void LinkDown(ILogger logger, Uri address, string reason, long waitMs);

    [LoggerMessage(4005, LogLevel.Debug, "Connection {Connection} sent an error: {Text}")]
    internal static partial void PeerError(ILogger logger, long connection, string text);

    [LoggerMessage(4006, LogLevel.Debug, "Connection {Connection} is being closed, {Reason}: {Text}")]
    internal static partial void Closing(ILogger logger, long connection, string reason, string text);

    [LoggerMessage(
        4007, LogLevel.Critical, "The GUN driver has stopped because of a bug; all its connections are closed")]
    internal static partial void Broken(ILogger logger, Exception bug);

    [LoggerMessage(
        4008, LogLevel.Warning, "Changes after commit {Sequence} could not be read for connection {Connection}")]
    internal static partial void ChangesFailed(ILogger logger, long sequence, long connection, Exception failure);

    [LoggerMessage(4009, LogLevel.Error, "A read or write of the graph failed in a way it never should")]
    internal static partial void StoreBroken(ILogger logger, Exception bug);

    [LoggerMessage(4010, LogLevel.Debug, "Connection {Connection} from {Address} has proven its key {Key}")]
    internal static partial void KeyProven(ILogger logger, long connection, string address, string key);

    [LoggerMessage(
        4011,
        LogLevel.Warning,
        "Connection {Connection} from {Address} could not prove the key {Key}: another's, or of another network")]
    internal static partial void KeyNotProven(ILogger logger, long connection, string address, string key);
}
