using Weft.Graph;

namespace Weft.Storage.Memory;

/// <summary>
/// One shard of a memory table: nodes found by hash and walked in order, each with its fields in order. Everything lies
/// in one arena, so a table of a million fields is a few hundred objects for the garbage collector.
/// </summary>
/// <remarks>
/// Callers hold <see cref="Gate"/>. A replaced value stays in the arena below the new one until the table goes, so that
/// a failed commit can be undone.
/// </remarks>
internal sealed class MemShard
{
    private const int NodeHashNext = 16;
    private const int NodeFields = 20;
    private const int NodeHash = 24;
    private const int NodeKey = 28;
    private const int FieldVersion = 16;
    private const int FieldKey = 20;
    private const int VersionSequence = 0;
    private const int VersionState = 8;
    private const int VersionPrevious = 16;
    private const int VersionJsonLength = 20;
    private const int VersionExtrasLength = 24;
    private const int VersionBody = 28; // Extras, then the value: an offset behind a long value would leave its chunk.

    private readonly Arena _arena;
    private readonly Treap _nodes;
    private readonly Treap _fields;
    private int[] _buckets = [];
    private int _rootSlot;
    private uint _random;

    public MemShard(ChunkPool pool, uint seed)
    {
        _arena = new Arena(pool);
        _nodes = new Treap(_arena, NodeKey);
        _fields = new Treap(_arena, FieldKey);
        _random = seed | 1;
    }

    public Lock Gate { get; } = new();

    public long Bytes => _arena.Bytes + (_buckets.Length * sizeof(int));

    public int Nodes { get; private set; }

    public int Fields { get; private set; }

    public bool Dropped { get; private set; }

    public void Put(
        ReadOnlySpan<byte> soul, uint hash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> json, double state, long sequence,
        FieldExtras? extras)
    {
        int node = FindOrAddNode(soul, hash);
        int field = _fields.Find(node + NodeFields, name);
        if (field == 0)
        {
            field = _arena.Allocate(FieldKey + name.Length);
            _arena.SetInt(field + Treap.KeyLength, name.Length);
            _arena.SetInt(field + FieldVersion, 0);
            name.CopyTo(_arena.Span(field + FieldKey, name.Length));
            _fields.Insert(node + NodeFields, field, NextRandom());
            Fields++;
        }

        int extrasBytes = ExtrasCodec.Size(extras);
        int version = _arena.Allocate(VersionBody + json.Length + extrasBytes);
        _arena.SetLong(version + VersionSequence, sequence);
        _arena.SetLong(version + VersionState, BitConverter.DoubleToInt64Bits(state));
        _arena.SetInt(version + VersionPrevious, _arena.Int(field + FieldVersion));
        _arena.SetInt(version + VersionJsonLength, json.Length);
        _arena.SetInt(version + VersionExtrasLength, extrasBytes);
        Span<byte> body = _arena.Span(version + VersionBody, extrasBytes + json.Length);
        json.CopyTo(body[extrasBytes..]);
        if (extras is not null)
        {
            ExtrasCodec.Write(extras, body);
        }

        _arena.SetInt(field + FieldVersion, version);
    }

    /// <summary>Takes a field back to what it was before a commit.</summary>
    public void Undo(ReadOnlySpan<byte> soul, uint hash, ReadOnlySpan<byte> name, long sequence)
    {
        int node = FindNode(soul, hash);
        int field = node == 0 ? 0 : _fields.Find(node + NodeFields, name);
        int version = field == 0 ? 0 : _arena.Int(field + FieldVersion);
        if (version != 0 && _arena.Long(version + VersionSequence) == sequence)
        {
            _arena.SetInt(field + FieldVersion, _arena.Int(version + VersionPrevious));
        }
    }

    public bool TryGet(ReadOnlySpan<byte> soul, uint hash, ReadOnlySpan<byte> name, out PackedField found)
    {
        int node = FindNode(soul, hash);
        return TryGet(node == 0 ? 0 : _fields.Find(node + NodeFields, name), out found);
    }

    public int FindNode(ReadOnlySpan<byte> soul, uint hash)
    {
        if (_buckets.Length == 0)
        {
            return 0;
        }

        int node = _buckets[hash & (uint)(_buckets.Length - 1)];
        while (node != 0 && ((uint)_arena.Int(node + NodeHash) != hash || !_nodes.Key(node).SequenceEqual(soul)))
        {
            node = _arena.Int(node + NodeHashNext);
        }

        return node;
    }

    /// <summary>The next node in order; 0 when there is none.</summary>
    public int NextNode(ReadOnlySpan<byte> soul, bool inclusive, bool reverse) =>
        _rootSlot == 0 ? 0 : _nodes.Next(_rootSlot, soul, inclusive, reverse);

    public int LastNode() => _rootSlot == 0 ? 0 : _nodes.Last(_rootSlot);

    public ReadOnlySpan<byte> Soul(int node) => _nodes.Key(node);

    /// <summary>The next field of a node in order, undone ones left out; 0 when there is none.</summary>
    public int NextField(int node, ReadOnlySpan<byte> name, bool inclusive, bool reverse, out PackedField found)
    {
        int field = _fields.Next(node + NodeFields, name, inclusive, reverse);
        while (field != 0 && !TryGet(field, out found))
        {
            field = _fields.Next(node + NodeFields, _fields.Key(field), false, reverse);
        }

        return TryGet(field, out found) ? field : 0;
    }

    public int LastField(int node, out PackedField found)
    {
        int field = _fields.Last(node + NodeFields);
        return field == 0 || TryGet(field, out found)
            ? (TryGet(field, out found) ? field : 0)
            : NextField(node, _fields.Key(field), false, true, out found);
    }

    public void Drop()
    {
        _arena.Drop();
        _buckets = [];
        _rootSlot = 0;
        Dropped = true;
    }

    private bool TryGet(int field, out PackedField found)
    {
        int version = field == 0 ? 0 : _arena.Int(field + FieldVersion);
        if (version == 0)
        {
            found = default;
            return false;
        }

        int jsonLength = _arena.Int(version + VersionJsonLength);
        int extrasLength = _arena.Int(version + VersionExtrasLength);
        ReadOnlyMemory<byte> body = _arena.Memory(version + VersionBody, extrasLength + jsonLength);
        found = new PackedField(
            _arena.Memory(field + FieldKey, _arena.Int(field + Treap.KeyLength)),
            BitConverter.Int64BitsToDouble(_arena.Long(version + VersionState)),
            _arena.Long(version + VersionSequence),
            body[extrasLength..],
            body[..extrasLength]);
        return true;
    }

    private int FindOrAddNode(ReadOnlySpan<byte> soul, uint hash)
    {
        int node = FindNode(soul, hash);
        if (node != 0)
        {
            return node;
        }

        if (_rootSlot == 0)
        {
            _rootSlot = _arena.Allocate(sizeof(int));
            _arena.SetInt(_rootSlot, 0);
        }

        if (Nodes >= _buckets.Length)
        {
            Grow();
        }

        node = _arena.Allocate(NodeKey + soul.Length);
        ref int bucket = ref _buckets[hash & (uint)(_buckets.Length - 1)];
        _arena.SetInt(node + Treap.KeyLength, soul.Length);
        _arena.SetInt(node + NodeHashNext, bucket);
        _arena.SetInt(node + NodeFields, 0);
        _arena.SetInt(node + NodeHash, (int)hash);
        soul.CopyTo(_arena.Span(node + NodeKey, soul.Length));
        bucket = node;
        _nodes.Insert(_rootSlot, node, NextRandom());
        Nodes++;
        return node;
    }

    private void Grow()
    {
        int[] old = _buckets;
        _buckets = new int[Math.Max(64, old.Length * 2)];
        foreach (int first in old)
        {
            int node = first;
            while (node != 0)
            {
                int next = _arena.Int(node + NodeHashNext);
                ref int bucket = ref _buckets[(uint)_arena.Int(node + NodeHash) & (uint)(_buckets.Length - 1)];
                _arena.SetInt(node + NodeHashNext, bucket);
                bucket = node;
                node = next;
            }
        }
    }

    private uint NextRandom()
    {
        // Xorshift (Marsaglia): balance needs no more, and the seed is secret.
        _random ^= _random << 13;
        _random ^= _random >> 17;
        _random ^= _random << 5;
        return _random;
    }
}
