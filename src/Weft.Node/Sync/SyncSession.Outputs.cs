using System.Threading.Channels;
using Weft.Graph;
using Weft.Node.Events;
using Weft.Node.Gun;
using Weft.Primitives;
using Weft.Protocols.Gun;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <content>Carries out what the core asks for.</content>
internal sealed partial class SyncSession
{
    private readonly List<GunChange> _taken = [];

    // Some outputs are answered at once and so add new ones; hence the walk by index.
    private void Take(SyncInput input)
    {
        input.Tell(_core, _outbox);
        for (int i = 0; i < _outbox.Count; i++)
        {
            Carry(_outbox[i]);
        }

        _outbox.Clear();
    }

    private void Carry(SyncOutput output)
    {
        switch (output.Kind)
        {
            case SyncOutputKind.Send:
                Enqueue(output.Message!);
                break;
            case SyncOutputKind.Write:
                _ = WriteAsync(output.Ticket, output.Writes!);
                break;
            case SyncOutputKind.Follow:
                Follow(output.Number);
                break;
            case SyncOutputKind.ReadChanges:
                ReadChanges(output.Bytes);
                break;
            case SyncOutputKind.Read:
                _ = ReadAsync(output);
                break;
            case SyncOutputKind.Summarize or SyncOutputKind.List or SyncOutputKind.Split or SyncOutputKind.ReadRange:
                _ = Task.Run(() => LookUpAsync(output)); // A walk over many fields must not hold up the loop.
                break;
            case SyncOutputKind.AskEnded:
                if (_asks.Remove(output.Ticket, out TaskCompletionSource<bool>? ask))
                {
                    ask.TrySetResult(true);
                }

                break;
            case SyncOutputKind.ReadSequence:
                ReadSequence(output);
                break;
            case SyncOutputKind.ProbeEnded:
                Volatile.Write(ref _knownSequence, Math.Max(_knownSequence, output.Number));
                if (_probes.Remove(output.Ticket, out TaskCompletionSource<long>? probe))
                {
                    probe.TrySetResult(output.Number);
                }

                break;
            case SyncOutputKind.StartTimer:
                StartTimer(output.Due);
                break;
            case SyncOutputKind.Progress:
                OnProgress();
                break;
            case SyncOutputKind.Close:
                break; // The loop sees that the core is closed.
        }
    }

    private void ReadSequence(SyncOutput output)
    {
        if (output.Reach.IsAll)
        {
            _core.OnSequence(output.Ticket, _node.Store.CommittedSequence, Now, _outbox);
            return;
        }

        _ = Task.Run(async () =>
        {
            try
            {
                (long newest, _) = await ScopeReader
                    .NewestAsync(_node.Store, output.Reach, output.Number, _stopping.Token).ConfigureAwait(false);
                await PostAsync((core, outbox) => core.OnSequence(output.Ticket, newest, Now, outbox))
                    .ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                await FailAsync(failure).ConfigureAwait(false);
            }
        });
    }

    private void Enqueue(SyncMessage message)
    {
        Interlocked.Add(ref _outgoingBytes, EstimateOf(message));
        if (!_outgoing.Writer.TryWrite(message))
        {
            _stopping.Cancel(); // It makes this side answer, and does not read.
        }
    }

    private async Task WriteAsync(long ticket, IReadOnlyList<FieldWrite> writes)
    {
        WeftError error;
        int refused = 0;
        WeftError refusal = WeftError.None;
        try
        {
            WriteResult result = await WriteAsync(writes).ConfigureAwait(false);
            error = result.Error;
            if (result.IsAccepted && result.Dropped != WeftError.None)
            {
                refused = Math.Max(1, writes.Count - result.Applied - result.Kept - result.Deferred);
                refusal = result.Dropped;
            }
        }
        catch (WeftException failure)
        {
            error = failure.Error;
        }
        catch (Exception stopped) when (stopped is OperationCanceledException or ObjectDisposedException
            or ChannelClosedException)
        {
            error = WeftError.NodeUnavailable;
        }
        catch (Exception bug)
        {
            SyncLog.Failed(_owner.Log, Peer, bug);
            error = WeftError.NodeUnavailable; // Not acknowledged: it comes again.
        }

        if (refused > 0)
        {
            SyncLog.Refused(_owner.Log, refused, Peer, ErrorCatalogue.Code(refusal));
        }

        await PostAsync((core, outbox) => core.OnWritten(ticket, error, refused, refusal, outbox)).ConfigureAwait(false);
    }

    private async ValueTask<WriteResult> WriteAsync(IReadOnlyList<FieldWrite> writes)
    {
        var source = new WriteSource(_owner.NameOf(Peer), Number, WriteDoor.Link);
        try
        {
            return await _node.Graph.WriteAsync(writes, source).ConfigureAwait(false);
        }
        catch (WeftException damage) when (damage.Error == WeftError.FileDamaged && writes.Count > 1)
        {
            SyncLog.Damaged(_owner.Log, Peer, damage.Message); // One damaged node must not cost what came beside it.
        }

        int applied = 0;
        int kept = 0;
        int deferred = 0;
        WeftError dropped = WeftError.FileDamaged;
        foreach (IGrouping<string, FieldWrite> node in writes.GroupBy(write => write.Soul, StringComparer.Ordinal))
        {
            try
            {
                WriteResult one = await _node.Graph.WriteAsync([.. node], source).ConfigureAwait(false);
                applied += one.Applied;
                kept += one.Kept;
                deferred += one.Deferred;
                dropped = one.Error != WeftError.None ? one.Error : dropped;
            }
            catch (WeftException damage) when (damage.Error == WeftError.FileDamaged)
            {
                dropped = damage.Error;
            }
        }

        return new(0, Durability.Memory, 0, applied, kept, deferred, Dropped: dropped);
    }

    private void Follow(long after)
    {
        long sequence = _node.Store.CommittedSequence;
        LinkFeed feed = _feed = new LinkFeed(
            _node.Store, _node.Changes, after < 0 ? sequence : Math.Min(after, sequence));
        _pump = Task.Run(async () =>
        {
            try
            {
                while (await feed.WaitAsync(_stopping.Token).ConfigureAwait(false))
                {
                    await PostAsync((core, outbox) => core.OnNews(outbox)).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException)
            {
                // The session is over.
            }
        });
    }

    private void ReadChanges(int bytesMax)
    {
        LinkFeed feed = _feed!;
        if (feed.IsLive)
        {
            _taken.Clear();
            if (feed.TryTake(_taken, out bool hasMore))
            {
                _core.OnChanges(ToChanges(_taken), feed.Cursor, hasMore, Now, _outbox);
                return;
            }
        }

        _ = Task.Run(async () =>
        {
            try
            {
                List<GunChange> scanned = await feed.ScanAsync(bytesMax).ConfigureAwait(false);
                long cursor = feed.Cursor;
                await PostAsync((core, outbox) =>
                    core.OnChanges(ToChanges(scanned), cursor, hasMore: true, Now, outbox)).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                await FailAsync(failure).ConfigureAwait(false);
            }
        });
    }

    private static List<SyncChange> ToChanges(List<GunChange> changes) => [.. changes.Select(change => new SyncChange(
        new FieldWrite(
            change.Soul, change.Field.Field, change.Field.Value, change.Field.State, change.Field.Extras),
        change.Origin))];

    private async Task ReadAsync(SyncOutput output)
    {
        List<FieldWrite> writes = [];
        try
        {
            NodeResult node = await _node.Graph.ReadNodeAsync(
                output.Soul!, new LexRange(Exact: output.Field), int.MaxValue, output.Bytes,
                cancellationToken: _stopping.Token).ConfigureAwait(false);
            foreach (StoredField field in node.Fields)
            {
                if (field.State != Ham.DroppedState)
                {
                    writes.Add(new(output.Soul!, field.Field, field.Value, field.State, field.Extras));
                }
            }
        }
        catch (Exception failure) when (failure is WeftException or OperationCanceledException or ObjectDisposedException)
        {
            writes.Clear(); // Damaged here, perhaps whole elsewhere: to the one who asks it is "not here".
        }

        await PostAsync((core, outbox) => core.OnRead(output.Ticket, writes, outbox)).ConfigureAwait(false);
    }

    private async Task LookUpAsync(SyncOutput output)
    {
        RangeIndex ranges = _owner.Ranges;
        CancellationToken stopping = _stopping.Token;
        try
        {
            switch (output.Kind)
            {
                case SyncOutputKind.Summarize:
                    RangeSum sum = await ranges
                        .SumAsync(output.Prefix, output.From, output.To, stopping).ConfigureAwait(false);
                    await PostAsync((core, outbox) => core.OnSummary(output.Ticket, sum, Now, outbox))
                        .ConfigureAwait(false);
                    break;
                case SyncOutputKind.List:
                    IReadOnlyList<RangeItem> items = await ranges
                        .ListAsync(output.Prefix, output.From, output.To, (int)output.Number, stopping)
                        .ConfigureAwait(false);
                    await PostAsync((core, outbox) => core.OnItems(output.Ticket, items, Now, outbox))
                        .ConfigureAwait(false);
                    break;
                case SyncOutputKind.Split:
                    IReadOnlyList<RangePart> parts = await ranges
                        .SplitAsync(output.Prefix, output.From, output.To, (int)output.Number, stopping)
                        .ConfigureAwait(false);
                    await PostAsync((core, outbox) => core.OnParts(output.Ticket, parts, Now, outbox))
                        .ConfigureAwait(false);
                    break;
                default:
                    (IReadOnlyList<FieldWrite> writes, SyncKey? next) = await ranges
                        .ReadAsync(output.Prefix, output.From, output.To, output.Bytes, stopping).ConfigureAwait(false);
                    await PostAsync((core, outbox) => core.OnRange(output.Ticket, writes, next, Now, outbox))
                        .ConfigureAwait(false);
                    break;
            }
        }
        catch (Exception failure)
        {
            await FailAsync(failure).ConfigureAwait(false);
        }
    }

    private async Task FailAsync(Exception failure)
    {
        bool isStopping = failure is OperationCanceledException or ObjectDisposedException;
        if (!isStopping)
        {
            SyncLog.Failed(_owner.Log, Peer, failure);
        }

        await PostAsync(
            (core, outbox) => core.Close(WeftError.NodeUnavailable, outbox), failure.Message).ConfigureAwait(false);
    }

    private async ValueTask PostAsync(Action<SyncCore, Outbox<SyncOutput>> tell, string? reason = null)
    {
        try
        {
            await _inputs.Writer.WriteAsync(new(tell, reason), _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception over) when (over is OperationCanceledException or ChannelClosedException
            or ObjectDisposedException)
        {
            // The session is over; nobody waits for the answer.
        }
    }

    private void StartTimer(WeftInstant due)
    {
        if (due < _timerDue)
        {
            WeftInstant now = Now;
            _timerDue = due;
            TimeSpan wait = due <= now ? TimeSpan.Zero : due - now;
            _timer.Change(wait + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        }
    }

    private void OnTimer(SyncCore core, Outbox<SyncOutput> outbox)
    {
        _timerDue = WeftInstant.Never; // The core asks again for what is still to come.
        core.OnTimer(Now, outbox);
    }

    private void OnProgress()
    {
        if (_core is { PeerStore: { } store, PeerRun: not 0 and var run })
        {
            _owner.Cursors.Note(
                Peer, store, run, _core.ResumeCursor, _core.HasOurs ? _core.AckedCursor : -1, _node.Time.GetUtcNow());
        }

        if (_core.IsCaughtUp && !_wasCaughtUp)
        {
            _wasCaughtUp = true;
            _owner.Tell(NodeEventKind.SyncDone, Peer);
            SyncLog.CaughtUp(
                _owner.Log, Peer, _core.FieldsIn, _core.FieldsOut,
                (long)_node.Time.GetElapsedTime(_started).TotalMilliseconds);
        }

        Signal();
    }
}
