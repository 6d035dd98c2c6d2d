using System.Buffers;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Simulation;

/// <summary>The GUN side: connections, turns, the change stream.</summary>
public sealed partial class SimNode
{
    private readonly SortedDictionary<long, Peer> _connections = []; // Sorted: its order reaches the events.
    private readonly Outbox<GunOutput> _outbox = new();
    private readonly List<GunMessage> _messages = [];
    private readonly Dictionary<long, Action<int>> _asks = [];
    private readonly Dictionary<long, long> _origins = []; // Who brought a commit, for as long as this life lasts.
    private static readonly TimeSpan HeldMin = TimeSpan.FromSeconds(10); // A link that lived so long starts anew.

    private GunPeerCore? _gun;
    private long _announced; // The newest commit that the core was told of.
    private int _depth;
    private bool _hasNewInput;

    /// <inheritdoc/>
    void ISimHost.OnOpened(SimConnection connection, bool dialled)
    {
        if (!IsUp)
        {
            return;
        }

        if (IsSync)
        {
            OpenSession(connection, dialled);
            return;
        }

        int target = connection.Other(Number);
        var peer = new Peer(connection, new GunCodec(_options.Limits), dialled, _world.Now);
        _connections.Add(connection.Id, peer);
        GunRole role = dialled ? GunRole.Dialled : GunRole.Accepted;
        Turn(() => _gun!.OnConnected(connection.Id, role, $"ws://n{target}/gun", Clock.Now, _outbox));
    }

    /// <inheritdoc/>
    void ISimHost.OnDialFailed(int target) => Redial(target, pause: null);

    /// <inheritdoc/>
    void ISimHost.OnMessage(SimConnection connection, ReadOnlyMemory<byte> message)
    {
        if (!_connections.TryGetValue(connection.Id, out Peer? peer))
        {
            OnSessionMessage(connection, message);
            return;
        }

        _messages.Clear();
        WeftError error = peer.Codec.Read(message.Span, _messages);
        GunMessage[] read = [.. _messages];
        Turn(() =>
        {
            if (error != WeftError.None)
            {
                _gun!.OnMalformed(connection.Id, error, Clock.Now, _outbox);
            }

            foreach (GunMessage one in read)
            {
                _gun!.OnMessage(connection.Id, one, Clock.Now, _outbox);
            }
        });
    }

    /// <inheritdoc/>
    void ISimHost.OnSent(SimConnection connection, int bytes)
    {
        OnSessionSent(connection);
        if (_connections.TryGetValue(connection.Id, out Peer? peer))
        {
            peer.Unsent -= bytes;
            if (peer is { IsBlocked: true, Unsent: 0 })
            {
                peer.IsBlocked = false;
                Turn(() => _gun!.OnWritable(connection.Id, Clock.Now, _outbox));
            }
        }
    }

    /// <inheritdoc/>
    void ISimHost.OnClosed(SimConnection connection)
    {
        ForgetSession(connection.Id);
        Forget(connection.Id, reason: null);
    }

    /// <summary>Asks the peers for a node or a field; answers are merged.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">One field, or null.</param>
    /// <param name="deadline">How long they may take.</param>
    /// <param name="done">Gets how many were asked.</param>
    public void Ask(string soul, string? field, TimeSpan deadline, Action<int> done) =>
        Turn(() =>
        {
            // The core may answer at once, so the outputs are walked only after the ticket is known.
            long ticket = _gun!.Ask(soul, field, deadline, Clock.Now, _outbox);
            _asks.Add(ticket, done);
        });

    /// <summary>What the core says about one connection: changes that wait, and whether it is a link.</summary>
    internal IEnumerable<(long Connection, int Pending, bool IsLink)> PeerStates =>
        _connections.Keys.Select(id => (id, _gun!.StateOf(id).Pending, _gun.StateOf(id).IsLink));

    private void StartGun()
    {
        _asks.Clear();
        _origins.Clear();
        var identity = new GunIdentity(Number.ToString("x16", System.Globalization.CultureInfo.InvariantCulture), true);
        _announced = _store!.CommittedSequence;
        _gun = new GunPeerCore(_options.Gun, identity, _world.Random.Fork(), _store!.CommittedSequence);
    }

    private void OnCommitted(long sequence, CommitBatch batch)
    {
        _checks.OnCommitted(this, sequence, batch);
        _origins[sequence] = batch.Origin;
        _announced = sequence;
        LearnCommitted(sequence, batch);
        TellSessions();
        if (_gun is null || IsSync)
        {
            return;
        }

        Turn(() =>
        {
            foreach (CommitField field in batch.Fields)
            {
                FieldWrite write = field.Write;
                if (write.State == Ham.DroppedState)
                {
                    continue; // What was taken back is no news.
                }

                _gun.OnChange(
                    write.Soul,
                    new StoredField(write.Field, write.Value, write.State, sequence, write.Extras),
                    batch.Origin,
                    _outbox);
            }
        });
    }

    /// <summary>One batch of inputs, the end of its turn, and everything that is asked for.</summary>
    private void Turn(Action input)
    {
        _depth++;
        _hasNewInput = true;
        input();
        if (_depth > 1)
        {
            _depth--;
            return; // The turn further out ends for both.
        }

        int carried = 0;
        do
        {
            _hasNewInput = false;
            _gun?.OnTurnEnd(Clock.Now, _outbox);
            for (; carried < _outbox.Count && _gun is not null; carried++)
            {
                Carry(_outbox[carried]);
            }
        }
        while (_hasNewInput && _gun is not null); // What was carried out led to more: the turn goes on.

        _outbox.Clear();
        _depth--;
        foreach (Peer peer in _connections.Values)
        {
            SendFrame(peer);
        }

        _checks.OnTurn(this, _options);
    }

    private void Carry(GunOutput output)
    {
        if (output.IsSend)
        {
            if (_connections.TryGetValue(output.Peer, out Peer? peer))
            {
                peer.Frame.Write(peer.Frame.WrittenCount == 0 ? "["u8 : ","u8);
                GunWriter.Write(
                    peer.Frame, output, _gun!.Pid, _gun.Identity, _gun.IdentityOf(output.Peer) is not null);
            }

            return;
        }

        switch (output.Kind)
        {
            case GunOutputKind.Write:
                long ticket = output.Ticket;
                long writer = output.Peer;
                Enqueue(new Request(output.Writes!, writer, false, ack => Turn(() =>
                {
                    foreach (StoredChange standing in ack.Standing ?? [])
                    {
                        _gun?.OnOutdone(writer, standing.Soul, standing.Field, _outbox);
                    }

                    _gun?.OnWritten(ticket, ack.Error, null, Clock.Now, _outbox);
                })));
                break;
            case GunOutputKind.Read:
                CarryRead(output.Ticket, output.Read!);
                break;
            case GunOutputKind.Follow:
                _connections[output.Peer].Position = output.Sequence;
                break;
            case GunOutputKind.ReadChanges:
                CarryChanges(output.Peer, output.Bytes);
                break;
            case GunOutputKind.StartTimer:
                StartTimer(output.Due);
                break;
            case GunOutputKind.AskEnded:
                int asked = output.Count;
                long ended = output.Ticket;
                After(TimeSpan.Zero, () =>
                {
                    if (_asks.Remove(ended, out Action<int>? done))
                    {
                        done(asked);
                    }
                });
                break;
            case GunOutputKind.Close:
                _network.Close(_connections[output.Peer].Connection, Number);
                Forget(output.Peer, output.Reason);
                break;
            case GunOutputKind.PeerError:
                PeerErrors++;
                break;
        }
    }

    /// <summary>Error texts that peers sent.</summary>
    public long PeerErrors { get; private set; }

    private void CarryRead(long ticket, GunRead read)
    {
        _hasNewInput = true;
        if (read.Soul is null)
        {
            _gun!.OnSouls(ticket, _store!.Graph.ListSouls(read.Range, read.CountMax), Clock.Now, _outbox);
            return;
        }

        NodePage page = _store!.Graph.Read(read.Soul, read.Range, read.CountMax, read.BytesMax);
        _gun!.OnRead(ticket, page.Fields, page.More, Clock.Now, _outbox);
    }

    private void CarryChanges(long number, int bytesMax)
    {
        Peer peer = _connections[number];
        var changes = new List<GunChange>();
        long end = _announced;
        long reached = end;
        int bytes = 0;
        foreach ((string soul, StoredField field) in _store!.Graph.Changes(peer.Position, end))
        {
            if (bytes > bytesMax && changes[^1].Field.Sequence != field.Sequence)
            {
                reached = changes[^1].Field.Sequence; // Commits stay whole, because the cursor counts commits.
                break;
            }

            if (field.State == Ham.DroppedState)
            {
                continue;
            }

            changes.Add(new GunChange(soul, field, _origins.GetValueOrDefault(field.Sequence)));
            bytes += soul.Length + field.Field.Length + field.Value.Json.Length;
        }

        peer.Position = reached;
        _hasNewInput = true;
        _gun!.OnChanges(number, changes, reached, reached < end, Clock.Now, _outbox);
    }

    private void StartTimer(WeftInstant due)
    {
        TimeSpan wait = due - Clock.Now;
        After(wait < TimeSpan.FromMicroseconds(100) ? TimeSpan.FromMicroseconds(100) : wait, () =>
        {
            if (Clock.Now < due)
            {
                StartTimer(due); // This node's clock is slow: a timer is never early.
                return;
            }

            Turn(() => _gun!.OnTimer(Clock.Now, _outbox));
        });
    }

    private void SendFrame(Peer peer)
    {
        if (peer.Frame.WrittenCount == 0)
        {
            return;
        }

        peer.Frame.Write("]"u8);
        byte[] frame = peer.Frame.WrittenSpan.ToArray();
        peer.Frame.ResetWrittenCount();
        peer.Unsent += frame.Length;
        _network.Send(peer.Connection, Number, frame);
        if (!peer.IsBlocked && peer.Unsent > _options.SendBufferBytes)
        {
            peer.IsBlocked = true;
            _gun!.OnBlocked(peer.Connection.Id);
        }
    }

    private void Forget(long number, GunCloseReason? reason)
    {
        if (!_connections.Remove(number, out Peer? peer))
        {
            return;
        }

        Turn(() => _gun!.OnClosed(number, Clock.Now, _outbox));
        if (peer.IsDialled)
        {
            bool held = _world.Now - peer.OpenedAt > HeldMin;
            bool isNotWanted = reason is GunCloseReason.Self or GunCloseReason.Duplicate;
            Redial(peer.Connection.Other(Number), isNotWanted ? _options.RedialMax : held ? _options.RedialMin : null);
        }
    }

    /// <summary>One connection as its driver would hold it.</summary>
    private sealed class Peer(SimConnection connection, GunCodec codec, bool isDialled, WeftInstant openedAt)
    {
        public SimConnection Connection { get; } = connection;

        public GunCodec Codec { get; } = codec;

        public bool IsDialled { get; } = isDialled;

        public WeftInstant OpenedAt { get; } = openedAt;

        public ArrayBufferWriter<byte> Frame { get; } = new();

        public long Unsent { get; set; }

        public bool IsBlocked { get; set; }

        public long Position { get; set; }
    }
}
