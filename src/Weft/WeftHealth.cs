using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Weft;

/// <summary>What health checks and the HTTP interface say about a peer.</summary>
public static class WeftHealth
{
    private const int LagMax = 100; // What is on its way is no lag.


    /// <summary>Why the peer is not ready to serve.</summary>
    /// <param name="peer">The peer, or null before it has started.</param>
    /// <returns>Empty when it is ready.</returns>
    public static IReadOnlyList<string> ReasonsNotReady(WeftPeer? peer)
    {
        if (peer is null)
        {
            return ["starting"];
        }

        if (!peer.IsReady)
        {
            return ["stopping"];
        }

        var reasons = new List<string>();
        if (peer.Node.Store.ReadStats().Failure is { } failure)
        {
            reasons.Add($"store: {failure}");
        }

        if (peer.Gun.Failure is not null)
        {
            reasons.Add("gun: the driver has stopped");
        }

        return reasons;
    }

    /// <summary>Why the peer and its libp2p peers do not hold the same, as far as it knows without asking them.</summary>
    /// <param name="peer">The peer, or null before it has started.</param>
    /// <returns>Empty when it is synced, or has nobody to synchronize with.</returns>
    public static IReadOnlyList<string> ReasonsNotSynced(WeftPeer? peer)
    {
        if (peer is null)
        {
            return ["starting"];
        }

        var reasons = new List<string>();
        if (peer.Network?.Partition is { IsPartitioned: true } partition)
        {
            reasons.Add($"partition: {partition.Away.Count} peers are unreachable since {partition.Since:u}");
        }

        IReadOnlyList<Node.Sync.SyncPeer> peers = peer.Sync.ListPeers();
        if (peers.Count(other => !other.IsCaughtUp) is > 0 and var comparing)
        {
            reasons.Add($"sync: still comparing with {comparing} of {peers.Count} peers");
        }

        if (peers.Select(other => Math.Max(other.Lag, other.Behind)).DefaultIfEmpty().Max() is > LagMax and var lag)
        {
            reasons.Add($"sync: {lag} commits behind");
        }

        return reasons;
    }
}

/// <summary>Healthy when connected peers and this one have what the other has; degraded while they have not.</summary>
internal sealed class WeftSyncedCheck(WeftHostedService service) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<string> reasons = WeftHealth.ReasonsNotSynced(service.PeerOrNull);
        return Task.FromResult(reasons.Count == 0
            ? HealthCheckResult.Healthy("synced")
            : HealthCheckResult.Degraded(string.Join("; ", reasons)));
    }
}

/// <summary>Healthy as long as the process can answer at all.</summary>
internal sealed class WeftLiveCheck(WeftHostedService service) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(HealthCheckResult.Healthy(service.PeerOrNull is null ? "starting" : "alive"));
}

/// <summary>Healthy when the peer takes reads and writes.</summary>
internal sealed class WeftReadyCheck(WeftHostedService service) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<string> reasons = WeftHealth.ReasonsNotReady(service.PeerOrNull);
        return Task.FromResult(reasons.Count == 0
            ? HealthCheckResult.Healthy("ready")
            : HealthCheckResult.Unhealthy(string.Join("; ", reasons)));
    }
}
