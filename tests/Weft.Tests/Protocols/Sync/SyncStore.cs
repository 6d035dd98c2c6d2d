using Weft.Crypto;
using Weft.Graph;
using Weft.Protocols.Sync;

namespace Weft.Tests.Protocols.Sync;

/// <summary>A small store for tests of the session core: fields in order, and a list of commits.</summary>
internal sealed class SyncStore(ICrypto crypto, string id)
{
    private readonly SortedDictionary<SyncKey, FieldWrite> _fields = [];
    private readonly List<SyncChange> _commits = [];

    public string Id => id;

    public long Sequence => _commits.Count;

    public IEnumerable<FieldWrite> All => _fields.Values;

    public FieldWrite? Find(string soul, string field) =>
        _fields.TryGetValue(new(soul, field), out FieldWrite write) ? write : null;

    /// <summary>Merges as the graph does: the newer state wins, at equal states the larger value.</summary>
    public bool Merge(in FieldWrite write, long origin)
    {
        if (_fields.TryGetValue(SyncKey.Of(write), out FieldWrite known)
            && (known.State > write.State || (known.State == write.State && known.Value.CompareTo(write.Value) >= 0)))
        {
            return false;
        }

        _fields[SyncKey.Of(write)] = write;
        _commits.Add(new(write, origin));
        return true;
    }

    public List<SyncChange> ChangesAfter(long after, int max) => [.. _commits.Skip((int)after).Take(max)];

    public RangeSum Sum(string prefix, SyncKey from, SyncKey to) => Within(prefix, from, to)
        .Aggregate(default(RangeSum), (sum, write) => sum.Plus(HashOf(write)));

    public List<RangeItem> List(string prefix, SyncKey from, SyncKey to, int max) =>
        [.. Within(prefix, from, to).Take(max).Select(write => new RangeItem(SyncKey.Of(write), HashOf(write).Id))];

    public List<RangePart> Split(string prefix, SyncKey from, SyncKey to, int parts)
    {
        List<FieldWrite> all = [.. Within(prefix, from, to)];
        var result = new List<RangePart>();
        for (int i = 0; i < parts; i++)
        {
            int start = (int)((long)all.Count * i / parts);
            int end = (int)((long)all.Count * (i + 1) / parts);
            if (start == end && i < parts - 1)
            {
                continue;
            }

            RangeSum sum = default;
            for (int at = start; at < end; at++)
            {
                sum = sum.Plus(HashOf(all[at]));
            }

            result.Add(new(
                i == parts - 1 ? to : SyncKey.Between(SyncKey.Of(all[end - 1]), SyncKey.Of(all[end])), sum));
        }

        return result;
    }

    public (List<FieldWrite> Writes, SyncKey? Next) Read(string prefix, SyncKey from, SyncKey to, int bytes)
    {
        var writes = new List<FieldWrite>();
        foreach (FieldWrite write in Within(prefix, from, to))
        {
            if (bytes <= 0)
            {
                return (writes, SyncKey.Of(write));
            }

            writes.Add(write);
            bytes -= SyncCodec.SizeOf(write);
        }

        return (writes, null);
    }

    private IEnumerable<FieldWrite> Within(string prefix, SyncKey from, SyncKey to) => _fields
        .Where(entry => entry.Key >= from && entry.Key < to
            && entry.Key.Soul!.StartsWith(prefix, StringComparison.Ordinal))
        .Select(entry => entry.Value);

    private FieldHash HashOf(in FieldWrite write) =>
        FieldHash.Of(crypto, write.Soul, write.Field, write.State, write.Value);
}
