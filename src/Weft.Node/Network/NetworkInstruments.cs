using System.Diagnostics.Metrics;
using Weft.Libp2p;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Kad;
using Weft.Node.Sync;
using static Weft.Node.Network.Instruments;

namespace Weft.Node.Network;

/// <summary>
/// The instruments of the libp2p side, on the meter of its node: read when somebody asks, from counts that are kept anyway.
/// </summary>
/// <remarks>Tags are few fixed words, never a peer, a topic or a key. Source: docs/reference/metrics.md.</remarks>
internal static class NetworkInstruments
{
    /// <summary>Adds all of them.</summary>
    internal static void Add(NodeNetwork network)
    {
        Meter meter = network.Node.Telemetry.Meter;
        AddHost(meter, network);
        AddPartition(meter, network);
        AddGossip(meter, network);
        if (network.Dht is { } dht)
        {
            AddDht(meter, dht.Service);
        }

        if (network.Node.Sync.Service is not null)
        {
            AddSync(meter, network.Node.Sync);
        }
    }

    private static void AddHost(Meter meter, NodeNetwork network)
    {
        Libp2pHost host = network.Host;
        meter.CreateObservableGauge(
            "weft.host.peers", () => (long)host.Use.Peers, "{peer}", "Peers that are connected over libp2p.");
        meter.CreateObservableGauge(
            "weft.host.connections",
            () => Each(("direction", "in", host.Use.InboundConnections), ("direction", "out", host.Use.OutboundConnections)),
            "{connection}", "Connections of libp2p.");
        meter.CreateObservableGauge(
            "weft.host.streams",
            () => Each(("direction", "in", host.Use.InboundStreams), ("direction", "out", host.Use.OutboundStreams)),
            "{stream}", "Streams of libp2p.");
        meter.CreateObservableGauge(
            "weft.host.memory", () => host.Use.MemoryBytes, "By", "Bytes received from peers that nobody has read yet.");
        meter.CreateObservableCounter(
            "weft.host.refused",
            () => Enum.GetValues<Libp2pCeiling>().Select(one => One("ceiling", Word(one.ToString()), host.RefusalsOf(one))),
            "{refusal}", "How often a ceiling of libp2p said no.");
    }

    private static void AddPartition(Meter meter, NodeNetwork network)
    {
        meter.CreateObservableGauge(
            "weft.partition.active", () => network.Partition.IsPartitioned ? 1L : 0L, "1",
            "1 while a part of the mesh is unreachable, else 0.");
        meter.CreateObservableGauge(
            "weft.partition.away", () => (long)network.Partition.Away.Count, "{peer}",
            "Peers of the present partition that are away.");
        meter.CreateObservableCounter(
            "weft.partition.count", () => network.Partition.Count, "{partition}", "Partitions since the start.");
    }

    private static void AddGossip(Meter meter, NodeNetwork network)
    {
        GossipService gossip = network.Gossip;
        meter.CreateObservableCounter(
            "weft.gossip.messages",
            () =>
            {
                GossipCounts counts = gossip.Counts;
                return Each(
                    ("what", "published", counts.Published), ("what", "delivered", counts.Delivered),
                    ("what", "sent", counts.Sent), ("what", "dropped", counts.Dropped));
            },
            "{message}", "Messages of topics: published here, delivered here, sent to peers, dropped at slow peers.");
        meter.CreateObservableCounter(
            "weft.gossip.verified", () => gossip.Counts.Verified, "{signature}", "Signatures of messages that were verified.");
        meter.CreateObservableCounter(
            "weft.gossip.refused",
            () => gossip.Counts.Refused.Select(one => One("reason", Word(one.Key.ToString()), one.Value)),
            "{message}", "What was refused of peers, by reason.");
        meter.CreateObservableGauge(
            "weft.topic.joined", () => (long)gossip.ListTopics().Count, "{topic}", "Topics this node has joined.");
        meter.CreateObservableGauge(
            "weft.topic.mesh", () => gossip.ListTopics().Sum(topic => (long)topic.Mesh), "{link}",
            "Mesh links, over all joined topics.");
        meter.CreateObservableGauge(
            "weft.topic.kept", () => network.TopicRelay?.List().Sum(topic => (long)topic.Count) ?? 0, "{message}",
            "Messages this node keeps for others.");
        meter.CreateObservableGauge(
            "weft.topic.kept.size", () => network.TopicRelay?.List().Sum(topic => topic.Bytes) ?? 0, "By",
            "Bytes of the messages this node keeps for others.");
    }

    private static void AddDht(Meter meter, KadService dht)
    {
        meter.CreateObservableGauge(
            "weft.dht.routes", () => (long)dht.Counts.Sizes.Routes, "{peer}", "Peers in the routing table.");
        meter.CreateObservableGauge(
            "weft.dht.queries", () => (long)dht.Counts.Sizes.Queries, "{query}", "Lookups at work.");
        meter.CreateObservableCounter(
            "weft.dht.results",
            () => dht.Counts.Results.Select(one => One("status", Word(one.Key.ToString()), one.Value)),
            "{query}", "Lookups, puts and announcements that ended, by how.");
        meter.CreateObservableCounter(
            "weft.dht.requests",
            () =>
            {
                KadCounts counts = dht.Counts;
                return Each(
                    ("result", "answered", counts.Requests - counts.TimeOuts), ("result", "unanswered", counts.TimeOuts));
            },
            "{request}", "Questions asked of peers, and those that got no answer.");
        meter.CreateObservableGauge(
            "weft.dht.records", () => (long)dht.Counts.Sizes.Records, "{record}", "Records kept here.");
        meter.CreateObservableGauge(
            "weft.dht.records.size", () => dht.Counts.Sizes.RecordBytes, "By", "Bytes of the records kept here.");
        meter.CreateObservableGauge(
            "weft.dht.provider.keys", () => (long)dht.Counts.Sizes.ProviderKeys, "{key}",
            "Keys whose providers are kept here for others.");
    }

    private static void AddSync(Meter meter, NodeSync sync)
    {
        meter.CreateObservableGauge(
            "weft.sync.sessions", () => (long)sync.ListPeers().Count, "{session}", "Peers that sessions are open with.");
        meter.CreateObservableGauge(
            "weft.sync.away", () => (long)sync.ListAway().Count, "{peer}",
            "Peers that sessions were open with before, and are not now.");
        meter.CreateObservableGauge(
            "weft.sync.peer.lag", () => sync.ListPeers().Select(peer => peer.Lag).DefaultIfEmpty().Max(), "{operation}",
            "Commits of this node that the connected peer furthest behind has not confirmed.");
        meter.CreateObservableGauge(
            "weft.sync.peer.behind", () => sync.ListPeers().Select(peer => peer.Behind).DefaultIfEmpty().Max(), "{operation}",
            "Commits known of a connected peer that are not here yet: the most of any peer.");
        meter.CreateObservableCounter(
            "weft.sync.fields",
            () =>
            {
                SyncCounts counts = sync.ReadCounts();
                return Each(("direction", "in", counts.FieldsIn), ("direction", "out", counts.FieldsOut));
            },
            "{field}", "Fields that sessions brought and sent.");
        meter.CreateObservableCounter(
            "weft.sync.refused",
            () =>
            {
                SyncCounts counts = sync.ReadCounts();
                return Each(("where", "here", counts.RefusedHere), ("where", "there", counts.RefusedThere));
            },
            "{field}", "Fields of sessions that were refused, here and at the peer.");
        meter.CreateObservableCounter(
            "weft.sync.comparisons", () => sync.ReadCounts().Comparisons, "{comparison}",
            "Comparisons of whole graphs that ended.");
        meter.CreateObservableCounter(
            "weft.sync.io",
            () =>
            {
                SyncCounts counts = sync.ReadCounts();
                return Each(("direction", "in", counts.BytesIn), ("direction", "out", counts.BytesOut));
            },
            "By", "Bytes of sessions.");
        meter.CreateObservableCounter(
            "weft.audit.reports",
            () => sync.AuditCounts.Select(one => One("result", one.Result, one.Count)),
            "{report}", "Audits with a peer that this node made, by what they found.");
    }
}

/// <summary>Shapes of measurements.</summary>
internal static class Instruments
{
    /// <summary>One measurement with one tag.</summary>
    internal static Measurement<long> One(string tag, string word, long value) =>
        new(value, new KeyValuePair<string, object?>(tag, word));

    /// <summary>Several of them.</summary>
    internal static IEnumerable<Measurement<long>> Each(params (string Tag, string Word, long Value)[] all) =>
        all.Select(one => One(one.Tag, one.Word, one.Value));

    /// <summary>The name of an enumeration's member as the word of a tag.</summary>
    internal static string Word(string name) => name.ToLowerInvariant();
}
