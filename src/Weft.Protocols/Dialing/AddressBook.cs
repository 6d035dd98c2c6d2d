using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>
/// Where peers can be reached: who told of it, whether it worked, when to try again. Everything has a ceiling; what
/// strangers tell never drives out what is known better.
/// </summary>
/// <remarks>
/// Pure; one caller at a time. A full book gives up the peer that was told of longest ago by the least trusted source,
/// but never one of a better source than the newcomer's. Source: docs/spec/libp2p.md.
/// </remarks>
public sealed partial class AddressBook(AddressBookOptions options)
{
    private readonly Dictionary<PeerId, BookPeer> _peers = [];
    private readonly List<BookPeer> _order = [];
    private readonly LinkedList<BookPeer>[] _ranks =
        [.. Enumerable.Range(0, (int)PeerSource.Configured + 1).Select(_ => new LinkedList<BookPeer>())];
    private readonly Dictionary<IpRange, int> _ranges = [];

    /// <summary>Peers with at least one address.</summary>
    public int Count => _peers.Count;

    /// <summary>Addresses of all peers.</summary>
    public int AddressCount { get; private set; }

    /// <summary>The peers, in the order of their names.</summary>
    public IEnumerable<PeerId> Peers => _peers.Keys.Order();

    /// <summary>Takes addresses of a peer.</summary>
    /// <param name="peer">Whose.</param>
    /// <param name="addresses">
    /// The addresses; those that name another peer at their end, or cannot be reached from anywhere, are left out.
    /// </param>
    /// <param name="source">Who told of them.</param>
    /// <param name="nearest">
    /// The nearest scope that is taken: a peer from afar does not send this one into its own machine or network.
    /// <see cref="PeerSource.Configured"/> and <see cref="PeerSource.Connected"/> take every scope.
    /// </param>
    /// <param name="now">The moment.</param>
    /// <returns>How many were taken, or were known and count as told anew.</returns>
    public int Add(
        PeerId peer, IEnumerable<Multiaddr> addresses, PeerSource source, AddressScope nearest, WeftInstant now)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        if (peer.IsEmpty)
        {
            return 0;
        }

        AddressScope least = source >= PeerSource.Connected ? AddressScope.Process : nearest;
        int taken = 0;
        int looked = 0;
        foreach (Multiaddr address in addresses)
        {
            if (looked++ == 4 * options.AddressesPerPeerMax)
            {
                break; // However long the list is, it costs no more than this.
            }

            if (Bare(peer, address) is { } bare && AddressScopes.Of(bare) is var scope && scope >= least
                && scope != AddressScope.None && TryTake(peer, bare, source, scope, now))
            {
                taken++;
            }
        }

        return taken;
    }

    /// <summary>Takes a record the peer has signed; it replaces what an older one said.</summary>
    /// <param name="record">Opened: its signature fits.</param>
    /// <param name="nearest">As for <see cref="Add"/>.</param>
    /// <param name="now">The moment.</param>
    /// <returns>False when it is no newer than the one known, or nothing of it is taken.</returns>
    public bool AddSigned(PeerRecord record, AddressScope nearest, WeftInstant now)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (_peers.TryGetValue(record.Peer, out BookPeer? known) && known.Sequence is { } last)
        {
            if (record.Sequence <= last)
            {
                return false;
            }

            // What the peer says no longer goes; what has worked or was configured stays.
            RemoveEntries(known, entry => entry.Source == PeerSource.SignedRecord && !entry.HasWorked);
        }

        bool isTaken = Add(record.Peer, record.Addresses, PeerSource.SignedRecord, nearest, now) > 0;
        if (_peers.TryGetValue(record.Peer, out known))
        {
            known.Sequence = record.Sequence;
        }

        return isTaken;
    }

    /// <summary>The addresses of a peer, the most promising first.</summary>
    /// <returns>Empty when the peer is not known.</returns>
    public IReadOnlyList<BookEntry> Find(PeerId peer, WeftInstant now)
    {
        if (!_peers.TryGetValue(peer, out BookPeer? known))
        {
            return [];
        }

        RemoveEntries(known, entry => entry.Expires <= now);
        return
        [
            .. known.Entries.OrderBy(entry => entry.Failures).ThenByDescending(entry => entry.HasWorked)
                .ThenByDescending(entry => entry.Source).ThenBy(entry => entry.RoundTrip),
        ];
    }

    /// <summary>Before this moment the peer is not dialled without need.</summary>
    public WeftInstant RetryAt(PeerId peer) =>
        _peers.TryGetValue(peer, out BookPeer? known) ? known.RetryAt : default;

    /// <summary>A connection was opened at an address, and the peer proved itself.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="address">Where.</param>
    /// <param name="roundTrip">How long the way there and back takes; zero when it was not measured.</param>
    /// <param name="now">The moment.</param>
    public void OnReached(PeerId peer, Multiaddr address, TimeSpan roundTrip, WeftInstant now)
    {
        if (Add(peer, [address], PeerSource.Connected, AddressScope.Process, now) == 0
            || !_peers.TryGetValue(peer, out BookPeer? known) || known.IndexOf(Bare(peer, address)!) is not (>= 0 and int at))
        {
            return;
        }

        known.Failures = 0;
        known.RetryAt = default;
        BookEntry entry = known.Entries[at];
        known.Entries[at] = entry with
        {
            HasWorked = true,
            Failures = 0,
            RetryAt = default,
            RoundTrip = entry.RoundTrip == default ? roundTrip : ((7 * entry.RoundTrip) + roundTrip) / 8,
        };
    }

    /// <summary>Nobody, or another peer, answers at an address.</summary>
    public void OnFailed(PeerId peer, Multiaddr address, WeftInstant now, WeftRandom random)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(random);
        if (!_peers.TryGetValue(peer, out BookPeer? known) || Bare(peer, address) is not { } bare
            || known.IndexOf(bare) is not (>= 0 and int at))
        {
            return;
        }

        BookEntry entry = known.Entries[at];
        int failures = entry.Failures + 1;
        if (failures >= options.FailuresMax && !entry.HasWorked && entry.Source != PeerSource.Configured)
        {
            RemoveEntries(known, one => one.Address.Equals(bare));
            return;
        }

        known.Entries[at] = entry with { Failures = failures, RetryAt = now + Wait(failures, random) };
    }

    /// <summary>No address of the peer has led to it.</summary>
    public void OnUnreachable(PeerId peer, WeftInstant now, WeftRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (_peers.TryGetValue(peer, out BookPeer? known))
        {
            known.Failures++;
            known.RetryAt = now + Wait(known.Failures, random);
        }
    }

    /// <summary>The peer has shown that it is alive: it dialled this one.</summary>
    public void OnSeen(PeerId peer)
    {
        if (_peers.TryGetValue(peer, out BookPeer? known))
        {
            known.Failures = 0;
            known.RetryAt = default;
        }
    }

    /// <summary>Forgets a peer.</summary>
    /// <returns>False when it was not known.</returns>
    public bool Remove(PeerId peer)
    {
        if (!_peers.TryGetValue(peer, out BookPeer? known))
        {
            return false;
        }

        Drop(known);
        return true;
    }

    /// <summary>Forgets what has expired.</summary>
    public void OnTimer(WeftInstant now)
    {
        for (int i = _order.Count - 1; i >= 0; i--)
        {
            RemoveEntries(_order[i], entry => entry.Expires <= now);
        }
    }

    /// <summary>
    /// Draws peers that may be dialled now: not backed off, with an address that is not backed off. The lot falls on
    /// ranges of addresses first and on peers then, so that many names in one network count as one.
    /// </summary>
    /// <param name="count">How many at most.</param>
    /// <param name="mayTake">Says which peers are wanted; it does not change the book.</param>
    /// <param name="now">The moment.</param>
    /// <param name="random">Draws.</param>
    public IReadOnlyList<PeerId> Draw(int count, Func<PeerId, bool> mayTake, WeftInstant now, WeftRandom random)
    {
        ArgumentNullException.ThrowIfNull(mayTake);
        ArgumentNullException.ThrowIfNull(random);
        var drawn = new List<PeerId>();
        Draw(drawn, count, peer => random.Chance(1.0 / Neighbours(peer)) && mayTake(peer.Id), now, random);
        if (drawn.Count < count)
        {
            HashSet<PeerId> taken = [.. drawn];
            Draw(drawn, count, peer => !taken.Contains(peer.Id) && mayTake(peer.Id), now, random);
        }

        return drawn;
    }

    private void Draw(
        List<PeerId> drawn, int count, Func<BookPeer, bool> mayTake, WeftInstant now, WeftRandom random)
    {
        int start = _order.Count == 0 ? 0 : random.Next(_order.Count);
        int step = StepThrough(_order.Count, random);
        for (int i = 0; i < _order.Count && drawn.Count < count; i++)
        {
            BookPeer peer = _order[(int)((start + ((long)i * step)) % _order.Count)];
            if (peer.RetryAt <= now && peer.Entries.Exists(entry => entry.Expires > now && entry.RetryAt <= now)
                && mayTake(peer))
            {
                drawn.Add(peer.Id);
            }
        }
    }

    private int Neighbours(BookPeer peer) =>
        RangeOf(peer) is { } range ? Math.Max(1, _ranges.GetValueOrDefault(range)) : 1;

    /// <summary>The public range (/16 of IPv4, /32 of IPv6) a peer lives in; null when it has none.</summary>
    internal IpRange? RangeOf(PeerId peer) => _peers.TryGetValue(peer, out BookPeer? known) ? RangeOf(known) : null;

    private static IpRange? RangeOf(BookPeer peer)
    {
        foreach (BookEntry entry in peer.Entries)
        {
            if (AddressScopes.Of(entry.Address) == AddressScope.Public
                && IpRange.TryOf(entry.Address, out IpRange range, 16, 32))
            {
                return range;
            }
        }

        return null;
    }

    private static Multiaddr? Bare(PeerId peer, Multiaddr address) =>
        address.Peer.IsEmpty ? address : address.Peer == peer ? address.WithoutPeer() : null;

    /// <summary>A step that visits every place of a ring once, so that a draw does not go by neighbours.</summary>
    private static int StepThrough(int count, WeftRandom random)
    {
        if (count < 3)
        {
            return 1;
        }

        int step = 1 + random.Next(count - 1);
        while (Gcd(step, count) != 1)
        {
            step = step == count - 1 ? 1 : step + 1;
        }

        return step;
    }

    private static int Gcd(int a, int b)
    {
        while (b != 0)
        {
            (a, b) = (b, a % b);
        }

        return a;
    }

    private TimeSpan Wait(int failures, WeftRandom random)
    {
        double seconds = options.BackoffMin.TotalSeconds * Math.Pow(2, Math.Min(failures, 30) - 1);
        double jitter = 0.75 + (0.5 * random.NextDouble());
        return TimeSpan.FromSeconds(Math.Min(seconds, options.BackoffMax.TotalSeconds) * jitter);
    }
}
