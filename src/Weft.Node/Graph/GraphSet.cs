using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>A set of links: a node of its own whose field names are the souls it links to, as gun.js keeps it.</summary>
public sealed class GraphSet
{
    private const string SoulAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXZabcdefghijklmnopqrstuvwxyz";

    private readonly GraphNode _owner;
    private readonly string _field;

    internal GraphSet(GraphNode owner, string field) => (_owner, _field) = (owner, field);

    /// <summary>Adds a link to an existing node.</summary>
    /// <param name="soul">The node to add.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="ArgumentException">The soul is not valid.</exception>
    public async ValueTask<WriteResult> AddAsync(string soul, CancellationToken cancellationToken = default)
    {
        FieldRules.ThrowIfInvalidSoul(soul);
        var delta = new List<FieldWrite>();
        string set = await OpenAsync(delta, cancellationToken).ConfigureAwait(false);
        delta.Add(new FieldWrite(set, soul, WeftValue.Link(soul), double.NaN));
        return await _owner.Graph.WriteAsync(delta, WriteSource.Local, cancellationToken: cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Writes a new node and adds a link to it, in one batch.</summary>
    /// <returns>The soul of the new node.</returns>
    /// <exception cref="ArgumentException">A field or value is not valid.</exception>
    public async ValueTask<string> AddAsync(
        IReadOnlyDictionary<string, WeftValue> fields, CancellationToken cancellationToken = default)
    {
        string soul = RandomNumberGenerator.GetString(SoulAlphabet, 20);
        var delta = new List<FieldWrite>();
        foreach ((string field, WeftValue value) in fields)
        {
            FieldRules.ThrowIfInvalid(soul, field, value);
            delta.Add(new FieldWrite(soul, field, value, double.NaN));
        }

        string set = await OpenAsync(delta, cancellationToken).ConfigureAwait(false);
        delta.Add(new FieldWrite(set, soul, WeftValue.Link(soul), double.NaN));
        await _owner.Graph.WriteAsync(delta, WriteSource.Local, cancellationToken: cancellationToken)
            .ConfigureAwait(false);
        return soul;
    }

    /// <summary>Takes a link out of the set; the node it led to stays.</summary>
    /// <returns>How many links were taken out: 0 or 1.</returns>
    public async ValueTask<int> RemoveAsync(string soul, CancellationToken cancellationToken = default)
    {
        string? set = await FindAsync(cancellationToken).ConfigureAwait(false);
        return set is null
            ? 0
            : (await _owner.Graph.DeleteAsync(set, soul, WriteSource.Local, cancellationToken).ConfigureAwait(false)).Applied;
    }

    /// <summary>The souls in the set, in order.</summary>
    public async IAsyncEnumerable<string> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string? set = await FindAsync(cancellationToken).ConfigureAwait(false);
        string? last = null;
        while (set is not null)
        {
            NodeResult page = await _owner.Graph.ReadNodeAsync(
                set, new LexRange(From: last), 1_024, cancellationToken: cancellationToken).ConfigureAwait(false);
            foreach (StoredField field in page.Fields)
            {
                if (field.Field != last && field.Value.AsLink() is string soul)
                {
                    yield return soul;
                }
            }

            if (!page.More || page.Fields.Count == 0)
            {
                yield break;
            }

            last = page.Fields[^1].Field;
        }
    }

    private async ValueTask<string?> FindAsync(CancellationToken cancellationToken)
    {
        ReadResult link = await _owner.GetAsync(_field, cancellationToken: cancellationToken).ConfigureAwait(false);
        return link.Value.AsLink();
    }

    // The set's own node: where the field links to, or a new one named as gun.js would name it.
    private async ValueTask<string> OpenAsync(List<FieldWrite> delta, CancellationToken cancellationToken)
    {
        string? set = await FindAsync(cancellationToken).ConfigureAwait(false);
        if (set is null)
        {
            set = $"{_owner.Soul}/{_field}";
            delta.Add(new FieldWrite(_owner.Soul, _field, WeftValue.Link(set), double.NaN));
        }

        return set;
    }
}
