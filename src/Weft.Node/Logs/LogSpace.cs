using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>The signed logs of a node. Safe to use from many threads.</summary>
/// <remarks>Source: docs/spec/log.md.</remarks>
public sealed class LogSpace : IAsyncDisposable
{
    private readonly LogDriver _driver;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, KeptLogLink> _kept = new(StringComparer.Ordinal);
    private bool _isStopped;

    internal LogSpace(IStore store, ICrypto crypto, TimeProvider time, LogOptions options, ILoggerFactory loggers)
    {
        _logger = loggers.CreateLogger("Weft.Logs");
        _time = time;
        _driver = new LogDriver(store, crypto, time, options, _logger);
    }

    /// <summary>How an address is dialled; null where nothing can be. Set by whoever has sockets.</summary>
    public Func<string, CancellationToken, ValueTask<Stream>>? Dialler { get; set; }

    /// <summary>
    /// Opens a log: by name, which makes a new one when there is none; or by key, which may be anybody's.
    /// </summary>
    /// <param name="nameOrKey">1 to 64 characters, or the key's 64 hexadecimal digits.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="WeftException">Usage, TooManyRequests, DiskFull, DiskFailed, StoreStopped.</exception>
    public Task<SignedLog> OpenAsync(string nameOrKey, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrKey);
        return MakeAsync(
            () => _driver.Find(nameOrKey)
                ?? (Hash32.TryParse(nameOrKey, out Hash32 key)
                    ? _driver.Adopt(key, null, null)
                    : _driver.Create(nameOrKey, false, null)),
            cancellationToken);
    }

    /// <summary>Makes a new log.</summary>
    /// <param name="name">1 to 64 characters.</param>
    /// <param name="isEncrypted">True encrypts its blocks with a new secret, or with the one given.</param>
    /// <param name="secret">32 bytes that its readers share; copied.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="WeftException">LogNameTaken, Usage, TooManyRequests, DiskFull, DiskFailed.</exception>
    public Task<SignedLog> CreateAsync(
        string name, bool isEncrypted = false, ReadOnlyMemory<byte> secret = default,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        byte[]? hidden = Copy(secret);
        return MakeAsync(() => _driver.Create(name, isEncrypted, hidden), cancellationToken);
    }

    /// <summary>Takes in someone else's log.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="name">A name for it on this node; null for none.</param>
    /// <param name="secret">32 bytes that open its blocks; empty for a plain one. Copied.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="WeftException">LogNameTaken, Usage, TooManyRequests, DiskFull, DiskFailed.</exception>
    public Task<SignedLog> AdoptAsync(
        Hash32 key, string? name = null, ReadOnlyMemory<byte> secret = default,
        CancellationToken cancellationToken = default)
    {
        byte[]? hidden = Copy(secret);
        return MakeAsync(() => _driver.Adopt(key, name, hidden), cancellationToken);
    }

    /// <summary>Finds a log by name or key; null when it is not here.</summary>
    public async Task<SignedLog?> FindAsync(string nameOrKey, CancellationToken cancellationToken = default)
    {
        OpenLog? log = await _driver.AskAsync(() => _driver.Find(nameOrKey), cancellationToken).ConfigureAwait(false);
        return log is null ? null : new SignedLog(_driver, log);
    }

    /// <summary>Every log, named ones first.</summary>
    public Task<IReadOnlyList<LogInfo>> ListAsync(CancellationToken cancellationToken = default) =>
        _driver.AskAsync(_driver.List, cancellationToken);

    /// <summary>The connections over which logs are replicated now.</summary>
    public Task<IReadOnlyList<LogLinkInfo>> LinksAsync(CancellationToken cancellationToken = default) =>
        _driver.AskAsync(_driver.Links, cancellationToken);

    /// <summary>Replicates the logs that both sides know over a stream, until it ends.</summary>
    /// <param name="stream">Any stream of bytes, both ways; disposed at the end.</param>
    /// <param name="name">Where it leads, for lists and messages.</param>
    /// <param name="isInitiator">True for the side that dialled.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Why it ended.</returns>
    public Task<string> ReplicateAsync(
        Stream stream, string name, bool isInitiator, CancellationToken cancellationToken = default) =>
        _driver.ReplicateAsync(stream, name, isInitiator, cancellationToken);

    /// <summary>Dials an address now and whenever it is not connected, until told otherwise.</summary>
    /// <returns>False when it is kept already.</returns>
    /// <exception cref="WeftException">NetworkOff: this node has no sockets; TooManyRequests.</exception>
    public bool Keep(string address)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        if (Dialler is null)
        {
            throw new WeftException(WeftError.NetworkOff, "This node cannot dial.");
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopped, this);
            if (_kept.ContainsKey(address))
            {
                return false;
            }

            if (_kept.Count >= _driver.Options.LinksMax)
            {
                throw new WeftException(
                    WeftError.TooManyRequests,
                    $"{_kept.Count} peers are kept for logs already, as many as are allowed.");
            }

            var kept = new KeptLogLink(this, address, Dialler, _driver.Options.RedialMin, _time, _logger);
            _kept.Add(address, kept);
            kept.Start();
            return true;
        }
    }

    /// <summary>Hangs up at an address, and dials it no more.</summary>
    /// <returns>False when it was not kept.</returns>
    public async ValueTask<bool> ReleaseAsync(string address)
    {
        KeptLogLink? kept;
        lock (_gate)
        {
            if (!_kept.Remove(address, out kept))
            {
                return false;
            }
        }

        await kept.DisposeAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Stops: connections end, and what was appended is made durable.</summary>
    public async ValueTask DisposeAsync()
    {
        KeptLogLink[] kept;
        lock (_gate)
        {
            _isStopped = true;
            kept = [.. _kept.Values];
            _kept.Clear();
        }

        await Task.WhenAll(kept.Select(one => one.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _driver.DisposeAsync().ConfigureAwait(false);
    }

    internal void Start() => _driver.Start();

    /// <summary>True when the store has a place for older blocks.</summary>
    internal bool HasArchive => _driver.Archive is not null;

    /// <inheritdoc cref="LogDriver.AppendHistory"/>
    internal long AppendHistory(
        IReadOnlyDictionary<string, List<ReadOnlyMemory<byte>>> blocks,
        Func<string, OpenLog?, ReadOnlyMemory<byte>> first,
        Func<IReadOnlyDictionary<string, (Hash32 Log, long Start)>, CommitBatch> make) =>
        _driver.AppendHistory(blocks, first, make);

    /// <summary>Reads blocks of logs that hold history; null for one that is not here.</summary>
    internal Task<IReadOnlyList<ReadOnlyMemory<byte>?>> ReadHistoryAsync(
        IReadOnlyList<(Hash32 Log, long Block)> wanted, CancellationToken cancellationToken) =>
        _driver.AskAsync<IReadOnlyList<ReadOnlyMemory<byte>?>>(
            () =>
            {
                var read = new ReadOnlyMemory<byte>?[wanted.Count];
                for (int i = 0; i < read.Length; i++)
                {
                    OpenLog? log = _driver.Find(wanted[i].Log.ToString());
                    read[i] = log is not null && log.Core.TryGet(wanted[i].Block, out ReadOnlyMemory<byte> block)
                        ? block
                        : null;
                }

                return read;
            },
            cancellationToken);

    /// <summary>Proves a block, once the log shows it: that is when it is durable.</summary>
    internal async Task<ReadOnlyMemory<byte>> ProveHistoryAsync(
        Hash32 key, long block, CancellationToken cancellationToken)
    {
        SignedLog log = await FindAsync(key.ToString(), cancellationToken).ConfigureAwait(false)
            ?? throw LogErrors.Unknown(key.ToString());
        await log.WaitForLengthAsync(block + 1, cancellationToken).ConfigureAwait(false);
        return await log.ProveAsync(block, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Forgets the data of a block of a log that holds history.</summary>
    internal Task ClearHistoryAsync(Hash32 key, long block, CancellationToken cancellationToken) => _driver.AskAsync(
        () => _driver.Find(key.ToString()) is { } log ? _driver.Clear(log, block, block + 1) : 0, cancellationToken);

    /// <summary>The logs that hold a prefix's history, oldest first.</summary>
    internal Task<IReadOnlyList<SignedLog>> HistoryLogsAsync(string scope, CancellationToken cancellationToken) =>
        _driver.AskAsync<IReadOnlyList<SignedLog>>(
            () => [.. _driver.HistoryLogs(scope).Select(log => new SignedLog(_driver, log))], cancellationToken);

    private static byte[]? Copy(ReadOnlyMemory<byte> secret)
    {
        if (secret.Length is not (0 or Hash32.Length))
        {
            throw new WeftException(WeftError.Usage, "The secret of a log has 32 bytes.");
        }

        return secret.IsEmpty ? null : secret.ToArray();
    }

    private async Task<SignedLog> MakeAsync(Func<OpenLog> make, CancellationToken cancellationToken)
    {
        OpenLog log = await _driver.AskAsync(make, cancellationToken).ConfigureAwait(false);
        return new SignedLog(_driver, log);
    }
}
