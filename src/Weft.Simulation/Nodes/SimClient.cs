using System.Buffers;
using System.Text;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Simulation;

/// <summary>
/// A client as gun.js is one: it keeps what it wrote and read in memory, asks again for its live nodes after each
/// reconnect, answers questions from memory, and never sends again what it wrote while it was offline.
/// </summary>
/// <remarks>Frames are written and read by the production codec, values merged by the production core.</remarks>
public sealed class SimClient : ISimHost
{
    private static readonly GunIdentity Nobody = new("", false);

    private readonly SimWorld _world;
    private readonly SimNetwork _network;
    private readonly int _relay;
    private readonly GunCodec _codec = new(new GunLimits());
    private readonly GraphCore _core = new(new GraphOptions());
    private readonly GraphView _view = new();
    private readonly Outbox<GraphOutput> _decisions = new();
    private readonly SimGraph _memory = new();
    private readonly SortedSet<string> _live = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (WeftInstant At, Action<bool>? Done)> _waiting = [];
    private readonly HamClock _clock = new();
    private readonly SortedDictionary<string, double> _put = new(StringComparer.Ordinal); // Since this connection.
    private SimConnection? _connection;
    private long _ids;

    /// <summary>Adds a client to a network; it is offline until <see cref="Connect"/>.</summary>
    /// <param name="world">The world.</param>
    /// <param name="network">The network.</param>
    /// <param name="relay">The host it connects to.</param>
    public SimClient(SimWorld world, SimNetwork network, int relay)
    {
        _world = world;
        _network = network;
        _relay = relay;
        Number = network.Add(this);
    }

    /// <summary>Its number in the network.</summary>
    public int Number { get; }

    /// <inheritdoc/>
    public bool IsUp => true;

    /// <summary>True while it has a connection.</summary>
    public bool IsOnline => _connection is not null;

    /// <summary>The host it connects to.</summary>
    public int Relay => _relay;

    /// <summary>Writes that the relay acknowledged.</summary>
    public List<FieldWrite> Acked { get; } = [];

    /// <summary>Nodes it asked for.</summary>
    public IReadOnlyCollection<string> Live => _live;

    /// <summary>
    /// Nodes it wrote on this connection without asking for them, and when that was first acknowledged.
    /// </summary>
    public IEnumerable<(string Soul, double SinceMs)> Written =>
        _put.Where(one => !_live.Contains(one.Key)).Select(one => (one.Key, one.Value));

    /// <summary>Everything in its memory, in order of soul and field.</summary>
    public IEnumerable<(string Soul, StoredField Field)> Fields => _memory.All;

    /// <summary>Requests without an answer so far, and when the oldest was sent.</summary>
    public IEnumerable<(string Id, WeftInstant At)> Unanswered => _waiting.Select(one => (one.Key, one.Value.At));

    /// <summary>Connects, or does nothing when it is online.</summary>
    public void Connect()
    {
        if (_connection is null)
        {
            _network.Dial(Number, _relay);
        }
    }

    /// <summary>Drops the connection.</summary>
    public void Disconnect()
    {
        if (_connection is { } connection)
        {
            _network.Close(connection, Number);
            ((ISimHost)this).OnClosed(connection);
        }
    }

    /// <summary>Writes one field: into memory, and to the relay when online.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field.</param>
    /// <param name="value">The value.</param>
    /// <param name="done">Told whether the relay acknowledged; never called when offline.</param>
    public void Put(string soul, string field, WeftValue value, Action<bool>? done = null)
    {
        var write = new FieldWrite(soul, field, value, _clock.Next(_world.WallMs));
        Merge([write]);
        if (IsOnline)
        {
            string id = NextId(ok =>
            {
                if (ok)
                {
                    Acked.Add(write);
                    _put.TryAdd(soul, _world.WallMs);
                }

                done?.Invoke(ok);
            });
            var stored = new StoredField(field, value, write.State, 0);
            Send(new GunOutput
            {
                Kind = GunOutputKind.SendPush, Id = id, Push = new[] { new GunFragment(soul, stored) },
            });
        }
    }

    /// <summary>Wants to know a node, now and whenever it changes.</summary>
    public void Get(string soul, Action<bool>? done = null)
    {
        _live.Add(soul);
        if (IsOnline)
        {
            Send(new GunOutput
            {
                Kind = GunOutputKind.SendGet, Id = NextId(done), Get = new GunGet { Soul = soul },
            });
        }
    }

    /// <summary>The field as this client knows it.</summary>
    public StoredField? Read(string soul, string field) =>
        _memory.TryGet(soul, field, out StoredField found) ? found : null;

    /// <inheritdoc/>
    void ISimHost.OnOpened(SimConnection connection, bool dialled)
    {
        if (_connection is not null)
        {
            _network.Close(connection, Number);
            return;
        }

        _connection = connection;
        _put.Clear();
        foreach (string soul in _live.ToList())
        {
            Get(soul); // What it wrote meanwhile is not sent again: the relay has to ask.
        }
    }

    /// <inheritdoc/>
    void ISimHost.OnDialFailed(int target) => _world.After(TimeSpan.FromSeconds(2), Connect);

    /// <inheritdoc/>
    void ISimHost.OnSent(SimConnection connection, int bytes)
    {
    }

    /// <inheritdoc/>
    void ISimHost.OnClosed(SimConnection connection)
    {
        if (connection == _connection)
        {
            _connection = null;
            _waiting.Clear(); // The caller learns of the break by other means.
            _world.After(TimeSpan.FromSeconds(2), Connect);
        }
    }

    /// <inheritdoc/>
    void ISimHost.OnMessage(SimConnection connection, ReadOnlyMemory<byte> message)
    {
        if (connection != _connection)
        {
            return;
        }

        var messages = new List<GunMessage>();
        if (_codec.Read(message.Span, messages) != WeftError.None)
        {
            _world.Report("I0", Number, "the relay sent a frame that cannot be read");
        }

        foreach (GunMessage one in messages)
        {
            Take(one);
        }
    }

    private void Take(GunMessage message)
    {
        if (message.Verb == GunVerb.Hello && message.ReplyTo is null)
        {
            SayHello(message.Id);
            return;
        }

        if (message.Writes is { Length: > 0 } writes)
        {
            Merge(writes);
        }

        if (message.ReplyTo is { } id && _waiting.Remove(id, out (WeftInstant At, Action<bool>? Done) request))
        {
            request.Done?.Invoke(message.ErrorText is null);
        }

        if (message.Get?.Soul is { } soul)
        {
            Answer(message, soul);
        }
    }

    private void Answer(GunMessage message, string soul)
    {
        IReadOnlyList<StoredField> fields = _memory.Read(soul, message.Get!.Range, int.MaxValue, int.MaxValue).Fields;
        if (fields.Count > 0)
        {
            Send(new GunOutput
            {
                Kind = GunOutputKind.SendReply, Id = NextId(null), ReplyTo = message.Id, Soul = soul, Fields = fields,
            });
        }
    }

    private void Merge(FieldWrite[] writes)
    {
        _view.Begin(writes);
        for (int slot = 0; slot < _view.Count; slot++)
        {
            FieldKey key = _view.Key(slot);
            if (_memory.TryGet(key.Soul, key.Field, out StoredField known))
            {
                _view.Set(slot, known);
            }
        }

        _decisions.Clear();
        _core.Apply(writes, _view, Math.Max(_world.WallMs, _clock.High), _decisions);
        foreach (GraphOutput decision in _decisions.Items)
        {
            if (decision.Kind == GraphOutputKind.Persist)
            {
                FieldWrite write = writes[decision.Write];
                _clock.Observe(write.State);
                _memory.Put(write.Soul, new StoredField(write.Field, write.Value, write.State, ++_ids));
            }
        }
    }

    private string NextId(Action<bool>? done)
    {
        string id = FormattableString.Invariant($"c{Number}x{++_ids}");
        if (done is not null)
        {
            _waiting.Add(id, (_world.Now, done));
        }

        return id;
    }

    private void SayHello(string to)
    {
        // Not by the writer: a gun.js client says nothing about a Weft store.
        string hello = $$"""{"#":"{{NextId(null)}}","@":"{{to}}","dam":"?","pid":"client{{Number}}"}""";
        _network.Send(_connection!, Number, Encoding.UTF8.GetBytes(hello));
    }

    private void Send(in GunOutput output)
    {
        var frame = new ArrayBufferWriter<byte>();
        GunWriter.Write(frame, output, pid: "", Nobody);
        _network.Send(_connection!, Number, frame.WrittenSpan.ToArray());
    }
}
