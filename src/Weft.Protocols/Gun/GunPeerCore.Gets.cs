using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

public sealed partial class GunPeerCore
{
    /// <summary>What a Read output asked for.</summary>
    /// <param name="ticket">The output's ticket.</param>
    /// <param name="fields">In order; empty when there is nothing.</param>
    /// <param name="more">True when the range goes on.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    public void OnRead(
        long ticket, IReadOnlyList<StoredField> fields, bool more, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (!_reads.Remove(ticket, out PendingRead? read) || read.Peer.IsClosing)
        {
            return;
        }

        if (read.Last is not null && fields.Count > 0 && fields[0].Field == read.Last)
        {
            fields = fields.Skip(1).ToArray(); // Walking backwards, the bound itself comes again.
        }

        if (fields.Count == 0)
        {
            OnNothingRead(read, now, outbox);
            return;
        }

        read.Last = fields[^1].Field;
        if (read.Get.IsRange)
        {
            foreach (StoredField field in fields)
            {
                read.Budget -= field.Value.Kind == WeftValueKind.Number ? 9 : field.Value.Json.Length;
            }
        }

        bool hasRest = read.Budget > 0 && (more || read.Souls is { Count: > 0 });
        outbox.Add(new()
        {
            Kind = GunOutputKind.SendReply,
            Peer = read.Peer.Number,
            Id = NewId(),
            ReplyTo = read.ReplyTo,
            Soul = read.Soul,
            Fields = fields,
            More = hasRest,
        });
        read.HasAnswered = true;
        if (!hasRest)
        {
            read.Peer.Gets--;
            return;
        }

        if (!more)
        {
            read.Soul = read.Souls!.Dequeue();
            read.Last = null;
        }

        ReadWhenWritable(read, outbox);
    }

    /// <summary>The souls a Read output asked for.</summary>
    public void OnSouls(long ticket, IReadOnlyList<string> souls, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (!_reads.Remove(ticket, out PendingRead? read) || read.Peer.IsClosing)
        {
            return;
        }

        read.Souls = new Queue<string>(souls);
        if (!read.Souls.TryDequeue(out string? first))
        {
            OnNothingRead(read, now, outbox);
            return;
        }

        if (read.Get.Budget is null)
        {
            read.Souls.Clear(); // Without a budget only the first is meant.
        }

        foreach (string soul in souls.Take(read.Souls.Count + 1))
        {
            SubscribeReader(read.Peer, soul, field: null, outbox);
        }

        read.Soul = first;
        EmitRead(read, outbox);
    }

    /// <summary>A Read output could not be carried out.</summary>
    public void OnReadFailed(long ticket, WeftError error, string? text, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (!_reads.Remove(ticket, out PendingRead? read) || read.Peer.IsClosing)
        {
            return;
        }

        read.Peer.Gets--;
        SendAck(read.Peer, read.ReplyTo, error, text, outbox);
    }

    private void OnGet(GunPeer peer, GunMessage message, WeftInstant now, Outbox<GunOutput> outbox)
    {
        GunGet get = message.Get!;
        if (message.Id.Length > 0 && peer.Gets >= _options.GetsMax)
        {
            SendAck(peer, message.Id, WeftError.TooManyRequests, "too many gets in progress", outbox);
            return;
        }

        if (get.Soul is not null)
        {
            SubscribeReader(peer, get.Soul, get.Field, outbox);
            NoteInterest(get.Soul, outbox);
        }

        if (message.Id.Length == 0)
        {
            return; // Nobody could tell what the answer belongs to.
        }

        var read = new PendingRead
        {
            Peer = peer,
            ReplyTo = message.Id,
            Get = get,
            Soul = get.Soul,
            // An id that was seen comes round through a circle of relays: answer from here, ask nobody again.
            MayAsk = _dedup.TryAdd(message.Id, peer.Number, 0, now, out _),
            Budget = !get.IsRange ? int.MaxValue : Math.Min(get.Budget ?? 1, _options.RangeBytesMax),
        };
        peer.Gets++;
        ReadWhenWritable(read, outbox);
    }

    /// <summary>What a peer cannot take yet is not even read: a flood of gets costs no memory.</summary>
    private void ReadWhenWritable(PendingRead read, Outbox<GunOutput> outbox)
    {
        if (read.Peer.IsWritable)
        {
            EmitRead(read, outbox);
        }
        else
        {
            read.Peer.Paused.Enqueue(read);
        }
    }

    /// <summary>
    /// Subscribes a reader. The first time, and so after every reconnect, the reader is asked for what it holds itself:
    /// gun.js never sends again what was written while it was offline (0.4).
    /// </summary>
    private void SubscribeReader(GunPeer peer, string soul, string? field, Outbox<GunOutput> outbox)
    {
        if (peer.Link is not null || peer.Role == GunRole.Dialled)
        {
            return; // Relays get everything anyway.
        }

        Subscription? subscription = _subscriptions.Subscribe(peer, soul, field);
        if (subscription is null or { AskedBack: true })
        {
            return;
        }

        subscription.AskedBack = true;
        if (peer.Pid is not null)
        {
            SendGet(peer, NewId(), new GunGet { Soul = soul }, outbox);
        }
        else
        {
            (peer.AskBack ??= []).Add(soul); // Whether it is a client that answers shows when it says who it is.
        }
    }

    private void EmitRead(PendingRead read, Outbox<GunOutput> outbox)
    {
        long ticket = ++_tickets;
        _reads.Add(ticket, read);
        GunRead what;
        if (read.Soul is null)
        {
            what = new GunRead(
                null, read.Get.Souls, read.Get.Budget is null ? 1 : _options.RangeSoulsMax, int.MaxValue);
        }
        else
        {
            bool isFieldRange = read.Get.IsRange && read.Get.Soul is not null;
            int countMax = isFieldRange && read.Get.Budget is null ? 1 : int.MaxValue;
            what = new GunRead(
                read.Soul, RestOf(read), countMax, Math.Min(ChunkBytesOf(read.Peer), Math.Max(1, read.Budget)));
        }

        outbox.Add(new() { Kind = GunOutputKind.Read, Peer = read.Peer.Number, Ticket = ticket, Read = what });
    }

    private static LexRange RestOf(PendingRead read)
    {
        LexRange range = read.Get.Range;
        return read.Last is null ? range
            : range.Reverse ? range with { To = read.Last }
            : range with { From = read.Last + "\0" }; // The next possible name.
    }

    private void OnNothingRead(PendingRead read, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (read.Souls is { Count: > 0 })
        {
            read.Soul = read.Souls.Dequeue();
            read.Last = null;
            EmitRead(read, outbox);
            return;
        }

        if (!read.HasAnswered && read.MayAsk && TryAsk(read, now, outbox))
        {
            return;
        }

        SendNotFound(read.Peer, read.ReplyTo, outbox);
        read.Peer.Gets--;
    }

    private void SendNotFound(GunPeer peer, string to, Outbox<GunOutput> outbox) =>
        outbox.Add(new() { Kind = GunOutputKind.SendReply, Peer = peer.Number, Id = NewId(), ReplyTo = to });
}
