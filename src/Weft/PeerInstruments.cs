using System.Diagnostics.Metrics;
using Weft.Node;
using Weft.Node.Gun;

namespace Weft;

/// <summary>The instruments of a peer's links, on the meter of its node.</summary>
internal static class PeerInstruments
{
    private static KeyValuePair<string, object?> Transport => Tag("transport", "ws");

    private static KeyValuePair<string, object?> Protocol => Tag("protocol", "gun");

    internal static void Add(WeftNode node, GunDriver gun)
    {
        node.Telemetry.Meter.CreateObservableUpDownCounter(
            "weft.peer.connections",
            () =>
            {
                int dialled = gun.ListPeers().Count(peer => peer.IsLink && peer.State == GunPeerState.Connected);
                return new Measurement<int>[]
                {
                    new(gun.ConnectionCount - dialled, Transport, Tag("role", "accepted")),
                    new(dialled, Transport, Tag("role", "dialled")),
                };
            },
            "{connection}",
            "Connections to peers.");
        node.Telemetry.Meter.CreateObservableCounter(
            "weft.peer.io",
            () => new Measurement<long>[]
            {
                new(node.Metrics.PeerBytesIn, Tag("direction", "in"), Protocol),
                new(node.Metrics.PeerBytesOut, Tag("direction", "out"), Protocol),
            },
            "By",
            "Bytes exchanged with peers.");
        node.Telemetry.Meter.CreateObservableGauge(
            "weft.sync.lag",
            () => new Measurement<long>(Lag(node, gun), Tag("scope", "relay")),
            "{operation}",
            "Commits that the relay furthest behind has not got yet.");
    }

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    private static long Lag(WeftNode node, GunDriver gun)
    {
        long committed = node.Store.CommittedSequence;
        long lag = 0;
        foreach (GunPeerInfo peer in gun.ListPeers())
        {
            if (peer.Kind == GunPeerKind.WeftRelay && peer.State == GunPeerState.Connected)
            {
                lag = Math.Max(lag, committed - peer.Cursor);
            }
        }

        return lag;
    }
}
