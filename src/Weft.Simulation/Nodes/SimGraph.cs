using Weft.Graph;
using Weft.Node.Storage;

namespace Weft.Simulation;

/// <summary>The memory of one node's store: every field as reads see it, by name and by commit.</summary>
internal sealed class SimGraph
{
    private readonly SortedDictionary<string, SortedDictionary<string, StoredField>> _nodes =
        new(StringComparer.Ordinal);

    private readonly List<(long Sequence, FieldKey Key)> _bySequence = []; // Rising; outdated entries are passed over.
    private int _fields;

    public int Fields => _fields;

    /// <summary>All fields, in order of soul and field.</summary>
    public IEnumerable<(string Soul, StoredField Field)> All =>
        _nodes.SelectMany(node => node.Value.Values.Select(one => (node.Key, one)));

    public IEnumerable<string> Souls => _nodes.Keys;

    public bool TryGet(string soul, string field, out StoredField found)
    {
        found = default;
        return _nodes.TryGetValue(soul, out SortedDictionary<string, StoredField>? node)
            && node.TryGetValue(field, out found);
    }

    public void Put(string soul, in StoredField field)
    {
        if (!_nodes.TryGetValue(soul, out SortedDictionary<string, StoredField>? node))
        {
            node = new SortedDictionary<string, StoredField>(StringComparer.Ordinal);
            _nodes.Add(soul, node);
        }

        _fields += node.ContainsKey(field.Field) ? 0 : 1;
        node[field.Field] = field;
        _bySequence.Add((field.Sequence, new FieldKey(soul, field.Field)));
        if (_bySequence.Count > 64 + (4 * _fields))
        {
            _bySequence.RemoveAll(entry => !IsCurrent(entry));
        }
    }

    public void Put(long sequence, CommitBatch batch)
    {
        foreach (CommitField field in batch.Fields)
        {
            FieldWrite write = field.Write;
            Put(write.Soul, new StoredField(write.Field, write.Value, write.State, sequence, write.Extras));
        }
    }

    /// <summary>Fields of one node, in range order.</summary>
    public NodePage Read(string soul, LexRange range, int fieldsMax, long bytesMax)
    {
        if (!_nodes.TryGetValue(soul, out SortedDictionary<string, StoredField>? node))
        {
            return NodePage.Empty;
        }

        IEnumerable<StoredField> inside = node.Values.Where(field => range.Contains(field.Field));
        var found = new List<StoredField>();
        long bytes = 0;
        foreach (StoredField field in range.Reverse ? inside.Reverse() : inside)
        {
            if (found.Count == fieldsMax || bytes > bytesMax)
            {
                return new NodePage(found, More: true, ReadSource.Memory);
            }

            found.Add(field);
            bytes += field.Field.Length + field.Value.Json.Length;
        }

        return new NodePage(found, More: false, ReadSource.Memory);
    }

    public List<string> ListSouls(LexRange range, int soulsMax)
    {
        IEnumerable<string> inside = _nodes.Keys.Where(range.Contains);
        return (range.Reverse ? inside.Reverse() : inside).Take(soulsMax).ToList();
    }

    /// <summary>Current fields whose commit lies after one and not after another, in order of commits.</summary>
    public IEnumerable<(string Soul, StoredField Field)> Changes(long after, long upTo)
    {
        int at = _bySequence.BinarySearch((after, default), BySequence.Instance);
        for (at = at < 0 ? ~at : at; at < _bySequence.Count && _bySequence[at].Sequence <= upTo; at++)
        {
            if (_bySequence[at].Sequence > after && IsCurrent(_bySequence[at]))
            {
                FieldKey key = _bySequence[at].Key;
                yield return (key.Soul, _nodes[key.Soul][key.Field]);
            }
        }
    }

    private bool IsCurrent((long Sequence, FieldKey Key) entry) =>
        _nodes[entry.Key.Soul][entry.Key.Field].Sequence == entry.Sequence;

    private sealed class BySequence : IComparer<(long Sequence, FieldKey Key)>
    {
        public static BySequence Instance { get; } = new();

        public int Compare((long Sequence, FieldKey Key) x, (long Sequence, FieldKey Key) y) =>
            x.Sequence.CompareTo(y.Sequence);
    }
}
