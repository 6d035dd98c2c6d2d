using System.Text.Json.Serialization.Metadata;
using Weft.Graph;
using Weft.Node.History;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>A handle to one node of the graph. Cheap to make, safe to share between threads, holds no data.</summary>
public sealed class GraphNode
{
    internal GraphNode(GraphSpace graph, string soul) => (Graph, Soul) = (graph, soul);

    /// <summary>The graph it belongs to.</summary>
    public GraphSpace Graph { get; }

    /// <summary>The node's global name.</summary>
    public string Soul { get; }

    /// <summary>Writes one field and hands the change to every interested peer.</summary>
    /// <param name="field">1 to 1,024 bytes of UTF-8. The name "_" is reserved for metadata.</param>
    /// <param name="value">Null, a Boolean, a finite double, text of at most 1 MiB of UTF-8, or a link.</param>
    /// <param name="cancellationToken">Stops the waiting. A write that already reached the log stays written.</param>
    /// <returns>The state the write got, and the durability it reached.</returns>
    /// <exception cref="ArgumentException">A bound above is broken. Nothing was stored.</exception>
    /// <exception cref="WeftException">The store failed or takes no writes. Nothing was stored.</exception>
    /// <remarks>
    /// Completes when the local log holds the write as firmly as <see cref="NodeOptions.Durability"/> says; peers get it
    /// later. Source: docs/spec/graph.md, section 2 (merge) and section 4 (limits).
    /// </remarks>
    public ValueTask<WriteResult> PutAsync(
        string field, WeftValue value, CancellationToken cancellationToken = default)
    {
        FieldRules.ThrowIfInvalid(Soul, field, value);
        FieldWrite[] delta = [new(Soul, field, value, double.NaN)];
        return Graph.WriteAsync(delta, WriteSource.Local, cancellationToken: cancellationToken);
    }

    /// <summary>Writes one field, and waits until other peers hold it, too.</summary>
    /// <param name="field">As above.</param>
    /// <param name="value">As above.</param>
    /// <param name="ack">How many peers, and how long.</param>
    /// <param name="cancellationToken">Stops the waiting. A write that already reached the log stays written.</param>
    /// <returns>How far it came: a deadline that passes is a result, not an exception.</returns>
    /// <exception cref="ArgumentException">A bound is broken. Nothing was stored.</exception>
    /// <exception cref="WeftException">The store failed or takes no writes. Nothing was stored.</exception>
    public ValueTask<AckedWrite> PutAsync(
        string field, WeftValue value, WriteAck ack, CancellationToken cancellationToken = default)
    {
        FieldRules.ThrowIfInvalid(Soul, field, value);
        ack.ThrowIfInvalid();
        FieldWrite[] delta = [new(Soul, field, value, double.NaN)];
        return Graph.WriteAsync(delta, WriteSource.Local, ack, cancellationToken: cancellationToken);
    }

    /// <summary>Writes several fields of the node in one batch, all or nothing.</summary>
    /// <exception cref="ArgumentException">A bound is broken, or there is no field. Nothing was stored.</exception>
    public ValueTask<WriteResult> PutAsync(
        IReadOnlyDictionary<string, WeftValue> fields, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(fields.Count, nameof(fields));
        FieldWrite[] delta = [.. fields.Select(field => new FieldWrite(Soul, field.Key, field.Value, double.NaN))];
        foreach (FieldWrite write in delta)
        {
            FieldRules.ThrowIfInvalid(Soul, write.Field, write.Value);
        }

        return Graph.WriteAsync(delta, WriteSource.Local, cancellationToken: cancellationToken);
    }

    /// <summary>Reads one field.</summary>
    /// <returns>A result that names what was found out and where; a miss is no exception.</returns>
    public ValueTask<ReadResult> GetAsync(
        string field, ReadPolicy policy = default, CancellationToken cancellationToken = default) =>
        Graph.ReadFieldAsync(Soul, field, policy, cancellationToken);

    /// <summary>Reads the node.</summary>
    public ValueTask<NodeResult> GetAsync(ReadPolicy policy = default, CancellationToken cancellationToken = default) =>
        Graph.ReadNodeAsync(Soul, policy: policy, cancellationToken: cancellationToken);

    /// <summary>Deletes one field, or all of them when <paramref name="field"/> is null.</summary>
    public ValueTask<WriteResult> DeleteAsync(string? field = null, CancellationToken cancellationToken = default) =>
        Graph.DeleteAsync(Soul, field, WriteSource.Local, cancellationToken);

    /// <summary>Starts observing the node: live when this returns.</summary>
    public ValueTask<ChangeSubscription> WatchAsync(
        string? field = null, CancellationToken cancellationToken = default) =>
        Graph.WatchAsync(new ChangeFilter(Soul, Field: field), cancellationToken);

    /// <summary>The node's past, as far as a policy has this peer keep it.</summary>
    public NodeHistory History => Graph.HistoryOf(Soul);

    /// <summary>A field as a series of values over time, as far as a rule keeps its past.</summary>
    /// <exception cref="ArgumentException">The field name is not valid.</exception>
    public NodeSeries Series(string field)
    {
        FieldRules.ThrowIfInvalid(Soul, field, WeftValue.Null);
        return Graph.SeriesOf(this, field);
    }

    /// <summary>The set of links under a field, as gun.js's <c>set()</c> keeps it.</summary>
    /// <exception cref="ArgumentException">The field name is not valid.</exception>
    public GraphSet Set(string field)
    {
        FieldRules.ThrowIfInvalid(Soul, field, WeftValue.Null);
        return new GraphSet(this, field);
    }

    /// <summary>The node with its values sealed for a group: peers that carry them see ciphertext.</summary>
    /// <param name="group">Of the same node of the network, by its <see cref="WeftNode.Groups"/>.</param>
    public ProtectedNode ProtectFor(Group group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new ProtectedNode(this, group);
    }

    /// <summary>The node as a type of the application's own.</summary>
    /// <param name="type">From a source-generated <c>JsonSerializerContext</c>.</param>
    public NodeRef<T> As<T>(JsonTypeInfo<T> type)
        where T : class => new(this, type);
}
