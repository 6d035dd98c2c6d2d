using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Dialing;

/// <summary>Where peers can be reached. Safe to use from many threads.</summary>
/// <remarks>
/// Everything has a ceiling (<see cref="Libp2pOptions.Book"/>). A peer from afar cannot tell of addresses within this
/// machine or its network. Drives an <see cref="AddressBook"/>.
/// </remarks>
public sealed class PeerBook
{
    private readonly Lock _gate = new();
    private readonly AddressBook _book;
    private readonly Libp2pOptions _options;
    private readonly Func<IReadOnlyList<Multiaddr>> _own;
    private readonly WeftRandom _random;

    internal PeerBook(Libp2pOptions options, Func<IReadOnlyList<Multiaddr>> own, WeftRandom random)
    {
        _book = new(options.Book);
        _options = options;
        _own = own;
        _random = random;
    }

    /// <summary>Peers with at least one address.</summary>
    public int Count => Locked(static book => book.Count);

    /// <summary>Addresses of all peers.</summary>
    public int AddressCount => Locked(static book => book.AddressCount);

    /// <summary>The peers, in the order of their names.</summary>
    public IReadOnlyList<PeerId> Peers => Locked(static book => book.Peers.ToArray());

    /// <summary>Takes addresses of a peer.</summary>
    /// <param name="peer">Whose.</param>
    /// <param name="addresses">With or without the peer's id at their end; what cannot be dialled is left out.</param>
    /// <param name="source">
    /// Who told of them. <see cref="PeerSource.Configured"/> takes every scope; anything else is bounded by where the
    /// teller is.
    /// </param>
    /// <param name="teller">
    /// The connection it was told over. Null: as near as the farthest address this host listens at, so that a host that
    /// listens on loopback alone takes loopback addresses.
    /// </param>
    /// <returns>How many were taken.</returns>
    public int Add(PeerId peer, IEnumerable<Multiaddr> addresses, PeerSource source, PeerConnection? teller = null)
    {
        AddressScope nearest = NearestFor(teller);
        lock (_gate)
        {
            return _book.Add(peer, addresses, source, nearest, Now);
        }
    }

    /// <summary>Takes a record its peer has signed, unless it is older than the one known.</summary>
    /// <param name="record">Opened: <see cref="PeerRecord.TryOpen"/> has verified it.</param>
    /// <param name="teller">As for <see cref="Add"/>.</param>
    /// <returns>True when it was newer, and something of it was taken.</returns>
    public bool AddSigned(PeerRecord record, PeerConnection? teller = null)
    {
        AddressScope nearest = NearestFor(teller);
        lock (_gate)
        {
            return _book.AddSigned(record, nearest, Now);
        }
    }

    /// <summary>The addresses of a peer, the most promising first, without its id at their end.</summary>
    public IReadOnlyList<Multiaddr> Addresses(PeerId peer) => [.. Find(peer).Select(entry => entry.Address)];

    /// <summary>What is known of each address of a peer, the most promising first.</summary>
    public IReadOnlyList<BookEntry> Find(PeerId peer)
    {
        lock (_gate)
        {
            return _book.Find(peer, Now);
        }
    }

    /// <summary>Forgets a peer.</summary>
    /// <returns>False when it was not known.</returns>
    public bool Remove(PeerId peer)
    {
        lock (_gate)
        {
            return _book.Remove(peer);
        }
    }

    internal WeftInstant Now => _options.Time.Instant();

    internal T Locked<T>(Func<AddressBook, T> use)
    {
        lock (_gate)
        {
            return use(_book);
        }
    }

    internal void OnReached(PeerId peer, Multiaddr address, TimeSpan roundTrip)
    {
        lock (_gate)
        {
            _book.OnReached(peer, address, roundTrip, Now);
        }
    }

    internal void OnFailed(PeerId peer, Multiaddr address)
    {
        lock (_gate)
        {
            _book.OnFailed(peer, address, Now, _random);
        }
    }

    internal void OnUnreachable(PeerId peer)
    {
        lock (_gate)
        {
            _book.OnUnreachable(peer, Now, _random);
        }
    }

    internal void OnTimer()
    {
        lock (_gate)
        {
            _book.OnTimer(Now);
        }
    }

    internal void OnSeen(PeerId peer)
    {
        lock (_gate)
        {
            _book.OnSeen(peer);
        }
    }

    private AddressScope NearestFor(PeerConnection? teller)
    {
        if (_options.NearestTold is { } set)
        {
            return set;
        }

        if (teller is not null)
        {
            AddressScope there = teller.IsLimited ? AddressScope.Public : AddressScopes.Of(teller.RemoteAddress);
            return there == AddressScope.None ? AddressScope.Public : there;
        }

        return Nearest;
    }

    /// <summary>The nearest scope that is taken of tellers nobody knows.</summary>
    internal AddressScope Nearest
    {
        get
        {
            if (_options.NearestTold is { } set)
            {
                return set;
            }

            AddressScope farthest = _own().Select(AddressScopes.Of).DefaultIfEmpty(AddressScope.Public).Max();
            return farthest == AddressScope.None ? AddressScope.Public : farthest;
        }
    }
}
