using Weft.Node.Blobs;
using Weft.Node.Logs;
using Weft.Node.Sync;
using Weft.Protocols.Audit;
using Weft.Protocols.Sync;

namespace Weft.Node.Network;

/// <content>The services over the host: the one place where they are put together.</content>
public sealed partial class NodeNetwork
{
    private readonly List<IAsyncDisposable> _services = [];

    /// <summary>
    /// Starts every service, one line each, in the order in which they build on each other; they stop the other way
    /// round, before the host. A service is made with <see cref="Host"/>, kept in a property, and added here:
    /// <code>await AddAsync(Kad = new KadService(Host, Options.Kad), Kad.StartAsync, cancellationToken);</code>
    /// </summary>
    private async Task AddServicesAsync(NetworkParts parts, CancellationToken cancellationToken)
    {
        await AddPartitionWatchAsync(cancellationToken).ConfigureAwait(false);
        await AddDiscoveryAsync(parts, cancellationToken).ConfigureAwait(false);
        await AddDhtAsync(cancellationToken).ConfigureAwait(false);
        await AddGossipAsync(cancellationToken).ConfigureAwait(false);
        await AddSyncAsync(cancellationToken).ConfigureAwait(false);
        await AddReplicationAsync(cancellationToken).ConfigureAwait(false);
        await AddLogsAsync(cancellationToken).ConfigureAwait(false);
        await AddBlobsAsync(cancellationToken).ConfigureAwait(false);
        NetworkInstruments.Add(this);
    }

    private async Task AddBlobsAsync(CancellationToken cancellationToken)
    {
        if (Node.Store.Blobs is not null)
        {
            var blobs = new BlobService(this);
            await AddAsync(blobs, blobs.StartAsync, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task AddLogsAsync(CancellationToken cancellationToken)
    {
        var streams = new LogStreams(Host, Node.Logs);
        await AddAsync(streams, streams.StartAsync, cancellationToken).ConfigureAwait(false);
    }

    private async Task AddSyncAsync(CancellationToken cancellationToken)
    {
        if (Options.Sync)
        {
            SyncService sync = Sync = new SyncService(this, new SyncOptions(), Interests());
            Node.Sync.Service = sync;
            await AddAsync(sync, sync.StartAsync, cancellationToken).ConfigureAwait(false);
            var audits = new AuditService(sync, this, new AuditOptions());
            await AddAsync(audits, audits.StartAsync, cancellationToken).ConfigureAwait(false);
            Node.Sync.Audits = audits;
        }
    }

    private async Task AddAsync(
        IAsyncDisposable service, Func<CancellationToken, Task> start, CancellationToken cancellationToken)
    {
        _services.Add(service); // Before the start, so that one that fails half-way is stopped, too.
        await start(cancellationToken).ConfigureAwait(false);
    }

    private async Task StopServicesAsync()
    {
        for (int i = _services.Count - 1; i >= 0; i--)
        {
            try
            {
                await _services[i].DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception error)
            {
                // The others have to stop all the same, and the host after them.
                NetworkLog.StopFailed(Log, _services[i].GetType().Name, error);
            }
        }
    }
}
