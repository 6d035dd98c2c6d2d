namespace Weft.Graph.Policy;

/// <summary>
/// Signed versions of fields that lost a merge, kept for a while. When the winner turns out to be one that nobody was
/// allowed to write, and is dropped, they are offered again; else a node that met the wrong write first would never
/// have the right one.
/// </summary>
/// <remarks>
/// Pure; one caller at a time. Bounded by number and bytes; the oldest goes first, and a field keeps its newest few.
/// Source: docs/spec/policy.md, section 7.
/// </remarks>
public sealed class OutdoneVersions(PolicyOptions options)
{
    /// <summary>Versions kept of one field.</summary>
    public const int PerFieldMax = 4;

    private readonly Dictionary<FieldKey, List<FieldWrite>> _versions = [];
    private readonly Queue<FieldKey> _order = new(); // One entry per version; some are gone already.

    /// <summary>Versions held.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes they are counted with.</summary>
    public long Bytes { get; private set; }

    /// <summary>Notes what a decision of the graph core leaves behind, if it is signed.</summary>
    /// <param name="write">The write that was judged.</param>
    /// <param name="decision">Its decision: the loser is the write, or what it displaced.</param>
    public void Note(in FieldWrite write, in GraphOutput decision)
    {
        if (decision.Kind == GraphOutputKind.Persist && decision is { HadKnown: true, Displaced.Extras: not null })
        {
            StoredField loser = decision.Displaced;
            Add(new FieldWrite(write.Soul, write.Field, loser.Value, loser.State, loser.Extras));
        }
        else if (decision.Kind == GraphOutputKind.Keep && write.Extras is not null
            && decision.Verdict != HamVerdict.Equal)
        {
            Add(write);
        }
    }

    /// <summary>Takes the versions of a field that is being dropped, to offer them again.</summary>
    public FieldWrite[] Take(string soul, string field)
    {
        if (!_versions.Remove(new FieldKey(soul, field), out List<FieldWrite>? versions))
        {
            return [];
        }

        foreach (FieldWrite version in versions)
        {
            Count--;
            Bytes -= DeferredQueue.SizeOf(version);
        }

        return [.. versions];
    }

    private void Add(in FieldWrite version)
    {
        var key = new FieldKey(version.Soul, version.Field);
        if (!_versions.TryGetValue(key, out List<FieldWrite>? versions))
        {
            _versions.Add(key, versions = []);
        }

        (WeftValue value, double state) = (version.Value, version.State);
        if (versions.Exists(known => known.State == state && known.Value == value))
        {
            return;
        }

        versions.Add(version);
        _order.Enqueue(key);
        Count++;
        Bytes += DeferredQueue.SizeOf(version);
        if (versions.Count > PerFieldMax)
        {
            Forget(key, versions);
        }

        while ((Count > options.OutdoneMax || Bytes > options.OutdoneBytesMax || _order.Count > 2 * options.OutdoneMax)
            && _order.TryDequeue(out FieldKey oldest))
        {
            if (_versions.TryGetValue(oldest, out List<FieldWrite>? old))
            {
                Forget(oldest, old);
            }
        }
    }

    private void Forget(FieldKey key, List<FieldWrite> versions)
    {
        Count--;
        Bytes -= DeferredQueue.SizeOf(versions[0]);
        versions.RemoveAt(0);
        if (versions.Count == 0)
        {
            _versions.Remove(key);
        }
    }
}
