using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Gun;
using Weft.Protocols.Replication;

namespace Weft.Node.Gun;

public sealed partial class GunDriver
{
    private const int ChangesPerTurn = 1_024;

    private async Task RunAsync()
    {
        try
        {
            while (await _inputs.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                Turn();
            }
        }
        catch (Exception bug)
        {
            // A core that threw cannot be trusted: everything it serves is closed, and health tells.
            Failure = bug;
            GunLog.Broken(_logger, bug);
            await _stopping.CancelAsync().ConfigureAwait(false);
            await DrainAsync().ConfigureAwait(false);
        }
    }

    private void Turn()
    {
        WeftInstant now = Now;
        for (int i = 0; i < InputsPerTurn && _inputs.Reader.TryRead(out GunInput input); i++)
        {
            Take(input, now);
            Apply(now);
        }

        TakeChanges();
        Apply(now);
        if (_timerDue <= now)
        {
            _timerDue = WeftInstant.Never;
            _core.OnTimer(now, _outbox);
            Apply(now);
        }
        else if (_hasRung && _timerDue != WeftInstant.Never)
        {
            SetTimer(now); // Timers keep a coarser clock than this loop and may ring a little early.
        }

        _core.OnTurnEnd(now, _outbox);
        Apply(now);
        foreach (GunConnection connection in _touched)
        {
            connection.IsTouched = false;
            StartSending(connection, now);
        }

        _touched.Clear();
        if (_budget.TryLetReadersGo())
        {
            foreach (GunConnection connection in _connections.Values)
            {
                connection.LetRead();
            }
        }
    }

    private void Take(in GunInput input, WeftInstant now)
    {
        switch (input.Kind)
        {
            case GunInputKind.Connected:
                _core.OnConnected(
                    input.Connection!.Number, input.Connection.Info.Role, input.Connection.Info.Address, now, _outbox,
                    input.Connection.Nonce);
                break;
            case GunInputKind.Message:
                TakeMessage(input.Connection!, (GunMessage)input.Payload!, now);
                input.Connection!.Queue(-1, -input.Bytes);
                break;
            case GunInputKind.Messages:
                var messages = (List<GunMessage>)input.Payload!;
                foreach (GunMessage message in messages)
                {
                    TakeMessage(input.Connection!, message, now);
                    Apply(now); // One message at a time, so that one frame cannot fill the outbox with its answers.
                }

                input.Connection!.Queue(-messages.Count, -input.Bytes);
                break;
            case GunInputKind.Malformed:
                _core.OnMalformed(input.Connection!.Number, input.Error, now, _outbox);
                break;
            case GunInputKind.Written:
                input.Connection!.Queue(-1, -input.Bytes);
                foreach (StoredChange standing in input.Payload as IReadOnlyList<StoredChange> ?? [])
                {
                    _core.OnOutdone(input.Connection.Number, standing.Soul, standing.Field, _outbox);
                }

                _core.OnWritten(input.Ticket, input.Error, input.Payload as string, now, _outbox);
                break;
            case GunInputKind.Read:
                _core.OnRead(input.Ticket, (IReadOnlyList<StoredField>)input.Payload!, input.More, now, _outbox);
                break;
            case GunInputKind.Souls:
                _core.OnSouls(input.Ticket, (IReadOnlyList<string>)input.Payload!, now, _outbox);
                break;
            case GunInputKind.ReadFailed:
                _core.OnReadFailed(input.Ticket, input.Error, (string?)input.Payload, now, _outbox);
                break;
            case GunInputKind.Recovered:
                foreach (StoredChange change in (List<StoredChange>)input.Payload!)
                {
                    if (MayLeave(change.Soul))
                    {
                        _core.OnChange(change.Soul, change.Field, origin: 0, _outbox);
                    }
                }

                if (!input.More)
                {
                    EndRecovery();
                }

                break;
            case GunInputKind.LinkChanges:
                TakeScanned(input, now);
                break;
            case GunInputKind.Sent:
                OnSent(input.Connection!, now);
                break;
            case GunInputKind.Closed:
                OnClosed(input.Connection!, now);
                break;
            case GunInputKind.Ask:
                StartAsk((AskRequest)input.Payload!, now);
                break;
            case GunInputKind.Wake:
                break; // Changes and timers are looked at in every turn.
        }
    }

    private void TakeMessage(GunConnection connection, GunMessage message, WeftInstant now)
    {
        _core.OnMessage(connection.Number, message, now, _outbox);
        if (message.Verb == GunVerb.Hello)
        {
            string? pid = _core.PidOf(connection.Number);
            connection.Identity = new GunPeerIdentity(
                pid, _core.IdentityOf(connection.Number), _core.RoundTripOf(connection.Number));
            if (connection.Identity.RoundTrip is TimeSpan roundTrip)
            {
                _node.Telemetry.AddRoundTrip(roundTrip, "ws");
            }

            bool isRelay = connection.Info.Role == GunRole.Dialled || connection.Identity.Weft is not null;
            connection.Source = new WriteSource(
                $"gun {pid ?? connection.Info.Address}", connection.Number, isRelay ? WriteDoor.Link : WriteDoor.Client);
        }
    }

    // Who speaks GUN may be anybody: what is local is told to nobody here.
    private bool MayLeave(string soul) => _node.Plans.PlanOf(soul).Reach != ReplicaReach.Nowhere;

    private void TakeChanges()
    {
        long before = _changes.Sequence;
        _taken.Clear();
        int count = _changes.TryRead(_taken, ChangesPerTurn, out bool lost);
        foreach (HubChange change in _taken)
        {
            // What was taken back is no news: it says nothing about the field.
            if (change.Field.State != Ham.DroppedState && MayLeave(change.Soul))
            {
                _core.OnChange(change.Soul, change.Field, change.Origin, _outbox);
            }
        }

        if (lost)
        {
            Recover(before);
        }

        if (count == ChangesPerTurn)
        {
            Wake();
        }
    }

    /// <summary>
    /// The hub's ring has left this loop behind: what was missed comes from the store. That reads all of it, so it is done
    /// beside this loop, once at a time, and not at all while nobody is connected: who comes later asks for what it wants.
    /// </summary>
    private void Recover(long after)
    {
        if (_connections.IsEmpty)
        {
            return;
        }

        if (_isRecovering)
        {
            _recoverAfter = Math.Min(_recoverAfter ?? after, after); // One more pass, when this one is through.
            return;
        }

        _isRecovering = true;
        _ = Task.Run(() => RecoverAsync(after));
    }

    private async Task RecoverAsync(long after)
    {
        try
        {
            var batch = new List<StoredChange>();
            await foreach (StoredChange change in _node.Store.ReadChangesAsync(after, "", _stopping.Token)
                .ConfigureAwait(false))
            {
                batch.Add(change);
                if (batch.Count == ChangesPerTurn / 4)
                {
                    await PostAsync(new(GunInputKind.Recovered, Payload: batch, More: true)).ConfigureAwait(false);
                    batch = [];
                }
            }

            await PostAsync(new(GunInputKind.Recovered, Payload: batch)).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The driver stops.
        }
        catch (Exception failure)
        {
            GunLog.ChangesFailed(_logger, after, 0, failure);
            await PostAsync(new(GunInputKind.Recovered, Payload: new List<StoredChange>())).ConfigureAwait(false);
        }
    }

    private void EndRecovery()
    {
        _isRecovering = false;
        if (_recoverAfter is long after)
        {
            _recoverAfter = null;
            Recover(after);
        }
    }

    private void StartAsk(AskRequest request, WeftInstant now)
    {
        // The end may be among the outputs already; they are carried out only after this.
        long ticket = _core.Ask(request.Soul, request.Field, request.Deadline, now, _outbox);
        _asks.Add(ticket, request);
    }

    private void OnSent(GunConnection connection, WeftInstant now)
    {
        connection.IsSending = false;
        connection.Leaving.Clear();
        connection.NoteOutbound();
        if (connection.IsClosed)
        {
            connection.Released.TrySetResult();
            return;
        }

        Touch(connection); // What gathered meanwhile goes out at the end of this turn.
        if (connection.Filling.IsEmpty)
        {
            LetWrite(connection, now);
        }
    }

    private void OnClosed(GunConnection connection, WeftInstant now)
    {
        connection.IsClosed = true;
        _core.OnClosed(connection.Number, now, _outbox);
        _connections.TryRemove(connection.Number, out _);
        Interlocked.Decrement(ref _connectionCount);
        LetGo(connection.Feed);

        if (!connection.IsSending)
        {
            connection.Released.TrySetResult();
        }
    }

    private void Touch(GunConnection connection)
    {
        if (!connection.IsTouched)
        {
            connection.IsTouched = true;
            _touched.Add(connection);
        }
    }

    private async ValueTask PostAsync(GunInput input)
    {
        try
        {
            await _inputs.Writer.WriteAsync(input).ConfigureAwait(false);
        }
        catch (System.Threading.Channels.ChannelClosedException)
        {
            // The loop has ended: what would have answered is answered here.
            if (input.Kind == GunInputKind.Closed)
            {
                input.Connection!.Released.TrySetResult();
            }
        }
    }

    /// <summary>After a bug: lets go of every connection and question, until the driver is disposed of.</summary>
    private async Task DrainAsync()
    {
        foreach (AskRequest request in _asks.Values)
        {
            request.Answer.TrySetResult(default);
        }

        await foreach (GunInput input in _inputs.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            (input.Payload as AskRequest)?.Answer.TrySetResult(default);
            if (input.Kind == GunInputKind.Closed)
            {
                _connections.TryRemove(input.Connection!.Number, out _);
                input.Connection.Released.TrySetResult();
            }
        }
    }
}
