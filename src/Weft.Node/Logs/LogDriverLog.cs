using Microsoft.Extensions.Logging;
using Weft.Log;

namespace Weft.Node.Logs;

/// <summary>Everything the log driver logs. Ids 4300 to 4349 belong to it; an id is never used again.</summary>
internal static partial class LogDriverLog
{
    [LoggerMessage(4301, LogLevel.Error, "The log {Key} cannot be opened: {Why}")]
    internal static partial void CannotOpen(ILogger logger, Hash32 key, string why);

    [LoggerMessage(4302, LogLevel.Error, "The store does not take what logs write")]
    internal static partial void StoreFailed(ILogger logger, Exception failure);

    [LoggerMessage(4303, LogLevel.Critical, "The log driver met a bug; what it was doing was left undone")]
    internal static partial void Broken(ILogger logger, Exception bug);

    [LoggerMessage(4304, LogLevel.Debug, "Connection {Connection} asks for a log that is not here: {Discovery}")]
    internal static partial void Asked(ILogger logger, int connection, Hash32 discovery);

    [LoggerMessage(4305, LogLevel.Information, "The log {Key} was cut back by its writer to {Length} blocks")]
    internal static partial void Forked(ILogger logger, Hash32 key, long length);

    [LoggerMessage(
        4306, LogLevel.Error, "The log {Key} contradicts itself and has stopped; both proofs are kept as evidence")]
    internal static partial void Conflict(ILogger logger, Hash32 key);

    [LoggerMessage(4307, LogLevel.Warning, "What peer {Peer} said of the log {Key} does not hold: {Verdict}")]
    internal static partial void Refused(ILogger logger, Hash32 key, int peer, LogVerdict verdict);

    [LoggerMessage(4308, LogLevel.Information, "The log {Key} has learned from a peer that it has {Length} blocks")]
    internal static partial void Recovered(ILogger logger, Hash32 key, long length);

    [LoggerMessage(4309, LogLevel.Debug, "Log connection {Connection} with {Name} is open")]
    internal static partial void Opened(ILogger logger, int connection, string name);

    [LoggerMessage(4310, LogLevel.Debug, "Log connection {Connection} with {Name} is closed: {Reason}")]
    internal static partial void Closed(ILogger logger, int connection, string name, string reason);

    [LoggerMessage(4311, LogLevel.Information, "Dialling {Address} for logs failed: {Why}; again in {WaitMs} ms")]
    internal static partial void DialFailed(ILogger logger, string address, string why, long waitMs);
}
