using System.Runtime.CompilerServices;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Replication;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>A node whose values are sealed for a group: peers that carry them see ciphertext.</summary>
/// <remarks>
/// Hidden are the values; not hidden are the soul, the names of fields, the group's name and members, who writes, when,
/// and how long a value is. Source: docs/spec/groups.md, section 4.
/// </remarks>
public sealed class ProtectedNode
{
    private readonly GraphNode _node;
    private readonly Group _group;

    internal ProtectedNode(GraphNode node, Group group) => (_node, _group) = (node, group);

    /// <summary>The node's global name.</summary>
    public string Soul => _node.Soul;

    /// <summary>For whom its values are sealed.</summary>
    public Group Group => _group;

    /// <summary>Seals one value for the members as this node knows them now, and writes it.</summary>
    /// <param name="field">As for <see cref="GraphNode.PutAsync(string, WeftValue, CancellationToken)"/>.</param>
    /// <param name="value">Its JSON text has at most 750,000 bytes; null deletes, for everybody to see.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// Refused with <see cref="WeftError.GroupUnknown"/>, <see cref="WeftError.GroupKeyMissing"/> or
    /// <see cref="WeftError.GroupSplit"/> when it cannot be sealed; then nothing was written.
    /// </returns>
    /// <exception cref="ArgumentException">A bound is broken. Nothing was stored.</exception>
    /// <exception cref="WeftException">The store failed. Nothing was stored.</exception>
    public ValueTask<WriteResult> PutAsync(
        string field, WeftValue value, CancellationToken cancellationToken = default) =>
        PutAsync([new FieldWrite(Soul, field, value, double.NaN)], cancellationToken);

    /// <summary>Seals a value and writes it, and waits until other peers hold it, too.</summary>
    /// <param name="field">As above.</param>
    /// <param name="value">As above.</param>
    /// <param name="ack">How many peers, and how long.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>How far it came; refused as above.</returns>
    /// <exception cref="ArgumentException">A bound is broken. Nothing was stored.</exception>
    /// <exception cref="WeftException">The store failed. Nothing was stored.</exception>
    public async ValueTask<AckedWrite> PutAsync(
        string field, WeftValue value, WriteAck ack, CancellationToken cancellationToken = default)
    {
        ack.ThrowIfInvalid();
        AckWaiter waiter = _node.Graph.Acks!();
        WriteResult result = await PutAsync(field, value, cancellationToken).ConfigureAwait(false);
        return await waiter.WaitAsync(result, [Soul], ack, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Seals several values and writes them in one batch, all or nothing.</summary>
    /// <exception cref="ArgumentException">A bound is broken, or there is no field. Nothing was stored.</exception>
    public ValueTask<WriteResult> PutAsync(
        IReadOnlyDictionary<string, WeftValue> fields, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(fields.Count, nameof(fields));
        return PutAsync(
            [.. fields.Select(field => new FieldWrite(Soul, field.Key, field.Value, double.NaN))], cancellationToken);
    }

    /// <summary>Reads one field and opens it.</summary>
    /// <returns>A result that names what was found, and what its seal says; a closed value is no exception.</returns>
    public async ValueTask<ProtectedResult> GetAsync(
        string field, ReadPolicy policy = default, CancellationToken cancellationToken = default)
    {
        ReadResult read = await _node.GetAsync(field, policy, cancellationToken).ConfigureAwait(false);
        (SealStatus seal, WeftValue value) = await _group.OpenAsync(Soul, field, read.Value, cancellationToken)
            .ConfigureAwait(false);
        return new(read.Status, seal, value, read.State, read.Source, read.PeersAsked, read.Author);
    }

    /// <summary>Reads the node and opens its fields.</summary>
    public async ValueTask<ProtectedNodeResult> GetAsync(
        ReadPolicy policy = default, CancellationToken cancellationToken = default)
    {
        NodeResult read = await _node.GetAsync(policy, cancellationToken).ConfigureAwait(false);
        var fields = new ProtectedField[read.Fields.Count];
        for (int i = 0; i < fields.Length; i++)
        {
            fields[i] = await OpenAsync(read.Fields[i], cancellationToken).ConfigureAwait(false);
        }

        return new(read.Status, fields);
    }

    /// <summary>
    /// Observes the node, or one field of it: what is there first, then changes, opened one by one. A value that could
    /// not be opened when it came is not shown again when its key arrives later; read it then.
    /// </summary>
    /// <param name="field">One field; null for all.</param>
    /// <param name="cancellationToken">Ends the stream with <see cref="OperationCanceledException"/>.</param>
    public async IAsyncEnumerable<ProtectedChange> ObserveAsync(
        string? field = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ChangeSubscription changes = await _node.WatchAsync(field, cancellationToken).ConfigureAwait(false);
        await using (changes.ConfigureAwait(false))
        {
            await foreach (GraphChange change in changes.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                bool hasField = change.Kind is ChangeKind.Snapshot or ChangeKind.Change;
                ProtectedField open = hasField
                    ? await OpenAsync(change.Field, cancellationToken).ConfigureAwait(false)
                    : new("", SealStatus.Nothing, default, 0);
                yield return new(change.Kind, open, change.Cursor);
            }
        }
    }

    private async ValueTask<ProtectedField> OpenAsync(StoredField field, CancellationToken cancellationToken)
    {
        (SealStatus seal, WeftValue value) = await _group.OpenAsync(Soul, field.Field, field.Value, cancellationToken)
            .ConfigureAwait(false);
        return new(field.Field, seal, value, field.State);
    }

    private async ValueTask<WriteResult> PutAsync(FieldWrite[] delta, CancellationToken cancellationToken)
    {
        foreach (FieldWrite write in delta)
        {
            FieldRules.ThrowIfInvalid(Soul, write.Field, write.Value);
        }

        WeftError error = await _group.SealAsync(Soul, delta, cancellationToken).ConfigureAwait(false);
        return error == WeftError.None
            ? await _group.WriteAsync(delta, cancellationToken).ConfigureAwait(false)
            : WriteResult.Refused(error, 0);
    }
}
