using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Weft;

/// <summary>What health checks and the HTTP interface say about a peer.</summary>
public static class WeftHealth
{
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
