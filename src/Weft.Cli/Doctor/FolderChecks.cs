using System.Diagnostics;
using System.Globalization;
using Weft.Cli.App;
using Weft.Cli.Http;

namespace Weft.Cli.Doctor;

/// <summary>Checks of this machine that need no running node.</summary>
internal static class FolderChecks
{
    private const long FreeBytesMin = 256L << 20;
    private const int FlushTries = 15;

    /// <summary>The data folder: there, writable, with room, on a disk that flushes.</summary>
    public static Finding Folder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return new(FindingKind.Ok, "data folder", $"{folder} is not there yet; weft up makes it");
        }

        string probe = Path.Combine(folder, $".doctor-{Environment.ProcessId}");
        try
        {
            var drive = new DriveInfo(folder);
            double flushMs = MeasureFlush(probe);
            string text = string.Create(
                CultureInfo.InvariantCulture,
                $"{folder}: {drive.DriveFormat}, {Units.Size(drive.AvailableFreeSpace)} free, writable, "
                + $"fsync {flushMs:0.00} ms");
            return drive.AvailableFreeSpace < FreeBytesMin
                ? new(FindingKind.Fail, "data folder", text, "W3307 free some space")
                : flushMs > 50 ? new(
                    FindingKind.Warn, "data folder", text, "a slow disk: each acknowledged write waits for it")
                : new(FindingKind.Ok, "data folder", text);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new(FindingKind.Fail, "data folder", error.Message, "W3204 check owner and permissions");
        }
        finally
        {
            File.Delete(probe);
        }
    }

    /// <summary>Who holds the folder.</summary>
    public static Finding Lock(string folder, RunInfo? running, DateTimeOffset now)
    {
        string path = Path.Combine(folder, "lock");
        if (!File.Exists(path))
        {
            return new(FindingKind.Ok, "lock", "free");
        }

        try
        {
            // Taken and given back at once: only the kernel knows for certain whether somebody holds it.
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return running is null
                ? new(FindingKind.Ok, "lock", "free")
                : new(
                    FindingKind.Warn, "lock",
                    $"free, though {RunInfo.FileName} names pid {running.Pid}: that node did not stop cleanly");
        }
        catch (UnauthorizedAccessException error)
        {
            return new(FindingKind.Fail, "lock", error.Message, "W3204 check owner and permissions");
        }
        catch (IOException)
        {
            string since = running?.Started is { } started ? ", " + Units.Duration(now - started) : "";
            string holder = running is null ? "" : $" by pid {running.Pid} (weft up{since})";
            return new(FindingKind.Ok, "lock", "held" + holder);
        }
    }

    /// <summary>The token is for its owner only.</summary>
    public static Finding Token(string folder)
    {
        string path = Path.Combine(folder, "token");
        if (!File.Exists(path))
        {
            return new(FindingKind.Ok, "token", "none yet; the first start makes it");
        }

        if (OperatingSystem.IsWindows())
        {
            return new(FindingKind.Ok, "token", path);
        }

        UnixFileMode mode = File.GetUnixFileMode(path);
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead
            | UnixFileMode.OtherWrite;
        return (mode & others) == 0
            ? new(FindingKind.Ok, "token", "readable by its owner only")
            : new(FindingKind.Fail, "token", $"{path} can be read by others", $"chmod 600 {path}");
    }

    /// <summary>How many files and sockets a process may have open.</summary>
    public static Finding OpenFiles()
    {
        const string limits = "/proc/self/limits";
        string? line = File.Exists(limits)
            ? File.ReadLines(limits).FirstOrDefault(text => text.StartsWith("Max open files", StringComparison.Ordinal))
            : null;
        string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        if (words.Length < 5
            || !long.TryParse(words[4], NumberStyles.None, CultureInfo.InvariantCulture, out long hard))
        {
            return new(FindingKind.Ok, "open files", "no limit is known here");
        }

        // The runtime raises the soft limit to the hard one at its start, so the hard one counts.
        return hard < 2_048
            ? new(
                FindingKind.Warn, "open files", $"limit {hard}, room for about {Math.Max(0, hard - 124)} peers",
                "W5104 raise LimitNOFILE")
            : new(FindingKind.Ok, "open files", $"limit {hard}");
    }

    private static double MeasureFlush(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] block = new byte[4_096];
        var times = new List<double>();
        for (int i = 0; i < FlushTries; i++)
        {
            file.Write(block);
            long start = Stopwatch.GetTimestamp();
            file.Flush(flushToDisk: true);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        times.Sort();
        return times[FlushTries / 2];
    }
}
