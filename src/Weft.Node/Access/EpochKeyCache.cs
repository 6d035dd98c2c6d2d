using System.Security.Cryptography;

namespace Weft.Node.Access;

/// <summary>Keys of epochs, bounded: the one not used for longest is cleared first, all are at the end.</summary>
internal sealed class EpochKeyCache(int keysMax) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Soul, string Epoch), LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _order = new();
    private bool _disposed;

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

    /// <summary>A copy of a key; the caller clears it. Null when it is not held.</summary>
    public byte[]? Find(string soul, string epoch)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue((soul, epoch), out LinkedListNode<Entry>? entry))
            {
                return null;
            }

            _order.Remove(entry);
            _order.AddLast(entry);
            return [.. entry.Value.Key];
        }
    }

    /// <summary>Keeps a copy of a key.</summary>
    public void Keep(string soul, string epoch, ReadOnlySpan<byte> key)
    {
        lock (_gate)
        {
            if (_disposed || _entries.ContainsKey((soul, epoch)))
            {
                return;
            }

            _entries[(soul, epoch)] = _order.AddLast(new Entry((soul, epoch), key.ToArray()));
            if (_entries.Count > keysMax)
            {
                Entry oldest = _order.First!.Value;
                _order.RemoveFirst();
                _entries.Remove(oldest.Name);
                CryptographicOperations.ZeroMemory(oldest.Key);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (Entry entry in _order)
            {
                CryptographicOperations.ZeroMemory(entry.Key);
            }

            _order.Clear();
            _entries.Clear();
        }
    }

    private sealed record Entry((string Soul, string Epoch) Name, byte[] Key);
}
