using Weft.Graph;
using Weft.Node;
using Weft.Node.History;
using Weft.Primitives;

namespace Weft.Server.Access;

/// <summary>
/// The graph as one caller may touch it. Handlers reach the graph through here alone, so that a token that is limited
/// to a prefix sees and changes nothing beyond it, whichever resource it asks.
/// </summary>
internal readonly struct GraphDoor(GraphSpace graph, Caller caller)
{
    /// <summary>Refuses a field that this caller may not write; for bulk bodies that want to name the line.</summary>
    internal void CheckWrite(in FieldWrite write)
    {
        if (!caller.IsWhole(Scopes.Write))
        {
            caller.Check(Scopes.Write, write.Soul, write.Field);
        }
    }

    internal ValueTask<ReadResult> ReadFieldAsync(
        string soul, string field, ReadPolicy policy, CancellationToken cancellationToken)
    {
        caller.Check(Scopes.Read, soul, field);
        return graph.ReadFieldAsync(soul, field, policy, cancellationToken);
    }

    internal ValueTask<NodeResult> ReadNodeAsync(
        string soul, LexRange range, int fieldsMax, long bytesMax, ReadPolicy policy,
        CancellationToken cancellationToken)
    {
        if (range.Exact is { } field)
        {
            caller.Check(Scopes.Read, soul, field);
        }
        else
        {
            caller.CheckFields(Scopes.Read, soul, range.Prefix ?? "");
        }

        return graph.ReadNodeAsync(soul, range, fieldsMax, bytesMax, policy, cancellationToken);
    }

    /// <summary>The names and states a replacement needs; what it reads does not leave the node.</summary>
    internal ValueTask<NodeResult> ReadForReplaceAsync(
        string soul, int fieldsMax, long bytesMax, CancellationToken cancellationToken)
    {
        caller.Check(Scopes.Write, soul);
        return graph.ReadNodeAsync(soul, LexRange.All, fieldsMax, bytesMax, ReadPolicy.Local, cancellationToken);
    }

    internal ValueTask<IReadOnlyList<string>> ListAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken)
    {
        caller.Check(Scopes.Read, range.Prefix ?? "");
        return graph.ListAsync(range, soulsMax, cancellationToken);
    }

    internal ValueTask<WriteResult> WriteAsync(
        IReadOnlyList<FieldWrite> delta, WriteSource source, Durability durability, FieldCondition? condition,
        CancellationToken cancellationToken)
    {
        if (!caller.IsWhole(Scopes.Write))
        {
            foreach (FieldWrite write in delta)
            {
                caller.Check(Scopes.Write, write.Soul, write.Field);
            }
        }

        return graph.WriteAsync(delta, source, durability, condition, cancellationToken);
    }

    internal ValueTask<AckedWrite> WriteAsync(
        IReadOnlyList<FieldWrite> delta, WriteSource source, WriteAck ack, FieldCondition? condition,
        CancellationToken cancellationToken)
    {
        foreach (FieldWrite write in delta)
        {
            CheckWrite(write);
        }

        return graph.WriteAsync(delta, source, ack, condition, cancellationToken);
    }

    internal ValueTask<WriteResult> WriteAsync(
        IReadOnlyList<FieldWrite> delta, WriteSource source, Durability durability,
        CancellationToken cancellationToken) =>
        WriteAsync(delta, source, durability, null, cancellationToken);

    internal ValueTask<WriteResult> DeleteAsync(string soul, WriteSource source, CancellationToken cancellationToken)
    {
        caller.Check(Scopes.Write, soul);
        return graph.DeleteAsync(soul, null, source, cancellationToken);
    }

    /// <summary>Walks inside what the caller may read: other nodes are neither told nor passed through.</summary>
    internal IAsyncEnumerable<WalkStep> WalkAsync(
        string soul, WalkDirection direction, int depthMax, int nodesMax, CancellationToken cancellationToken)
    {
        caller.Check(Scopes.Read, soul);
        Caller reader = caller;
        Func<string, bool>? within =
            caller.IsWhole(Scopes.Read) ? null : reached => reader.MayTouch(Scopes.Read, reached);
        return graph.WalkAsync(soul, direction, depthMax, nodesMax, within, cancellationToken);
    }

    internal ValueTask<FieldExplanation> WhyAsync(string soul, string field, CancellationToken cancellationToken)
    {
        caller.Check(Scopes.Read, soul, field);
        return graph.WhyAsync(soul, field, cancellationToken);
    }

    /// <summary>The past of a node, for who may read all of it: or of one field.</summary>
    internal NodeHistory HistoryOf(string soul, string? field)
    {
        if (field is null)
        {
            caller.CheckFields(Scopes.Read, soul, "");
        }
        else
        {
            caller.Check(Scopes.Read, soul, field);
        }

        return graph.Get(soul).History;
    }

    /// <summary>Losing writes, newest first, among the souls that the caller may touch so.</summary>
    internal IReadOnlyList<Loss> ReadConflicts(Scopes scope, long? before, int lossesMax, string? soul = null)
    {
        if (soul is not null)
        {
            caller.Check(scope, soul); // All its fields: that nothing was lost in one is something to know, too.
        }

        Caller reader = caller;
        return caller.IsWhole(scope) && soul is null
            ? graph.ReadConflicts(before, lossesMax)
            : [.. graph.ReadConflicts(before, int.MaxValue)
                .Where(loss => soul is null ? reader.MayTouch(scope, loss.Soul, loss.Field) : loss.Soul == soul)
                .Take(lossesMax)];
    }

    internal ValueTask<ChangeSubscription> WatchAsync(ChangeFilter filter, CancellationToken cancellationToken)
    {
        if (filter.Field is { } field)
        {
            caller.Check(Scopes.Read, filter.Soul ?? filter.Prefix, field);
        }
        else
        {
            caller.Check(Scopes.Read, filter.Soul ?? filter.Prefix);
        }

        return graph.WatchAsync(filter, cancellationToken);
    }
}
