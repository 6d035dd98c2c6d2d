using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>A peer that is dialled for logs again and again.</summary>
internal sealed class KeptLogLink(
    LogSpace space, string address, Func<string, CancellationToken, ValueTask<Stream>> dial, TimeSpan waitMin,
    TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;

    public void Start() => _running = Task.Run(RunAsync);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        TimeSpan wait = waitMin;
        while (!_stopping.IsCancellationRequested)
        {
            string why;
            long started = time.GetTimestamp();
            try
            {
                Stream stream = await dial(address, _stopping.Token).ConfigureAwait(false);
                why = await space.ReplicateAsync(stream, address, isInitiator: true, _stopping.Token)
                    .ConfigureAwait(false);
            }
            catch (Exception failed) when (failed is IOException or WeftException or OperationCanceledException)
            {
                why = failed.Message;
            }

            wait = time.GetElapsedTime(started) > WaitMax ? waitMin : wait;
            if (_stopping.IsCancellationRequested)
            {
                return;
            }

            LogDriverLog.DialFailed(logger, address, why, (long)wait.TotalMilliseconds);
            try
            {
                await Task.Delay(wait, time, _stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            wait = wait * 2 < WaitMax ? wait * 2 : WaitMax;
        }
    }
}
