using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage.Blobs;
using Weft.Storage.Files;
using Weft.Storage.Log;
using Weft.Storage.Logs;
using Weft.Storage.Memory;
using Weft.Storage.Records;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <summary>
/// The default store: a commit log with group flush in front, a memory table behind it, and a SQLite file at the end.
/// </summary>
/// <remarks>
/// A write is encoded by its caller, placed and made visible under one gate, and acknowledged when the log's thread has
/// flushed it. A full memory table is written to the disk tier in order, in one transaction; then its segments go. A read
/// asks the memory tables, then the filter, the node cache and the disk tier, always in this order, so that data on its way
/// down is never missed. See ARCHITECTURE.md, "Storage".
/// </remarks>
public sealed partial class StorageEngine : IStore
{
    private readonly StorageOptions _options;
    private readonly string _folder;
    private readonly ILogger _logger;
    private readonly FolderLock _lock;
    private readonly SqliteTier _tier;
    private readonly Sealer? _sealer;
    private readonly SegmentFiles _segments;
    private readonly CommitLog _log;
    private readonly ChunkPool _pool = new();
    private readonly HotFields _hot = new();
    private readonly LogRowReader _logRows;
    private readonly EngineLogShelf _shelf;
    private readonly BlobFolder _blobs;
    private readonly ulong _seed;
    private readonly long _tableBytesMax;
    private readonly Dictionary<FieldWrite, int> _deferred = [];
    private readonly Lock _deferredGate = new();
    private Tables _tables;
    private double _clockHigh;
    private Action<Commit>? _listener;
    private IReadOnlyList<Loss> _journal;
    private int _disposed;

    private StorageEngine(StorageOptions options, string folder, FolderLock held, ILogger logger, Recovered recovered)
    {
        _options = options;
        _folder = folder;
        _lock = held;
        _logger = logger;
        _tier = recovered.Tier;
        _sealer = recovered.Sealer;
        _seed = recovered.Seed;
        _pool = recovered.Pool;
        _segments = recovered.Segments;
        _tables = new Tables(recovered.Table, null);
        _clockHigh = recovered.ClockHigh;
        _journal = recovered.Tier.Journal;
        foreach (FieldWrite write in recovered.Deferred)
        {
            _deferred[write] = _deferred.GetValueOrDefault(write) + 1;
        }

        ClockHigh = recovered.ClockHigh;
        HasLost = recovered.HasLost;
        StoreId = recovered.Tier.Writer.State.StoreId.ToString("x16", CultureInfo.InvariantCulture);
        _tableBytesMax = options.TableBytes > 0 ? options.TableBytes : ((long)options.MemoryMiB << 20) * 22 / 100;
        var core = new CommitCoreOptions
        {
            Durability = options.Durability,
            SegmentBytes = options.SegmentBytes > 0 ? options.SegmentBytes : options.SegmentMiB << 20,
            Seal = recovered.Sealer,
        };
        _log = new CommitLog(new Sink(this), _segments, core, recovered.Start);
        _logRows = new LogRowReader(
            Path.Combine(folder, SqliteTier.FileName), ((long)options.MemoryMiB << 20) / 64, recovered.Sealer);
        _shelf = new EngineLogShelf(batch => AppendAsync(batch, Durability.Memory), LogTables, _logRows,
            new ColdBlocks(folder, recovered.Sealer));
        Records = new EngineRecordShelf(batch => AppendAsync(batch, Durability.Memory), LoadRecords);
        _blobs = new BlobFolder(
            folder, options.Files, recovered.Sealer, options.Encryption?.Crypto ?? PlatformCrypto.Create());
        _flusher = new Thread(RunFlusher) { Name = "weft flush", IsBackground = true };
    }

    /// <inheritdoc/>
    public ILogShelf Logs => _shelf;

    /// <inheritdoc/>
    public IRecordShelf Records { get; }

    /// <inheritdoc/>
    public IBlobShelf Blobs => _blobs;

    /// <inheritdoc/>
    public double ClockHigh { get; }

    /// <inheritdoc/>
    public long CommittedSequence => _log.CommittedSequence;

    /// <inheritdoc/>
    public string StoreId { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Loss> SavedJournal => _journal;

    /// <inheritdoc/>
    public IReadOnlyCollection<FieldWrite> Deferred
    {
        get
        {
            lock (_deferredGate)
            {
                return [.. _deferred.SelectMany(held => Enumerable.Repeat(held.Key, held.Value))];
            }
        }
    }

    /// <summary>Opens a store, or makes a new one in an empty folder. What the log holds is read back first.</summary>
    /// <param name="options">Checked here; a broken bound throws before any effect.</param>
    /// <param name="time">The clock that dates the lock; null for the system's.</param>
    /// <param name="logger">Where the engine logs; null for nowhere.</param>
    /// <returns>The open store; dispose it to close it cleanly.</returns>
    /// <exception cref="ArgumentException">An option is out of bounds.</exception>
    /// <exception cref="WeftException">
    /// FolderLocked, FolderUnusable, FormatNewer, FileDamaged, DiskFull, DiskFailed, StoreKeyNeeded, StoreKeyWrong,
    /// StoreNotEncrypted. The folder is as it was.
    /// </exception>
    public static ValueTask<StorageEngine> OpenAsync(
        StorageOptions options, TimeProvider? time = null, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return new(Task.Run(() => Open(options, time ?? TimeProvider.System, logger ?? NullLogger.Instance)));
    }

    /// <inheritdoc/>
    public bool HasLost { get; }

    /// <summary>Writes down where the node can be reached, for the message to a second node on the same folder.</summary>
    /// <param name="url">For example "http://127.0.0.1:8765".</param>
    public void AnnounceUrl(string url) => _lock.Announce(url);

    /// <inheritdoc/>
    public void OnCommitted(Action<Commit> listener) => _listener = listener;

    /// <inheritdoc/>
    public StoreStats ReadStats()
    {
        Tables tables = Volatile.Read(ref _tables);
        TierState state = _tier.Writer.State;
        (double p50Ms, double p99Ms) = _log.FlushLatency;
        MemTable? flushing = tables.Flushing;
        long memory = tables.Active.Bytes + (flushing?.Bytes ?? 0) + _tier.Cache.Bytes + _tier.Filter.Bytes;
        return new StoreStats(
            state.Nodes + tables.Active.Nodes + (flushing?.Nodes ?? 0),
            state.Fields + tables.Active.Fields + (flushing?.Fields ?? 0),
            memory, (long)_options.MemoryMiB << 20, FolderBytes(), _log.Bytes - Volatile.Read(ref _logBytesFlushed),
            _log.Commits, _log.Flushes, Volatile.Read(ref _hits), Volatile.Read(ref _misses), p50Ms, p99Ms,
            FailureText);
    }

    /// <summary>Stops taking writes, makes everything accepted durable, and closes the files.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await Task.Run(Close).ConfigureAwait(false);
        }
    }

    private static StorageEngine Open(StorageOptions options, TimeProvider time, ILogger logger)
    {
        long started = Stopwatch.GetTimestamp();
        string folder = Path.GetFullPath(options.Path);
        Sealer? sealer = StoreKeys.Open(folder, options.Encryption);
        SqliteTier.ThrowIfNewer(Path.Combine(folder, SqliteTier.FileName), sealer);
        FolderLock held = FolderLock.Take(folder, time.GetUtcNow());
        Recovered? recovered = null;
        try
        {
            sealer = StoreKeys.OpenOrCreate(folder, options.Encryption, sealer);
            recovered = Recovered.Read(options, folder, sealer, logger);
            var engine = new StorageEngine(options, folder, held, logger, recovered);
            engine._log.Start();
            engine._flusher.Start();
            engine.WaitForFirstSegment();
            TierState state = recovered.Tier.Writer.State;
            EngineLog.Opened(logger, folder, state.Nodes, state.Fields + recovered.Table.Fields,
                recovered.Start.LastSequence - state.Flushed, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            return engine;
        }
        catch (Exception failure)
        {
            recovered?.Tier.Dispose();
            sealer?.Dispose();
            held.Dispose();
            if (failure is IOException or UnauthorizedAccessException)
            {
                throw StorageErrors.Classify(failure) == WeftError.DiskFull
                    ? StorageErrors.Full(folder, failure)
                    : StorageErrors.Failed($"The store '{folder}' cannot be opened", failure);
            }

            throw;
        }
    }

    private void WaitForFirstSegment()
    {
        lock (_log.Gate)
        {
            while (!_log.HasAny && !_log.IsFull && _log.Failure is null)
            {
                Monitor.Wait(_log.Gate);
            }
        }

        if (_log.Failure is Exception failure)
        {
            Close();
            throw new IOException(failure.Message, failure.HResult);
        }
    }

    private void Close()
    {
        _log.Dispose();
        StopFlusher();
        if (_log.Failure is null && FailureText is null)
        {
            TryCheckpoint();
        }

        _logRows.Dispose();
        _tier.Dispose();
        _sealer?.Dispose();
        _lock.Dispose();
        ReleaseRoom();
    }

    private (LogTable Active, LogTable? Flushing) LogTables()
    {
        Tables tables = Volatile.Read(ref _tables);
        return (tables.Active.Logs, tables.Flushing?.Logs);
    }

    private IReadOnlyList<RecordChange> LoadRecords()
    {
        lock (_log.Gate)
        {
            // Under the gate no table changes, and none that is on its way down is dropped.
            return RecordRows.Load(
                Path.Combine(_folder, SqliteTier.FileName), _sealer, _tables.Flushing?.Records, _tables.Active.Records);
        }
    }

    private long FolderBytes()
    {
        long bytes = _blobs.Bytes;
        foreach (FileInfo file in new DirectoryInfo(_folder).EnumerateFiles())
        {
            try
            {
                bytes += file.Length;
            }
            catch (FileNotFoundException)
            {
                // A segment that went just now.
            }
        }

        return bytes;
    }

    /// <summary>The memory tables that reads look at; replaced as a whole.</summary>
    private sealed record Tables(MemTable Active, MemTable? Flushing);

    private sealed class Sink(StorageEngine engine) : ICommitSink
    {
        public void Apply(long sequence, CommitBatch batch) => engine.Apply(sequence, batch);

        public void Undo(long sequence, CommitBatch batch) => engine.Undo(sequence, batch);

        public void OnCommitted(in Commit commit) => engine._listener?.Invoke(commit);

        public void OnStopped(WeftError error, Exception failure) => engine.Fail(error, failure);

        public void OnRoomChanged() => engine.ReleaseRoom();
    }
}
