using Weft.Primitives;

namespace Weft.Protocols.Gun;

public sealed partial class GunPeerCore
{
    private const int SilentMax = 2; // After so many unanswered questions a client is not waited for.

    private readonly Dictionary<string, GunAsk> _asks = new(StringComparer.Ordinal);
    private readonly PriorityQueue<GunAsk, long> _dueAsks = new();
    private int _nextOther;

    /// <summary>
    /// Asks peers on behalf of this node. Answers are merged; the end comes as AskEnded with the ticket.
    /// </summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">One field, or null for all.</param>
    /// <param name="deadline">How long peers may take.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    /// <returns>The ticket.</returns>
    public long Ask(string soul, string? field, TimeSpan deadline, WeftInstant now, Outbox<GunOutput> outbox)
    {
        var ask = new GunAsk
        {
            Id = NewId(),
            Get = new GunGet { Soul = soul, Field = field },
            Ticket = ++_tickets,
            Due = now + deadline,
        };
        NoteInterest(soul, outbox);
        if (!Start(ask, outbox))
        {
            outbox.Add(new() { Kind = GunOutputKind.AskEnded, Ticket = ask.Ticket, Count = ask.Asked });
        }

        return ask.Ticket;
    }

    private bool TryAsk(PendingRead read, WeftInstant now, Outbox<GunOutput> outbox) => Start(
        new GunAsk
        {
            Id = read.ReplyTo, // Relays know a question by its id, so that it never runs in circles.
            Get = read.Get,
            Requester = read.Peer,
            ReplyTo = read.ReplyTo,
            Due = now + _options.AskTimeout,
        },
        outbox);

    /// <returns>False when there is nobody to wait for.</returns>
    private bool Start(GunAsk ask, Outbox<GunOutput> outbox)
    {
        if (_dueAsks.Count >= _options.AsksMax || !_asks.TryAdd(ask.Id, ask))
        {
            return false;
        }

        foreach (GunPeer link in _links)
        {
            AskOne(ask, link, _options.AskHoldersMax, outbox);
        }

        if (ask.Get.Soul is not null && _subscriptions.Of(ask.Get.Soul) is { } holders)
        {
            for (int i = 0; i < holders.Count && ask.Asked < _options.AskHoldersMax; i++)
            {
                AskOne(ask, holders[i].Peer, _options.AskHoldersMax, outbox);
            }
        }

        int countMax = ask.Asked + _options.AskOthersMax;
        for (int i = 0; i < _identified.Count && i < 64 && ask.Asked < countMax; i++)
        {
            AskOne(ask, _identified[_nextOther++ % _identified.Count], countMax, outbox);
        }

        _nextOther &= int.MaxValue;
        if (ask.Waiting.Count == 0)
        {
            _asks.Remove(ask.Id);
            return false;
        }

        _dueAsks.Enqueue(ask, ask.Due.Microseconds);
        if (_dueAsks.Peek() == ask)
        {
            outbox.Add(new() { Kind = GunOutputKind.StartTimer, Due = ask.Due });
        }

        return true;
    }

    private static void AskOne(GunAsk ask, GunPeer peer, int countMax, Outbox<GunOutput> outbox)
    {
        if (peer == ask.Requester || peer.Pid is null || peer.IsClosing || ask.Asked >= countMax
            || ask.WasAsked(peer))
        {
            return;
        }

        ask.Asked++;
        ask.Peers.Add(peer);
        SendGet(peer, ask.Id, ask.Get, outbox);
        if (peer.Silent < SilentMax)
        {
            ask.Waiting.Add(peer);
        }
    }

    /// <summary>An answer without data: this peer does not have it.</summary>
    private void OnAnswer(GunPeer peer, GunMessage message, Outbox<GunOutput> outbox)
    {
        if (_asks.TryGetValue(message.ReplyTo!, out GunAsk? ask))
        {
            ask.Waiting.Remove(peer);
            CheckAsk(ask, outbox);
        }
    }

    /// <summary>
    /// An answer with data: it satisfies the question once it is stored, and no further part is to come.
    /// </summary>
    private GunAsk? NoteData(GunPeer peer, GunMessage message)
    {
        if (!_asks.TryGetValue(message.ReplyTo!, out GunAsk? ask) || !ask.WasAsked(peer))
        {
            return null;
        }

        ask.GotData = true;
        ask.WritesPending++;
        if (!message.More)
        {
            ask.GotAll = true;
            ask.Waiting.Remove(peer);
        }

        return ask;
    }

    private void CheckAsk(GunAsk ask, Outbox<GunOutput> outbox)
    {
        if (ask.WritesPending == 0 && (ask.GotAll || ask.Waiting.Count == 0))
        {
            End(ask, outbox);
        }
    }

    private void End(GunAsk ask, Outbox<GunOutput> outbox, bool isLate = false)
    {
        if (!_asks.TryGetValue(ask.Id, out GunAsk? current) || current != ask)
        {
            return; // Over already.
        }

        _asks.Remove(ask.Id);
        if (ask.Requester is null)
        {
            outbox.Add(new()
            {
                Kind = GunOutputKind.AskEnded, Ticket = ask.Ticket, Count = ask.Asked, More = isLate && !ask.GotData,
            });
            return;
        }

        if (ask.Requester.IsClosing)
        {
            return;
        }

        if (!ask.GotData)
        {
            SendNotFound(ask.Requester, ask.ReplyTo!, outbox);
            ask.Requester.Gets--;
            return;
        }

        EmitRead(
            new PendingRead
            {
                Peer = ask.Requester,
                ReplyTo = ask.ReplyTo!,
                Get = ask.Get,
                Soul = ask.Get.Soul,
                Budget = !ask.Get.IsRange ? int.MaxValue : Math.Min(ask.Get.Budget ?? 1, _options.RangeBytesMax),
            },
            outbox);
    }

    private void EndDueAsks(WeftInstant now, Outbox<GunOutput> outbox)
    {
        while (_dueAsks.TryPeek(out GunAsk? ask, out long due))
        {
            if (due > now.Microseconds)
            {
                outbox.Add(new() { Kind = GunOutputKind.StartTimer, Due = new WeftInstant(due) });
                return;
            }

            _dueAsks.Dequeue();
            if (_asks.TryGetValue(ask.Id, out GunAsk? current) && current == ask)
            {
                foreach (GunPeer peer in ask.Waiting)
                {
                    peer.Silent++;
                }

                End(ask, outbox, isLate: true);
            }
        }
    }

    private void ForgetInAsks(GunPeer peer, Outbox<GunOutput> outbox)
    {
        List<GunAsk>? touched = null;
        foreach (GunAsk ask in _asks.Values)
        {
            if (ask.Waiting.Remove(peer))
            {
                (touched ??= []).Add(ask);
            }
        }

        foreach (GunAsk ask in touched ?? [])
        {
            CheckAsk(ask, outbox);
        }
    }
}
