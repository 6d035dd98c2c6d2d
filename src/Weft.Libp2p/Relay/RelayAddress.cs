using System.Diagnostics.CodeAnalysis;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Relay;

/// <summary>Takes addresses through relays apart and puts them together: "/…/p2p/RELAY/p2p-circuit/p2p/PEER".</summary>
internal static class RelayAddress
{
    internal const int AnnouncedMax = 4; // Addresses through one relay.

    /// <summary>Takes an address through one relay apart.</summary>
    /// <param name="address">The address.</param>
    /// <param name="relay">Where the relay is: at least "/p2p/RELAY".</param>
    /// <param name="target">The peer behind it; empty where none is named.</param>
    /// <returns>False when it leads through no relay, through several, or the relay is not named.</returns>
    internal static bool TrySplit(Multiaddr address, [NotNullWhen(true)] out Multiaddr? relay, out PeerId target)
    {
        relay = null;
        target = address.Peer;
        if (!address.IsThroughRelay())
        {
            return false;
        }

        string text = address.ToString();
        int at = text.IndexOf(Circuit, StringComparison.Ordinal);
        string tail = text[(at + Circuit.Length)..];
        return Multiaddr.TryParse(text.AsSpan(0, at), out relay) && !relay.Peer.IsEmpty
            && !relay.TryFind(MultiaddrCode.Circuit, out _)
            && (tail.Length == 0 ? target.IsEmpty : tail == $"/p2p/{target}");
    }

    /// <summary>The address of a peer behind a relay.</summary>
    internal static Multiaddr Of(Multiaddr relay, PeerId peer) => Multiaddr.Parse($"{relay}{Circuit}/p2p/{peer}");

    /// <summary>
    /// The addresses to announce for a place at a relay: those it names that are its own and no nearer than the way it
    /// was reached, and the one it was dialled at. A relay cannot make others dial whom it wants.
    /// </summary>
    internal static IReadOnlyList<Multiaddr> Announced(
        PeerId relay, Multiaddr reached, bool wasDialled, IReadOnlyList<Multiaddr> told)
    {
        AddressScope nearest = AddressScopes.Of(reached);
        var all = new List<Multiaddr>();
        if (wasDialled)
        {
            all.Add(reached.WithPeer(relay));
        }

        foreach (Multiaddr one in told)
        {
            Multiaddr full = one.Peer.IsEmpty ? one.WithPeer(relay) : one;
            if (full.Peer == relay && !full.TryFind(MultiaddrCode.Circuit, out _) && AddressScopes.Of(full) >= nearest
                && !all.Contains(full))
            {
                all.Add(full);
            }
        }

        return [.. all.Take(AnnouncedMax).Select(one => Multiaddr.Parse($"{one}{Circuit}"))];
    }

    private const string Circuit = "/p2p-circuit";

    private static bool IsThroughRelay(this Multiaddr address) => address.TryFind(MultiaddrCode.Circuit, out _);
}
