using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <content>Room: who gets a place in the book, and who loses his.</content>
public sealed partial class AddressBook
{
    private bool TryTake(PeerId peer, Multiaddr address, PeerSource source, AddressScope scope, WeftInstant now)
    {
        _peers.TryGetValue(peer, out BookPeer? known);
        WeftInstant expires = options.LifetimeOf(source) == TimeSpan.MaxValue
            ? WeftInstant.Never
            : now + options.LifetimeOf(source);
        if (known?.IndexOf(address) is >= 0 and int at)
        {
            BookEntry entry = known.Entries[at];
            known.Entries[at] = entry with
            {
                Source = source > entry.Source ? source : entry.Source,
                Expires = expires > entry.Expires ? expires : entry.Expires,
                Failures = source == PeerSource.Configured ? 0 : entry.Failures,
                RetryAt = source == PeerSource.Configured ? default : entry.RetryAt,
            };
            Touch(known);
            return true;
        }

        if (!HasRangeFor(address, source, scope) || !TryMakeRoom(known, source))
        {
            return false;
        }

        known ??= NewPeer(peer);
        known.Entries.Add(new(address, source, expires, HasWorked: false, Failures: 0, default, default));
        known.RetryAt = source >= PeerSource.Identify ? default : known.RetryAt; // The peer itself says something new.
        CountRange(address, 1);
        AddressCount++;
        Touch(known);
        return true;
    }

    /// <summary>Neighbouring addresses share a part of the book, so that one network does not fill it.</summary>
    private bool HasRangeFor(Multiaddr address, PeerSource source, AddressScope scope) =>
        source >= PeerSource.Connected || scope != AddressScope.Public || !IpRange.TryOf(address, out IpRange range, 16, 32)
        || _ranges.GetValueOrDefault(range) < options.RangeAddressesMax;

    private bool TryMakeRoom(BookPeer? known, PeerSource source)
    {
        if (known is not null && known.Entries.Count >= options.AddressesPerPeerMax)
        {
            BookEntry worst = known.Entries.OrderBy(entry => entry.Source).ThenByDescending(entry => entry.Failures)
                .ThenBy(entry => entry.Expires).First();
            if (worst.Source > source)
            {
                return false;
            }

            known.Entries.Remove(worst);
            CountRange(worst.Address, -1);
            AddressCount--;
            return true;
        }

        while (AddressCount >= options.AddressesMax || (known is null && _peers.Count >= options.PeersMax))
        {
            if (OldestUpTo(source, known) is not { } oldest)
            {
                return false;
            }

            Drop(oldest);
        }

        return true;
    }

    private BookPeer? OldestUpTo(PeerSource source, BookPeer? except)
    {
        for (int rank = 0; rank <= (int)source; rank++)
        {
            LinkedListNode<BookPeer>? node = _ranks[rank].First;
            node = node?.Value == except ? node?.Next : node;
            if (node is not null)
            {
                return node.Value;
            }
        }

        return null;
    }

    private BookPeer NewPeer(PeerId id)
    {
        var peer = new BookPeer(id) { Index = _order.Count };
        _order.Add(peer);
        _peers.Add(id, peer);
        return peer;
    }

    /// <summary>The peer was told of now: it goes to the end of those of its rank.</summary>
    private void Touch(BookPeer peer)
    {
        peer.Place?.List?.Remove(peer.Place);
        peer.Rank = peer.Entries.Max(entry => entry.Source);
        peer.Place = _ranks[(int)peer.Rank].AddLast(peer);
    }

    private void RemoveEntries(BookPeer peer, Func<BookEntry, bool> isGone)
    {
        for (int i = peer.Entries.Count - 1; i >= 0; i--)
        {
            if (isGone(peer.Entries[i]))
            {
                CountRange(peer.Entries[i].Address, -1);
                peer.Entries.RemoveAt(i);
                AddressCount--;
            }
        }

        if (peer.Entries.Count == 0)
        {
            Drop(peer);
        }
    }

    private void Drop(BookPeer peer)
    {
        foreach (BookEntry entry in peer.Entries)
        {
            CountRange(entry.Address, -1);
        }

        AddressCount -= peer.Entries.Count;
        peer.Entries.Clear();
        peer.Place?.List?.Remove(peer.Place);
        if (_peers.Remove(peer.Id))
        {
            BookPeer last = _order[^1];
            _order[peer.Index] = last;
            last.Index = peer.Index;
            _order.RemoveAt(_order.Count - 1);
        }
    }

    private void CountRange(Multiaddr address, int change)
    {
        if (IpRange.TryOf(address, out IpRange range, 16, 32))
        {
            int count = _ranges.GetValueOrDefault(range) + change;
            if (count == 0)
            {
                _ranges.Remove(range);
            }
            else
            {
                _ranges[range] = count;
            }
        }
    }
}
