using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Replication;

namespace Weft.Protocols.Sync;

/// <content>Questions, and the memory of what the peer has just sent.</content>
public sealed partial class SyncCore
{
    private const int AnswersMax = 1_024; // Writes of answers that are being merged.

    private readonly Dictionary<long, int> _asks = []; // Question, and writes of its answers that are not merged yet.
    private readonly HashSet<long> _ended = [];        // Questions whose last answer has come.
    private readonly Dictionary<long, long> _answers = []; // Ticket of a write, and the question it answers.
    private readonly Dictionary<long, SyncAsk> _served = [];
    private readonly HashSet<UInt128> _known = [];
    private readonly Queue<UInt128> _knownOrder = new();
    private long _askNumber;

    /// <summary>Questions of this side that wait.</summary>
    public int AsksWaiting => _asks.Count;

    /// <summary>Asks the peer for a node or a field; what it has is merged before <see cref="SyncOutputKind.AskEnded"/>.</summary>
    /// <returns>The ticket; 0 when nothing was asked: not connected yet, or as many questions wait as may.</returns>
    public long Ask(string soul, string? field, Outbox<SyncOutput> outbox)
    {
        if (IsClosed || _peer is null || _asks.Count >= _options.AsksMax)
        {
            return 0;
        }

        long number = ++_askNumber;
        _asks.Add(number, 0);
        Send(new SyncAsk(number, soul, field), outbox);
        return number;
    }

    /// <summary>Nobody waits for this question any more.</summary>
    public void Forget(long ask)
    {
        _asks.Remove(ask);
        _ended.Remove(ask);
    }

    /// <summary>Answers <see cref="SyncOutputKind.Read"/>.</summary>
    /// <param name="ticket">Which.</param>
    /// <param name="writes">The fields, those that were taken back left out.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnRead(long ticket, IReadOnlyList<FieldWrite> writes, Outbox<SyncOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(writes);
        if (!_served.Remove(ticket, out SyncAsk? ask) || IsClosed)
        {
            return;
        }

        int from = 0;
        do
        {
            int count = 0;
            int bytes = 0;
            while (from + count < writes.Count && count < _options.FieldsMax && bytes < _options.ChunkBytes)
            {
                bytes += SyncCodec.SizeOf(writes[from + count]);
                count++;
            }

            Send(new SyncAnswer(ask.Id, from + count < writes.Count, [.. writes.Skip(from).Take(count)]), outbox);
            from += count;
        }
        while (from < writes.Count);
    }

    private void OnAsk(SyncAsk ask, Outbox<SyncOutput> outbox)
    {
        if (_served.Count >= _options.ServedMax || _self.ReachOf(ask.Soul) == ReplicaReach.Nowhere)
        {
            Send(new SyncAnswer(ask.Id, More: false, []), outbox);
            return;
        }

        long ticket = ++_ticket;
        _served.Add(ticket, ask);
        outbox.Add(new(SyncOutputKind.Read, Ticket: ticket, Soul: ask.Soul, Field: ask.Field, Bytes: 4 * _options.ChunkBytes));
    }

    private void OnAnswer(SyncAnswer answer, Outbox<SyncOutput> outbox)
    {
        if (!_asks.TryGetValue(answer.Id, out int writing))
        {
            return; // Nobody waits for it any more, or nobody ever asked; nothing of it is taken.
        }

        if (_answers.Count >= AnswersMax)
        {
            Close(WeftError.TooManyRequests, outbox); // Answers have no window; who sends so many is no honest peer.
            return;
        }

        if (!answer.More)
        {
            _ended.Add(answer.Id);
        }

        if (answer.Writes.Count > 0)
        {
            long ticket = ++_ticket;
            _asks[answer.Id] = writing + 1;
            _answers.Add(ticket, answer.Id);
            foreach (FieldWrite write in answer.Writes)
            {
                Remember(write);
            }

            outbox.Add(new(SyncOutputKind.Write, Ticket: ticket, Writes: answer.Writes));
        }

        EndAsk(answer.Id, outbox);
    }

    /// <returns>True when the ticket was that of an answer's write.</returns>
    private bool EndAnswer(long ticket, Outbox<SyncOutput> outbox)
    {
        if (!_answers.Remove(ticket, out long ask))
        {
            return false;
        }

        if (_asks.TryGetValue(ask, out int writing))
        {
            _asks[ask] = writing - 1;
            EndAsk(ask, outbox);
        }

        return true;
    }

    private void EndAsk(long ask, Outbox<SyncOutput> outbox)
    {
        if (_asks.TryGetValue(ask, out int writing) && writing == 0 && _ended.Remove(ask))
        {
            _asks.Remove(ask);
            outbox.Add(new(SyncOutputKind.AskEnded, Ticket: ask, Number: 1));
        }
    }

    // What two peers send at the same moment need not cross twice.
    private void Remember(in FieldWrite write)
    {
        UInt128 id = IdOf(write);
        if (_known.Add(id))
        {
            _knownOrder.Enqueue(id);
            if (_knownOrder.Count > _options.KnownMax)
            {
                _known.Remove(_knownOrder.Dequeue());
            }
        }
    }

    private bool IsKnown(in FieldWrite write) => _known.Count > 0 && _known.Contains(IdOf(write));

    private UInt128 IdOf(in FieldWrite write) =>
        FieldHash.Of(_crypto, write.Soul, write.Field, write.State, write.Value).Id;
}
