using System.Diagnostics;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage.Blobs;
using Weft.Storage.Files;
using Weft.Storage.Log;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <content>What runs beside reads and writes: maintenance, verification, backup, the journal.</content>
public sealed partial class StorageEngine
{
    private const int MaintainPage = 256;
    private const int VacuumPages = 1_024;

    /// <inheritdoc/>
    public async ValueTask SaveJournalAsync(IReadOnlyList<Loss> losses, CancellationToken cancellationToken = default)
    {
        ThrowIfFailed();
        await Task.Run(
            () =>
            {
                lock (_tierGate)
                {
                    _tier.Writer.SaveJournal(losses);
                }
            },
            cancellationToken).ConfigureAwait(false);
        _journal = losses;
    }

    /// <inheritdoc/>
    public async ValueTask<MaintenanceResult> MaintainAsync(double nowMs, CancellationToken cancellationToken = default)
    {
        long started = Stopwatch.GetTimestamp();
        ThrowIfFailed();
        await FlushAllAsync(cancellationToken).ConfigureAwait(false);
        return await Task.Run(() => Maintain(nowMs, started, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<VerifyReport> VerifyAsync(
        IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        _log.Hold(true);
        try
        {
            return await Task.Run(
                () => new Verifier(_folder, _segments, _sealer, progress, cancellationToken) { Blobs = _blobs }
                    .Run(() => _tier.Writer.State),
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _log.Hold(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> SetLostAsync(string soul, bool isLost, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(soul);
        ThrowIfFailed();
        return await Task.Run(
            () =>
            {
                byte[] key = KeyText.Encode(soul);
                int changed = 0;
                lock (_tierGate)
                {
                    _tier.Cache.BeginSwitch();
                    try
                    {
                        _tier.Writer.InTransaction(() => changed = _tier.Writer.SetLost(key, isLost));
                        _tier.Cache.Remove(soul);
                    }
                    finally
                    {
                        _tier.Cache.EndSwitch();
                    }
                }

                return changed > 0;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Rebuilds the disk tier of a folder that no node runs on from what can still be read; the damaged file goes into the
    /// folder "quarantine". Nodes that lost something say so until peers gave it back.
    /// </summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="encryption">What opens it; null for a plain store.</param>
    /// <param name="cancellationToken">Stops before anything is put in place.</param>
    /// <exception cref="WeftException">
    /// FolderLocked, FolderUnusable, FormatNewer, StoreKeyNeeded, StoreKeyWrong, StoreNotEncrypted; FileDamaged when too
    /// little can be read: nothing was changed then.
    /// </exception>
    public static async ValueTask<SalvageReport> SalvageAsync(
        string folder, StoreEncryption? encryption = null, CancellationToken cancellationToken = default)
    {
        folder = Path.GetFullPath(folder);
        string path = Path.Combine(folder, SqliteTier.FileName);
        if (!File.Exists(path))
        {
            throw new WeftException(WeftError.FolderUnusable, $"'{folder}' holds no store: '{SqliteTier.FileName}' is missing.");
        }

        using Sealer? sealer = StoreKeys.Open(folder, encryption);
        SqliteTier.ThrowIfNewer(path, sealer);
        using FolderLock held = FolderLock.Take(folder, TimeProvider.System.GetUtcNow());
        return await Task.Run(() => new Salvage(folder, sealer, cancellationToken).Run(), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Verifies a folder that no node runs on, without changing anything that matters.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="encryption">What opens it; null for a plain store.</param>
    /// <param name="progress">Takes the bytes read so far.</param>
    /// <param name="cancellationToken">Stops early.</param>
    /// <exception cref="WeftException">
    /// FolderLocked, FolderUnusable, FormatNewer, FileDamaged, StoreKeyNeeded, StoreKeyWrong, StoreNotEncrypted.
    /// </exception>
    public static async ValueTask<VerifyReport> VerifyFolderAsync(
        string folder, StoreEncryption? encryption = null, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        folder = Path.GetFullPath(folder);
        string path = Path.Combine(folder, SqliteTier.FileName);
        if (!File.Exists(path))
        {
            throw new WeftException(WeftError.FolderUnusable, $"'{folder}' holds no store: '{SqliteTier.FileName}' is missing.");
        }

        using Sealer? sealer = StoreKeys.Open(folder, encryption);
        SqliteTier.ThrowIfNewer(path, sealer);
        using FolderLock held = FolderLock.Take(folder, TimeProvider.System.GetUtcNow());
        return await Task.Run(
            () =>
            {
                var segments = new SegmentFiles(DiskFileSystem.Instance, folder);
                ICrypto crypto = encryption?.Crypto ?? PlatformCrypto.Create();
                return new Verifier(folder, segments, sealer, progress, cancellationToken)
                {
                    Blobs = new BlobFolder(folder, DiskFileSystem.Instance, sealer, crypto),
                }.Run(null);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<BackupReport> BackupAsync(
        string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        BackupAsync(path, [], progress, cancellationToken);

    /// <summary>Writes a complete, verified copy to one file, with small files beside the graph.</summary>
    /// <param name="path">The file to make.</param>
    /// <param name="files">
    /// At most 1,024. In the backup of an encrypted store they are sealed as all of it is; in that of a plain one they stand
    /// as they are given, so a secret has to be sealed before.
    /// </param>
    /// <param name="progress">Takes the bytes copied and read back so far.</param>
    /// <param name="cancellationToken">Stops early; nothing is left.</param>
    /// <exception cref="ArgumentException">There are too many files, or one is too large.</exception>
    /// <exception cref="WeftException">TargetNotEmpty, FileDamaged, DiskFull, DiskFailed.</exception>
    public async ValueTask<BackupReport> BackupAsync(
        string path, IReadOnlyList<BackupFile> files, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(files);
        if (files.Count > BackupFiles.FilesMax || files.Any(file => file.Content.Length > BackupFiles.BytesMax))
        {
            throw new ArgumentException(
                $"A backup takes {BackupFiles.FilesMax} files of at most {BackupFiles.BytesMax} bytes.", nameof(files));
        }

        if (File.Exists(path))
        {
            throw new WeftException(WeftError.TargetNotEmpty, $"'{path}' is there already; nothing was written.");
        }

        await FlushAllAsync(cancellationToken).ConfigureAwait(false);
        return await Task.Run(
            () => Backup.Write(_folder, path, _sealer, _blobs, files, progress, cancellationToken),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes a data folder from a backup. The store keeps its identity; do not run both.</summary>
    /// <param name="file">What <c>BackupAsync</c> wrote.</param>
    /// <param name="folder">Missing or empty.</param>
    /// <param name="encryption">What opens the backup of an encrypted store; null for a plain one.</param>
    /// <param name="progress">Takes the bytes written and read back so far.</param>
    /// <param name="cancellationToken">Stops early; the folder is left empty.</param>
    /// <returns>What was restored and read back.</returns>
    /// <exception cref="WeftException">
    /// TargetNotEmpty, FormatNewer, FileDamaged, DiskFull, FolderUnusable, StoreKeyNeeded, StoreKeyWrong, StoreNotEncrypted.
    /// </exception>
    public static async ValueTask<BackupReport> RestoreAsync(
        string file, string folder, StoreEncryption? encryption = null, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return await Task.Run(() => Backup.Restore(file, folder, encryption, progress, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>What opens a data folder or a backup.</summary>
    /// <param name="path">A folder, or a file that <c>BackupAsync</c> wrote.</param>
    /// <returns><see cref="StoreKeyKind.None"/> for a plain one, and where there is nothing.</returns>
    /// <exception cref="WeftException">FormatNewer, FileDamaged, FolderUnusable.</exception>
    public static StoreKeyKind ReadKeyKind(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        KeysFile? keys = File.Exists(path) ? Backup.ReadKeys(path) : KeysFile.Read(path);
        return keys is null ? StoreKeyKind.None
            : keys.WantsPassphrase ? StoreKeyKind.Passphrase
            : StoreKeyKind.KeyFile;
    }

    /// <summary>
    /// Gives an encrypted store another passphrase or key file. The data stays as it is: only its key is wrapped anew, so
    /// whoever had the old one and a copy of the file "keys" of that time can still open the store.
    /// </summary>
    /// <param name="folder">A data folder that no node runs on.</param>
    /// <param name="encryption">What opens it now.</param>
    /// <param name="fresh">What shall open it from now on.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <exception cref="WeftException">FolderLocked, FolderUnusable, FileDamaged, StoreKeyWrong, StoreNotEncrypted.</exception>
    public static async ValueTask ChangeKeyAsync(
        string folder, StoreEncryption encryption, StoreSecret fresh, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(encryption);
        ArgumentNullException.ThrowIfNull(fresh);
        folder = Path.GetFullPath(folder);
        await Task.Run(() => StoreKeys.Change(folder, encryption, fresh), cancellationToken).ConfigureAwait(false);
    }

    private MaintenanceResult Maintain(double nowMs, long started, CancellationToken cancellationToken)
    {
        long before = FileBytes();
        Sweeper sweep;
        lock (_tierGate)
        {
            sweep = new Sweeper(_tier.Writer, _options.TombstoneHorizon.TotalMilliseconds, nowMs);
        }

        try
        {
            Sweep(sweep, cancellationToken);
            Vacuum(cancellationToken);
        }
        finally
        {
            lock (_tierGate)
            {
                sweep.Dispose();
            }
        }

        return new MaintenanceResult(
            sweep.Tombstones, sweep.Expired, Math.Max(0, before - FileBytes()), Stopwatch.GetElapsedTime(started));
    }

    private void Sweep(Sweeper sweep, CancellationToken cancellationToken)
    {
        bool more = true;
        while (more && !cancellationToken.IsCancellationRequested)
        {
            lock (_tierGate)
            {
                more = sweep.Step(MaintainPage);
            }

            foreach (string soul in sweep.Touched)
            {
                _tier.Cache.BeginSwitch();
                _tier.Cache.Remove(soul);
                _tier.Cache.EndSwitch();
            }

            foreach ((string soul, string field) in sweep.Removed)
            {
                _hot.Forget(soul, field);
            }
        }
    }

    private void Vacuum(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            lock (_tierGate)
            {
                if (_tier.Writer.Db.ReadNumber("PRAGMA freelist_count") == 0)
                {
                    break;
                }

                _tier.Writer.Db.Execute($"PRAGMA incremental_vacuum({VacuumPages})");
                _tier.Writer.Checkpoint();
            }
        }

        lock (_tierGate)
        {
            _tier.Writer.Checkpoint(truncate: true);
        }
    }

    private long FileBytes()
    {
        string path = Path.Combine(_folder, SqliteTier.FileName);
        var log = new FileInfo(path + "-wal");
        return new FileInfo(path).Length + (log.Exists ? log.Length : 0);
    }
}
