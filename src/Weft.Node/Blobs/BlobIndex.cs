using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>What is known of each blob without touching the disk, and how much room is left. Any thread.</summary>
internal sealed class BlobIndex(BlobOptions options)
{
    private static readonly TimeSpan TouchEvery = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<BlobId, Entry> _entries = [];
    private long _bytes;
    private long _reserved;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count;
            }
        }
    }

    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes;
            }
        }
    }

    /// <summary>Takes a blob in, or what has changed of it.</summary>
    public void Put(StoredBlob blob)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(blob.Id, out Entry? known))
            {
                known.Blob = blob;
                return;
            }

            _entries.Add(blob.Id, new Entry(blob));
            _bytes += blob.Size;
        }
    }

    public StoredBlob? Find(BlobId id)
    {
        lock (_gate)
        {
            return _entries.GetValueOrDefault(id)?.Blob;
        }
    }

    public void Remove(BlobId id)
    {
        lock (_gate)
        {
            if (_entries.Remove(id, out Entry? gone))
            {
                _bytes -= gone.Blob.Size;
            }
        }
    }

    /// <summary>All of them in the order of their ids, behind one.</summary>
    public IReadOnlyList<StoredBlob> List(BlobId? after, int max)
    {
        lock (_gate)
        {
            return [.. _entries.Values.Select(static entry => entry.Blob)
                .Where(blob => after is not { } id || blob.Id.CompareTo(id) > 0)
                .OrderBy(static blob => blob.Id).Take(max)];
        }
    }

    /// <summary>Those that nobody holds and that are not pinned; the one that was used longest ago first.</summary>
    public IReadOnlyList<StoredBlob> ListLoose()
    {
        lock (_gate)
        {
            return [.. _entries.Values.Where(static entry => !entry.Blob.IsPinned && entry.Users == 0)
                .Select(static entry => entry.Blob).OrderBy(static blob => blob.UsedAt).ThenBy(static blob => blob.Id)];
        }
    }

    /// <summary>True when nobody holds it and it is not pinned.</summary>
    public bool IsLoose(BlobId id)
    {
        lock (_gate)
        {
            return _entries.GetValueOrDefault(id) is { Users: 0, Blob.IsPinned: false };
        }
    }

    /// <summary>Somebody reads, writes or serves it: it does not go meanwhile.</summary>
    public void Hold(BlobId id)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(id, out Entry? entry))
            {
                entry.Users++;
            }
        }
    }

    public void Release(BlobId id)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(id, out Entry? entry) && entry.Users > 0)
            {
                entry.Users--;
            }
        }
    }

    /// <summary>Notes a use.</summary>
    /// <returns>True when the last note is old enough to write another.</returns>
    public bool Touch(BlobId id, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(id, out Entry? entry) || now - entry.Blob.UsedAt < TouchEvery)
            {
                return false;
            }

            entry.Blob = entry.Blob with { UsedAt = now };
            return true;
        }
    }

    /// <summary>Sets room aside for content that comes.</summary>
    /// <param name="bytes">How much more.</param>
    /// <param name="isFirst">True for the first bytes of a blob.</param>
    /// <param name="short">How many bytes too few there are; 0 when only the number of blobs is in the way.</param>
    /// <returns>False when there is no room.</returns>
    public bool TryReserve(long bytes, bool isFirst, out long @short)
    {
        lock (_gate)
        {
            @short = Math.Max(0, _bytes + _reserved + bytes - options.TotalBytesMax);
            if (@short > 0 || (isFirst && _entries.Count >= options.CountMax))
            {
                return false;
            }

            _reserved += bytes;
            return true;
        }
    }

    public void Unreserve(long bytes)
    {
        lock (_gate)
        {
            _reserved -= bytes;
        }
    }

    private sealed class Entry(StoredBlob blob)
    {
        public StoredBlob Blob { get; set; } = blob;

        public int Users { get; set; }
    }
}
