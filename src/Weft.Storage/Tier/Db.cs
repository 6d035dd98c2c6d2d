using SQLitePCL;
using Weft.Primitives;
using Weft.Storage.Files;
using Weft.Storage.Sealing;

namespace Weft.Storage.Tier;

/// <summary>One connection to the disk tier. One thread at a time.</summary>
internal sealed class Db : IDisposable
{
    public const int PageBytes = 8_192;

    private const int ShortRead = 10 | (2 << 8); // SQLITE_IOERR_SHORT_READ

    private readonly sqlite3 _handle;
    private readonly List<Statement> _statements = [];

    static Db()
    {
        Batteries_V2.Init();
        PageChecksums.Register();
        SealedPages.Register();
    }

    private Db(string path, sqlite3 handle)
    {
        Path = path;
        _handle = handle;
    }

    public string Path { get; }

    /// <summary>Opens a database, or makes one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">True to write, and to make it when it is missing.</param>
    /// <param name="cacheBytes">SQLite's own cache.</param>
    /// <param name="sealer">Seals every page; null for plain pages with checksums.</param>
    public static Db Open(string path, bool write, long cacheBytes, Sealer? sealer)
    {
        int flags = raw.SQLITE_OPEN_NOMUTEX
            | (write ? raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE : raw.SQLITE_OPEN_READONLY);
        bool isNew = write && IsNew(path);
        if (isNew && !File.Exists(path))
        {
            DiskFileSystem.CreateForOwner(path); // SQLite gives its companions the same rights.
        }

        sqlite3 handle;
        int result = sealer is null
            ? raw.sqlite3_open_v2(path, out handle, flags, PageChecksums.Name)
            : SealedPages.Connect(path, out handle, flags, sealer);
        var db = new Db(path, handle);
        try
        {
            db.Check(result, "open");
            raw.sqlite3_extended_result_codes(handle, 1);
            if (isNew)
            {
                SqliteNative.Reserve(
                    handle, sealer is null ? PageChecksums.ReservedBytes : SealedFile.ReservedBytes);
            }

            raw.sqlite3_busy_timeout(handle, 10_000);
            if (sealer is not null)
            {
                db.Execute("PRAGMA temp_store=MEMORY");
            }

            db.Execute($"PRAGMA cache_size=-{Math.Max(64, cacheBytes / 1_024)}");
            return db;
        }
        catch
        {
            db.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens a plain database without looking at the checksums of pages, to read what a damaged page still has. Whoever
    /// reads so checks each row by itself.
    /// </summary>
    /// <param name="path">The file.</param>
    public static Db OpenUnchecked(string path)
    {
        int result = raw.sqlite3_open_v2(path, out sqlite3 handle, raw.SQLITE_OPEN_NOMUTEX | raw.SQLITE_OPEN_READWRITE, null);
        var db = new Db(path, handle);
        try
        {
            db.Check(result, "open");
            raw.sqlite3_extended_result_codes(handle, 1);
            return db;
        }
        catch
        {
            db.Dispose();
            throw;
        }
    }

    /// <summary>True for a file that is missing, or was made a moment before a crash and is empty.</summary>
    public static bool IsNew(string path) => new FileInfo(path) is { Exists: false } or { Length: 0 };

    public Statement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out sqlite3_stmt statement), "prepare");
        var made = new Statement(this, statement);
        _statements.Add(made);
        return made;
    }

    /// <summary>Runs one statement without parameters to its end.</summary>
    public void Execute(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out sqlite3_stmt statement), "prepare");
        try
        {
            int result;
            while ((result = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
            {
            }

            Check(result, "run");
        }
        finally
        {
            raw.sqlite3_finalize(statement);
        }
    }

    public long ReadNumber(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out sqlite3_stmt statement), "prepare");
        try
        {
            int result = raw.sqlite3_step(statement);
            Check(result, "run");
            return result == raw.SQLITE_ROW ? raw.sqlite3_column_int64(statement, 0) : 0;
        }
        finally
        {
            raw.sqlite3_finalize(statement);
        }
    }

    /// <summary>Copies the whole database as it is at this moment into a new file.</summary>
    public void CopyTo(string target, Sealer? sealer, Action<long> onPages, CancellationToken cancellationToken)
    {
        DiskFileSystem.CreateForOwner(target);
        using Db copy = Open(target, write: true, 1 << 20, sealer);
        copy.Execute("PRAGMA journal_mode=MEMORY");
        try
        {
            Execute("BEGIN");
            ReadNumber("SELECT count(*) FROM meta"); // From here on this connection sees one moment.
            sqlite3_backup backup = raw.sqlite3_backup_init(copy._handle, "main", _handle, "main");
            int result;
            do
            {
                result = raw.sqlite3_backup_step(backup, 1_024);
                onPages(1_024L * PageBytes);
            }
            while (result == raw.SQLITE_OK && !cancellationToken.IsCancellationRequested);

            raw.sqlite3_backup_finish(backup);
            cancellationToken.ThrowIfCancellationRequested();
            Check(result, "copy");
        }
        finally
        {
            Execute("COMMIT");
        }
    }

    public void Dispose()
    {
        foreach (Statement statement in _statements.ToArray())
        {
            statement.Dispose();
        }

        raw.sqlite3_close_v2(_handle);
    }

    public void Forget(Statement statement) => _statements.Remove(statement);

    public void Check(int result, string doing)
    {
        if (result is raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE)
        {
            return;
        }

        string text = $"SQLite could not {doing}: {raw.sqlite3_errmsg(_handle).utf8_to_string()} ({result})";
        string file = System.IO.Path.GetFileName(Path);
        if (result is PageChecksums.DataError or ShortRead)
        {
            throw StorageErrors.Damaged(file, "a page", "its checksum does not fit, or it is cut off");
        }

        throw (result & 0xFF) switch
        {
            raw.SQLITE_FULL => StorageErrors.Full(System.IO.Path.GetDirectoryName(Path) ?? Path, new IOException(text)),
            raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => StorageErrors.Damaged(file, "a page", text),
            raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_READONLY => new WeftException(
                WeftError.FolderUnusable, $"'{Path}' cannot be used: {text}."),
            _ => new WeftException(WeftError.DiskFailed, $"'{file}': {text}."),
        };
    }
}

/// <summary>A prepared statement. Bind, step, read, reset.</summary>
internal sealed class Statement(Db db, sqlite3_stmt handle) : IDisposable
{
    private bool _disposed;

    public Statement Bind(int index, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            raw.sqlite3_bind_zeroblob(handle, index, 0); // An empty span has no address, and would bind NULL.
        }
        else
        {
            raw.sqlite3_bind_blob(handle, index, bytes);
        }

        return this;
    }

    public Statement Bind(int index, long number)
    {
        raw.sqlite3_bind_int64(handle, index, number);
        return this;
    }

    /// <summary>Binds a moment, or NULL when it never comes.</summary>
    public Statement BindDue(int index, double atMs)
    {
        if (double.IsPositiveInfinity(atMs))
        {
            raw.sqlite3_bind_null(handle, index);
        }
        else
        {
            raw.sqlite3_bind_int64(handle, index, (long)Math.Clamp(atMs, -9e15, 9e15));
        }

        return this;
    }

    public bool Step()
    {
        int result = raw.sqlite3_step(handle);
        if (result != raw.SQLITE_ROW && result != raw.SQLITE_DONE)
        {
            raw.sqlite3_reset(handle);
            db.Check(result, "run");
        }

        return result == raw.SQLITE_ROW;
    }

    /// <summary>Valid until the next step or reset.</summary>
    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(handle, column);

    public long Number(int column) => raw.sqlite3_column_int64(handle, column);

    /// <summary>Binds the columns of the row of another statement, numbers and bytes, as they are.</summary>
    public Statement BindRow(Statement row)
    {
        for (int i = 0; i < row.Columns; i++)
        {
            _ = row.IsNull(i) ? BindDue(i + 1, double.PositiveInfinity)
                : row.IsNumber(i) ? Bind(i + 1, row.Number(i))
                : Bind(i + 1, row.Blob(i));
        }

        return this;
    }

    public int Columns => raw.sqlite3_column_count(handle);

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public bool IsNumber(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_INTEGER;

    public void Reset() => raw.sqlite3_reset(handle);

    /// <summary>Steps once, for statements that give no row.</summary>
    public void Run()
    {
        Step();
        Reset();
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            db.Forget(this);
            raw.sqlite3_finalize(handle);
        }
    }
}
