using System.Diagnostics;
using Weft.Crypto;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;
using Weft.Storage.Blobs;
using Weft.Storage.Files;
using Weft.Storage.Log;
using Weft.Storage.Logs;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <summary>
/// A backup is one SQLite file: the disk tier as one moment shows it, read back before it counts. That of an encrypted
/// store is sealed as the store is, with the store's file "keys" behind its last page.
/// </summary>
internal sealed class Backup
{
    private const int CopyBytes = 1 << 20;

    private readonly Sealer? _sealer;
    private readonly KeysFile? _keys;
    private readonly BlobFolder _blobs;
    private readonly IProgress<long>? _progress;
    private readonly CancellationToken _cancellation;
    private string? _source; // The folder a backup is made of.

    private Backup(
        Sealer? sealer, KeysFile? keys, BlobFolder blobs, IProgress<long>? progress, CancellationToken cancellation)
    {
        _blobs = blobs;
        _sealer = sealer;
        _keys = keys;
        _progress = progress;
        _cancellation = cancellation;
    }

    /// <summary>Copies the disk tier of an open store.</summary>
    /// <param name="folder">The store's folder.</param>
    /// <param name="target">The file to make.</param>
    /// <param name="sealer">The store's; null for a plain one.</param>
    /// <param name="blobs">The store's blobs.</param>
    /// <param name="files">What it carries beside the graph.</param>
    /// <param name="progress">Takes the bytes copied and read back.</param>
    /// <param name="cancellation">Stops early; nothing is left.</param>
    public static BackupReport Write(
        string folder, string target, Sealer? sealer, BlobFolder blobs, IReadOnlyList<BackupFile> files,
        IProgress<long>? progress, CancellationToken cancellation)
    {
        KeysFile? keys = sealer is null
            ? null
            : KeysFile.Read(folder) ?? throw StorageErrors.Damaged(KeysFile.Name, "its place", "it is missing");
        string source = Path.Combine(folder, SqliteTier.FileName);
        return new Backup(sealer, keys, blobs, progress, cancellation) { _source = folder }.Write(source, target, files);
    }

    public static BackupReport Restore(
        string file, string folder, StoreEncryption? encryption, IProgress<long>? progress,
        CancellationToken cancellation)
    {
        if (!File.Exists(file))
        {
            throw new WeftException(WeftError.FolderUnusable, $"'{file}' is not there; nothing was restored.");
        }

        KeysFile? keys = ReadKeys(file);
        if (keys is null && encryption is not null)
        {
            throw new WeftException(WeftError.StoreNotEncrypted,
                $"'{file}' is a backup of a store that is not encrypted, and a key was given. Restore it without "
                + "a key. Nothing was written.");
        }

        using Sealer? sealer = keys?.Open(encryption, file);
        SqliteTier.ThrowIfNewer(file, sealer);
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new WeftException(WeftError.TargetNotEmpty,
                $"'{folder}' is not empty. A backup is restored into an empty folder only; nothing was written.");
        }

        FolderLock held = FolderLock.Take(folder, TimeProvider.System.GetUtcNow());
        BackupReport report;
        try
        {
            var blobs = new BlobFolder(
                folder, DiskFileSystem.Instance, sealer, encryption?.Crypto ?? PlatformCrypto.Create());
            report = new Backup(sealer, keys, blobs, progress, cancellation).Restore(file, folder);
        }
        catch
        {
            File.Delete(Path.Combine(folder, KeysFile.Name));
            string cold = Path.Combine(folder, ColdBlocks.FolderName);
            if (Directory.Exists(cold))
            {
                Directory.Delete(cold, recursive: true);
            }

            if (Directory.Exists(Path.Combine(folder, BlobFolder.Name)))
            {
                Directory.Delete(Path.Combine(folder, BlobFolder.Name), recursive: true);
            }

            held.DisposeAndDelete(); // The folder is empty again, so that the next attempt is not refused.
            throw;
        }

        held.Dispose();
        DiskFileSystem.Instance.SyncFolder(folder);
        return report;
    }

    /// <summary>The keys at the end of a backup; null for one of a plain store.</summary>
    public static KeysFile? ReadKeys(string file)
    {
        if (StoreKeys.IsPlain(file))
        {
            return null;
        }

        byte[] end = new byte[KeysFile.Bytes];
        using var handle = File.OpenHandle(file);
        long at = RandomAccess.GetLength(handle) - end.Length;
        return at > 0 && RandomAccess.Read(handle, end, at) == end.Length
            ? KeysFile.Parse(end, file)
            : throw StorageErrors.Damaged(Path.GetFileName(file), "its head", "it is no backup of a weft store");
    }

    private BackupReport Write(string source, string target, IReadOnlyList<BackupFile> files)
    {
        long started = Stopwatch.GetTimestamp();
        string partial = target + ".partial";
        return Guard(partial, target, () =>
        {
            File.Delete(partial);
            long bytes = 0;
            using (Db db = Db.Open(source, write: false, 1 << 20, _sealer))
            {
                db.CopyTo(
                    partial,
                    _sealer,
                    more =>
                    {
                        bytes += more;
                        _progress?.Report(bytes);
                    },
                    _cancellation);
            }

            return Finish(partial, target, started, bytes, files);
        });
    }

    private BackupReport Restore(string file, string folder)
    {
        long started = Stopwatch.GetTimestamp();
        string target = Path.Combine(folder, SqliteTier.FileName);
        string partial = target + ".partial";
        return Guard(partial, target, () =>
        {
            long bytes = Copy(file, partial);
            _keys?.Write(folder);
            return Finish(partial, target, started, bytes, null);
        });
    }

    // With files, which may be none, a backup is made of the copy; without, a store.
    private BackupReport Finish(
        string partial, string target, long started, long bytes, IReadOnlyList<BackupFile>? files)
    {
        bool isBackup = files is not null;
        IReadOnlyList<BackupFile> carried = [];
        TierState state;
        using (Db db = Db.Open(partial, write: true, 1 << 20, _sealer))
        {
            if (_sealer is null)
            {
                // One file, without companions. A sealed one is opened by us only.
                db.Execute("PRAGMA journal_mode=DELETE");
            }

            if (!isBackup)
            {
                LogSchema.MarkRestored(db);
                carried = BackupFiles.Read(db);
                BackupFiles.Remove(db);
                ColdBackup.Restore(db, Path.GetDirectoryName(Path.GetFullPath(target))!);
                RestoreBlobs(db, target);
            }
            else
            {
                BackupFiles.Write(db, files!);
                bytes += ColdBackup.Write(db, _source!);
                BlobBackup.Write(db, _blobs, more => _progress?.Report(bytes += more), _cancellation);
            }

            using Statement row = db.Prepare("SELECT value FROM meta WHERE key='state'");
            state = (row.Step() ? TierState.Read(row.Blob(0)) : null)
                ?? throw StorageErrors.Damaged(
                    Path.GetFileName(partial), "table meta", "it is no backup of a weft store");
        }

        var relay = new Relay(_progress, bytes);
        string folder = Path.GetDirectoryName(Path.GetFullPath(target))!;
        var segments = new SegmentFiles(DiskFileSystem.Instance, folder);
        VerifyReport report =
            new Verifier(folder, segments, _sealer, relay, _cancellation).RunOnFile(partial);
        Damage? first = report.Damages.FirstOrDefault(damage => damage.What != Verifier.SetAside);
        if (first is not null)
        {
            throw StorageErrors.Damaged(Path.GetFileName(target), first.Where, first.What);
        }

        using (IFile file = DiskFileSystem.Instance.Open(partial, create: false))
        {
            if (isBackup && _keys is not null)
            {
                file.Write(file.Length, _keys.Content);
            }

            file.Sync();
        }

        File.Move(partial, target);
        DiskFileSystem.Instance.SyncFolder(folder);
        return new BackupReport(
            report.Fields, new FileInfo(target).Length, state.Flushed, Stopwatch.GetElapsedTime(started))
        {
            Files = carried,
        };
    }

    private void RestoreBlobs(Db db, string target)
    {
        BlobBackup.Read(
            db, _blobs, new BlobHasher(_blobs.Crypto), static _ => { },
            id => throw StorageErrors.Damaged(
                Path.GetFileName(target), $"blob {id}", "its content is not what the id stands for"),
            _cancellation);
        BlobBackup.Remove(db);
    }

    private long Copy(string from, string to)
    {
        DiskFileSystem.CreateForOwner(to);
        using var source = File.OpenHandle(from, FileMode.Open, FileAccess.Read, FileShare.Read);
        using var target = File.OpenHandle(to, FileMode.Open, FileAccess.Write);
        long end = RandomAccess.GetLength(source) - (_keys is null ? 0 : KeysFile.Bytes);
        byte[] buffer = new byte[CopyBytes];
        long at = 0;
        while (at < end)
        {
            int read = RandomAccess.Read(source, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - at)), at);
            if (read == 0)
            {
                break;
            }

            _cancellation.ThrowIfCancellationRequested();
            RandomAccess.Write(target, buffer.AsSpan(0, read), at);
            at += read;
            _progress?.Report(at);
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
