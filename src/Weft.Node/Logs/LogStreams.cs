using System.Collections.Concurrent;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>
/// Replicates logs over libp2p: the same encrypted stream of Hypercore messages as over TCP, inside of a stream of
/// <see cref="Protocol"/>. Whoever dialled the connection opens the stream.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 8.</remarks>
internal sealed class LogStreams(Libp2pHost host, LogSpace logs) : IAsyncDisposable
{
    /// <summary>The protocol's name.</summary>
    public const string Protocol = "/weft/log/1";

    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<PeerConnection, Task> _running = new();
    private Task _watching = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        host.Handle(Protocol, TakeAsync);
        _watching = WatchAsync();
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        host.Unhandle(Protocol);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(false);
        await Task.WhenAll(_running.Values).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task TakeAsync(PeerStream stream, CancellationToken cancellationToken) =>
        await logs.ReplicateAsync(stream, stream.Remote.ToString(), isInitiator: false, cancellationToken)
            .ConfigureAwait(false);

    private async Task WatchAsync()
    {
        try
        {
            await foreach (PeerEvent happened in host.WatchAsync(_stopping.Token).ConfigureAwait(false))
            {
                bool speaks = happened.Kind == PeerEventKind.Identified && !happened.Connection.IsInbound
                    && !happened.Connection.IsLimited && happened.Identity is { } identity
                    && identity.Protocols.Contains(Protocol);
                if (speaks && !_running.ContainsKey(happened.Connection))
                {
                    _running[happened.Connection] = RunAsync(happened.Connection);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    private async Task RunAsync(PeerConnection connection)
    {
        await Task.Yield(); // Noted before it can end.
        try
        {
            PeerStream stream = await host.OpenStreamAsync(connection, [Protocol], _stopping.Token)
                .ConfigureAwait(false);
            await logs.ReplicateAsync(stream, connection.Remote.ToString(), isInitiator: true, _stopping.Token)
                .ConfigureAwait(false);
        }
        catch (Exception end) when (end is IOException or WeftException or OperationCanceledException
            or ObjectDisposedException)
        {
            // The connection has ended, or the peer wants no such stream; the next connection tries again.
        }
        finally
        {
            _running.TryRemove(connection, out _);
        }
    }
}
