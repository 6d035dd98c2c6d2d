using Weft.Libp2p;
using Weft.Libp2p.Discovery;
using Weft.Libp2p.Transport;

namespace Weft.Node.Network;

/// <summary>What the rim gives to a network: the node itself knows neither sockets nor files.</summary>
public sealed class NetworkParts
{
    /// <summary>How peers are reached, in the order in which they are asked; at least one.</summary>
    public IList<ITransport> Transports { get; init; } = [];

    /// <summary>Makes what looks for peers in the local network; null where there is no such thing.</summary>
    public Func<Libp2pHost, IDiscovery>? LocalDiscovery { get; init; }

    /// <summary>Makes what protects connections by TLS; null where there is no such thing.</summary>
    public Func<ISecurity>? Tls { get; init; }

    /// <summary>Looks names up; null leaves them to the transports, and then "/dnsaddr" leads nowhere.</summary>
    public INameResolver? Names { get; init; }

    /// <summary>Peers to dial before any other: what an earlier run gave to <see cref="SaveAnchors"/>.</summary>
    public IReadOnlyList<PeerAnchor> Anchors { get; init; } = [];

    /// <summary>Keeps anchors over a restart; called now and then, and at the end. Null: they are not kept.</summary>
    public Action<IReadOnlyList<PeerAnchor>>? SaveAnchors { get; init; }

    /// <summary>
    /// Connections that the descriptors of the process have room for, where options name no ceiling; null for any number.
    /// </summary>
    public int? DescriptorsMax { get; init; }

    /// <summary>What is disposed after the host.</summary>
    public IList<IDisposable> Owned { get; init; } = [];

    /// <summary>What identify says of the program. Default: "weft".</summary>
    public string AgentVersion { get; init; } = "weft";

    /// <summary>Peers that are not to be connected with, from earlier runs.</summary>
    public IReadOnlyList<BannedPeer> Bans { get; init; } = [];

    /// <summary>Peers to keep connected, from earlier runs, beside those of the options.</summary>
    public IReadOnlyList<string> Links { get; init; } = [];
}
