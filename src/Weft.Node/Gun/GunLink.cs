using System.Net.WebSockets;
using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

/// <summary>One configured link: dials a relay, serves the connection, and dials again with growing pauses.</summary>
internal sealed class GunLink(
    GunDriver driver, Uri address, Func<Uri, CancellationToken, ValueTask<WebSocket>> dial) : IAsyncDisposable
{
    private static readonly TimeSpan HeldMin = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stopping = new();
    private readonly LinkBackoff _backoff = new(
        driver.Options.RedialMin, driver.Options.RedialMax, driver.Random.Fork());
    private Task _loop = Task.CompletedTask;

    public Uri Address { get; } = address;

    public GunPeerState State { get; private set; } = GunPeerState.Dialling;

    public string? LastError { get; private set; }

    public void Start() => _loop = Task.Run(RunAsync);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        CancellationToken stopping = _stopping.Token;
        TimeProvider time = driver.Node.Time;
        while (!stopping.IsCancellationRequested)
        {
            long started = time.GetTimestamp();
            GunCloseReason? reason = await RunOnceAsync(stopping).ConfigureAwait(false);
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            if (time.GetElapsedTime(started) > HeldMin)
            {
                _backoff.Reset();
            }

            TimeSpan wait = _backoff.Next();
            if (reason is GunCloseReason.Self or GunCloseReason.Duplicate)
            {
                // Not a failure: dialling at once would only be closed again.
                wait = driver.Options.RedialMax;
                State = reason == GunCloseReason.Self ? GunPeerState.Self : GunPeerState.Duplicate;
            }
            else
            {
                State = GunPeerState.Waiting;
            }

            GunLog.LinkDown(driver.Logger, Address, LastError ?? "closed", (long)wait.TotalMilliseconds);
            try
            {
                await Task.Delay(wait, time, stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task<GunCloseReason?> RunOnceAsync(CancellationToken stopping)
    {
        State = GunPeerState.Dialling;
        WebSocket? socket = null;
        try
        {
            using (var timeout = new CancellationTokenSource(driver.Options.DialTimeout, driver.Node.Time))
            using (CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(
                stopping, timeout.Token))
            {
                socket = await dial(Address, both.Token).ConfigureAwait(false);
            }

            State = GunPeerState.Connected;
            LastError = null;
            GunLog.LinkUp(driver.Logger, Address);
            (GunCloseReason? reason, LastError) = await driver.ServeAsync(
                socket, new GunConnectionInfo(Address.AbsoluteUri, GunRole.Dialled), stopping).ConfigureAwait(false);
            return reason;
        }
        catch (OperationCanceledException)
        {
            LastError = "no answer in time";
            return null;
        }
        catch (Exception failure)
        {
            // Refused, unknown host, no WebSocket there: whatever it is, the link waits and tries again.
            LastError = failure.Message;
            return null;
        }
        finally
        {
            socket?.Dispose();
        }
    }
}
