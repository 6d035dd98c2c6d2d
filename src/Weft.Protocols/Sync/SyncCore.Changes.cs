using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Sync;

/// <content>Changes on their way: taken and acknowledged in order, sent under the credit of the other side.</content>
public sealed partial class SyncCore
{
    private void OnIncoming(SyncChanges changes, Outbox<SyncOutput> outbox)
    {
        int bytes = CostOf(changes);
        _received += bytes;
        if (_received > _options.WindowBytes + (long)_options.MessageBytesMax)
        {
            Close(WeftError.TooManyRequests, outbox); // It sends without credit.
            return;
        }

        long ticket = ++_ticket;
        _incoming.Enqueue(new Incoming(ticket, changes.Cursor, bytes, changes.Writes.Count));
        foreach (FieldWrite write in changes.Writes)
        {
            Remember(write);
        }

        if (changes.Writes.Count > 0)
        {
            outbox.Add(new(SyncOutputKind.Write, Ticket: ticket, Writes: changes.Writes));
        }
        else
        {
            OnWritten(ticket, WeftError.None, 0, WeftError.None, outbox);
        }
    }

    // In the order in which they came: a cursor says that everything before it is durable.
    private void Acknowledge(Outbox<SyncOutput> outbox)
    {
        long grant = 0;
        bool hasMoved = false;
        while (_incoming.TryPeek(out Incoming? first) && first.IsDone)
        {
            _incoming.Dequeue();
            grant += first.Bytes;
            if (first.Cursor > ReceivedCursor)
            {
                ReceivedCursor = first.Cursor;
                hasMoved = true;
            }
        }

        if (grant > 0 || _unreported > 0)
        {
            _received -= grant;
            Send(new SyncAck(ReceivedCursor, grant, _unreported, _lastRefusal), outbox);
            _unreported = 0;
            _lastRefusal = WeftError.None;
        }

        bool hadTheirs = HasTheirs;
        HasTheirs |= _theyHaveSent && _incoming.Count == 0;
        if (hasMoved || HasTheirs != hadTheirs)
        {
            outbox.Add(new(SyncOutputKind.Progress));
        }
    }

    private void OnAck(SyncAck ack, Outbox<SyncOutput> outbox)
    {
        if (ack.Cursor > _sentCursor)
        {
            Close(WeftError.RequestMalformed, outbox); // It cannot have what it was not sent.
            return;
        }

        _credit = Math.Min(_credit + ack.Grant, 1L << 30);
        RefusedThere += ack.Refused;
        if (ack.Cursor > AckedCursor)
        {
            AckedCursor = ack.Cursor;
            outbox.Add(new(SyncOutputKind.Progress));
        }

        Pump(outbox);
    }

    // What a message costs of the window. Both ends count the same, whatever the bytes on the wire were.
    private static int CostOf(SyncChanges changes)
    {
        int bytes = 16;
        for (int i = 0; i < changes.Writes.Count; i++)
        {
            bytes += SyncCodec.SizeOf(changes.Writes[i]);
        }

        return bytes;
    }

    private void SendChanges(long cursor, List<FieldWrite> writes, Outbox<SyncOutput> outbox)
    {
        for (int from = 0; from < writes.Count; from += _options.FieldsMax)
        {
            int count = Math.Min(_options.FieldsMax, writes.Count - from);
            bool isLast = from + count == writes.Count;
            List<FieldWrite> part = count == writes.Count ? writes : writes.GetRange(from, count);
            // Until the last part has come, the receiver does not have everything up to the cursor.
            SendData(new SyncChanges(isLast ? cursor : -1, part), outbox);
        }
    }

    private void SendCursor(Outbox<SyncOutput> outbox) => SendData(new SyncChanges(_readCursor, []), outbox);

    private void SendData(SyncChanges changes, Outbox<SyncOutput> outbox)
    {
        _credit -= CostOf(changes);
        _sending++;
        FieldsOut += changes.Writes.Count;
        if (changes.Cursor >= 0)
        {
            _sentCursor = Math.Max(_sentCursor, changes.Cursor);
            _cursorDue = WeftInstant.Never;
            _isUrgent = false;
        }

        Send(changes, outbox);
    }

    /// <summary>Reads on, when there is something to read and room for it: what is new and what was lacking, by turns.</summary>
    private void Pump(Outbox<SyncOutput> outbox)
    {
        if (IsClosed || _theirPrefixes is null)
        {
            return;
        }

        AnnounceSent(outbox);
        if (_sending > 0 || _isReading || _pushTicket != 0 || _credit <= 0)
        {
            return;
        }

        if (_hasNews && (!_isPushTurn || _pushes.Count == 0))
        {
            _hasNews = false;
            _isReading = true;
            _isPushTurn = true;
            outbox.Add(new(SyncOutputKind.ReadChanges, Bytes: _options.ChunkBytes));
            return;
        }

        _isPushTurn = false;
        PushNext(outbox);
    }
}
