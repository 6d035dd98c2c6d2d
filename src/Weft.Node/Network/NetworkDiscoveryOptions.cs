using Weft.Protocols.Peers;
using Weft.Protocols.Rendezvous;

namespace Weft.Node.Network;

/// <summary>
/// How a node learns of others, and what it does so that others learn of each other. Section "Weft:Network:Discovery"
/// of
/// the configuration.
/// </summary>
public sealed class NetworkDiscoveryOptions
{
    /// <summary>Exchange signed addresses with connected peers. Default: true.</summary>
    public bool Exchange { get; set; } = true;

    /// <summary>
    /// Look for peers in the local network by mDNS, and be found there. Null, the default: in the default profile,
    /// where
    /// the node listens at an address of a local network.
    /// </summary>
    public bool? Mdns { get; set; }

    /// <summary>
    /// Relays at which the node keeps a place, so that it is reached through them: multiaddrs with the peer id at their
    /// end, at most 4. Default: none.
    /// </summary>
    public IList<string> Relays { get; set; } = [];

    /// <summary>Be a relay for others. Null, the default: in the profile super.</summary>
    public bool? ServeRelay { get; set; }

    /// <summary>
    /// Rendezvous points at which the node registers and looks for others: multiaddrs with the peer id at their end, at
    /// most 16. Default: none.
    /// </summary>
    public IList<string> Rendezvous { get; set; } = [];

    /// <summary>Under which namespace: 1 to 255 bytes. Default: "weft".</summary>
    public string Namespace { get; set; } = "weft";

    /// <summary>Be a rendezvous point for others. Null, the default: in the profile super.</summary>
    public bool? ServeRendezvous { get; set; }

    internal IEnumerable<string> FindFaults()
    {
        if (!RendezvousCodec.IsNamespace(Namespace))
        {
            yield return "Network:Discovery:Namespace has 1 to 255 bytes.";
        }

        foreach ((string key, IList<string> texts, int max) in ((string, IList<string>, int)[])
            [("Relays", Relays, 4), ("Rendezvous", Rendezvous, 16)])
        {
            if (texts.Count > max || texts.Any(
                text => !Multiaddr.TryParse(text, out Multiaddr? address) || address.Peer.IsEmpty))
            {
                yield return $"Network:Discovery:{key} takes at most {max} multiaddrs with a peer id at their end.";
            }
        }
    }
}
