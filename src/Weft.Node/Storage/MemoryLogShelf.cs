using Weft.Crypto;
using Weft.Log;

namespace Weft.Node.Storage;

/// <summary>The logs of a store in memory.</summary>
internal sealed class MemoryLogShelf(Func<long> next) : ILogShelf
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, LogLayer> _layers = new(StringComparer.Ordinal);

    public IReadOnlyList<StoredLog> List()
    {
        lock (_gate)
        {
            return [.. _layers.Select(log =>
            {
                Hash32.TryParse(log.Key, out Hash32 key);
                return new StoredLog(key, log.Value.Meta ?? default);
            })];
        }
    }

    public ILogStore Open(Hash32 key, ICrypto crypto) => new Place(this, key, new LogLeaf(crypto));

    public long WriteMeta(Hash32 key, ReadOnlyMemory<byte> meta) => Write(new LogDelta { Key = key, Meta = meta });

    public long Write(LogDelta delta)
    {
        long number = next();
        Apply(delta);
        return number;
    }

    public void Apply(LogDelta delta)
    {
        lock (_gate)
        {
            LayerOf(delta.Key).Apply(delta);
        }
    }

    private LogLayer LayerOf(Hash32 key)
    {
        string name = key.ToString();
        if (!_layers.TryGetValue(name, out LogLayer? layer))
        {
            layer = new LogLayer();
            _layers.Add(name, layer);
        }

        return layer;
    }

    private sealed class Place(MemoryLogShelf shelf, Hash32 key, LogLeaf leaves) : ILogStore
    {
        private LogState? _last;

        public LogState? ReadState()
        {
            lock (shelf._gate)
            {
                LogLayer layer = shelf.LayerOf(key);
                _last = layer.Head is null && layer.Evidence is null && layer.IsRecovering is null ? null : new LogState
                {
                    Key = key,
                    Head = layer.Head ?? LogHead.Empty,
                    Manifest = layer.Manifest ?? default,
                    Evidence = layer.Evidence,
                    IsRecovering = layer.IsRecovering ?? false,
                };
                return _last;
            }
        }

        public void ReadBits(LogBitfield bits)
        {
            lock (shelf._gate)
            {
                foreach (LogBitRange range in shelf.LayerOf(key).Bits)
                {
                    bits.Apply(range);
                }
            }
        }

        public bool TryReadNode(long index, out TreeNode node)
        {
            lock (shelf._gate)
            {
                LogLayer layer = shelf.LayerOf(key);
                if (layer.Nodes.TryGetValue(index, out node))
                {
                    return true;
                }

                bool isLeaf = (index & 1) == 0 && layer.Blocks.ContainsKey(index / 2);
                node = isLeaf ? leaves.Of(index / 2, layer.Blocks[index / 2].Span) : default;
                return isLeaf;
            }
        }

        public bool TryReadBlock(long index, out ReadOnlyMemory<byte> block)
        {
            lock (shelf._gate)
            {
                return shelf.LayerOf(key).Blocks.TryGetValue(index, out block);
            }
        }

        public long Write(LogCommit commit)
        {
            long number = shelf.Write(LogDelta.Of(commit, _last));
            _last = commit.State;
            return number;
        }
    }
}
