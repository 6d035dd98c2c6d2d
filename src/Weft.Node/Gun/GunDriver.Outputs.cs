using System.Net.WebSockets;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Gun;
using Weft.Protocols.Replication;

namespace Weft.Node.Gun;

public sealed partial class GunDriver
{
    private readonly List<GunChange> _linkChanges = [];

    /// <summary>Carries outputs out. Some are answered at once and so add new ones; hence the walk by index.</summary>
    private void Apply(WeftInstant now)
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            GunOutput output = _outbox[i];
            if (output.IsSend)
            {
                Encode(output);
                continue;
            }

            switch (output.Kind)
            {
                case GunOutputKind.Write:
                    StartWrite(output, now);
                    break;
                case GunOutputKind.Read:
                    StartRead(output, now);
                    break;
                case GunOutputKind.StartTimer:
                    StartTimer(output.Due, now);
                    break;
                case GunOutputKind.Close:
                    StartClose(output);
                    break;
                case GunOutputKind.Follow:
                    StartFollow(output);
                    break;
                case GunOutputKind.ReadChanges:
                    ReadLinkChanges(output, now);
                    break;
                case GunOutputKind.AskEnded:
                    if (_asks.Remove(output.Ticket, out AskRequest? request))
                    {
                        request.Answer.TrySetResult(new PeerAnswer(output.Count, output.More));
                    }
                    break;
                case GunOutputKind.PeerError:
                    NotePeerError(output);
                    break;
                case GunOutputKind.Prove:
                    Prove(output);
                    break;
                case GunOutputKind.CheckProof:
                    CheckProof(output);
                    break;
            }
        }

        _outbox.Clear();
    }

    private void Encode(in GunOutput output)
    {
        if (!_connections.TryGetValue(output.Peer, out GunConnection? connection) || connection.IsClosed)
        {
            return;
        }

        FrameBuffer buffer = connection.Filling;
        buffer.Begin();
        GunWriter.Write(buffer, output, _core.Pid, _core.Identity, connection.Identity.Weft is not null);
        buffer.End(connection.Identity.Weft is null ? _options.FrameBytes : _options.WeftFrameBytes);
        Touch(connection);
        if (buffer.Length > _options.OutboundBytesHigh && !connection.WasBlocked)
        {
            connection.WasBlocked = true; // Enough for this turn; the rest is produced once this has gone out.
            _core.OnBlocked(connection.Number);
        }
    }

    private void StartWrite(in GunOutput output, WeftInstant now)
    {
        if (!_connections.TryGetValue(output.Peer, out GunConnection? connection))
        {
            _core.OnWritten(output.Ticket, WeftError.NodeUnavailable, null, now, _outbox);
            return;
        }

        int bytes = 0;
        foreach (ref readonly FieldWrite write in output.Writes.AsSpan())
        {
            bytes += 64 + write.Field.Length + write.Value.Json.Length + (write.Extras?.Signature.Length ?? 0);
        }

        connection.Queue(1, bytes);
        _ = WriteAsync(connection, output.Ticket, output.Writes!, bytes);
    }

    private async Task WriteAsync(GunConnection connection, long ticket, FieldWrite[] writes, int bytes)
    {
        WeftError error;
        object? payload = null;
        try
        {
            WriteResult result = await _node.Graph.WriteAsync(writes, connection.Source).ConfigureAwait(false);
            error = result.Error;
            payload = result.Standing;
            if (error != WeftError.None)
            {
                string what = result.RefusedWrite < 0 ? ""
                    : $": field '{Short(writes[result.RefusedWrite].Field)}' of " +
                        $"'{Short(writes[result.RefusedWrite].Soul)}'";
                string why = result.Reason is null ? "" : $" ({Short(result.Reason)})";
                payload = $"{ErrorCatalogue.Find(error).Title}{what}{why}. Nothing of the message was stored.";
            }
        }
        catch (WeftException failure)
        {
            (error, payload) = (failure.Error, failure.Message);
        }
        catch (Exception stopped) when (stopped is OperationCanceledException or ObjectDisposedException
            or System.Threading.Channels.ChannelClosedException)
        {
            error = WeftError.NodeUnavailable;
        }
        catch (Exception bug)
        {
            GunLog.StoreBroken(_logger, bug);
            error = WeftError.Bug; // The writer is told; silence would leave it waiting for ever.
        }

        await PostAsync(new(GunInputKind.Written, connection, payload, ticket, error, Bytes: bytes)).ConfigureAwait(false);
    }

    private static string Short(string name) => name.Length <= 128 ? name : name[..128] + "…";

    private void StartRead(in GunOutput output, WeftInstant now)
    {
        GunRead read = output.Read!;
        if (read.Soul is null)
        {
            long ticket = output.Ticket;
            _ = Task.Run(() => ListAsync(ticket, read)); // A walk over many souls must not hold up the loop.
            return;
        }

        if (!MayLeave(read.Soul))
        {
            _core.OnRead(output.Ticket, [], more: false, now, _outbox);
            return;
        }

        ValueTask<NodeResult> task = _node.Graph.ReadNodeAsync(read.Soul, read.Range, read.CountMax, read.BytesMax);
        if (task.IsCompletedSuccessfully)
        {
            NodeResult result = task.Result;
            _core.OnRead(output.Ticket, result.Fields, result.More, now, _outbox);
            return;
        }

        _ = ReadAsync(output.Ticket, task);
    }

    private async Task ReadAsync(long ticket, ValueTask<NodeResult> task)
    {
        GunInput input;
        try
        {
            NodeResult result = await task.ConfigureAwait(false);
            input = new(GunInputKind.Read, null, result.Fields, ticket, More: result.More);
        }
        catch (Exception failure)
        {
            input = Failed(ticket, failure);
        }

        await PostAsync(input).ConfigureAwait(false);
    }

    private async Task ListAsync(long ticket, GunRead read)
    {
        GunInput input;
        try
        {
            IReadOnlyList<string> souls = await _node.Graph.ListAsync(read.Range, read.CountMax).ConfigureAwait(false);
            input = new(GunInputKind.Souls, null, (string[])[.. souls.Where(MayLeave)], ticket);
        }
        catch (Exception failure)
        {
            input = Failed(ticket, failure);
        }

        await PostAsync(input).ConfigureAwait(false);
    }

    private GunInput Failed(long ticket, Exception failure)
    {
        if (failure is WeftException known)
        {
            return new(GunInputKind.ReadFailed, null, known.Message, ticket, known.Error);
        }

        bool isStopping = failure is OperationCanceledException or ObjectDisposedException;
        if (!isStopping)
        {
            GunLog.StoreBroken(_logger, failure);
        }

        return new(
            GunInputKind.ReadFailed, null, null, ticket, isStopping ? WeftError.NodeUnavailable : WeftError.Bug);
    }

    private void StartTimer(WeftInstant due, WeftInstant now)
    {
        if (due >= _timerDue)
        {
            return;
        }

        _timerDue = due;
        SetTimer(now);
    }

    private void SetTimer(WeftInstant now)
    {
        _hasRung = false;
        TimeSpan wait = _timerDue <= now ? TimeSpan.Zero : _timerDue - now;
        _timer.Change(wait + TimeSpan.FromMilliseconds(wait > TimeSpan.Zero ? 1 : 0), Timeout.InfiniteTimeSpan);
    }

    private void StartFollow(in GunOutput output)
    {
        if (!_connections.TryGetValue(output.Peer, out GunConnection? connection))
        {
            return;
        }

        LetGo(connection.Feed);
        connection.Feed = new LinkFeed(_node.Store, _node.Changes, output.Sequence);
    }

    private void ReadLinkChanges(in GunOutput output, WeftInstant now)
    {
        if (!_connections.TryGetValue(output.Peer, out GunConnection? connection) || connection.Feed is not { } feed)
        {
            return;
        }

        if (feed.IsLive)
        {
            _linkChanges.Clear();
            if (feed.TryTake(_linkChanges, out bool more))
            {
                DropUnasked(_linkChanges);
                _core.OnChanges(connection.Number, _linkChanges, feed.Cursor, more, now, _outbox);
                connection.Cursor = _core.StateOf(connection.Number).Cursor;
                return;
            }
        }

        feed.IsBusy = true;
        int bytes = output.Bytes;
        _ = Task.Run(() => ScanAsync(connection, feed, bytes)); // A store may read for long before it yields.
    }

    private async Task ScanAsync(GunConnection connection, LinkFeed feed, int bytesMax)
    {
        List<GunChange>? changes = null;
        try
        {
            changes = await feed.ScanAsync(bytesMax).ConfigureAwait(false);
            DropUnasked(changes);
        }
        catch (OperationCanceledException)
        {
            // The connection is gone.
        }
        catch (Exception failure)
        {
            GunLog.ChangesFailed(_logger, feed.Cursor, connection.Number, failure);
            // A reconnect tries again from the cursor.
            await CloseFromHereAsync(connection, WebSocketCloseStatus.InternalServerError, "changes cannot be read")
                .ConfigureAwait(false);
        }

        await PostAsync(new(GunInputKind.LinkChanges, connection, new ScannedChanges(feed, changes)))
            .ConfigureAwait(false);
    }

    // A link between relays brings everything that goes to everybody, and nothing else.
    private void DropUnasked(List<GunChange> changes)
    {
        if (!_node.Plans.IsEmpty)
        {
            changes.RemoveAll(change => _node.Plans.PlanOf(change.Soul).Reach != ReplicaReach.Everywhere);
        }
    }

    private void TakeScanned(in GunInput input, WeftInstant now)
    {
        GunConnection connection = input.Connection!;
        (LinkFeed feed, List<GunChange>? changes) = (ScannedChanges)input.Payload!;
        feed.IsBusy = false;
        if (connection.IsClosed || feed != connection.Feed)
        {
            LetGo(feed); // Nobody follows it any more.
        }
        else if (changes is not null)
        {
            _core.OnChanges(connection.Number, changes, feed.Cursor, more: true, now, _outbox);
            connection.Cursor = _core.StateOf(connection.Number).Cursor;
        }
    }

    private static void LetGo(LinkFeed? feed)
    {
        feed?.Cancel();
        if (feed is { IsBusy: false })
        {
            _ = feed.DisposeAsync().AsTask();
        }
    }

    private void NotePeerError(in GunOutput output)
    {
        if (_connections.TryGetValue(output.Peer, out GunConnection? connection))
        {
            connection.LastError = output.Text;
            GunLog.PeerError(_logger, output.Peer, output.Text ?? "");
        }
    }

    private void StartClose(in GunOutput output)
    {
        if (!_connections.TryGetValue(output.Peer, out GunConnection? connection))
        {
            return;
        }

        connection.CloseReason = output.Reason;
        connection.LastError = output.Text;
        GunLog.Closing(_logger, output.Peer, output.Reason.ToString(), output.Text ?? "");
        _ = CloseFromHereAsync(
            connection, WebSocketCloseStatus.PolicyViolation, output.Text ?? output.Reason.ToString());
    }

    /// <summary>
    /// Sends what has gathered for one connection, unless a send is in flight; then it goes out after that.
    /// </summary>
    private void StartSending(GunConnection connection, WeftInstant now)
    {
        if (connection.IsClosed)
        {
            return;
        }

        if (!connection.IsSending && !connection.Filling.IsEmpty)
        {
            connection.Swap();
            Interlocked.Add(ref connection.MessagesOut, connection.Leaving.MessageCount);
            ValueTask send = SendAsync(connection);
            if (send.IsCompletedSuccessfully)
            {
                connection.Leaving.Clear();
                LetWrite(connection, now);
            }
            else
            {
                connection.IsSending = true;
                connection.WasBlocked = true;
                _core.OnBlocked(connection.Number);
                _ = FinishSendAsync(connection, send);
            }
        }

        connection.NoteOutbound();
        connection.Pending = _core.StateOf(connection.Number).Pending;
        if (connection.Filling.Length > _options.OutboundBytesMax)
        {
            connection.CloseReason = GunCloseReason.TooSlow;
            _ = CloseFromHereAsync(connection, WebSocketCloseStatus.PolicyViolation, "too many bytes wait to be read");
        }
    }

    private void LetWrite(GunConnection connection, WeftInstant now)
    {
        if (connection.WasBlocked)
        {
            connection.WasBlocked = false;
            _core.OnWritable(connection.Number, now, _outbox);
            Wake(); // Its outputs are carried out in the next turn.
        }
    }

    private async ValueTask SendAsync(GunConnection connection)
    {
        FrameBuffer buffer = connection.Leaving;
        foreach ((int Start, int End) frame in buffer.Frames)
        {
            ReadOnlyMemory<byte> bytes = buffer.Bytes(frame);
            WebSocketMessageFlags flags = bytes.Length < 256
                ? WebSocketMessageFlags.EndOfMessage | WebSocketMessageFlags.DisableCompression
                : WebSocketMessageFlags.EndOfMessage;
            await connection.Socket.SendAsync(bytes, WebSocketMessageType.Text, flags, connection.Stopping.Token)
                .ConfigureAwait(false);
            Interlocked.Add(ref connection.BytesOut, bytes.Length);
            Interlocked.Add(ref _node.Metrics.PeerBytesOutCount, bytes.Length);
        }
    }

    private async Task FinishSendAsync(GunConnection connection, ValueTask send)
    {
        try
        {
            await send.ConfigureAwait(false);
        }
        catch (Exception)
        {
            // A connection that cannot be written to is over; its reader finds out and reports why.
            connection.Socket.Abort();
        }

        await PostAsync(new(GunInputKind.Sent, connection)).ConfigureAwait(false);
    }
}
