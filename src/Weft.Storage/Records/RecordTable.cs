using System.Text;
using Weft.Node.Storage;

namespace Weft.Storage.Records;

/// <summary>The DHT records' part of a memory table: the last change of each record.</summary>
/// <remarks>Changes come under the engine's gate; a table that is flushed changes no more.</remarks>
internal sealed class RecordTable
{
    private const int EntryBytes = 160; // The change, its entry and the key as text, about.

    private readonly SortedDictionary<string, RecordChange> _changes = new(StringComparer.Ordinal);

    /// <summary>Memory it takes, about.</summary>
    public long Bytes { get; private set; }

    public bool IsEmpty => _changes.Count == 0;

    public IEnumerable<RecordChange> Changes => _changes.Values;

    public void Apply(RecordChange change)
    {
        string key = Encoding.Latin1.GetString(change.Key.Span); // One character for each byte: the same order.
        if (_changes.TryGetValue(key, out RecordChange? older))
        {
            Bytes -= BytesOf(older);
        }

        _changes[key] = change;
        Bytes += BytesOf(change);
    }

    private static long BytesOf(RecordChange change) => change.Record.Length + (3 * change.Key.Length) + EntryBytes;
}
