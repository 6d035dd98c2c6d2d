namespace Weft.Storage.Memory;

/// <summary>Walks all nodes of a table that takes no more writes, in order over its shards.</summary>
internal sealed class MemWalk
{
    private readonly MemShard[] _shards;
    private readonly int[] _next;
    private int _at = -1;

    public MemWalk(ReadOnlySpan<MemShard> shards)
    {
        _shards = shards.ToArray();
        _next = new int[_shards.Length];
        for (int i = 0; i < _shards.Length; i++)
        {
            _next[i] = _shards[i].NextNode([], true, false);
        }
    }

    /// <summary>The node's soul; valid until the table is dropped.</summary>
    public ReadOnlySpan<byte> Soul => _shards[_at].Soul(_next[_at]);

    public bool MoveNext()
    {
        if (_at >= 0)
        {
            _next[_at] = _shards[_at].NextNode(Soul, false, false);
        }

        _at = -1;
        for (int i = 0; i < _shards.Length; i++)
        {
            if (_next[i] != 0 && (_at < 0 || _shards[i].Soul(_next[i]).SequenceCompareTo(Soul) < 0))
            {
                _at = i;
            }
        }

        return _at >= 0;
    }

    /// <summary>Lists the node's fields in order; their memory is the table's.</summary>
    public void ReadFields(List<PackedField> into)
    {
        into.Clear();
        MemShard shard = _shards[_at];
        int node = _next[_at];
        int field = shard.NextField(node, [], true, false, out PackedField found);
        while (field != 0)
        {
            into.Add(found);
            field = shard.NextField(node, found.Name.Span, false, false, out found);
        }
    }
}
