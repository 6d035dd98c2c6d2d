using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft.Node.Blobs;

/// <summary>Log messages of blobs.</summary>
internal static partial class BlobLog
{
    [LoggerMessage(1, LogLevel.Debug, "Blob {Blob}: {Bytes} bytes added")]
    public static partial void Added(ILogger logger, string blob, long bytes);

    [LoggerMessage(2, LogLevel.Information, "Blob {Blob}: peer {Peer} is not used: {Fault}")]
    public static partial void Dropped(ILogger logger, string blob, PeerId peer, string fault);

    [LoggerMessage(3, LogLevel.Debug, "Blob {Blob}: fetched, {Bytes} bytes")]
    public static partial void Fetched(ILogger logger, string blob, long bytes);

    [LoggerMessage(4, LogLevel.Warning, "Blob {Blob} is damaged on the disk at chunk {Chunk}; it is not served")]
    public static partial void Damaged(ILogger logger, string blob, int chunk);

    [LoggerMessage(5, LogLevel.Error, "Blob {Blob} cannot be kept: {Why}")]
    public static partial void Failed(ILogger logger, string blob, string why);

    [LoggerMessage(6, LogLevel.Information, "{Count} blobs that nobody wants were removed: {Bytes} bytes")]
    public static partial void Collected(ILogger logger, int count, long bytes);

    [LoggerMessage(7, LogLevel.Debug, "Blobs: a stream of {Peer} ended: {Why}")]
    public static partial void StreamEnded(ILogger logger, PeerId peer, string why);
}
