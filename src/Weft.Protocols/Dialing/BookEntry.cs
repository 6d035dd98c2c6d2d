using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>One address of a peer, as the book knows it.</summary>
/// <param name="Address">Without the peer's own id at its end.</param>
/// <param name="Source">Who told of it; the best of those who did.</param>
/// <param name="Expires">When it is forgotten, unless it is told again or works.</param>
/// <param name="HasWorked">A connection was opened there, and the peer proved itself.</param>
/// <param name="Failures">Failures in a row since it worked last.</param>
/// <param name="RetryAt">Before this moment it is not dialled without need.</param>
/// <param name="RoundTrip">The time a connection took to open, smoothed; zero when unknown.</param>
public readonly record struct BookEntry(
    Multiaddr Address,
    PeerSource Source,
    WeftInstant Expires,
    bool HasWorked,
    int Failures,
    WeftInstant RetryAt,
    TimeSpan RoundTrip);

/// <summary>What the book remembers of one peer.</summary>
internal sealed class BookPeer(PeerId id)
{
    internal PeerId Id { get; } = id;

    internal List<BookEntry> Entries { get; } = [];

    /// <summary>The best source of its addresses: in which list it waits to be evicted.</summary>
    internal PeerSource Rank { get; set; }

    internal LinkedListNode<BookPeer>? Place { get; set; }

    /// <summary>Where it stands among all peers, for drawing one by lot.</summary>
    internal int Index { get; set; }

    internal int Failures { get; set; }

    internal WeftInstant RetryAt { get; set; }

    /// <summary>The number of the newest signed record; null before the first.</summary>
    internal ulong? Sequence { get; set; }

    internal int IndexOf(Multiaddr address) => Entries.FindIndex(entry => entry.Address.Equals(address));
}
