using Weft.Libp2p.Discovery;
using Weft.Libp2p.Relay;
using Weft.Libp2p.Rendezvous;
using Weft.Node.Events;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;
using Weft.Protocols.Pex;

namespace Weft.Node.Network;

/// <content>How the node learns of others: relays, rendezvous, peer exchange, the local network.</content>
public sealed partial class NodeNetwork
{
    private readonly List<IDiscovery> _discoveries = [];

    /// <summary>Reaches peers through relays, and keeps places at them.</summary>
    public RelayClient Relays { get; private set; } = null!;

    /// <summary>The relay this node is for others; null when it is none.</summary>
    public RelayService? RelayService { get; private set; }

    /// <summary>The rendezvous point this node is for others; null when it is none.</summary>
    public RendezvousService? RendezvousService { get; private set; }

    /// <summary>The ways by which it learns of peers now.</summary>
    public IReadOnlyList<IDiscovery> Discoveries => _discoveries;

    private async Task AddDiscoveryAsync(NetworkParts parts, CancellationToken cancellationToken)
    {
        NetworkDiscoveryOptions options = Options.Discovery;
        bool isSuper = Options.EffectiveProfile == NetworkProfile.Super;
        await AddAsync(Relays = new(Host), Relays.StartAsync, cancellationToken).ConfigureAwait(false);
        Relays.PlaceChanged += (relay, isThere) =>
            Tell(NodeEventKind.Relay, relay, one => one with { State = isThere ? "reserved" : "lost" });
        if (options.ServeRelay ?? isSuper)
        {
            RelayService = new(Host, _ceilings.Relay);
            await AddAsync(RelayService, RelayService.StartAsync, cancellationToken).ConfigureAwait(false);
        }

        if (options.ServeRendezvous ?? isSuper)
        {
            RendezvousService = new(Host, _ceilings.Rendezvous);
            await AddAsync(RendezvousService, RendezvousService.StartAsync, cancellationToken).ConfigureAwait(false);
        }

        if (options.Exchange)
        {
            bool isTest = Options.EffectiveProfile == NetworkProfile.Test;
            await AddAsync(new PexService(Host, new PexOptions { SharePrivate = isTest }), cancellationToken)
                .ConfigureAwait(false);
        }

        if (parts.LocalDiscovery is { } local && (options.Mdns ?? IsLocal()))
        {
            try
            {
                await AddAsync(local(Host), cancellationToken).ConfigureAwait(false);
            }
            catch (IOException taken)
            {
                NetworkLog.LocalFailed(Log, taken.Message); // The node is as good without it.
            }
        }

        if (options.Rendezvous.Count > 0)
        {
            Multiaddr[] points = [.. options.Rendezvous.Select(Multiaddr.Parse)];
            await AddAsync(new RendezvousDiscovery(Host, points, options.Namespace), cancellationToken)
                .ConfigureAwait(false);
        }

        foreach (string relay in options.Relays)
        {
            Relays.AddRelay(Multiaddr.Parse(relay));
        }
    }

    /// <summary>True where the node listens in a local network, and has no part that calls for silence.</summary>
    private bool IsLocal() => Options.EffectiveProfile == NetworkProfile.Default
        && Host.Addresses.Any(one => AddressScopes.Of(one) is AddressScope.Link or AddressScope.Private);

    private Task AddAsync(IDiscovery discovery, CancellationToken cancellationToken)
    {
        _discoveries.Add(discovery);
        return AddAsync(discovery, discovery.StartAsync, cancellationToken);
    }
}
