using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Node.Network;
using Weft.Node.Blobs;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resources /stats, /verify, /maintain and /shutdown.</summary>
internal static class OperationApi
{
    /// <summary>The version of this node.</summary>
    internal static string Version { get; } =
        typeof(OperationApi).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            .Split('+')[0] ?? "0";

    internal static Task StatsAsync(ApiCall call) => call.AnswerAsync(StatusCodes.Status200OK, json =>
    {
        json.WriteStartObject();
        WriteNode(json, call);
        WriteStore(json, call.Peer.Node.Store.ReadStats());
        WriteOperations(json, call);
        BlobsApi.WriteStats(json, call.Peer.Node.Blobs.ReadStats());
        WriteProcess(json);
        WriteNetwork(json, call.Peer.Network);
        json.WriteEndObject();
    });

    internal static Task VerifyAsync(ApiCall call) => ProgressAnswer.RunAsync(
        call,
        StatusCodes.Status200OK,
        progress => call.Peer.Node.Store.VerifyAsync(progress, call.Aborted).AsTask(),
        VerifyReportJson.WriteMembers);

    internal static async Task MaintainAsync(ApiCall call)
    {
        await call.Peer.Node.Retention.PruneAsync(null, call.Aborted);
        MaintenanceResult done = await call.Peer.Node.Store.MaintainAsync(
            WallClock.ToState(call.Server.Time.GetUtcNow()), call.Aborted);
        BlobCollection blobs = await call.Peer.Node.Blobs.CollectAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("tombstonesRemoved", done.TombstonesRemoved);
            json.WriteNumber("expired", done.Expired);
            json.WriteNumber("bytesFreed", done.BytesFreed);
            json.WriteNumber("blobsRemoved", blobs.Removed);
            json.WriteNumber("blobsBytesFreed", blobs.BytesFreed);
            json.WriteNumber("durationMs", (long)done.Duration.TotalMilliseconds);
            json.WriteEndObject();
        });
    }

    internal static async Task ShutdownAsync(ApiCall call)
    {
        await call.AnswerAsync(StatusCodes.Status202Accepted, json =>
        {
            json.WriteStartObject();
            json.WriteBoolean("stopping", true);
            json.WriteEndObject();
        });
        await call.Response.CompleteAsync(); // The client has its answer before the node begins to stop.
        ServerLog.Stopping(call.Server.Logger, "a client asked for it");
        call.Server.RequestStop();
    }

    private static void WriteNode(Utf8JsonWriter json, ApiCall call)
    {
        WeftPeer peer = call.Peer;
        json.WriteString("name", peer.Options.Name);
        json.WriteString("version", Version);
        json.WriteString("startedAt", JsonAnswers.Time(call.Server.StartedAt));
        json.WriteNumber("uptimeMs", (long)(call.Server.Time.GetUtcNow() - call.Server.StartedAt).TotalMilliseconds);
        json.WriteBoolean("ready", WeftHealth.ReasonsNotReady(peer).Count == 0);
        json.WriteString("durability", JsonAnswers.Name(peer.Options.Durability));
        json.WriteString("store", peer.Options.Store == WeftStoreKind.Engine ? "engine" : "memory");
        json.WriteString(
            "dataFolder", peer.Options.Store == WeftStoreKind.Engine ? Path.GetFullPath(peer.Options.Path) : null);
        json.WriteNumber("memoryMiB", peer.Options.MemoryMiB);
        json.WriteString("storeId", peer.Node.Store.StoreId);
        json.WriteNumber("sequence", peer.Node.Store.CommittedSequence);
    }

    private static void WriteStore(Utf8JsonWriter json, StoreStats stats)
    {
        json.WriteStartObject("storage");
        json.WriteNumber("nodes", stats.Nodes);
        json.WriteNumber("fields", stats.Fields);
        json.WriteNumber("memoryBytes", stats.MemoryBytes);
        json.WriteNumber("memoryBytesMax", stats.MemoryBytesMax);
        json.WriteNumber("diskBytes", stats.DiskBytes);
        json.WriteNumber("logBytes", stats.LogBytes);
        json.WriteNumber("commits", stats.Commits);
        json.WriteNumber("flushes", stats.Flushes);
        json.WriteNumber("cacheHits", stats.CacheHits);
        json.WriteNumber("cacheMisses", stats.CacheMisses);
        json.WriteNumber("flushP50Ms", stats.FlushP50Ms);
        json.WriteNumber("flushP99Ms", stats.FlushP99Ms);
        json.WriteString("failure", stats.Failure);
        json.WriteEndObject();
    }

    private static void WriteOperations(Utf8JsonWriter json, ApiCall call)
    {
        Node.NodeMetrics metrics = call.Peer.Node.Metrics;
        json.WriteStartObject("operations");
        json.WriteNumber("reads", metrics.Reads);
        json.WriteNumber("writes", metrics.Writes);
        json.WriteNumber("won", metrics.Won);
        json.WriteNumber("kept", metrics.Kept);
        json.WriteNumber("deferred", metrics.Deferred);
        json.WriteNumber("refused", metrics.Refused);
        json.WriteNumber("writesWaiting", call.Peer.Node.WritesWaiting);
        json.WriteNumber("deferredHeld", call.Peer.Node.DeferredCount);
        json.WriteNumber("requests", call.Server.Requests);
        json.WriteNumber("watches", call.Server.Watches);
        json.WriteNumber("peers", call.Peer.Gun.ConnectionCount);
        json.WriteEndObject();
    }

    private static void WriteNetwork(Utf8JsonWriter json, NodeNetwork? network)
    {
        if (network is null)
        {
            json.WriteNull("network");
            return;
        }

        json.WriteStartObject("network");
        json.WriteString("peerId", network.Id.ToString());
        json.WriteStartArray("addresses");
        foreach (Protocols.Peers.Multiaddr address in network.Addresses)
        {
            json.WriteStringValue(address.ToString());
        }

        json.WriteEndArray();
        json.WriteString("profile", network.Options.EffectiveProfile.ToString().ToLowerInvariant());
        json.WriteString("security", network.Options.Security.ToString().ToLowerInvariant());
        json.WriteNumber("peers", network.Host.Connections.Count);
        WritePartition(json, network.Partition);
        json.WriteNumber("outboundTarget", network.Options.OutboundTarget);
        json.WriteNumber("outboundChosen", network.Host.ChosenCount);
        json.WriteStartArray("anchors");
        foreach (Libp2p.PeerAnchor anchor in network.Anchors)
        {
            json.WriteStringValue(anchor.Peer.ToString());
        }

        json.WriteEndArray();
        json.WriteStartObject("relays");
        RelaysApi.WriteMembers(json, network);
        json.WriteEndObject();
        json.WriteStartArray("discovery");
        foreach (Libp2p.Discovery.IDiscovery way in network.Discoveries)
        {
            json.WriteStartObject();
            json.WriteString("source", NameOf(way.Source));
            json.WriteBoolean("active", way.IsActive);
            json.WriteNumber("found", way.Found);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("limits");
        foreach (LimitUse limit in network.ListLimits().Concat(ProcessLimits.Read()))
        {
            json.WriteStartObject();
            json.WriteString("scope", limit.Scope);
            json.WriteString("what", limit.What);
            json.WriteNumber("used", limit.Used);
            json.WriteNumber("max", limit.Max);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string NameOf(PeerSource source) => source switch
    {
        PeerSource.PeerExchange => "exchange",
        PeerSource.Rendezvous => "rendezvous",
        PeerSource.Mdns => "mdns",
        PeerSource.Dht => "dht",
        _ => source.ToString().ToLowerInvariant(),
    };

    private static void WritePartition(Utf8JsonWriter json, PartitionState partition)
    {
        json.WriteStartObject("partition");
        json.WriteBoolean("active", partition.IsPartitioned);
        json.WriteString("since", partition.Since is { } since ? JsonAnswers.Time(since) : null);
        json.WriteNumber("count", partition.Count);
        json.WriteStartArray("away");
        foreach (PeerId peer in partition.Away.Take(100))
        {
            json.WriteStringValue(peer.ToString());
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteProcess(Utf8JsonWriter json)
    {
        using var process = Process.GetCurrentProcess();
        json.WriteStartObject("process");
        json.WriteNumber("pid", Environment.ProcessId);
        json.WriteNumber("rssBytes", process.WorkingSet64);
        json.WriteNumber("heapBytes", GC.GetTotalMemory(forceFullCollection: false));
        json.WriteNumber("cpuMs", (long)process.TotalProcessorTime.TotalMilliseconds);
        json.WriteNumber("threads", ThreadPool.ThreadCount);
        json.WriteEndObject();
    }
}
