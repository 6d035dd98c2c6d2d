namespace Weft.Storage.Tier;

/// <summary>
/// Blocks of whole nodes read from the disk tier, the most recently used, bounded by bytes. Nodes of several blocks are
/// left to SQLite's cache.
/// </summary>
internal sealed class NodeCache
{
    private const int ShardCount = 8;
    private const int EntryBytes = 160; // Objects around one entry: list node, dictionary entry, array and string heads.

    private readonly Shard[] _shards;
    private int _generation;

    public NodeCache(long bytesMax)
    {
        _shards = new Shard[ShardCount];
        for (int i = 0; i < ShardCount; i++)
        {
            _shards[i] = new Shard(bytesMax / ShardCount);
        }
    }

    public long Bytes => _shards.Sum(shard => shard.Bytes);

    /// <summary>Changes with every flush; odd while one switches over.</summary>
    public int Generation => Volatile.Read(ref _generation);

    public bool TryGet(string soul, out ReadOnlyMemory<byte> block) => ShardOf(soul).TryGet(soul, out block);

    /// <summary>Keeps a block, unless the disk tier has changed since <paramref name="generation"/> was read.</summary>
    public void Add(string soul, ReadOnlyMemory<byte> block, int generation)
    {
        Shard shard = ShardOf(soul);
        lock (shard)
        {
            if ((generation & 1) == 0 && generation == Generation)
            {
                shard.Add(soul, block);
            }
        }
    }

    public void Remove(string soul)
    {
        Shard shard = ShardOf(soul);
        lock (shard)
        {
            shard.Remove(soul);
        }
    }

    /// <summary>From here on nothing read before is kept.</summary>
    public void BeginSwitch() => Interlocked.Increment(ref _generation);

    public void EndSwitch() => Interlocked.Increment(ref _generation);

    private Shard ShardOf(string soul) =>
        _shards[(uint)soul.GetHashCode(StringComparison.Ordinal) % ShardCount];

    private sealed class Shard(long bytesMax)
    {
        private readonly Dictionary<string, LinkedListNode<(string Soul, ReadOnlyMemory<byte> Block)>> _entries =
            new(StringComparer.Ordinal);

        private readonly LinkedList<(string Soul, ReadOnlyMemory<byte> Block)> _order = new();

        public long Bytes { get; private set; }

        public bool TryGet(string soul, out ReadOnlyMemory<byte> block)
        {
            lock (this)
            {
                if (!_entries.TryGetValue(soul, out var entry))
                {
                    block = default;
                    return false;
                }

                if (!ReferenceEquals(_order.First, entry))
                {
                    _order.Remove(entry);
                    _order.AddFirst(entry);
                }

                block = entry.Value.Block;
                return true;
            }
        }

        public void Add(string soul, ReadOnlyMemory<byte> block)
        {
            Remove(soul);
            if (Size(soul, block) > bytesMax / 4)
            {
                return;
            }

            _entries.Add(soul, _order.AddFirst((soul, block)));
            Bytes += Size(soul, block);
            while (Bytes > bytesMax && _order.Last is { } oldest)
            {
                Remove(oldest.Value.Soul);
            }
        }

        public void Remove(string soul)
        {
            if (_entries.Remove(soul, out var entry))
            {
                _order.Remove(entry);
                Bytes -= Size(soul, entry.Value.Block);
            }
        }

        private static long Size(string soul, ReadOnlyMemory<byte> block) => EntryBytes + (2 * soul.Length) + block.Length;
    }
}
