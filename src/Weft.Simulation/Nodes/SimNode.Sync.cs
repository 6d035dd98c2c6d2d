using System.Buffers;
using System.Globalization;
using Weft.Crypto;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Simulation;

/// <summary>The libp2p side, where the options ask for it: sessions of the production core over connections.</summary>
public sealed partial class SimNode
{
    private static readonly ICrypto SyncCrypto = PlatformCrypto.Create();

    private readonly SortedDictionary<long, Session> _sessions = []; // Sorted: its order reaches the events.
    private readonly Dictionary<string, long> _cursors = [];

    /// <summary>Comparisons that ended, over all sessions of this life.</summary>
    public long Comparisons { get; private set; }

    private bool IsSync => _options.Sync is not null;

    private string SyncStoreId => Number.ToString("x16", CultureInfo.InvariantCulture);

    private void StartSync()
    {
        _sessions.Clear();
        _cursors.Clear(); // Held in memory: after a crash, peers compare.
    }

    private void OpenSession(SimConnection connection, bool dialled)
    {
        var core = new SyncCore(
            _options.Sync!, SyncCrypto,
            new SyncSelf(SyncStoreId, new byte[32], [""], dialled, connection.Id), _world.Random.Fork());
        var session = new Session(connection, core, dialled, _world.Now);
        _sessions.Add(connection.Id, session);
        Drive(session, () => core.Start(_store!.CommittedSequence, Clock.Now, session.Outbox));
    }

    private void OnSessionMessage(SimConnection connection, ReadOnlyMemory<byte> bytes)
    {
        if (!_sessions.TryGetValue(connection.Id, out Session? session))
        {
            return;
        }

        SyncMessage? message = SyncReader.Read(bytes.Span, _options.Sync!);
        Drive(session, () =>
        {
            if (message is null)
            {
                _checks.OnFault(this, "a message of an honest peer could not be read");
                session.Core.OnMalformed(session.Outbox);
                return;
            }

            long resume = message is SyncHello hello ? _cursors.GetValueOrDefault(hello.StoreId, -1) : -1;
            session.Core.OnMessage(message, Clock.Now, resume, session.Outbox);
        });
    }

    private void OnSessionSent(SimConnection connection)
    {
        if (_sessions.TryGetValue(connection.Id, out Session? session) && session.Leaving.TryDequeue(out bool isData)
            && isData)
        {
            Drive(session, () => session.Core.OnSent(session.Outbox));
        }
    }

    private void ForgetSession(long number)
    {
        if (!_sessions.Remove(number, out Session? session))
        {
            return;
        }

        Comparisons += session.Core.Comparisons;
        if (session.IsDialled)
        {
            bool held = _world.Now - session.OpenedAt > HeldMin;
            Redial(session.Connection.Other(Number), held ? _options.RedialMin : null);
        }
    }

    private void TellSessions()
    {
        foreach (Session session in _sessions.Values.ToList())
        {
            Drive(session, () => session.Core.OnNews(session.Outbox));
        }
    }

    // Outputs that are answered at once add new ones: the walk further out carries them.
    private void Drive(Session session, Action input)
    {
        input();
        if (session.IsDriving)
        {
            return;
        }

        session.IsDriving = true;
        int life = _life;
        for (int i = 0; i < session.Outbox.Count && IsUp && life == _life; i++)
        {
            Carry(session, session.Outbox[i]);
        }

        session.Outbox.Clear();
        session.IsDriving = false;
        if (session.Core.IsClosed && _sessions.ContainsKey(session.Connection.Id))
        {
            _network.Close(session.Connection, Number);
            ForgetSession(session.Connection.Id);
        }

        if (session.Core.PushesWaiting > _options.Sync!.PushesMax || session.Core.AsksWaiting > _options.Sync.AsksMax)
        {
            _checks.OnFault(this, "a table of a session has outgrown its ceiling");
        }
    }

    private void Carry(Session session, SyncOutput output)
    {
        SyncCore core = session.Core;
        switch (output.Kind)
        {
            case SyncOutputKind.Send:
                var bytes = new ArrayBufferWriter<byte>();
                SyncCodec.Write(output.Message!, bytes);
                session.Leaving.Enqueue(output.Message is SyncChanges);
                _network.Send(session.Connection, Number, bytes.WrittenSpan.ToArray());
                break;
            case SyncOutputKind.Write:
                long ticket = output.Ticket;
                Enqueue(new Request([.. output.Writes!], session.Connection.Id, false, ack => Drive(
                    session, () => core.OnWritten(ticket, ack.Error, 0, WeftError.None, session.Outbox))));
                break;
            case SyncOutputKind.Follow:
                session.Position = output.Number < 0 ? _announced : Math.Min(output.Number, _announced);
                break;
            case SyncOutputKind.ReadChanges:
                CarrySyncChanges(session, output.Bytes);
                break;
            case SyncOutputKind.Read:
                core.OnRead(output.Ticket, [], session.Outbox); // Nobody asks in these worlds.
                break;
            case SyncOutputKind.Summarize:
                core.OnSummary(output.Ticket, SumOf(Within(output)), Clock.Now, session.Outbox);
                break;
            case SyncOutputKind.List:
                core.OnItems(
                    output.Ticket,
                    [.. Within(output).Take((int)output.Number).Select(one => new RangeItem(SyncKey.Of(one), HashOf(one).Id))],
                    Clock.Now, session.Outbox);
                break;
            case SyncOutputKind.Split:
                core.OnParts(output.Ticket, Split([.. Within(output)], output), Clock.Now, session.Outbox);
                break;
            case SyncOutputKind.ReadRange:
                core.OnRange(output.Ticket, [.. Within(output)], null, Clock.Now, session.Outbox);
                break;
            case SyncOutputKind.ReadSequence:
                core.OnSequence(output.Ticket, _store!.CommittedSequence, Clock.Now, session.Outbox);
                break;
            case SyncOutputKind.StartTimer:
                StartSyncTimer(session, output.Due);
                break;
            case SyncOutputKind.Progress:
                if (core is { PeerStore: { } store, ResumeCursor: >= 0 and var cursor })
                {
                    _cursors[store] = cursor;
                }

                break;
        }
    }

    private void CarrySyncChanges(Session session, int bytesMax)
    {
        var changes = new List<SyncChange>();
        long end = _announced;
        long reached = end;
        int bytes = 0;
        foreach ((string soul, StoredField field) in _store!.Graph.Changes(session.Position, end))
        {
            if (bytes > bytesMax && field.Sequence != reached)
            {
                break;
            }

            reached = field.Sequence; // Commits stay whole, because the cursor counts commits.
            var write = new FieldWrite(soul, field.Field, field.Value, field.State, field.Extras);
            bytes += SyncCodec.SizeOf(write);
            changes.Add(new(write, _origins.GetValueOrDefault(field.Sequence)));
        }

        bool hasMore = bytes > bytesMax && reached < end;
        session.Position = hasMore ? reached : end;
        session.Core.OnChanges(changes, session.Position, hasMore, Clock.Now, session.Outbox);
    }

    private void StartSyncTimer(Session session, WeftInstant due)
    {
        TimeSpan wait = due - Clock.Now;
        After(wait < TimeSpan.FromMicroseconds(100) ? TimeSpan.FromMicroseconds(100) : wait, () =>
        {
            if (!_sessions.ContainsKey(session.Connection.Id))
            {
                return;
            }

            if (Clock.Now < due)
            {
                StartSyncTimer(session, due); // This node's clock is slow: a timer is never early.
                return;
            }

            Drive(session, () => session.Core.OnTimer(Clock.Now, session.Outbox));
        });
    }

    private IEnumerable<FieldWrite> Within(SyncOutput output) => _store!.Graph.All
        .Select(one => new FieldWrite(one.Soul, one.Field.Field, one.Field.Value, one.Field.State, one.Field.Extras))
        .Where(write => SyncKey.Of(write) >= output.From && SyncKey.Of(write) < output.To
            && write.Soul.StartsWith(output.Prefix, StringComparison.Ordinal) && write.State != Ham.DroppedState);

    private static List<RangePart> Split(List<FieldWrite> all, SyncOutput output)
    {
        var parts = new List<RangePart>();
        int count = Math.Max(1, Math.Min((int)output.Number, all.Count));
        for (int i = 0; i < count; i++)
        {
            int start = (int)((long)all.Count * i / count);
            int end = (int)((long)all.Count * (i + 1) / count);
            SyncKey to = i == count - 1 ? output.To : SyncKey.Between(SyncKey.Of(all[end - 1]), SyncKey.Of(all[end]));
            parts.Add(new(to, SumOf(all.Skip(start).Take(end - start))));
        }

        return parts;
    }

    private static RangeSum SumOf(IEnumerable<FieldWrite> writes) =>
        writes.Aggregate(default(RangeSum), (sum, write) => sum.Plus(HashOf(write)));

    private static FieldHash HashOf(FieldWrite write) =>
        FieldHash.Of(SyncCrypto, write.Soul, write.Field, write.State, write.Value);

    /// <summary>One session as its driver would hold it.</summary>
    private sealed class Session(SimConnection connection, SyncCore core, bool isDialled, WeftInstant openedAt)
    {
        public SimConnection Connection { get; } = connection;

        public SyncCore Core { get; } = core;

        public bool IsDialled { get; } = isDialled;

        public WeftInstant OpenedAt { get; } = openedAt;

        public Outbox<SyncOutput> Outbox { get; } = new();

        /// <summary>Messages in the send buffer: whether each carries changes.</summary>
        public Queue<bool> Leaving { get; } = new();

        public long Position { get; set; }

        public bool IsDriving { get; set; }
    }
}
