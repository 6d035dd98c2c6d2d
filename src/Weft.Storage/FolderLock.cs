using System.Globalization;
using System.Text.Json;
using Weft.Primitives;

namespace Weft.Storage;

/// <summary>Keeps a second node away from a data folder, and tells it who holds it.</summary>
internal sealed class FolderLock : IDisposable
{
    private const string LockName = "lock";
    private const string RunningName = "running.json";

    private readonly FileStream _file;
    private readonly string _folder;
    private readonly DateTimeOffset _since;

    private FolderLock(FileStream file, string folder, DateTimeOffset since)
    {
        _file = file;
        _folder = folder;
        _since = since;
    }

    /// <summary>Makes the folder if it is missing, for its owner only, and locks it.</summary>
    public static FolderLock Take(string folder, DateTimeOffset now)
    {
        try
        {
            if (!Directory.Exists(folder))
            {
                Create(folder);
            }

            string path = Path.Combine(folder, LockName);
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
            var taken = new FolderLock(file, folder, now);
            taken.Announce(null);
            return taken;
        }
        catch (IOException failure) when (failure is not DirectoryNotFoundException
            && File.Exists(Path.Combine(folder, LockName)))
        {
            throw new WeftException(WeftError.FolderLocked,
                $"The data folder '{folder}' is in use{ReadHolder(folder)}. Nothing is damaged. Do not delete the folder or "
                + "the lock: it frees itself when that process ends.", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(WeftError.FolderUnusable,
                $"The data folder '{folder}' cannot be used: {failure.Message}", failure);
        }
    }

    /// <summary>Writes down who holds the folder.</summary>
    /// <param name="url">Where the node can be reached; null when not known yet.</param>
    public void Announce(string? url)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteNumber("pid", Environment.ProcessId);
            writer.WriteString("since", _since.ToString("O", CultureInfo.InvariantCulture));
            if (url is not null)
            {
                writer.WriteString("url", url);
            }

            writer.WriteEndObject();
        }

        string path = Path.Combine(_folder, RunningName);
        File.WriteAllBytes(path + ".new", stream.ToArray());
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Leaves no trace: for a folder that was made or locked in vain.</summary>
    public void DisposeAndDelete()
    {
        Dispose();
        File.Delete(Path.Combine(_folder, LockName));
    }

    public void Dispose()
    {
        try
        {
            File.Delete(Path.Combine(_folder, RunningName));
        }
        catch (IOException)
        {
            // It is only a hint; the lock itself goes with the handle.
        }

        _file.Dispose();
    }

    private static void Create(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static string ReadHolder(string folder)
    {
        try
        {
            using JsonDocument holder = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, RunningName)));
            JsonElement root = holder.RootElement;
            string url = root.TryGetProperty("url", out JsonElement at) ? $", {at.GetString()}" : "";
            return $" by process {root.GetProperty("pid").GetInt32()} since {root.GetProperty("since").GetString()}{url}";
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException
            or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return " by another process";
        }
    }
}
