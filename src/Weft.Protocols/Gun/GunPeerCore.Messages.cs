using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

public sealed partial class GunPeerCore
{
    /// <summary>The text with which one of two connections between the same two nodes is closed.</summary>
    public const string DuplicateText = "there is another connection to this peer";

    /// <summary>A message came.</summary>
    public void OnMessage(long peer, GunMessage message, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (!_peers.TryGetValue(peer, out GunPeer? entry) || entry.IsClosing)
        {
            return;
        }

        if (message.Verb != GunVerb.None)
        {
            OnControl(entry, message, now, outbox);
            return;
        }

        if (message.Refusal != WeftError.None)
        {
            OnRefused(entry, message, outbox);
            return;
        }

        if (message.ReplyTo is not null)
        {
            entry.Silent = 0;
            if (message.Writes is null or { Length: 0 })
            {
                OnAck(entry, message, outbox);
                OnAnswer(entry, message, outbox);
                return;
            }
        }

        if (message.Writes is not null)
        {
            OnPut(entry, message, now, outbox);
        }

        if (message.Get is not null)
        {
            OnGet(entry, message, now, outbox);
        }
    }

    /// <summary>A put that was handed over as Write is as durable as this node promises, or was refused.</summary>
    /// <param name="ticket">The output's ticket.</param>
    /// <param name="error">None, also when nothing changed or the write is held durably for later.</param>
    /// <param name="text">What exactly was refused.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    public void OnWritten(long ticket, WeftError error, string? text, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (!_writes.Remove(ticket, out PendingWrite write))
        {
            return;
        }

        if (write.Ask is not null)
        {
            write.Ask.WritesPending--;
            CheckAsk(write.Ask, outbox);
        }

        if (write.AckTo is null)
        {
            return;
        }

        if (error == WeftError.None)
        {
            _dedup.MarkDone(write.AckTo, write.Print);
        }

        if (!write.Peer.IsClosing)
        {
            SendAck(write.Peer, write.AckTo, error, text, outbox);
        }
    }

    private void OnControl(GunPeer peer, GunMessage message, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (message.Verb == GunVerb.Error)
        {
            outbox.Add(new() { Kind = GunOutputKind.PeerError, Peer = peer.Number, Text = message.ErrorText });
            return;
        }

        if (message.Verb == GunVerb.Proof)
        {
            OnProof(peer, message, outbox);
            return;
        }

        if (message.Verb != GunVerb.Hello)
        {
            return; // "hi" is answered by nobody; "mob" and "opt" would let a stranger steer this node.
        }

        if (message.ReplyTo is not null && message.ReplyTo == peer.HelloId)
        {
            peer.RoundTrip = now - peer.HelloAt;
            peer.HelloId = null;
        }

        if (message.Pid == Pid)
        {
            Close(peer, GunCloseReason.Self, "this peer is this very node", outbox);
            return;
        }

        if (message.ReplyTo is null)
        {
            outbox.Add(new()
            {
                Kind = GunOutputKind.SendHello, Peer = peer.Number, Id = NewId(), ReplyTo = message.Id,
                Text = peer.Nonce,
            });
        }

        if (peer.Pid is null && message.Pid is not null)
        {
            Identify(peer, message, now, outbox);
        }
    }

    /// <summary>One proof is looked at for each connection, and only of a peer that named a key.</summary>
    private static void OnProof(GunPeer peer, GunMessage message, Outbox<GunOutput> outbox)
    {
        if (message.Proof is null || peer is not { WasProofTaken: false, Nonce: not null, Identity.Key: not null })
        {
            return;
        }

        peer.WasProofTaken = true;
        outbox.Add(new() { Kind = GunOutputKind.CheckProof, Peer = peer.Number, Text = message.Proof });
    }

    private void Identify(GunPeer peer, GunMessage message, WeftInstant now, Outbox<GunOutput> outbox)
    {
        peer.Pid = message.Pid;
        peer.Identity = message.Identity;
        _identified.Add(peer);
        if (CloseDuplicate(peer, outbox) == peer)
        {
            return;
        }

        if (peer is { Nonce: not null, Identity: { Key: not null, Nonce: { } nonce } })
        {
            outbox.Add(new() { Kind = GunOutputKind.Prove, Peer = peer.Number, Id = NewId(), Text = nonce });
        }

        if (peer is { Link.Acknowledges: false, IsWeft: true })
        {
            RestartLink(peer, now, outbox); // Its hello came so late that it was taken for a GUN relay.
        }
        else if (peer.Link is null && (peer.Role == GunRole.Dialled || peer.Identity is { IsRelay: true }))
        {
            StartLink(peer, now, outbox);
        }

        if (peer.AskBack is { } souls)
        {
            peer.AskBack = null;
            foreach (string soul in souls)
            {
                SendGet(peer, NewId(), new GunGet { Soul = soul }, outbox);
            }
        }
    }

    /// <summary>
    /// Two Weft nodes that dial each other keep one connection: that of the smaller name; both sides find the same one.
    /// Of two that one node dialled, the dialler drops the newer.
    /// </summary>
    /// <returns>The connection that was closed, or null.</returns>
    private GunPeer? CloseDuplicate(GunPeer peer, Outbox<GunOutput> outbox)
    {
        if (!peer.IsWeft)
        {
            return null; // A gun.js client that comes back has its old name; its dead connection ends by itself.
        }

        foreach (GunPeer other in _identified)
        {
            if (other == peer || other.IsClosing || other.Pid != peer.Pid || !other.IsWeft)
            {
                continue;
            }

            GunPeer? loser = null;
            if (other.Role != peer.Role)
            {
                GunRole keep = string.CompareOrdinal(Pid, peer.Pid) < 0 ? GunRole.Dialled : GunRole.Accepted;
                loser = peer.Role == keep ? other : peer;
            }
            else if (peer.Role == GunRole.Dialled)
            {
                loser = peer.Number > other.Number ? peer : other;
            }

            if (loser is not null)
            {
                Close(loser, GunCloseReason.Duplicate, DuplicateText, outbox);
                return loser;
            }
        }

        return null;
    }

    private void OnRefused(GunPeer peer, GunMessage message, Outbox<GunOutput> outbox)
    {
        if (message.ReplyTo is null && message.Id.Length > 0)
        {
            SendAck(peer, message.Id, message.Refusal, message.RefusalText, outbox);
        }
        else if (message.ReplyTo is not null)
        {
            OnAnswer(peer, message, outbox); // A broken answer is no answer; nobody waits for it any longer.
        }
    }

    private void OnPut(GunPeer peer, GunMessage message, WeftInstant now, Outbox<GunOutput> outbox)
    {
        FieldWrite[] writes = message.Writes!;
        string? ackTo = message.ReplyTo is null && message.Id.Length > 0 ? message.Id : null;
        int print = 0;
        if (ackTo is not null)
        {
            print = PrintOf(writes);
            bool isRepeat = !_dedup.TryAdd(ackTo, peer.Number, print, now, out (long Peer, int Print, bool Done) known);
            if (writes.Length == 0 || (isRepeat && known.Done && known.Print == print))
            {
                SendAck(peer, ackTo, WeftError.None, null, outbox); // The very same put was stored a moment ago.
                return;
            }
        }

        if (peer is { Link: null, Role: GunRole.Accepted })
        {
            SubscribePutter(peer, writes);
        }

        GunAsk? ask = null;
        if (message.ReplyTo is not null)
        {
            ask = NoteData(peer, message);
        }

        long ticket = ++_tickets;
        _writes.Add(ticket, new PendingWrite(peer, ackTo, print, ask));
        outbox.Add(new() { Kind = GunOutputKind.Write, Peer = peer.Number, Ticket = ticket, Writes = writes });
    }

    /// <summary>gun.js sends no get for what it holds from its own put, yet expects to hear of changes (0.3).</summary>
    private void SubscribePutter(GunPeer peer, FieldWrite[] writes)
    {
        string? last = null;
        foreach (ref readonly FieldWrite write in writes.AsSpan())
        {
            if (!ReferenceEquals(write.Soul, last))
            {
                last = write.Soul;
                _subscriptions.Subscribe(peer, last, field: null);
            }
        }
    }

    /// <summary>
    /// Tells a repeated put from another one with the same id, so that nothing is acknowledged unstored.
    /// </summary>
    private static int PrintOf(FieldWrite[] writes)
    {
        var hash = new HashCode();
        foreach (ref readonly FieldWrite write in writes.AsSpan())
        {
            hash.Add(write.Soul);
            hash.Add(write.Field);
            hash.Add(write.State);
            hash.AddBytes(write.Value.Json);
        }

        return hash.ToHashCode();
    }

    private void SendAck(GunPeer peer, string to, WeftError error, string? text, Outbox<GunOutput> outbox) =>
        outbox.Add(new()
        {
            Kind = GunOutputKind.SendAck,
            Peer = peer.Number,
            Id = NewId(),
            ReplyTo = to,
            Error = error,
            Text = error == WeftError.None ? null : text ?? ErrorCatalogue.Find(error).Title,
        });

    private static void SendGet(GunPeer peer, string id, GunGet get, Outbox<GunOutput> outbox) =>
        outbox.Add(new() { Kind = GunOutputKind.SendGet, Peer = peer.Number, Id = id, Get = get });
}
