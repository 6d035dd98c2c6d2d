using Microsoft.Extensions.Logging;
using Weft.Node.Storage;

namespace Weft.Node;

/// <summary>One peer in one process: its graph, its store, its links to other peers.</summary>
public sealed partial class WeftNode : IAsyncDisposable
{
    /// <summary>Starts a node on a store. The node owns the store from then on.</summary>
    /// <param name="options">Checked here; a broken bound throws before any effect.</param>
    /// <param name="store">Where the graph is kept.</param>
    /// <param name="time">Clock and timers; null for the system's.</param>
    /// <param name="loggers">Where drivers log; null for nowhere.</param>
    /// <param name="cancellationToken">Stops the start.</param>
    public static ValueTask<WeftNode> StartAsync(
        NodeOptions options,
        IStore store,
        TimeProvider? time = null,
        ILoggerFactory? loggers = null,
        CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>The options it runs with.</summary>
    public NodeOptions Options => throw new NotImplementedException();

    /// <summary>The graph.</summary>
    public GraphSpace Graph => throw new NotImplementedException();

    /// <summary>The store under it.</summary>
    public IStore Store => throw new NotImplementedException();

    /// <summary>Counts since the start.</summary>
    public NodeMetrics Metrics => throw new NotImplementedException();

    /// <summary>Stops cleanly: no new writes, everything accepted is made durable, peers are told, the store is closed.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
