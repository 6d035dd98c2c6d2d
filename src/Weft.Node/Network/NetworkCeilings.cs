using Weft.Libp2p;
using Weft.Protocols.Relay;
using Weft.Protocols.Rendezvous;

namespace Weft.Node.Network;

/// <summary>The ceilings of the network that configuration sets one by one, by name; the rest stay as the profile has them.</summary>
/// <remarks>What each means, and its default: docs/operate/network.md, "Ceilings".</remarks>
public static class NetworkCeilings
{
    private static readonly Ceiling[] All =
    [
        new("InboundConnectionsMax", 0, 1_000_000, (set, to) => set.Host.Limits.InboundConnectionsMax = (int)to),
        new("OutboundConnectionsMax", 0, 1_000_000, (set, to) => set.Host.Limits.OutboundConnectionsMax = (int)to),
        new("CircuitConnectionsMax", 0, 1_000_000, (set, to) => set.Host.Limits.CircuitConnectionsMax = (int)to),
        new("InboundHandshakesMax", 0, 1_000_000, (set, to) => set.Host.Limits.InboundHandshakesMax = (int)to),
        new("PeerConnectionsMax", 1, 10_000, (set, to) => set.Host.Limits.PeerConnectionsMax = (int)to),
        new("DescriptorsMax", 0, int.MaxValue, (set, to) => set.Host.Limits.DescriptorsMax = (int)to),
        new("InboundStreamsMax", 0, 10_000_000, (set, to) => set.Host.Limits.InboundStreamsMax = (int)to),
        new("OutboundStreamsMax", 0, 10_000_000, (set, to) => set.Host.Limits.OutboundStreamsMax = (int)to),
        new("TransientStreamsMax", 0, 10_000_000, (set, to) => set.Host.Limits.TransientStreamsMax = (int)to),
        new("PeerInboundStreamsMax", 1, 1_000_000, (set, to) => set.Host.Limits.PeerInboundStreamsMax = (int)to),
        new("ConnectionInboundStreamsMax", 1, 100_000, (set, to) => set.Host.Yamux.InboundStreamsMax = (int)to),
        new("ProtocolStreamsMax", 1, 10_000_000, (set, to) => set.Host.Limits.ProtocolStreamsMax = (int)to),
        new("ProtocolPeerStreamsMax", 1, 1_000_000, (set, to) => set.Host.Limits.ProtocolPeerStreamsMax = (int)to),
        new("StreamWindowMax", 1 << 18, 1 << 30, (set, to) => set.Host.Yamux.WindowMax = (int)to),
        new("MemoryBytesMax", 1 << 20, 1L << 40, (set, to) => set.Host.Limits.MemoryBytesMax = to),
        new("PeerMemoryBytesMax", 1 << 20, 1L << 40, (set, to) => set.Host.Limits.PeerMemoryBytesMax = to),
        new("ConnectionBytesPerSecond", 0, 1L << 40, (set, to) => set.Host.Limits.ConnectionBytesPerSecond = to),
        new("AddressConnectionsMax", 1, 1_000_000, (set, to) => set.Host.Limits.Addresses.AddressConnectionsMax = (int)to),
        new("RangeConnectionsMax", 1, 1_000_000, (set, to) => set.Host.Limits.Addresses.RangeConnectionsMax = (int)to),
        new("AddressConnectionsPerSecond", 1, 1_000_000, (set, to) => set.Host.Limits.Addresses.ConnectionsPerSecond = to),
        new("KeptConnectionsMax", 1, 1_000_000, (set, to) => set.Host.Planner.ConnectionsMax = (int)to),
        new("KeptConnectionsLow", 0, 1_000_000, (set, to) => set.Host.Planner.ConnectionsLow = (int)to),
        new("RelayPlacesMax", 0, 1_000_000, (set, to) => set.Relay.ReservationsMax = (int)to),
        new("RelayPlacesPerAddressMax", 0, 1_000_000, (set, to) => set.Relay.ReservationsPerAddressMax = (int)to),
        new("RelayCircuitsMax", 0, 1_000_000, (set, to) => set.Relay.CircuitsMax = (int)to),
        new("RelayCircuitsPerPeerMax", 1, 1_000_000, (set, to) => set.Relay.CircuitsPerPeerMax = (int)to),
        new("RelayCircuitSeconds", 0, 31_536_000, (set, to) => set.Relay.CircuitTime = TimeSpan.FromSeconds(to)),
        new("RelayCircuitBytes", 0, 1L << 50, (set, to) => set.Relay.CircuitBytes = to),
        new("RendezvousRegistrationsMax", 0, 10_000_000, (set, to) => set.Rendezvous.RegistrationsMax = (int)to),
        new("RendezvousPerPeerMax", 1, 10_000, (set, to) => set.Rendezvous.PerPeerMax = (int)to),
    ];

    /// <summary>The names, in the order of the documentation.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(one => one.Name)];

    internal static IEnumerable<string> FindFaults(IEnumerable<KeyValuePair<string, long>> ceilings)
    {
        foreach ((string name, long value) in ceilings)
        {
            if (Find(name) is not { } known)
            {
                string plain = string.Concat(name.Take(60).Select(unit => char.IsControl(unit) ? '?' : unit));
                yield return $"Network:Limits has \"{plain}\"; allowed: {string.Join(", ", Names)}.";
            }
            else if (value < known.Min || value > known.Max)
            {
                yield return $"Network:Limits:{known.Name} is {value}; allowed: {known.Min} to {known.Max}.";
            }
        }
    }

    internal static void Apply(IEnumerable<KeyValuePair<string, long>> ceilings, NetworkCeilingTargets targets)
    {
        foreach ((string name, long value) in ceilings)
        {
            Find(name)?.Set(targets, value);
        }
    }

    private static Ceiling? Find(string name) =>
        Array.Find(All, one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private sealed record Ceiling(string Name, long Min, long Max, Action<NetworkCeilingTargets, long> Set);
}

/// <summary>What ceilings are set in.</summary>
/// <param name="Host">The host's.</param>
/// <param name="Relay">Those of the relay.</param>
/// <param name="Rendezvous">Those of the rendezvous point.</param>
internal sealed record NetworkCeilingTargets(Libp2pOptions Host, RelayOptions Relay, RendezvousOptions Rendezvous);
