using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Weft.Load;

/// <summary>What the figures depend on: processor, memory, and the disk's answer to a flush.</summary>
internal static class Machine
{
    /// <summary>One line about this machine.</summary>
    public static string Describe()
    {
        string model = ReadValue("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString();
        string memory = ReadValue("/proc/meminfo", "MemTotal") ?? "unknown";
        return $"{Environment.ProcessorCount} cores ({model}), memory {memory}, {RuntimeInformation.OSDescription}, " +
            $".NET {Environment.Version}";
    }

    /// <summary>The load average of the last minute; figures of a busy machine are lower bounds.</summary>
    public static string LoadAverage() =>
        File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";

    /// <summary>Appends 4 KiB and flushes it, 200 times.</summary>
    /// <returns>The sorted latencies in milliseconds.</returns>
    public static double[] MeasureFlush(string folder)
    {
        string path = Path.Combine(folder, $"flush-{Guid.NewGuid():N}");
        var latencies = new double[200];
        byte[] block = new byte[4_096];
        new Random(1).NextBytes(block);
        using (var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            for (int i = 0; i < latencies.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                file.Write(block);
                file.Flush(flushToDisk: true);
                latencies[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        }

        File.Delete(path);
        Array.Sort(latencies);
        return latencies;
    }

    /// <summary>
    /// Asks the system to forget the cached pages of every file below a folder, so that the next reads go to the disk.
    /// Without it a "cold" read after a restart would still come from memory.
    /// </summary>
    public static void ForgetCachedPages(string folder)
    {
        const int DontNeed = 4; // POSIX_FADV_DONTNEED on Linux.
        foreach (string path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            file.Flush(flushToDisk: true); // Dirty pages would stay.
            _ = PosixAdvise((int)file.SafeFileHandle.DangerousGetHandle(), 0, 0, DontNeed);
        }
    }

    /// <summary>A value such as VmRSS of /proc/PID/status, in bytes; 0 when the process is gone.</summary>
    public static long ReadProcessBytes(int processId, string name)
    {
        string? text = ReadValue($"/proc/{processId}/status", name);
        return text is null ? 0 : long.Parse(text.Split(' ')[0]) * 1_024;
    }

    private static string? ReadValue(string file, string name)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        string? line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return line?[(line.IndexOf(':') + 1)..].Trim();
    }

    [DllImport("libc", EntryPoint = "posix_fadvise")]
    private static extern int PosixAdvise(int file, long offset, long length, int advice);
}
