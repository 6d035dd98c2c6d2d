using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft;

/// <summary>Everything the composition logs. Ids 5000 to 5099 belong to it; an id is never used again.</summary>
internal static partial class WeftLog
{
    [LoggerMessage(
        5001, LogLevel.Information, "Started node {Name} on a {Store} with durability {Durability} in {ElapsedMs} ms")]
    internal static partial void Started(
        ILogger logger, string name, string store, Durability durability, long elapsedMs);

    [LoggerMessage(5002, LogLevel.Information, "Stopped node {Name} after {ElapsedMs} ms")]
    internal static partial void Stopped(ILogger logger, string name, long elapsedMs);

    [LoggerMessage(5003, LogLevel.Debug,
        "Maintenance removed {Tombstones} tombstones and {Expired} expired fields, {Bytes} bytes, in {ElapsedMs} ms")]
    internal static partial void Maintained(ILogger logger, long tombstones, long expired, long bytes, long elapsedMs);

    [LoggerMessage(5004, LogLevel.Error, "Maintenance failed with {Code}; it is tried again at the next interval")]
    internal static partial void MaintenanceFailed(ILogger logger, string code, Exception failure);

    [LoggerMessage(5005, LogLevel.Information, "Sealed the key file {Path} with the secret of the encrypted folder")]
    internal static partial void KeySealed(ILogger logger, string path);
}
