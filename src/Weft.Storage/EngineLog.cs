using Microsoft.Extensions.Logging;

namespace Weft.Storage;

/// <summary>Everything the storage engine logs. Ids 2000 to 2099 belong to storage; an id is never used again.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(2001, LogLevel.Information,
        "Store {Folder} is open: {Nodes} nodes, {Fields} fields, {Replayed} commits replayed in {ElapsedMs} ms")]
    internal static partial void Opened(
        ILogger logger, string folder, long nodes, long fields, long replayed, long elapsedMs);

    [LoggerMessage(2002, LogLevel.Warning,
        "The log of {Folder} ended torn: {Bytes} bytes that were never acknowledged were cut")]
    internal static partial void TailCut(ILogger logger, string folder, int bytes);

    [LoggerMessage(2003, LogLevel.Error, "Damage in segment {Segment} of {Folder} at {Offset}: {What}")]
    internal static partial void LogDamaged(ILogger logger, string folder, long segment, long offset, string what);

    [LoggerMessage(2004, LogLevel.Error, "The store {Folder} takes no more writes: {Code}")]
    internal static partial void Stopped(ILogger logger, string folder, string code, Exception failure);

    [LoggerMessage(2005, LogLevel.Warning, "The disk of {Folder} is full: the disk tier waits for room")]
    internal static partial void FlushWaitsForRoom(ILogger logger, string folder);

    [LoggerMessage(2006, LogLevel.Debug, "Flushed {Fields} fields up to commit {Sequence} in {ElapsedMs} ms")]
    internal static partial void Flushed(ILogger logger, long fields, long sequence, long elapsedMs);

    [LoggerMessage(2007, LogLevel.Warning, "The filter of {Folder} did not fit and was made anew from the disk tier")]
    internal static partial void FilterRebuilt(ILogger logger, string folder);
}
