using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>Something that has an address in a <see cref="SimNetwork"/>.</summary>
public interface ISimHost
{
    /// <summary>False while the host is down; dials to it fail, and what is sent to it is lost.</summary>
    bool IsUp { get; }

    /// <summary>A connection is open at this end.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="dialled">True when this host dialled.</param>
    void OnOpened(SimConnection connection, bool dialled);

    /// <summary>A dial of this host failed.</summary>
    void OnDialFailed(int target);

    /// <summary>A whole message has arrived.</summary>
    void OnMessage(SimConnection connection, ReadOnlyMemory<byte> message);

    /// <summary>A message this host sent has left its send buffer.</summary>
    void OnSent(SimConnection connection, int bytes);

    /// <summary>The connection is closed at this end; nothing follows.</summary>
    void OnClosed(SimConnection connection);
}

/// <summary>Connects hosts, and treats them as badly as its profile and the scenario say.</summary>
/// <remarks>Hosts are numbered from 0 in the order they were added. One caller at a time.</remarks>
public sealed class SimNetwork
{
    private readonly SimWorld _world;
    private readonly WeftRandom _random;
    private readonly List<ISimHost> _hosts = [];
    private readonly List<int> _groups = [];
    private readonly HashSet<(int From, int To)> _cuts = [];
    private readonly SortedDictionary<long, SimConnection> _open = []; // Sorted: its order reaches the events.
    private long _connections;

    /// <summary>Makes a network without hosts.</summary>
    public SimNetwork(SimWorld world, NetworkProfile profile)
    {
        _world = world;
        _random = world.Random.Fork();
        Profile = profile;
    }

    /// <summary>How links behave from now on.</summary>
    public NetworkProfile Profile { get; set; }

    /// <summary>Sees each message as it is handed to the network: connection, sender, bytes.</summary>
    public Action<SimConnection, int, ReadOnlyMemory<byte>>? Tap { get; set; }

    /// <summary>How many messages were handed to the network.</summary>
    public long MessagesSent { get; private set; }

    /// <summary>Bytes of those.</summary>
    public long BytesSent { get; private set; }

    /// <summary>How many messages arrived; a doubled one counts twice.</summary>
    public long MessagesDelivered { get; private set; }

    /// <summary>Connections that are open now.</summary>
    public IEnumerable<SimConnection> Open => _open.Values;

    /// <summary>Adds a host.</summary>
    /// <returns>Its number.</returns>
    public int Add(ISimHost host)
    {
        _hosts.Add(host);
        _groups.Add(0);
        return _hosts.Count - 1;
    }

    /// <summary>
    /// Dials from one host to another; the answer comes as <see cref="ISimHost.OnOpened"/> or OnDialFailed.
    /// </summary>
    public void Dial(int from, int to)
    {
        // A dial needs a packet there and back.
        TimeSpan delay = OneWay() + OneWay();
        bool reachable = _hosts[to].IsUp && !IsCut(from, to) && !IsCut(to, from);
        _world.After(reachable || !_hosts[to].IsUp ? delay : Profile.DialTimeout, () =>
        {
            if (!_hosts[from].IsUp)
            {
                return;
            }

            if (!_hosts[to].IsUp || IsCut(from, to) || IsCut(to, from))
            {
                _hosts[from].OnDialFailed(to);
                return;
            }

            var connection = new SimConnection(++_connections, from, to);
            _open.Add(connection.Id, connection);
            _hosts[to].OnOpened(connection, dialled: false);
            _hosts[from].OnOpened(connection, dialled: true);
        });
    }

    /// <summary>Sends one message. What is sent on a closed connection is lost.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="from">The sending host; one of the two ends.</param>
    /// <param name="message">Never changed afterwards.</param>
    public void Send(SimConnection connection, int from, ReadOnlyMemory<byte> message)
    {
        SimConnection.End end = connection.EndOf(from);
        if (!end.IsOpen)
        {
            return;
        }

        Tap?.Invoke(connection, from, message);
        MessagesSent++;
        BytesSent += message.Length;
        _world.Trace((ulong)connection.Id << 1 | (from == connection.Dialler ? 0u : 1u), message.Span);
        int to = connection.Other(from);
        if (!Profile.IsOrdered)
        {
            _world.After(TimeSpan.Zero, () => Sent(connection, from, message.Length));
            int copies = _random.Chance(Profile.Loss) ? 0 : _random.Chance(Profile.Duplication) ? 2 : 1;
            for (; copies > 0; copies--)
            {
                _world.After(OneWay(), () => DeliverDatagram(connection, from, to, message));
            }

            return;
        }

        TimeSpan delay = OneWay();
        TimeSpan again = Profile.Retransmission;
        for (int tries = 0; tries < 6 && _random.Chance(Profile.Loss); tries++)
        {
            delay += again;
            again *= 2;
        }

        WeftInstant start = end.Free < _world.Now ? _world.Now : end.Free;
        if (Profile.BytesPerSecond > 0)
        {
            start += TimeSpan.FromSeconds(message.Length / (double)Profile.BytesPerSecond);
            end.Free = start;
        }

        WeftInstant due = start + delay;
        end.LastDue = due < end.LastDue ? end.LastDue : due; // Nothing overtakes on an ordered connection.
        _world.At(end.LastDue, () => Deliver(connection, from, to, message));
    }

    /// <summary>
    /// Closes a connection from one end; the other end notices a little later, after what was already sent.
    /// </summary>
    public void Close(SimConnection connection, int from)
    {
        CloseEnd(connection, from, tell: false);
        int to = connection.Other(from);
        SimConnection.End end = connection.EndOf(from);
        WeftInstant due = _world.Now + OneWay();
        _world.At(due < end.LastDue ? end.LastDue : due, () => CloseEnd(connection, to, tell: true));
    }

    /// <summary>
    /// A host went down: its ends are gone at once, the others notice soon (a kill) or late (a power cut).
    /// </summary>
    public void HostDown(int host, bool silently)
    {
        foreach (SimConnection connection in _open.Values.Where(open => open.Has(host)).ToList())
        {
            CloseEnd(connection, host, tell: false);
            int to = connection.Other(host);
            _world.After(silently ? Profile.BreakAfter : OneWay(), () => CloseEnd(connection, to, tell: true));
        }
    }

    /// <summary>Breaks one connection at both ends, as a middle box would.</summary>
    public void Break(SimConnection connection)
    {
        _world.After(OneWay(), () => CloseEnd(connection, connection.Dialler, tell: true));
        _world.After(OneWay(), () => CloseEnd(connection, connection.Accepter, tell: true));
    }

    /// <summary>Splits the network: hosts of different groups cannot reach each other.</summary>
    /// <param name="groupOf">The group of each host.</param>
    public void Partition(Func<int, int> groupOf)
    {
        for (int host = 0; host < _groups.Count; host++)
        {
            _groups[host] = groupOf(host);
        }

        WatchCuts();
    }

    /// <summary>Cuts one direction between two hosts.</summary>
    public void CutOneWay(int from, int to)
    {
        _cuts.Add((from, to));
        WatchCuts();
    }

    /// <summary>Ends all partitions and cuts. What hung on a connection that did not break yet arrives now.</summary>
    public void Heal()
    {
        for (int host = 0; host < _groups.Count; host++)
        {
            _groups[host] = 0;
        }

        _cuts.Clear();
        foreach (SimConnection connection in _open.Values.ToList())
        {
            Resume(connection, connection.Dialler);
            Resume(connection, connection.Accepter);
        }
    }

    /// <summary>True when nothing gets from one host to the other now.</summary>
    public bool IsCut(int from, int to) => _groups[from] != _groups[to] || _cuts.Contains((from, to));

    private void WatchCuts()
    {
        foreach (SimConnection connection in _open.Values)
        {
            if (IsCut(connection.Dialler, connection.Accepter) || IsCut(connection.Accepter, connection.Dialler))
            {
                // Pings go unanswered when either direction is dead, so both ends give up, each in its own time.
                _world.After(Profile.BreakAfter + OneWay(), () => BreakIfCut(connection, connection.Dialler));
                _world.After(Profile.BreakAfter + OneWay(), () => BreakIfCut(connection, connection.Accepter));
            }
        }
    }

    private void BreakIfCut(SimConnection connection, int host)
    {
        bool otherGone = !connection.EndOf(connection.Other(host)).IsOpen;
        if (otherGone || IsCut(connection.Dialler, connection.Accepter)
            || IsCut(connection.Accepter, connection.Dialler))
        {
            CloseEnd(connection, host, tell: true);
        }
    }

    private void Deliver(SimConnection connection, int from, int to, ReadOnlyMemory<byte> message)
    {
        SimConnection.End sender = connection.EndOf(from);
        if (IsCut(from, to) || sender.Stalled.Count > 0)
        {
            if (connection.EndOf(to).IsOpen && sender.Stalled.Count < SimConnection.StalledMax)
            {
                sender.Stalled.Enqueue(message);
            }

            return;
        }

        Arrive(connection, from, to, message);
    }

    private void Arrive(SimConnection connection, int from, int to, ReadOnlyMemory<byte> message)
    {
        Sent(connection, from, message.Length);
        if (connection.EndOf(to).IsOpen && _hosts[to].IsUp)
        {
            MessagesDelivered++;
            _hosts[to].OnMessage(connection, message);
        }
    }

    private void DeliverDatagram(SimConnection connection, int from, int to, ReadOnlyMemory<byte> message)
    {
        if (!IsCut(from, to) && connection.EndOf(to).IsOpen && _hosts[to].IsUp)
        {
            MessagesDelivered++;
            _hosts[to].OnMessage(connection, message);
        }
    }

    private void Resume(SimConnection connection, int from)
    {
        SimConnection.End sender = connection.EndOf(from);
        int to = connection.Other(from);
        int stalled = sender.Stalled.Count;
        if (stalled == 0)
        {
            return;
        }

        WeftInstant due = _world.Now + OneWay();
        sender.LastDue = due < sender.LastDue ? sender.LastDue : due;
        _world.At(sender.LastDue, () =>
        {
            while (sender.Stalled.TryPeek(out ReadOnlyMemory<byte> message) && !IsCut(from, to))
            {
                sender.Stalled.Dequeue();
                Arrive(connection, from, to, message);
            }
        });
    }

    private void Sent(SimConnection connection, int from, int bytes)
    {
        if (connection.EndOf(from).IsOpen && _hosts[from].IsUp)
        {
            _hosts[from].OnSent(connection, bytes);
        }
    }

    private void CloseEnd(SimConnection connection, int host, bool tell)
    {
        SimConnection.End end = connection.EndOf(host);
        if (!end.IsOpen)
        {
            return;
        }

        end.IsOpen = false;
        end.Stalled.Clear();
        if (!connection.EndOf(connection.Other(host)).IsOpen)
        {
            _open.Remove(connection.Id);
        }

        if (tell && _hosts[host].IsUp)
        {
            _hosts[host].OnClosed(connection);
        }
    }

    private TimeSpan OneWay()
    {
        TimeSpan spread = Profile.LatencyMax - Profile.LatencyMin;
        TimeSpan delay = Profile.LatencyMin + (spread * _random.NextDouble());
        return _random.Chance(Profile.Spikes) ? delay + (Profile.SpikeMax * _random.NextDouble()) : delay;
    }
}
