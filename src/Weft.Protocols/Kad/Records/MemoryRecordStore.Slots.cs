using Weft.Primitives;

namespace Weft.Protocols.Kad.Records;

/// <content>Slots: taking them, chaining them, finding them.</content>
public sealed partial class MemoryRecordStore
{
    private int Take()
    {
        if (_free != None)
        {
            int slot = _free;
            _free = _slots[slot].Next;
            return slot;
        }

        if (_used == _slots.Length)
        {
            Array.Resize(ref _slots, Math.Min(_used + (_used / 2), Math.Max(_options.RecordsMax, _used + 1)));
        }

        return _used++;
    }

    private void Chain(int slot)
    {
        _slots[slot].Previous = _last;
        _slots[slot].Next = None;
        if (_last == None)
        {
            _first = slot;
        }
        else
        {
            _slots[_last].Next = slot;
        }

        _last = slot;
    }

    private void Unchain(int slot)
    {
        (int previous, int next) = (_slots[slot].Previous, _slots[slot].Next);
        if (previous == None)
        {
            _first = next;
        }
        else
        {
            _slots[previous].Next = next;
        }

        if (next == None)
        {
            _last = previous;
        }
        else
        {
            _slots[next].Previous = previous;
        }
    }

    private int Find(ReadOnlySpan<byte> key)
    {
        int at = LowerBound(key);
        return at < _byKey.Count && KeyOf(_byKey[at]).SequenceEqual(key) ? _byKey[at] : None;
    }

    private int LowerBound(ReadOnlySpan<byte> key)
    {
        int low = 0;
        int high = _byKey.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (KeyOf(_byKey[middle]).SequenceCompareTo(key) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private IReadOnlyList<StoredRecord> Least(int recordsMax, Func<Slot, double?> rank)
    {
        var best = new PriorityQueue<int, (double, int)>(
            Comparer<(double Rank, int Slot)>.Create((left, right) => right.CompareTo(left)));
        for (int i = 0; i < _byKey.Count; i++)
        {
            int slot = _byKey[i];
            if (rank(_slots[slot]) is { } value)
            {
                best.Enqueue(slot, (value, i));
                if (best.Count > recordsMax)
                {
                    best.Dequeue();
                }
            }
        }

        var found = new StoredRecord[best.Count];
        for (int i = found.Length - 1; i >= 0; i--)
        {
            found[i] = Read(best.Dequeue());
        }

        return found;
    }

    private ReadOnlySpan<byte> KeyOf(int slot)
    {
        byte[] bytes = _slots[slot].Bytes!;
        Uvarint.Read(bytes.AsSpan(1), out ulong length, out int head);
        return bytes.AsSpan(1 + head, (int)length);
    }

    private int CompareKeys(int left, int right) => KeyOf(left).SequenceCompareTo(KeyOf(right));

    private int CompareDistances(int left, int right) =>
        _slots[left].Place.DistanceTo(_self).CompareTo(_slots[right].Place.DistanceTo(_self));
}
