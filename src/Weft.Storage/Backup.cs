using System.Diagnostics;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage.Files;
using Weft.Storage.Log;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <summary>A backup is one SQLite file: the disk tier as one moment shows it, read back before it counts.</summary>
internal static class Backup
{
    private const int CopyBytes = 1 << 20;

    public static BackupReport Write(
        string source, string target, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        string partial = target + ".partial";
        return Guard(partial, target, () =>
        {
            File.Delete(partial);
            long bytes = 0;
            using (Db db = Db.Open(source, write: false, 1 << 20))
            {
                db.CopyTo(
                    partial,
                    more =>
                    {
                        bytes += more;
                        progress?.Report(bytes);
                    },
                    cancellationToken);
            }

            return Finish(partial, target, started, progress, bytes, cancellationToken);
        });
    }

    public static BackupReport Restore(
        string file, string folder, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        if (!File.Exists(file))
        {
            throw new WeftException(WeftError.FolderUnusable, $"'{file}' is not there; nothing was restored.");
        }

        SqliteTier.ThrowIfNewer(file, isNew: false);
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new WeftException(WeftError.TargetNotEmpty,
                $"'{folder}' is not empty. A backup is restored into an empty folder only; nothing was written.");
        }

        FolderLock held = FolderLock.Take(folder, TimeProvider.System.GetUtcNow());
        string target = Path.Combine(folder, SqliteTier.FileName);
        string partial = target + ".partial";
        BackupReport report;
        try
        {
            report = Guard(partial, target, () =>
            {
                long bytes = Copy(file, partial, progress, cancellationToken);
                return Finish(partial, target, started, progress, bytes, cancellationToken);
            });
        }
        catch
        {
            held.DisposeAndDelete(); // The folder is empty again, so that the next attempt is not refused.
            throw;
        }

        held.Dispose();
        DiskFileSystem.Instance.SyncFolder(folder);
        return report;
    }

    private static BackupReport Finish(
        string partial, string target, long started, IProgress<long>? progress, long bytes,
        CancellationToken cancellationToken)
    {
        TierState state;
        using (Db db = Db.Open(partial, write: true, 1 << 20))
        {
            db.Execute("PRAGMA journal_mode=DELETE"); // One file, without companions.
            using Statement row = db.Prepare("SELECT value FROM meta WHERE key='state'");
            state = (row.Step() ? TierState.Read(row.Blob(0)) : null)
                ?? throw StorageErrors.Damaged(Path.GetFileName(partial), "table meta", "it is no backup of a weft store");
        }

        var relay = new Relay(progress, bytes);
        string folder = Path.GetDirectoryName(Path.GetFullPath(target))!;
        VerifyReport report = new Verifier(
            folder, new SegmentFiles(DiskFileSystem.Instance, folder), relay, cancellationToken).RunOnFile(partial);
        Damage? first = report.Damages.FirstOrDefault(damage => damage.Where != "table quarantine");
        if (first is not null)
        {
            throw StorageErrors.Damaged(Path.GetFileName(target), first.Where, first.What);
        }

        using (IFile file = DiskFileSystem.Instance.Open(partial, create: false))
        {
            file.Sync();
        }

        File.Move(partial, target);
        DiskFileSystem.Instance.SyncFolder(folder);
        return new BackupReport(
            report.Fields, new FileInfo(target).Length, state.Flushed, Stopwatch.GetElapsedTime(started));
    }

    private static long Copy(string from, string to, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        using var source = File.OpenHandle(from, FileMode.Open, FileAccess.Read, FileShare.Read);
        using var target = File.OpenHandle(to, FileMode.CreateNew, FileAccess.Write);
        byte[] buffer = new byte[CopyBytes];
        long at = 0;
        while (RandomAccess.Read(source, buffer, at) is int read and > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            RandomAccess.Write(target, buffer.AsSpan(0, read), at);
            at += read;
            progress?.Report(at);
        }

        return at;
    }

    private static BackupReport Guard(string partial, string target, Func<BackupReport> write)
    {
        try
        {
            return write();
        }
        catch (Exception failure)
        {
            foreach (string left in (string[])[partial, partial + "-wal", partial + "-shm", partial + "-journal"])
            {
                File.Delete(left);
            }

            if (failure is IOException or UnauthorizedAccessException)
            {
                throw StorageErrors.Classify(failure) == WeftError.DiskFull
                    ? StorageErrors.Full(target, failure)
                    : StorageErrors.Failed($"'{target}' cannot be written", failure);
            }

            throw;
        }
    }

    private sealed class Relay(IProgress<long>? progress, long offset) : IProgress<long>
    {
        public void Report(long value) => progress?.Report(offset + value);
    }
}
