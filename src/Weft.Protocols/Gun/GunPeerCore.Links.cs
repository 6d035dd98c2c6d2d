using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>One change of the stream, as a relay gets it.</summary>
/// <param name="Soul">The node.</param>
/// <param name="Field">The field as it is now.</param>
/// <param name="Origin">The connection that brought it; 0 when unknown or this process.</param>
public readonly record struct GunChange(string Soul, StoredField Field, long Origin);

public sealed partial class GunPeerCore
{
    private static readonly TimeSpan SafeAge = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, long> _cursors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _interests = new(StringComparer.Ordinal);
    private readonly PendingPush _linkPush = new();
    private int _gunLinks;

    /// <summary>Changes that a ReadChanges output asked for.</summary>
    /// <param name="peer">The relay they are for.</param>
    /// <param name="changes">In order; may be empty.</param>
    /// <param name="cursor">The position reached; the old one when a scan is not complete.</param>
    /// <param name="more">True when there is more already.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    public void OnChanges(
        long peer,
        IReadOnlyList<GunChange> changes,
        long cursor,
        bool more,
        WeftInstant now,
        Outbox<GunOutput> outbox)
    {
        if (!_peers.TryGetValue(peer, out GunPeer? entry) || entry.Link is not { } link || entry.IsClosing)
        {
            return;
        }

        if (link.IsOutdated)
        {
            StopLink(entry);
            StartLink(entry, now, outbox);
            return;
        }

        link.IsReading = false;
        link.HasMore |= more;
        for (int i = 0; i < changes.Count; i++)
        {
            if (changes[i].Origin != peer)
            {
                _linkPush.Add(new GunFragment(changes[i].Soul, changes[i].Field));
            }
        }

        while (_linkPush.Count > 0)
        {
            GunFragment[] push = _linkPush.Take(ChunkBytesOf(entry));
            string id = SendPush(entry, push, outbox);
            if (link.Acknowledges)
            {
                link.Unacked.Add(id, link.Window.AddLast(new LinkMessage(id, 0, push)));
            }
        }

        if (link.Acknowledges)
        {
            link.Window.AddLast(new LinkMessage(null, cursor, []));
            Advance(link);
        }
        else
        {
            link.Cursor = cursor;
            if (now - link.MarkAt > SafeAge)
            {
                (link.Safe, link.Mark, link.MarkAt) = (link.Mark, cursor, now);
            }
        }

        PumpLink(entry, outbox);
    }

    private void StartLink(GunPeer peer, WeftInstant now, Outbox<GunOutput> outbox)
    {
        _subscriptions.Remove(peer);
        string key = peer.Identity?.StoreId ?? peer.Address;
        // Another Weft store gets everything it does not have; a strange relay only what is new since we first met.
        long cursor = _cursors.TryGetValue(key, out long known) ? known : peer.IsWeft ? 0 : _newest;
        peer.Link = new GunLinkState(key, peer.IsWeft, cursor) { MarkAt = now };
        _links.Add(peer);
        SaveCursor(key, cursor);
        outbox.Add(new() { Kind = GunOutputKind.Follow, Peer = peer.Number, Sequence = cursor });
        if (!peer.IsWeft)
        {
            _gunLinks++;
            foreach (string soul in InterestsOf(key))
            {
                peer.Link.Questions.Enqueue(soul);
            }
        }

        PumpLink(peer, outbox);
    }

    /// <summary>
    /// Starts a link anew; when changes for the old one are still on their way, only once they are here.
    /// </summary>
    private void RestartLink(GunPeer peer, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (peer.Link!.IsReading)
        {
            peer.Link.IsOutdated = true;
            return;
        }

        StopLink(peer);
        StartLink(peer, now, outbox);
    }

    private void StopLink(GunPeer peer)
    {
        if (peer.Link is not { } link)
        {
            return;
        }

        _links.Remove(peer);
        _gunLinks -= link.Acknowledges ? 0 : 1;
        SaveCursor(link.Key, link.Acknowledges ? link.Cursor : link.Safe);
        peer.Link = null;
    }

    private void PumpLink(GunPeer peer, Outbox<GunOutput> outbox)
    {
        GunLinkState link = peer.Link!;
        if (peer.IsClosing || !peer.IsWritable)
        {
            return;
        }

        for (int i = 0; i < 256 && link.Questions.TryDequeue(out string? soul); i++)
        {
            SendGet(peer, NewId(), new GunGet { Soul = soul }, outbox);
        }

        if (!link.IsReading && link.HasMore && link.Unacked.Count < _options.LinkMessagesMax)
        {
            link.IsReading = true;
            link.HasMore = false;
            outbox.Add(new()
            {
                Kind = GunOutputKind.ReadChanges, Peer = peer.Number, Bytes = _options.WeftChunkBytes,
            });
        }
    }

    /// <summary>A relay says that it has stored a message of ours, or why not.</summary>
    private void OnAck(GunPeer peer, GunMessage message, Outbox<GunOutput> outbox)
    {
        if (peer.Link is not { } link
            || !link.Unacked.Remove(message.ReplyTo!, out LinkedListNode<LinkMessage>? sent))
        {
            return;
        }

        if (message.ErrorText is { } text)
        {
            outbox.Add(new() { Kind = GunOutputKind.PeerError, Peer = peer.Number, Text = text });
            if (sent.Value.Push.Length > 1)
            {
                SendOneByOne(peer, link, sent, outbox);
            }
            else if (IsForLater(text))
            {
                // It will take this later, at the latest when its clock is right again: the cursor stays, and
                // replication goes on from there after a reconnect.
                Close(peer, GunCloseReason.PeerRefused, text, outbox);
                return;
            }
        }

        sent.Value = sent.Value with { Id = null, Push = [] };
        Advance(link);
        PumpLink(peer, outbox);
    }

    private static bool IsForLater(string errorText) => ErrorCatalogue.Find(errorText.Split(' ', 2)[0])
        is { IsTransient: true } or { Error: WeftError.StateTooFarAhead };

    /// <summary>One refused change refuses its whole message, so the good ones are sent again without it.</summary>
    private void SendOneByOne(
        GunPeer peer, GunLinkState link, LinkedListNode<LinkMessage> refused, Outbox<GunOutput> outbox)
    {
        LinkedListNode<LinkMessage> last = refused;
        foreach (GunFragment fragment in refused.Value.Push)
        {
            GunFragment[] alone = [fragment];
            string id = SendPush(peer, alone, outbox);
            last = link.Window.AddAfter(last, new LinkMessage(id, 0, alone));
            link.Unacked.Add(id, last);
        }
    }

    private string SendPush(GunPeer peer, GunFragment[] push, Outbox<GunOutput> outbox)
    {
        string id = NewId();
        outbox.Add(new() { Kind = GunOutputKind.SendPush, Peer = peer.Number, Id = id, Push = push });
        return id;
    }

    private void Advance(GunLinkState link)
    {
        while (link.Window.First is { Value: { Id: null } head })
        {
            link.Window.RemoveFirst();
            if (head.Cursor > link.Cursor)
            {
                link.Cursor = head.Cursor;
                SaveCursor(link.Key, head.Cursor);
            }
        }
    }

    private void SaveCursor(string key, long cursor)
    {
        if (_cursors.Count >= _options.CursorsMax && !_cursors.ContainsKey(key))
        {
            string oldest = _cursors.Keys.Min(StringComparer.Ordinal)!; // Losing one costs a catch-up, no data.
            _cursors.Remove(oldest);
        }

        _cursors[key] = cursor;
    }

    /// <summary>A GUN relay sends on only what it was asked for, so it is asked once for each soul used here.</summary>
    private void NoteInterest(string soul, Outbox<GunOutput> outbox)
    {
        if (_gunLinks == 0)
        {
            return;
        }

        foreach (GunPeer peer in _links)
        {
            if (peer.Link is { Acknowledges: false } link && InterestsOf(link.Key) is { } known
                && known.Count < _options.InterestsMax && known.Add(soul))
            {
                link.Questions.Enqueue(soul);
                PumpLink(peer, outbox);
            }
        }
    }

    private HashSet<string> InterestsOf(string key)
    {
        if (!_interests.TryGetValue(key, out HashSet<string>? known))
        {
            if (_interests.Count >= 64)
            {
                _interests.Clear(); // More links than that come and go only by mistake; asking again is harmless.
            }

            _interests.Add(key, known = new HashSet<string>(StringComparer.Ordinal));
        }

        return known;
    }
}
