using Weft.Primitives;

namespace Weft.Protocols.Blobs;

/// <summary>Decides who is served: how many streams, how much per second. One caller at a time.</summary>
/// <remarks>Source: docs/spec/blobs.md, section 5.</remarks>
public sealed class BlobServeCore(BlobServeOptions options)
{
    private readonly Dictionary<PeerId, Guest> _guests = [];
    private readonly LinkedList<PeerId> _order = new(); // The one that came longest ago first.
    private int _streams;

    /// <summary>Streams that are served now.</summary>
    public int Streams => _streams;

    /// <summary>Peers that are remembered.</summary>
    public int Peers => _guests.Count;

    /// <summary>Lets a stream in; end it with <see cref="Leave"/>.</summary>
    /// <returns>False when there are too many.</returns>
    public bool TryEnter(PeerId peer)
    {
        if (_streams >= options.StreamsMax)
        {
            return false;
        }

        if (!_guests.TryGetValue(peer, out Guest? guest))
        {
            if (_guests.Count >= options.PeersMax && !TryForget())
            {
                return false;
            }

            guest = new Guest(_order.AddLast(peer), options);
            _guests.Add(peer, guest);
        }
        else
        {
            _order.Remove(guest.Place);
            _order.AddLast(guest.Place);
        }

        if (guest.Streams >= options.StreamsPerPeerMax)
        {
            return false;
        }

        guest.Streams++;
        _streams++;
        return true;
    }

    /// <summary>Ends a stream that was let in.</summary>
    public void Leave(PeerId peer)
    {
        if (_guests.TryGetValue(peer, out Guest? guest) && guest.Streams > 0)
        {
            guest.Streams--;
            _streams--;
        }
    }

    /// <summary>Counts bytes for a peer that was let in.</summary>
    /// <returns>How long to wait before they are sent.</returns>
    public TimeSpan Take(PeerId peer, int bytes, WeftInstant now) =>
        _guests.TryGetValue(peer, out Guest? guest) ? guest.Rate.Take(bytes, now) : TimeSpan.Zero;

    private bool TryForget()
    {
        for (LinkedListNode<PeerId>? at = _order.First; at is not null; at = at.Next)
        {
            if (_guests[at.Value].Streams == 0)
            {
                _guests.Remove(at.Value);
                _order.Remove(at);
                return true;
            }
        }

        return false;
    }

    private sealed class Guest(LinkedListNode<PeerId> place, BlobServeOptions options)
    {
        public TokenBucket Rate = new(options.PeerBytesPerSecond, options.PeerBurstBytes);

        public LinkedListNode<PeerId> Place { get; } = place;

        public int Streams { get; set; }
    }
}
