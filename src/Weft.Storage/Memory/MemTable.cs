using Weft.Graph;
using Weft.Storage.Logs;
using Weft.Storage.Records;

namespace Weft.Storage.Memory;

/// <summary>The newest writes, in memory: read first, flushed to the disk tier in order when full.</summary>
/// <remarks>
/// One writer at a time (the engine's gate). Readers on any thread; a read of a dropped table says so, and the reader
/// starts again with the tables of now: what was in it is in the disk tier by then.
/// </remarks>
internal sealed class MemTable
{
    private const int ShardBits = 4;

    private readonly MemShard[] _shards = new MemShard[1 << ShardBits];
    private readonly MemShard[] _links = new MemShard[1 << ShardBits];
    private readonly ulong _seed;
    private long _bytes;

    [ThreadStatic]
    private static byte[]? _nameBuffer;

    [ThreadStatic]
    private static byte[]? _targetBuffer;

    [ThreadStatic]
    private static byte[]? _linkBuffer;

    public MemTable(ChunkPool pool, ulong seed)
    {
        _seed = seed;
        for (int i = 0; i < _shards.Length; i++)
        {
            _shards[i] = new MemShard(pool, (uint)(seed >> i));
            _links[i] = new MemShard(pool, (uint)(seed >> (i + 16)));
        }
    }

    /// <summary>The newest commit in a table that takes no more; set when it is closed.</summary>
    public long LastSequence { get; set; }

    public bool IsEmpty => Fields == 0 && Logs.IsEmpty && Records.IsEmpty;

    /// <summary>The DHT records' part.</summary>
    public RecordTable Records { get; } = new();

    /// <summary>The signed logs' part.</summary>
    public LogTable Logs { get; } = new();

    /// <summary>Bytes it holds; counted anew by the writer, read by anyone.</summary>
    public long Bytes => _bytes + Logs.Bytes + Records.Bytes;

    public long Nodes => _shards.Sum(shard => (long)shard.Nodes);

    public long Fields => _shards.Sum(shard => (long)shard.Fields);

    public ReadOnlySpan<MemShard> Shards => _shards;

    public ReadOnlySpan<MemShard> LinkShards => _links;

    /// <summary>Puts one field in, and its link into the index.</summary>
    public void Put(ReadOnlySpan<byte> soul, in FieldWrite write, long sequence)
    {
        ReadOnlySpan<byte> name = KeyText.Encode(write.Field, ref _nameBuffer);
        Put(_shards, soul, name, write.Value.Json, write.State, sequence, write.Extras);
        if (write.Value.Kind == WeftValueKind.Link)
        {
            ReadOnlySpan<byte> target = KeyText.Encode(write.Value.AsLink()!, ref _targetBuffer);
            Put(_links, target, LinkOf(soul, name), default, 0, sequence, null);
        }
    }

    /// <summary>Takes one field back to what it was before a commit. Its link is judged by the field's value anyway.</summary>
    public void Undo(string soul, string field, long sequence)
    {
        byte[] key = KeyText.Encode(soul);
        MemShard shard = ShardOf(_shards, key, out uint hash);
        lock (shard.Gate)
        {
            shard.Undo(key, hash, KeyText.Encode(field), sequence);
        }
    }

    /// <summary>Reads one field.</summary>
    /// <returns>Found, absent here, or dropped.</returns>
    public MemRead Read(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> name, string field, out StoredField found)
    {
        MemShard shard = ShardOf(_shards, soul, out uint hash);
        lock (shard.Gate)
        {
            found = default;
            if (shard.Dropped)
            {
                return MemRead.Dropped;
            }

            if (!shard.TryGet(soul, hash, name, out PackedField packed))
            {
                return MemRead.Absent;
            }

            found = packed.ToStored(field);
            return MemRead.Found;
        }
    }

    /// <summary>Collects fields of one node in order.</summary>
    public MemRead Collect(ReadOnlySpan<byte> soul, in FieldWindow window, FieldRun run)
    {
        MemShard shard = ShardOf(_shards, soul, out uint hash);
        lock (shard.Gate)
        {
            if (shard.Dropped)
            {
                return MemRead.Dropped;
            }

            int node = shard.FindNode(soul, hash);
            if (node == 0)
            {
                return MemRead.Absent;
            }

            int field = window.StartsAtEnd
                ? shard.LastField(node, out PackedField found)
                : shard.NextField(node, window.Start, true, window.Reverse, out found);
            while (field != 0 && run.Add(found, window))
            {
                field = shard.NextField(node, found.Name.Span, false, window.Reverse, out found);
            }

            return MemRead.Found;
        }
    }

    /// <summary>The next key in order over all shards.</summary>
    /// <param name="shards"><see cref="Shards"/> or <see cref="LinkShards"/>.</param>
    /// <param name="from">Where to go on from; ignored when <paramref name="atEnd"/>.</param>
    /// <param name="inclusive">True when the key itself counts.</param>
    /// <param name="reverse">True to walk downwards.</param>
    /// <param name="atEnd">True to start with the last key.</param>
    /// <param name="dropped">True when the table is gone.</param>
    public static byte[]? NextSoul(
        ReadOnlySpan<MemShard> shards, ReadOnlySpan<byte> from, bool inclusive, bool reverse, bool atEnd, out bool dropped)
    {
        byte[]? best = null;
        dropped = false;
        foreach (MemShard shard in shards)
        {
            lock (shard.Gate)
            {
                dropped |= shard.Dropped;
                int node = atEnd ? shard.LastNode() : shard.NextNode(from, inclusive, reverse);
                if (node == 0)
                {
                    continue;
                }

                ReadOnlySpan<byte> soul = shard.Soul(node);
                if (best is null || (soul.SequenceCompareTo(best) < 0) != reverse)
                {
                    best = soul.ToArray();
                }
            }
        }

        return best;
    }

    /// <summary>Collects index entries of one target in order, after a given one.</summary>
    public MemRead CollectLinks(ReadOnlySpan<byte> target, ReadOnlySpan<byte> after, int max, List<byte[]> into)
    {
        MemShard shard = ShardOf(_links, target, out uint hash);
        lock (shard.Gate)
        {
            if (shard.Dropped)
            {
                return MemRead.Dropped;
            }

            int node = shard.FindNode(target, hash);
            PackedField found = default;
            int link = node == 0 ? 0 : shard.NextField(node, after, after.IsEmpty, false, out found);
            for (int i = 0; link != 0 && i < max; i++)
            {
                into.Add(found.Name.ToArray());
                link = shard.NextField(node, found.Name.Span, false, false, out found);
            }

            return MemRead.Found;
        }
    }

    /// <summary>Counts the bytes anew.</summary>
    public void Measure()
    {
        long bytes = 0;
        foreach (MemShard shard in _shards)
        {
            bytes += shard.Bytes;
        }

        foreach (MemShard shard in _links)
        {
            bytes += shard.Bytes;
        }

        _bytes = bytes;
    }

    /// <summary>Gives the memory back. The disk tier holds everything by now.</summary>
    public void Drop()
    {
        foreach (MemShard[] shards in (MemShard[][])[_shards, _links])
        {
            foreach (MemShard shard in shards)
            {
                lock (shard.Gate)
                {
                    shard.Drop();
                }
            }
        }

        _bytes = 0;
    }

    internal static ReadOnlySpan<byte> LinkOf(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> name)
    {
        int max = LinkKey.BytesMax(soul.Length, name.Length);
        if (_linkBuffer is null || _linkBuffer.Length < max)
        {
            _linkBuffer = new byte[Math.Max(1_024, max)];
        }

        return _linkBuffer.AsSpan(0, LinkKey.Write(soul, name, _linkBuffer));
    }

    private void Put(
        MemShard[] shards, ReadOnlySpan<byte> soul, ReadOnlySpan<byte> name, ReadOnlySpan<byte> json, double state,
        long sequence, FieldExtras? extras)
    {
        MemShard shard = ShardOf(shards, soul, out uint hash);
        lock (shard.Gate)
        {
            long before = shard.Bytes;
            shard.Put(soul, hash, name, json, state, sequence, extras);
            _bytes += shard.Bytes - before;
        }
    }

    private MemShard ShardOf(MemShard[] shards, ReadOnlySpan<byte> soul, out uint hash)
    {
        ulong wide = KeyHash.Compute(soul, _seed);
        hash = (uint)wide;
        return shards[wide >> (64 - ShardBits)];
    }
}

/// <summary>What a read of one table says.</summary>
internal enum MemRead
{
    Absent,
    Found,
    Dropped,
}
