using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Weft.Graph;
using Weft.Node.Commits;
using Weft.Primitives;
using Weft.Storage.Files;
using Weft.Storage.Logs;
using Weft.Storage.Records;
using Weft.Storage.Sealing;

namespace Weft.Storage.Tier;

/// <summary>The disk tier: one SQLite file, one writer, several readers, the filter and the cache of nodes.</summary>
internal sealed class SqliteTier : IDisposable
{
    public const string FileName = "graph.db";
    public const int FormatVersion = 1;

    private const int ApplicationId = 0x57656674; // "Weft"

    private readonly Stack<TierReader> _idle = new();
    private readonly SemaphoreSlim _readers;
    private bool _disposed;

    private SqliteTier(TierWriter writer, SoulFilter filter, NodeCache cache, IReadOnlyList<TierReader> readers)
    {
        Writer = writer;
        Filter = filter;
        Cache = cache;
        _readers = new SemaphoreSlim(readers.Count, readers.Count);
        foreach (TierReader reader in readers)
        {
            _idle.Push(reader);
        }
    }

    public TierWriter Writer { get; }

    public SoulFilter Filter { get; }

    public NodeCache Cache { get; }

    public IReadOnlyList<FieldWrite> Deferred { get; private init; } = [];

    public IReadOnlyList<Loss> Journal { get; private init; } = [];

    /// <summary>True when the filter could not be read and had to be made anew.</summary>
    public bool FilterRebuilt { get; private init; }

    public static SqliteTier Open(string folder, StorageOptions options, Sealer? sealer, bool hasLog)
    {
        string path = Path.Combine(folder, FileName);
        bool isNew = Db.IsNew(path);
        ThrowIfNewer(path, sealer);
        if (isNew && sealer is not null)
        {
            MakeSealed(path, sealer);
        }

        long sqliteBytes = ((long)options.MemoryMiB << 20) * 15 / 100;
        Db db = Db.Open(path, write: true, sqliteBytes / 2, sealer);
        var readers = new List<TierReader>();
        try
        {
            Prepare(db, Db.IsNew(path), "WAL");
            LogSchema.Prepare(db);
            RecordRows.Prepare(db);
            TierState state = ReadState(db, hasLog);
            var filter = new SoulFilter(state.FilterSeed);
            bool rebuilt = !TryLoadFilter(db, filter, state);
            if (rebuilt)
            {
                RebuildFilter(db, filter);
            }

            var writer = new TierWriter(db, filter, state, options);
            if (isNew || rebuilt)
            {
                writer.InTransaction(() => { });
                db.Execute("PRAGMA wal_checkpoint(PASSIVE)"); // The store's identity is in the database from now on.
            }

            for (int i = 0; i < options.Readers; i++)
            {
                readers.Add(new TierReader(path, sqliteBytes / 2 / options.Readers, sealer));
            }

            long cacheBytes = options.CacheBytes > 0 ? options.CacheBytes : ((long)options.MemoryMiB << 20) / 4;
            return new SqliteTier(writer, filter, new NodeCache(cacheBytes), readers)
            {
                Deferred = ReadRow(db, TierState.DeferredKey, TierState.ReadDeferred) ?? [],
                Journal = ReadRow(db, TierState.JournalKey, TierState.ReadJournal) ?? [],
                FilterRebuilt = rebuilt && !isNew,
            };
        }
        catch
        {
            readers.ForEach(reader => reader.Dispose());
            db.Dispose();
            throw;
        }
    }

    /// <summary>Takes a reader; give it back with <see cref="Return"/>.</summary>
    public async ValueTask<TierReader> RentAsync(CancellationToken cancellationToken)
    {
        await _readers.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_idle)
        {
            return _idle.Pop();
        }
    }

    public void Return(TierReader reader)
    {
        lock (_idle)
        {
            _idle.Push(reader);
        }

        _readers.Release();
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        foreach (TierReader reader in _idle)
        {
            reader.Dispose();
        }

        Writer.Dispose();
        _readers.Dispose();
    }

    /// <summary>Looks at the version in the file's head before anything opens it, so that a newer one stays untouched.</summary>
    public static void ThrowIfNewer(string path, Sealer? sealer)
    {
        if (Db.IsNew(path))
        {
            return;
        }

        byte[] page = new byte[Db.PageBytes];
        int read;
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            read = RandomAccess.Read(file, page, 0);
        }
        catch (Exception failure) when (StorageErrors.IsWorld(failure))
        {
            throw new WeftException(WeftError.FolderUnusable, $"'{path}' cannot be read: {failure.Message}", failure);
        }

        if (sealer is not null && !SealedFile.TryOpenFirst(sealer, page))
        {
            return; // Damage: whoever opens it says so.
        }

        uint version = BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(60));
        if (read >= 100 && version > FormatVersion)
        {
            throw new WeftException(WeftError.FormatNewer,
                $"'{path}' has format {version}; this version of weft understands up to {FormatVersion}. "
                + "Nothing was touched.");
        }
    }

    /// <summary>
    /// Makes an empty database beside its place and moves it there: its first pages are written without a journal on the
    /// disk, which would hold them as they are.
    /// </summary>
    private static void MakeSealed(string path, Sealer sealer)
    {
        string draft = path + ".new";
        File.Delete(draft);
        using (Db db = Db.Open(draft, write: true, 1 << 20, sealer))
        {
            db.Execute("PRAGMA journal_mode=MEMORY");
            Prepare(db, isNew: true, "MEMORY");
            db.Execute("PRAGMA journal_mode=WAL"); // From here on; changing it later would need a journal.
        }

        using (IFile file = DiskFileSystem.Instance.Open(draft, create: false))
        {
            file.Sync();
        }

        File.Move(draft, path, overwrite: true);
        DiskFileSystem.Instance.SyncFolder(Path.GetDirectoryName(path)!);
    }

    /// <summary>Makes the tables in a file that is to become a store.</summary>
    internal static void Prepare(Db db, bool isNew, string journal)
    {
        if (isNew)
        {
            db.Execute($"PRAGMA page_size={Db.PageBytes}");
            db.Execute("PRAGMA auto_vacuum=INCREMENTAL");
        }

        db.Execute($"PRAGMA journal_mode={journal}");
        db.Execute("PRAGMA synchronous=FULL");
        db.Execute("PRAGMA wal_autocheckpoint=0");
        db.Execute($"PRAGMA journal_size_limit={64 << 20}");
        if (!isNew && db.ReadNumber("PRAGMA application_id") == ApplicationId)
        {
            return;
        }

        if (db.ReadNumber("SELECT count(*) FROM sqlite_master") > 0)
        {
            throw StorageErrors.Damaged(FileName, "its head", "it is no weft database");
        }

        db.Execute("BEGIN IMMEDIATE");
        db.Execute("CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
        db.Execute(
            "CREATE TABLE blocks(soul BLOB NOT NULL, first BLOB NOT NULL, seq INTEGER NOT NULL, due INTEGER, "
            + "data BLOB NOT NULL, PRIMARY KEY(soul, first)) WITHOUT ROWID");
        db.Execute("CREATE INDEX due ON blocks(due) WHERE due IS NOT NULL");
        db.Execute(
            "CREATE TABLE links(target BLOB NOT NULL, source BLOB NOT NULL, PRIMARY KEY(target, source)) WITHOUT ROWID");
        db.Execute(
            "CREATE TABLE filter(level INTEGER NOT NULL, page INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL, "
            + "PRIMARY KEY(level, page)) WITHOUT ROWID");
        db.Execute(
            "CREATE TABLE quarantine(soul BLOB NOT NULL, first BLOB NOT NULL, data BLOB NOT NULL, "
            + "PRIMARY KEY(soul, first)) WITHOUT ROWID");
        db.Execute($"PRAGMA application_id={ApplicationId}");
        db.Execute($"PRAGMA user_version={FormatVersion}");
        db.Execute("COMMIT");
    }

    private static TierState ReadState(Db db, bool hasLog)
    {
        TierState? state = ReadRow(db, TierState.Key, TierState.Read);
        if (state is not null)
        {
            return state;
        }

        // The state is there before the first segment is; without it nobody could tell whose log this is.
        if (hasLog || db.ReadNumber("SELECT count(*) FROM (SELECT 1 FROM blocks LIMIT 1)") > 0)
        {
            throw StorageErrors.Damaged(FileName, "table meta", "the row 'state' is missing or does not fit");
        }

        Span<byte> random = stackalloc byte[16];
        RandomNumberGenerator.Fill(random);
        return new TierState(
            BinaryPrimitives.ReadUInt64LittleEndian(random), BinaryPrimitives.ReadUInt64LittleEndian(random[8..]),
            0, double.NegativeInfinity, 0, 0, []);
    }

    private delegate T? RowReader<T>(ReadOnlySpan<byte> bytes);

    private static T? ReadRow<T>(Db db, string key, RowReader<T> read)
        where T : class
    {
        using Statement row = db.Prepare("SELECT value FROM meta WHERE key=CAST(?1 AS TEXT)");
        return row.Bind(1, System.Text.Encoding.UTF8.GetBytes(key)).Step() ? read(row.Blob(0)) : null;
    }

    private static bool TryLoadFilter(Db db, SoulFilter filter, TierState state)
    {
        filter.Restore(state.FilterCounts);
        int pages = 0;
        using Statement rows = db.Prepare("SELECT level, page, crc, data FROM filter");
        while (rows.Step())
        {
            ReadOnlySpan<byte> bytes = rows.Blob(3);
            int level = (int)rows.Number(0);
            if (level >= state.FilterCounts.Length || Crc32C.Compute(bytes) != (uint)rows.Number(2))
            {
                return false;
            }

            bytes.CopyTo(MemoryMarshal.AsBytes(filter.Page(level, (int)rows.Number(1))));
            pages++;
        }

        return pages == filter.PageCount || state.Nodes == 0;
    }

    private static void RebuildFilter(Db db, SoulFilter filter)
    {
        filter.Restore([]);
        db.Execute("DELETE FROM filter");
        using Statement rows = db.Prepare("SELECT soul FROM blocks WHERE first=x''");
        while (rows.Step())
        {
            filter.Add(rows.Blob(0));
        }

        filter.MarkAllDirty();
    }
}
