using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Storage;

/// <summary>The blobs of a store in memory.</summary>
internal sealed class MemoryBlobShelf(ICrypto crypto) : IBlobShelf
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<BlobId, Place> _blobs = [];

    public IReadOnlyList<StoredBlob> List()
    {
        lock (_gate)
        {
            return [.. _blobs.Values.Select(place => place.Describe())];
        }
    }

    public IBlobDraft Begin() => new Draft(this);

    public IBlobFile BeginPart(BlobId id, BlobTree tree)
    {
        lock (_gate)
        {
            if (!_blobs.TryGetValue(id, out Place? place))
            {
                _blobs.Add(id, place = new Place(id, tree, new BlobHasher(crypto)));
            }

            return place;
        }
    }

    public IBlobFile? Open(BlobId id)
    {
        lock (_gate)
        {
            return _blobs.GetValueOrDefault(id);
        }
    }

    public long Remove(BlobId id)
    {
        lock (_gate)
        {
            return _blobs.Remove(id, out Place? place) ? Math.Max(1, place.Size) : 0;
        }
    }

    public void Touch(BlobId id, DateTimeOffset at)
    {
        lock (_gate)
        {
            if (_blobs.TryGetValue(id, out Place? place))
            {
                place.UsedAt = at;
            }
        }
    }

    private sealed class Draft(MemoryBlobShelf shelf) : IBlobDraft
    {
        private readonly List<byte[]> _chunks = [];

        public void Append(ReadOnlySpan<byte> data) => _chunks.Add(data.ToArray());

        public StoredBlob Commit(bool isPinned, BlobId? expected, DateTimeOffset now, out bool isNew)
        {
            if (_chunks.Count == 0)
            {
                _chunks.Add([]);
            }

            var hasher = new BlobHasher(shelf.Crypto);
            var tree = new BlobTree(_chunks.Sum(chunk => (long)chunk.Length));
            Span<byte> hash = stackalloc byte[BlobLimits.HashBytes];
            for (int chunk = 0; chunk < _chunks.Count; chunk++)
            {
                hasher.Leaf(_chunks[chunk], hash);
                tree.SetLeaf(chunk, hash);
            }

            BlobId id = tree.Build(hasher);
            if (expected is { } wanted && wanted != id)
            {
                throw BlobMismatch.Of(wanted, id);
            }

            var made = new Place(id, tree, hasher);
            for (int chunk = 0; chunk < _chunks.Count; chunk++)
            {
                made.Write(chunk, _chunks[chunk]);
            }

            lock (shelf._gate)
            {
                isNew = !shelf._blobs.TryGetValue(id, out Place? known) || !known.IsWhole;
                Place kept = isNew ? made : known!;
                kept.UsedAt = now;
                kept.Pin(isPinned || (known?.IsPinned ?? false));
                shelf._blobs[id] = kept;
                return kept.Describe();
            }
        }

        public void Dispose() => _chunks.Clear();
    }

    private ICrypto Crypto => crypto;

    private sealed class Place(BlobId id, BlobTree tree, BlobHasher hasher) : IBlobFile
    {
        private readonly byte[]?[] _chunks = new byte[]?[tree.Chunks];

        public BlobId Id => id;

        public long Size => tree.Size;

        public bool IsWhole => Array.TrueForAll(_chunks, static chunk => chunk is not null);

        public bool IsPinned { get; private set; }

        public BlobTree Tree => tree;

        public DateTimeOffset UsedAt { get; set; }

        public StoredBlob Describe() => new(id, Size, IsWhole, IsPinned, UsedAt);

        public bool IsHere(int chunk) => Volatile.Read(ref _chunks[chunk]) is not null;

        public BlobChunkRead Read(int chunk, Span<byte> target)
        {
            if (Volatile.Read(ref _chunks[chunk]) is not { } data)
            {
                return BlobChunkRead.NotHere;
            }

            data.CopyTo(target);
            return BlobChunkRead.Right;
        }

        public void Write(int chunk, ReadOnlySpan<byte> data)
        {
            if (!tree.IsChunk(chunk, data, hasher))
            {
                throw new ArgumentException("The tree does not know this chunk.", nameof(data));
            }

            Volatile.Write(ref _chunks[chunk], data.ToArray());
        }

        public bool Flush() => IsWhole;

        public void Pin(bool isPinned) => IsPinned = isPinned;

        public void Dispose()
        {
            // Nothing is open: it is all in memory.
        }
    }
}
