using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Node.Events;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Audit;
using Weft.Protocols.Gun;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>
/// Synchronizes the graph with every connected peer that speaks <c>/weft/sync/1</c>: one session with each, opened by the
/// side that dialled.
/// </summary>
/// <remarks>Source: docs/spec/sync.md.</remarks>
internal sealed class SyncService : IPeerAsker, IAsyncDisposable
{
    /// <summary>Sessions have numbers from here on; those of GUN connections are far below.</summary>
    internal const long FirstOrigin = 1L << 40;

    private const int AskedMax = 4;

    private const int SweepsPerSave = 15;

    private static readonly TimeSpan SweepPeriod = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ExchangePause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan HeldMin = TimeSpan.FromSeconds(10);

    private readonly NodeNetwork _network;
    private readonly SyncBudget _budget;
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, SyncSession> _sessions = [];
    private readonly Dictionary<PeerId, Retry> _retries = [];
    private readonly ConcurrentDictionary<Task, byte> _running = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly WeftRandom _random = new(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
    private Task _watch = Task.CompletedTask;
    private Task _sweep = Task.CompletedTask;
    private long _number = FirstOrigin;
    private long _savedFieldsIn;

    /// <summary>Makes it; nothing happens before the start.</summary>
    public SyncService(NodeNetwork network, SyncOptions options, IReadOnlyList<string> prefixes)
    {
        _network = network;
        Options = options;
        _budget = new SyncBudget(options);
        Prefixes = prefixes;
        Ranges = new RangeIndex(network.Node.Store, network.Node.Changes, network.Node.Crypto)
        {
            Plans = network.Node.Plans,
        };
        Log = network.Node.Loggers.CreateLogger("Weft.Sync");
        Cursors = new SyncCursors(network.Node.Store, network.Node.FirstSequence);
    }

    public WeftNode Node => _network.Node;

    public SyncOptions Options { get; }

    /// <summary>What this node wants of every peer.</summary>
    public IReadOnlyList<string> Prefixes { get; }

    public RangeIndex Ranges { get; }

    public ILogger Log { get; }

    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Open sessions, in the order of the peers' ids.</summary>
    public IReadOnlyList<SyncSession> Sessions
    {
        get
        {
            lock (_gate)
            {
                return [.. _sessions.Values.OrderBy(session => session.Peer)];
            }
        }
    }

    /// <summary>Answers the protocol, and opens sessions with those who speak it.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        IAsyncEnumerable<PeerEvent> events = _network.Host.WatchAsync(_stopping.Token);
        _network.Host.Handle(SyncCodec.Protocol, AcceptAsync);
        Node.Graph.NetworkAsker = this;
        _watch = WatchAsync(events);
        _sweep = SweepAsync();
        return Task.CompletedTask;
    }

    /// <summary>How far this node and the stores it met are.</summary>
    public SyncCursors Cursors { get; }

    /// <summary>What all sessions that are over did; those that are open count for themselves.</summary>
    public SyncCounts Past { get; private set; }

    /// <summary>The session with a peer; null when there is none.</summary>
    public SyncSession? SessionOf(PeerId peer)
    {
        lock (_gate)
        {
            return _sessions.GetValueOrDefault(peer);
        }
    }

    /// <summary>Has a session exchange what an audit found to differ; waits while it is busy.</summary>
    /// <exception cref="WeftException">PeerUnreachable: there is no session, or it ended.</exception>
    public async Task ExchangeAsync(
        PeerId peer, string prefix, AuditOutput wish, CancellationToken cancellationToken)
    {
        while (true)
        {
            SyncSession session = SessionOf(peer) ?? throw new WeftException(
                WeftError.PeerUnreachable, $"There is no session with {peer}; nothing was exchanged.");
            if (await session.ExchangeAsync(prefix, wish, cancellationToken).ConfigureAwait(false))
            {
                return;
            }

            await Task.Delay(ExchangePause, Node.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>How long a peer's next message waits to be read, after what it has asked for.</summary>
    public TimeSpan WaitAfter(PeerId peer, SyncMessage message, WeftInstant now)
    {
        lock (_budget)
        {
            return _budget.Take(peer, message, now);
        }
    }

    /// <summary>What the journal calls a peer.</summary>
    public string NameOf(PeerId peer) => peer.ToString();

    public WeftRandom NextRandom()
    {
        lock (_gate)
        {
            return _random.Fork();
        }
    }

    /// <inheritdoc/>
    public ValueTask<PeerAnswer> AskAsync(
        string soul, string? field, TimeSpan deadline, CancellationToken cancellationToken) =>
        AskAsync([.. Sessions.Take(AskedMax)], soul, field, deadline, cancellationToken);

    /// <summary>Asks the peers of some sessions.</summary>
    public async ValueTask<PeerAnswer> AskAsync(
        IReadOnlyList<SyncSession> asked,
        string soul,
        string? field,
        TimeSpan deadline,
        CancellationToken cancellationToken)
    {
        if (asked.Count == 0)
        {
            return default;
        }

        using var late = new CancellationTokenSource(deadline, Node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        List<Task<bool>> waiting = [.. asked.Select(session => session.AskAsync(soul, field, either.Token))];
        bool hasAll = true;
        while (waiting.Count > 0)
        {
            Task<bool> ended = await Task.WhenAny(waiting).ConfigureAwait(false);
            waiting.Remove(ended);
            hasAll &= await ended.ConfigureAwait(false);
            NodePage found = await ReadAsync(soul, field).ConfigureAwait(false);
            if (found.Fields.Count > 0)
            {
                await either.CancelAsync().ConfigureAwait(false); // Nobody waits for the others.
                break;
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        return new(asked.Count, !hasAll);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Node.Graph.NetworkAsker == this)
        {
            Node.Graph.NetworkAsker = null;
        }

        _network.Host.Unhandle(SyncCodec.Protocol);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _watch.ConfigureAwait(false);
        await _sweep.ConfigureAwait(false);
        await Task.WhenAll(_running.Keys).ConfigureAwait(false);
        SaveCursors();
        Ranges.Dispose();
        _stopping.Dispose();
    }

    private ValueTask<NodePage> ReadAsync(string soul, string? field) =>
        Node.Store.ReadNodeAsync(soul, new LexRange(Exact: field), 1, long.MaxValue, _stopping.Token);

    private async Task WatchAsync(IAsyncEnumerable<PeerEvent> events)
    {
        try
        {
            await foreach (PeerEvent happened in events.ConfigureAwait(false))
            {
                if (happened.Kind == PeerEventKind.Identified)
                {
                    TryOpen(happened.Connection);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    // Sessions that ended, and events that were missed.
    private async Task SweepAsync()
    {
        try
        {
            using var period = new PeriodicTimer(SweepPeriod, Node.Time);
            for (int sweeps = 1; await period.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false); sweeps++)
            {
                if (sweeps % SweepsPerSave == 0 && TakeFieldsIn() > 0)
                {
                    SaveCursors(); // Only where fields came: a row is a commit, too, and would make the peer write one.
                }

                IReadOnlyList<PeerConnection> connections = _network.Host.Connections;
                foreach (PeerConnection connection in connections)
                {
                    TryOpen(connection);
                }

                ForgetRetries(connections);
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    private long TakeFieldsIn()
    {
        long now = Past.FieldsIn + Sessions.Sum(session => session.Counts.FieldsIn);
        long since = now - _savedFieldsIn;
        _savedFieldsIn = now;
        return since;
    }

    private void SaveCursors()
    {
        try
        {
            Cursors.Save();
        }
        catch (WeftException failure)
        {
            SyncLog.CursorsNotKept(Log, failure.Code); // Peers send some fields twice after the next start.
        }
    }

    private void ForgetRetries(IReadOnlyList<PeerConnection> connections)
    {
        lock (_gate)
        {
            HashSet<PeerId> connected = [.. connections.Select(connection => connection.Remote)];
            foreach (PeerId gone in _retries.Keys.Where(peer => !connected.Contains(peer)).ToList())
            {
                _retries.Remove(gone);
            }
        }
    }

    // The side that dialled opens the session; the other one waits.
    private void TryOpen(PeerConnection connection)
    {
        if (connection.IsInbound || connection.IsLimited
            || connection.Identity?.Protocols.Contains(SyncCodec.Protocol) != true)
        {
            return;
        }

        PeerId peer = connection.Remote;
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested || _sessions.ContainsKey(peer))
            {
                return;
            }

            if (!_retries.TryGetValue(peer, out Retry? retry))
            {
                _retries[peer] = retry = new Retry(new LinkBackoff(
                    _network.Options.RedialMin, _network.Options.RedialMax, _random.Fork()));
            }

            if (retry.IsOpening || Node.Time.GetUtcNow() < retry.Due)
            {
                return;
            }

            retry.IsOpening = true;
        }

        Track(OpenAsync(connection));
    }

    private async Task OpenAsync(PeerConnection connection)
    {
        long started = Node.Time.GetTimestamp();
        try
        {
            PeerStream stream = await _network.Host
                .OpenStreamAsync(connection, [SyncCodec.Protocol], _stopping.Token).ConfigureAwait(false);
            await RunAsync(stream, isOpener: true).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is Libp2pException or IOException or OperationCanceledException
            or ObjectDisposedException)
        {
            SyncLog.Ended(Log, 0, connection.Remote, 0, failure.Message);
        }

        lock (_gate)
        {
            if (_retries.TryGetValue(connection.Remote, out Retry? retry))
            {
                if (Node.Time.GetElapsedTime(started) > HeldMin)
                {
                    retry.Backoff.Reset();
                }

                retry.Due = Node.Time.GetUtcNow() + retry.Backoff.Next();
                retry.IsOpening = false;
            }
        }
    }

    private Task AcceptAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        _ = cancellationToken; // The stream ends with its connection, and the session with its stream.
        Task run = RunAsync(stream, isOpener: false);
        Track(run);
        return run;
    }

    private async Task RunAsync(PeerStream stream, bool isOpener)
    {
        SyncSession session;
        SyncSession? old = null;
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested
                || (_sessions.TryGetValue(stream.Remote, out old) && !Replaces(old, stream.Remote, isOpener)))
            {
                stream.Abort();
                return;
            }

            session = new SyncSession(this, stream, ++_number, isOpener);
            _sessions[stream.Remote] = session;
        }

        if (old is not null)
        {
            await old.DisposeAsync().ConfigureAwait(false);
        }

        Tell(NodeEventKind.SyncStart, stream.Remote);
        try
        {
            await session.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            Tell(NodeEventKind.SyncEnd, stream.Remote);
            lock (_gate)
            {
                if (_sessions.GetValueOrDefault(stream.Remote) == session)
                {
                    _sessions.Remove(stream.Remote);
                }

                Past = Past.Plus(session.Counts);
            }

            SaveCursors();
        }
    }

    /// <summary>Tells those who watch the node's events.</summary>
    public void Tell(string kind, PeerId peer)
    {
        if (Node.Events.IsWatched)
        {
            Node.Events.Post(Node.Events.New(kind) with { Peer = peer.ToString() });
        }
    }

    // Both may open one at the same moment: that of the smaller peer id stays, and both ends agree on which that is.
    private bool Replaces(SyncSession old, PeerId remote, bool isOpener) =>
        old.IsOpener == isOpener ? !isOpener : (isOpener ? _network.Id : remote).CompareTo(
            isOpener ? remote : _network.Id) < 0;

    private void Track(Task task)
    {
        _running.TryAdd(task, 0);
        _ = task.ContinueWith(
            done => _running.TryRemove(done, out _), CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private sealed class Retry(LinkBackoff backoff)
    {
        public LinkBackoff Backoff { get; } = backoff;

        public DateTimeOffset Due { get; set; }

        public bool IsOpening { get; set; }
    }
}
