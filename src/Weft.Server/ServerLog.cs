using Microsoft.Extensions.Logging;

namespace Weft.Server;

/// <summary>
/// Everything the server logs. Ids 6000 to 6099 belong to it; an id is never used again. Text from outside passes
/// <see cref="LogText.Clean"/> first.
/// </summary>
internal static partial class ServerLog
{
    [LoggerMessage(6001, LogLevel.Information, "Listening on {Url}; the API token is in {TokenPlace}")]
    internal static partial void Listening(ILogger logger, string url, string tokenPlace);

    [LoggerMessage(6002, LogLevel.Information, "Stopping: {Reason}")]
    internal static partial void Stopping(ILogger logger, string reason);

    [LoggerMessage(6003, LogLevel.Information, "Stopped after {ElapsedMs} ms")]
    internal static partial void Stopped(ILogger logger, long elapsedMs);

    [LoggerMessage(6004, LogLevel.Debug, "Refused {Method} {Path} with {Code}: {Detail} (trace {TraceId})")]
    internal static partial void Refused(
        ILogger logger, string method, string path, string code, string detail, string traceId);

    [LoggerMessage(6005, LogLevel.Error, "Failed {Method} {Path} with {Code} (trace {TraceId})")]
    internal static partial void Failed(
        ILogger logger, string method, string path, string code, string traceId, Exception failure);

    [LoggerMessage(6006, LogLevel.Warning, "Refused access to {Path} from {Remote}: {Code}")]
    internal static partial void AccessRefused(ILogger logger, string path, string remote, string code);

    [LoggerMessage(6007, LogLevel.Information, "Token {Token} was made by {Caller}")]
    internal static partial void TokenIssued(ILogger logger, string token, string caller);

    [LoggerMessage(6008, LogLevel.Information, "Token {Token} was revoked by {Caller}")]
    internal static partial void TokenRevoked(ILogger logger, string token, string caller);

    [LoggerMessage(6009, LogLevel.Information, "Key {Key} opened a session with {Rights} rights until {End}")]
    internal static partial void SessionOpened(ILogger logger, string key, int rights, string end);

    [LoggerMessage(6014, LogLevel.Warning, "The key {Old} of this node has a successor, {Key}")]
    internal static partial void IdentityRotated(ILogger logger, string old, string key);

    [LoggerMessage(6010, LogLevel.Debug, "Connection {Connection} opened from {Remote}")]
    internal static partial void ConnectionOpened(ILogger logger, string connection, string remote);

    [LoggerMessage(6011, LogLevel.Debug, "Connection {Connection} from {Remote} closed after {ElapsedMs} ms")]
    internal static partial void ConnectionClosed(ILogger logger, string connection, string remote, long elapsedMs);

    [LoggerMessage(6012, LogLevel.Information, "Watch {Watch} started from {Remote} on {Target}")]
    internal static partial void WatchStarted(ILogger logger, long watch, string remote, string target);

    [LoggerMessage(
        6013, LogLevel.Information, "Watch {Watch} ended after {ElapsedMs} ms and {Events} events: {Reason}")]
    internal static partial void WatchEnded(ILogger logger, long watch, long elapsedMs, long events, string reason);
}
