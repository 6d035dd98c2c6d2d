using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weft.Node.Storage;

namespace Weft;

/// <summary>Starts the peer before anything of the host serves, and stops it after.</summary>
internal sealed class WeftHostedService(
    IOptions<WeftOptions> options,
    Func<WeftOptions, CancellationToken, ValueTask<IStore>>? openStore,
    TimeProvider? time,
    ILoggerFactory? loggers) : IHostedLifecycleService, IAsyncDisposable
{
    private WeftPeer? _peer;

    /// <summary>The peer.</summary>
    /// <exception cref="InvalidOperationException">The host has not started.</exception>
    public WeftPeer Peer => _peer
        ?? throw new InvalidOperationException("The Weft peer is there once the host has started.");

    /// <summary>The peer, or null before the start.</summary>
    public WeftPeer? PeerOrNull => _peer;

    public async Task StartingAsync(CancellationToken cancellationToken) =>
        _peer = await WeftPeer.StartAsync(
            options.Value, openStore, time, loggers, cancellationToken).ConfigureAwait(false);

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken) => await DisposeAsync().ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        if (_peer is not null)
        {
            await _peer.DisposeAsync().ConfigureAwait(false);
        }
    }
}
