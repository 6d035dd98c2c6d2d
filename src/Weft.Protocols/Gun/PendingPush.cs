namespace Weft.Protocols.Gun;

/// <summary>
/// Changes that wait for one connection: the latest of each field, in the order in which fields first changed.
/// </summary>
internal sealed class PendingPush
{
    private readonly Dictionary<GunFragment, int> _slots = new(SameField.Instance);
    private readonly List<GunFragment> _items = [];
    private int _head;

    public int Count => _items.Count - _head;

    public long Bytes { get; private set; }

    public void Add(GunFragment fragment)
    {
        Bytes += fragment.Bytes;
        if (_slots.TryGetValue(fragment, out int slot))
        {
            Bytes -= _items[slot].Bytes;
            _items[slot] = fragment; // Same field: only the newest value is worth sending.
            return;
        }

        _slots.Add(fragment, _items.Count);
        _items.Add(fragment);
    }

    /// <summary>Takes the next message's worth: fields of one soul together, no soul twice, about bytesMax.</summary>
    public GunFragment[] Take(int bytesMax)
    {
        int end = _head;
        int bytes = 0;
        HashSet<string>? souls = null;
        string? soul = null;
        while (end < _items.Count && (end == _head || bytes + _items[end].Bytes <= bytesMax))
        {
            GunFragment next = _items[end];
            if (soul is null)
            {
                soul = next.Soul;
            }
            else if (next.Soul != soul)
            {
                souls ??= new HashSet<string>(StringComparer.Ordinal) { soul };
                if (!souls.Add(next.Soul))
                {
                    break; // One soul may stand only once in a put.
                }

                soul = next.Soul;
            }

            bytes += next.Bytes;
            end++;
        }

        GunFragment[] taken = _items.GetRange(_head, end - _head).ToArray();
        Forget(end, taken);
        return taken;
    }

    private void Forget(int end, GunFragment[] taken)
    {
        foreach (GunFragment fragment in taken)
        {
            Bytes -= fragment.Bytes;
        }

        if (end == _items.Count)
        {
            _items.Clear();
            _slots.Clear();
            _head = 0;
            return;
        }

        foreach (GunFragment fragment in taken)
        {
            _slots.Remove(fragment);
        }

        _head = end;
        if (_head > _items.Count / 2)
        {
            Compact();
        }
    }

    private void Compact()
    {
        _items.RemoveRange(0, _head);
        _head = 0;
        for (int i = 0; i < _items.Count; i++)
        {
            _slots[_items[i]] = i;
        }
    }
}
