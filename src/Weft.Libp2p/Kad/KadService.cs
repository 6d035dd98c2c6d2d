using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;

namespace Weft.Libp2p.Kad;

/// <summary>The DHT over a host: drives one <see cref="KadCore"/>. Safe to use from many threads.</summary>
/// <remarks>
/// <code>
/// await using var dht = new KadService(host, new KadServiceOptions());
/// await dht.StartAsync();
/// KadResult put = await dht.PutAsync(record, KadQuorum.Majority);
/// </code>
/// Who speaks the protocol is learned from identify and its pushes; this host names it while the mode is server.
/// Source:
/// docs/spec/dht.md.
/// </remarks>
public sealed partial class KadService : IAsyncDisposable
{
    private readonly Libp2pHost _host;
    private readonly KadServiceOptions _options;
    private readonly KadCore _core;
    private readonly KadStreams _streams;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Outbox<KadOutput> _outbox = new();
    private readonly Dictionary<long, TaskCompletionSource<KadResult>> _commands = [];
    private readonly Dictionary<long, TaskCompletionSource<KadOutput>> _answers = [];
    private readonly Dictionary<long, CancellationTokenSource> _asks = [];
    private readonly PriorityQueue<KadTimer, WeftInstant> _timers = new();
    private readonly List<Task> _tasks = [];
    private readonly ITimer _timer;
    private long _token;
    private bool _isStarted;
    private int _isStopped;
    private KadSizes _snapshot = new(0, 0, 0, 0, 0, 0);
    private readonly long[] _results = new long[Enum.GetValues<KadStatus>().Length];
    private long _requestsSent;
    private long _timeOuts;

    private readonly Channel<Action> _inputs = Channel.CreateBounded<Action>(
        new BoundedChannelOptions(InputsMax) { SingleReader = true });

    private const int InputsMax = 4_096;

    /// <summary>Makes the service; it does nothing before <see cref="StartAsync"/>.</summary>
    /// <param name="host">The host; it is not taken over.</param>
    /// <param name="options">How.</param>
    public KadService(Libp2pHost host, KadServiceOptions options)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(options);
        _host = host;
        _options = options;
        _log = host.Settings.Loggers.CreateLogger<KadService>();
        Rules = options.Rules ?? RecordRules.Default(host.Settings.Crypto);
        Records = options.Records ?? new MemoryRecordStore(host.Id, options.Store, host.Settings.Crypto);
        Records.OnThreshold(health => KadLog.StoreFull(_log, Protocol, (int)(health.Utilisation * 100)));
        _streams = new(host, options, Time);
        _core = new(host.Id, options.Kad, new(
            host.Settings.Crypto, Records, Rules, new WeftRandom(Seed()), new(host.Settings.Crypto))
        {
            AddressesOf = peer => peer == host.Id ? host.Addresses : host.Book.Addresses(peer),
        });
        _timer = Time.CreateTimer(
            static state => ((KadService)state!)._inputs.Writer.TryWrite(static () => { }),
            this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The protocol it is spoken under.</summary>
    public string Protocol => _options.Kad.Protocol;

    /// <summary>What is valid, by namespace. Change it before the start.</summary>
    public RecordRules Rules { get; }

    /// <summary>True while it answers others.</summary>
    public bool IsServer { get; private set; }

    /// <summary>True until an error of its own stopped it.</summary>
    public bool IsHealthy { get; private set; } = true;

    internal IRecordStore Records { get; }

    private TimeProvider Time => _host.Settings.Time;

    private WeftInstant Now => Time.Instant();

    private double NowMs => WallClock.ToState(Time.GetUtcNow());

    /// <summary>Starts: peers that are connected already are taken in, and upkeep runs.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isStopped != 0, this);
        if (_isStarted)
        {
            throw new InvalidOperationException("The service has been started.");
        }

        _isStarted = true;
        IAsyncEnumerable<PeerEvent> events = _host.WatchAsync(_stopping.Token);
        _tasks.Add(LoopAsync());
        _tasks.Add(WatchAsync(events));
        _tasks.Add(SweepAsync());
        await PostAsync(() => _core.Start(Now, _outbox), cancellationToken).ConfigureAwait(false);
        foreach (PeerConnection connection in _host.Connections)
        {
            await PostAsync(() => OnIdentified(connection), cancellationToken).ConfigureAwait(false);
        }

        await InvokeAsync(static () => true, cancellationToken).ConfigureAwait(false); // The protocol is named by now.
    }

    /// <summary>Finds the peers closest to a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="timeout">Gives what there is by then; null for <see cref="KadOptions.QueryTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<KadResult> FindClosestAsync(
        ReadOnlyMemory<byte> key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        CommandAsync(() => _core.FindClosest(key, Now, NowMs, _outbox), timeout, cancellationToken);

    /// <summary>Finds a peer: it is the first of the result's peers when it was found, with its addresses.</summary>
    public Task<KadResult> FindPeerAsync(
        PeerId peer, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        CommandAsync(() => _core.FindPeer(peer, Now, NowMs, _outbox), timeout, cancellationToken);

    /// <summary>
    /// Publishes a record: keeps it here, durably where the store is, and puts it to the peers it belongs to.
    /// </summary>
    /// <param name="record">The record; the rule of its namespace must hold.</param>
    /// <param name="quorum">How many of them must keep it.</param>
    /// <param name="ttl">Its life; null for the usual one.</param>
    /// <param name="timeout">Gives what there is by then.</param>
    /// <param name="cancellationToken">Gives up the waiting; the record stays this peer's own.</param>
    public async Task<KadResult> PutAsync(
        KadRecord record,
        KadQuorum quorum = default,
        TimeSpan? ttl = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        KadResult result = await CommandAsync(
            () => _core.PutValue(record, quorum, Now, NowMs, _outbox, ttl), timeout, cancellationToken)
            .ConfigureAwait(false);
        if (_options.FlushAsync is { } flush && result.Status is not (KadStatus.Refused or KadStatus.Busy))
        {
            await flush(cancellationToken).ConfigureAwait(false);
        }

        return result;
    }

    /// <summary>
    /// Puts a state to the peers it belongs to; this peer keeps it only when it is one of them, and as no record of its
    /// own.
    /// </summary>
    /// <param name="record">The record; the rule of its namespace must hold, and call it a state.</param>
    /// <param name="quorum">How many of them must keep it.</param>
    /// <param name="timeout">Gives what there is by then.</param>
    /// <param name="cancellationToken">Gives up the waiting.</param>
    public async Task<KadResult> StoreAsync(
        KadRecord record,
        KadQuorum quorum = default,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        KadResult result = await CommandAsync(
            () => _core.StoreState(record, quorum, Now, NowMs, _outbox), timeout, cancellationToken)
            .ConfigureAwait(false);
        if (_options.FlushAsync is { } flush && result.Holders.Contains(_host.Id))
        {
            await flush(cancellationToken).ConfigureAwait(false);
        }

        return result;
    }

    /// <summary>Gets a record.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="quorum">How many peers must give a valid one; the best of them is the result.</param>
    /// <param name="skipsLocal">Ask others though this peer has it.</param>
    /// <param name="timeout">Gives what there is by then.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<KadResult> GetAsync(
        ReadOnlyMemory<byte> key,
        KadQuorum quorum = default,
        bool skipsLocal = false,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        CommandAsync(() => _core.GetValue(key, quorum, Now, NowMs, _outbox, skipsLocal), timeout, cancellationToken);

    /// <summary>Announces, now and regularly, that this peer provides a key.</summary>
    public Task<KadResult> ProvideAsync(
        ReadOnlyMemory<byte> key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        CommandAsync(() => _core.Provide(key, Now, NowMs, _outbox), timeout, cancellationToken);

    /// <summary>Announces a key no more; false when this peer did not provide it.</summary>
    public Task<bool> StopProvidingAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) =>
        InvokeAsync(() => _core.StopProviding(key.Span), cancellationToken);

    /// <summary>Finds peers that provide a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="providersMax">So many are enough: 1 and up.</param>
    /// <param name="timeout">Gives what there is by then.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<KadResult> FindProvidersAsync(
        ReadOnlyMemory<byte> key,
        int providersMax = 20,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        CommandAsync(
            () => _core.FindProviders(key, providersMax, Now, NowMs, _outbox), timeout, cancellationToken);

    /// <summary>Looks for itself, and refreshes the routing table after it.</summary>
    public Task<KadResult> BootstrapAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        CommandAsync(() => _core.Bootstrap(Now, NowMs, _outbox), timeout, cancellationToken);

    /// <summary>The routing table.</summary>
    public Task<IReadOnlyList<KadRoute>> ReadRoutesAsync(CancellationToken cancellationToken = default) =>
        InvokeAsync(() => _core.ReadRoutes(Now), cancellationToken);

    /// <summary>Counts since the start, and sizes as of the last turn; never waits.</summary>
    public KadCounts Counts => new(
        Volatile.Read(ref _snapshot),
        Enum.GetValues<KadStatus>().ToDictionary(status => status, status => Interlocked.Read(ref _results[(int)status])),
        Interlocked.Read(ref _requestsSent), Interlocked.Read(ref _timeOuts));

    /// <summary>How it is doing.</summary>
    public Task<KadHealth> ReadHealthAsync(CancellationToken cancellationToken = default) => InvokeAsync(
        () => new KadHealth(
            Protocol, IsServer, _core.RouteCount, _core.EstimateSize(), _core.QueryCount, _core.RequestCount,
            _core.ProviderKeyCount, _core.ReadProvided().Count, Records.ReadHealth(NowMs)),
        cancellationToken);

    /// <summary>
    /// Uses the record store, alone for that moment. What it gives must not be read afterwards by iteration.
    /// </summary>
    /// <param name="use">Gets the store and the wall time in milliseconds; returns quickly.</param>
    /// <param name="cancellationToken">Gives up the waiting.</param>
    public Task<T> UseRecordsAsync<T>(Func<IRecordStore, double, T> use, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(use);
        return InvokeAsync(() => use(Records, NowMs), cancellationToken);
    }

    /// <summary>Removes what has expired and what is beyond the ceilings, and says what that gave.</summary>
    public async Task<RecordMaintenance> MaintainAsync(CancellationToken cancellationToken = default)
    {
        RecordMaintenance done = await InvokeAsync(
            () =>
            {
                long start = Time.GetTimestamp();
                RecordMaintenance counts = Records.Maintain(NowMs);
                return counts with { Duration = Time.GetElapsedTime(start) };
            },
            cancellationToken).ConfigureAwait(false);
        if (_options.FlushAsync is { } flush)
        {
            await flush(cancellationToken).ConfigureAwait(false);
        }

        return done;
    }

    /// <summary>Answers no more, and gives up what is at work.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
        {
            return;
        }

        _host.Unhandle(Protocol);
        await _stopping.CancelAsync().ConfigureAwait(false);
        _inputs.Writer.TryComplete();
        await Task.WhenAll(_tasks).ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _streams.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private static ulong Seed()
    {
        Span<byte> seed = stackalloc byte[sizeof(ulong)];
        System.Security.Cryptography.RandomNumberGenerator.Fill(seed);
        return BitConverter.ToUInt64(seed);
    }
}

/// <summary>Sizes of a <see cref="KadService"/>.</summary>
/// <param name="Routes">Peers in the routing table.</param>
/// <param name="Queries">Lookups at work.</param>
/// <param name="Requests">Questions on their way.</param>
/// <param name="ProviderKeys">Keys with providers, kept for others.</param>
/// <param name="Records">Records kept.</param>
/// <param name="RecordBytes">Their bytes.</param>
public sealed record KadSizes(
    int Routes, int Queries, int Requests, int ProviderKeys, int Records, long RecordBytes);

/// <summary>What a <see cref="KadService"/> did since the start.</summary>
/// <param name="Sizes">Sizes as of its last turn.</param>
/// <param name="Results">Commands that ended, by how.</param>
/// <param name="Requests">Questions they asked.</param>
/// <param name="TimeOuts">Those of them that were not answered in time, or not at all.</param>
public sealed record KadCounts(
    KadSizes Sizes, IReadOnlyDictionary<KadStatus, long> Results, long Requests, long TimeOuts);

/// <summary>How a <see cref="KadService"/> is doing.</summary>
/// <param name="Protocol">The protocol.</param>
/// <param name="IsServer">It answers others.</param>
/// <param name="Routes">Peers in the routing table.</param>
/// <param name="NetworkSize">Peers of the whole network, estimated; 0 when unknown.</param>
/// <param name="Queries">Lookups at work.</param>
/// <param name="Requests">Questions on their way.</param>
/// <param name="ProviderKeys">Keys with providers, kept for others.</param>
/// <param name="Provided">Keys this peer provides.</param>
/// <param name="Records">The record store.</param>
public sealed record KadHealth(
    string Protocol,
    bool IsServer,
    int Routes,
    double NetworkSize,
    int Queries,
    int Requests,
    int ProviderKeys,
    int Provided,
    RecordHealth Records);
