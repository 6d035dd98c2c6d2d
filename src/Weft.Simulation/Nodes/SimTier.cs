using Weft.Graph;
using Weft.Node.Storage;

namespace Weft.Simulation;

/// <summary>
/// The disk tier above the commit log, as an atomic snapshot: it survives crashes, and changes whole or not.
/// </summary>
/// <remarks>It stands in for SQLite, whose own journal gives the same promise.</remarks>
public sealed class SimTier
{
    private readonly Dictionary<FieldKey, StoredField> _fields = [];
    private readonly HashSet<FieldWrite> _deferred = [];

    /// <summary>Commits up to here are in it.</summary>
    public long Sequence { get; private set; }

    /// <summary>The highest local state in it.</summary>
    public double ClockHigh { get; private set; } = double.NegativeInfinity;

    /// <summary>All fields; their order means nothing.</summary>
    public IReadOnlyDictionary<FieldKey, StoredField> Fields => _fields;

    /// <summary>Held writes.</summary>
    public IReadOnlyCollection<FieldWrite> Deferred => _deferred;

    /// <summary>Takes one commit over.</summary>
    public void Take(long sequence, CommitBatch batch)
    {
        foreach (CommitField field in batch.Fields)
        {
            FieldWrite write = field.Write;
            _fields[new FieldKey(write.Soul, write.Field)] =
                new StoredField(write.Field, write.Value, write.State, sequence, write.Extras);
        }

        foreach (FieldWrite write in batch.Deferred)
        {
            _deferred.Add(write);
        }

        foreach (FieldWrite write in batch.Released)
        {
            _deferred.Remove(write);
        }

        ClockHigh = Math.Max(ClockHigh, batch.ClockHigh);
        Sequence = sequence;
    }
}
