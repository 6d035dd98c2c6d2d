using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Identify;

namespace Weft.Libp2p.Dialing;

/// <summary>Drives one <see cref="ConnectionPlannerCore"/>; the book's gate is also the core's.</summary>
internal sealed class ConnectionPlanner : IDisposable
{
    /// <summary>The protocol whose name ends in the label of a peer's region.</summary>
    internal const string RegionPrefix = "/weft/region/1.0.0/";

    private readonly Libp2pHost _host;
    private readonly Libp2pOptions _options;
    private readonly ConnectionPlannerCore _core;
    private readonly ITimer _timer;
    private readonly Dictionary<long, PeerConnection> _connections = [];
    private readonly HashSet<long> _idle = []; // Second connections that had no stream at the last look.
    private WeftInstant _due = WeftInstant.Never;
    private bool _isStopped;

    internal ConnectionPlanner(Libp2pHost host, Libp2pOptions options, WeftRandom random)
    {
        _host = host;
        _options = options;
        _core = host.Book.Locked(book => new ConnectionPlannerCore(options.Planner, book, host.Id, random));
        foreach (PeerAnchor anchor in options.Anchors)
        {
            host.Book.Add(anchor.Peer, anchor.Addresses, PeerSource.Connected); // It was, in the last run.
        }

        _core.SetAnchors(options.Anchors.Select(anchor => anchor.Peer));
        _timer = options.Time.CreateTimer(
            static state => ((ConnectionPlanner)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    internal IReadOnlyList<PeerAnchor> Anchors => _host.Book.Locked(book => _core.Anchors
        .Select(peer => new PeerAnchor(peer, [.. book.Find(peer, _host.Book.Now)
            .Where(entry => entry.HasWorked).Select(entry => entry.Address)]))
        .ToArray());

    internal int OutboundCount => _host.Book.Locked(_ => _core.OutboundCount);

    public void Dispose()
    {
        _host.Book.Locked(_ => _isStopped = true);
        _timer.Dispose();
    }

    internal void Start() => Drive((now, outbox) => _core.Start(now, outbox));

    internal void OnConnected(PeerConnection connection) => Drive((now, outbox) =>
    {
        _connections[connection.Number] = connection;
        _core.OnConnected(
            connection.Number, connection.Remote, connection.RemoteAddress, connection.IsInbound, connection.IsLimited, now,
            outbox);
    });

    internal void OnClosed(PeerConnection connection) => Drive((now, outbox) =>
    {
        _connections.Remove(connection.Number);
        _idle.Remove(connection.Number);
        _core.OnClosed(connection.Number, now, outbox);
    });

    internal void OnIdentified(PeerConnection connection, IdentifyMessage identity)
    {
        string? region = identity.Protocols.FirstOrDefault(name => name.StartsWith(RegionPrefix, StringComparison.Ordinal));
        if (region is not null)
        {
            Drive((now, _) => _core.OnRegion(connection.Remote, region[RegionPrefix.Length..], now));
        }
    }

    internal void Protect(PeerId peer, bool isProtected) => Drive((_, _) => _core.Protect(peer, isProtected));

    internal void Judge(PeerId peer, double change) => Drive((now, outbox) => _core.OnBehaviour(peer, change, now, outbox));

    internal double ScoreOf(PeerConnection connection) => _host.Book.Locked(_ =>
    {
        _core.OnRoundTrip(connection.Number, connection.RoundTrip);
        return _core.ScoreOf(connection.Number, _host.Book.Now);
    });

    private void OnTimer()
    {
        Drive((now, outbox) =>
        {
            _due = WeftInstant.Never;
            foreach (PeerConnection connection in _connections.Values)
            {
                if (connection.RoundTrip > TimeSpan.Zero)
                {
                    _core.OnRoundTrip(connection.Number, connection.RoundTrip);
                }
            }

            _core.OnTimer(now, outbox);
        });
        _host.Book.OnTimer();
        if (_options.ClosesDuplicates)
        {
            CloseDuplicates();
        }
    }

    /// <summary>
    /// Where two ends dialled each other at the same moment, both agree on which connection stays; the other one goes
    /// once it has carried no stream for a whole interval.
    /// </summary>
    private void CloseDuplicates()
    {
        foreach (PeerConnection extra in _host.FindDuplicates())
        {
            bool wasIdle = _host.Book.Locked(_ => extra.StreamCount > 0
                ? _idle.Remove(extra.Number) && false
                : !_idle.Add(extra.Number));
            if (wasIdle)
            {
                _ = extra.RetireAsync(ConnectionEnd.Duplicate);
            }
        }
    }

    private void Drive(Action<WeftInstant, Outbox<PlannerOutput>> input)
    {
        var outbox = new Outbox<PlannerOutput>();
        _host.Book.Locked(_ =>
        {
            if (!_isStopped)
            {
                input(_host.Book.Now, outbox);
                Schedule(outbox);
            }

            return true;
        });
        for (int i = 0; i < outbox.Count; i++)
        {
            PlannerOutput output = outbox[i];
            switch (output.Kind)
            {
                case PlannerOutputKind.Dial:
                    _ = DialAsync(output.Peer);
                    break;
                case PlannerOutputKind.Trim:
                    _ = _host.FindNumber(output.Peer, output.Connection)?.RetireAsync(ConnectionEnd.Trimmed);
                    break;
                case PlannerOutputKind.Drop:
                    _host.FindNumber(output.Peer, output.Connection)?.CutOff(ConnectionEnd.Misbehaved);
                    break;
            }
        }
    }

    private void Schedule(Outbox<PlannerOutput> outbox)
    {
        WeftInstant due = _due;
        foreach (PlannerOutput output in outbox.Items)
        {
            if (output.Kind == PlannerOutputKind.StartTimer && output.Due < due)
            {
                due = output.Due;
            }
        }

        if (due != _due)
        {
            _due = due;
            double wait = Math.Clamp((due - _host.Book.Now).TotalMilliseconds, 1, 3_600_000);
            _timer.Change(TimeSpan.FromMilliseconds(wait), Timeout.InfiniteTimeSpan);
        }
    }

    private async Task DialAsync(PeerId peer)
    {
        bool isConnected = false;
        try
        {
            await _host.DialByBookAsync(peer).ConfigureAwait(false);
            isConnected = true;
        }
        catch (Exception error) when (error is Libp2pException or OperationCanceledException or ObjectDisposedException)
        {
            // The book remembers the failure; the next look chooses another peer.
        }

        Drive((now, outbox) => _core.OnDialEnded(peer, isConnected, now, outbox));
    }
}
