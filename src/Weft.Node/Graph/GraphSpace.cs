using Weft.Graph;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>The graph of a node: every read and every write, from whichever side, goes through here.</summary>
public sealed partial class GraphSpace
{
    /// <summary>A handle to one node of the graph. It reads nothing.</summary>
    /// <exception cref="ArgumentException">The soul is not valid.</exception>
    public GraphNode Get(string soul) => throw new NotImplementedException();

    /// <summary>Merges a delta, all or nothing. This is the one way in for local calls, HTTP, import and peers.</summary>
    /// <param name="delta">1 and up; a state of NaN asks this node for one (the same for the whole delta).</param>
    /// <param name="source">Who brings it.</param>
    /// <param name="durability">The level to wait for.</param>
    /// <param name="cancellationToken">Stops the waiting; what reached the log stays written.</param>
    /// <returns>What became of it. A refusal is a result, not an exception.</returns>
    /// <exception cref="WeftException">The local store failed.</exception>
    public ValueTask<WriteResult> WriteAsync(
        IReadOnlyList<FieldWrite> delta,
        WriteSource source,
        Durability durability = Durability.Disk,
        CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Reads one field.</summary>
    public ValueTask<ReadResult> ReadFieldAsync(
        string soul, string field, ReadPolicy policy = default, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Reads fields of one node in the order of their names.</summary>
    public ValueTask<NodeResult> ReadNodeAsync(
        string soul,
        LexRange range = default,
        int fieldsMax = int.MaxValue,
        long bytesMax = long.MaxValue,
        ReadPolicy policy = default,
        CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Lists souls in order. Nodes of which only tombstones are left are listed too.</summary>
    public ValueTask<IReadOnlyList<string>> ListAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Deletes one field, or all fields of a node, by writing null with a new state.</summary>
    public ValueTask<WriteResult> DeleteAsync(
        string soul, string? field, WriteSource source, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Follows links breadth first, in either direction.</summary>
    /// <param name="soul">Where to start.</param>
    /// <param name="direction">Which links.</param>
    /// <param name="depthMax">How many links away: 0 to 1,000.</param>
    /// <param name="nodesMax">Stops after so many nodes: 1 to 1,000,000.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    public IAsyncEnumerable<WalkStep> WalkAsync(
        string soul,
        WalkDirection direction = WalkDirection.Out,
        int depthMax = 3,
        int nodesMax = 10_000,
        CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Tells why a field has its value: the value, and the writes that lost.</summary>
    public ValueTask<FieldExplanation> WhyAsync(
        string soul, string field, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Lists losing writes from the journal, newest first.</summary>
    /// <param name="before">Only entries with a smaller number; null for the newest.</param>
    /// <param name="lossesMax">How many at the most.</param>
    public IReadOnlyList<Loss> ReadConflicts(long? before = null, int lossesMax = 100) =>
        throw new NotImplementedException();

    /// <summary>Starts observing: live when the task completes. Snapshot first (or resumed), then every change.</summary>
    /// <returns>Dispose it to stop.</returns>
    public ValueTask<ChangeSubscription> WatchAsync(
        ChangeFilter filter, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}

/// <summary>Who brings a write.</summary>
/// <param name="Name">For the journal: "local", "http", "import", or a peer's name.</param>
/// <param name="Connection">The number of the connection; 0 for this process.</param>
public readonly record struct WriteSource(string Name, long Connection = 0)
{
    /// <summary>Code in this process.</summary>
    public static WriteSource Local { get; } = new("local");

    /// <summary>The HTTP API.</summary>
    public static WriteSource Http { get; } = new("http");
}
