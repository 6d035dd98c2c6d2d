using Weft.Primitives;

namespace Weft.Storage.Files;

/// <summary>Turns failures of the file system into errors people can act on: by number, never by text.</summary>
internal static class StorageErrors
{
    private const int NoSpaceLeft = 28;              // ENOSPC
    private const int QuotaExceeded = 122;           // EDQUOT
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    public static WeftError Classify(Exception failure) => failure switch
    {
        WeftException known => known.Error,
        IOException { HResult: NoSpaceLeft or QuotaExceeded or WindowsDiskFull or WindowsHandleDiskFull } => WeftError.DiskFull,
        _ => WeftError.DiskFailed,
    };

    public static bool IsWorld(Exception failure) =>
        failure is IOException or UnauthorizedAccessException or WeftException;

    public static WeftException Full(string folder, Exception? inner = null) => new(
        WeftError.DiskFull,
        $"The disk of '{folder}' is full: the write was refused, and nothing of it was stored. Reads go on; writing "
        + "starts again by itself when there is room.",
        inner);

    public static WeftException Stopped(string why) => new(
        WeftError.StoreStopped,
        $"The store takes no more writes: {why} What was acknowledged is on the disk; reads go on. Restart the node.");

    public static WeftException Failed(string what, Exception inner) =>
        new(WeftError.DiskFailed, $"{what}: {inner.Message}", inner);

    public static WeftException Damaged(string file, string where, string what, Exception? inner = null) => new(
        WeftError.FileDamaged, $"'{file}' is damaged at {where}: {what}. It is not served.", inner);
}
