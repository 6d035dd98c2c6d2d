namespace Weft.Graph.Policy;

/// <summary>
/// How versions of one field become one. Each is an order of all versions, so it converges whatever arrives when.
/// </summary>
public enum MergeMethod
{
    /// <summary>The higher state wins, as everywhere in GUN.</summary>
    Ham = 0,

    /// <summary>Write-once: the lowest state wins.</summary>
    First,

    /// <summary>A number that only grows: the greatest wins, then the higher state.</summary>
    Max,

    /// <summary>A number that only shrinks: the smallest wins, then the higher state.</summary>
    Min,
}

/// <summary>
/// Orders two versions of a field where a policy may have changed the order. Asked by the graph core.
/// </summary>
public interface IMergeOrder
{
    /// <summary>True when the fields of a soul may have another order than HAM. Quick: asked for every write.</summary>
    bool Orders(string soul);

    /// <summary>Judges an incoming version against the known one.</summary>
    /// <param name="incoming">The incoming write; its state is not in the future.</param>
    /// <param name="known">What is stored.</param>
    /// <returns>Incoming, Equal, or why the known one stays.</returns>
    HamVerdict Judge(in FieldWrite incoming, in StoredField known);
}
