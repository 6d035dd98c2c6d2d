using Microsoft.Extensions.Logging;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft;

/// <summary>Asks the store, now and then, to remove what may go.</summary>
internal sealed class Maintenance : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;

    internal Maintenance(WeftNode node, TimeSpan interval, TimeProvider time, ILogger logger) =>
        _loop = interval == TimeSpan.Zero
            ? Task.CompletedTask
            : RunAsync(node, interval, time, logger, _stopping.Token);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private static async Task RunAsync(
        WeftNode node, TimeSpan interval, TimeProvider time, ILogger logger, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false))
            {
                try
                {
                    await node.Retention.ArchiveAsync(stopping).ConfigureAwait(false);
                    await node.Retention.PruneAsync(null, stopping).ConfigureAwait(false);
                    MaintenanceResult result = await node.Store.MaintainAsync(
                        WallClock.ToState(time.GetUtcNow()), stopping).ConfigureAwait(false);
                    WeftLog.Maintained(logger, result.TombstonesRemoved, result.Expired, result.BytesFreed,
                        (long)result.Duration.TotalMilliseconds);
                    await node.Blobs.CollectAsync(stopping).ConfigureAwait(false);
                }
                catch (WeftException failure)
                {
                    WeftLog.MaintenanceFailed(logger, failure.Code, failure); // The store turns health red by itself.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The peer stops.
        }
    }
}
