namespace Weft.Protocols.Kad.Records;

/// <summary>Slot numbers in an order: 4 bytes each, found by halving.</summary>
internal sealed class SortedSlots(Comparison<int> order)
{
    private readonly List<int> _slots = [];

    internal int Count => _slots.Count;

    internal int this[int index] => _slots[index];

    internal void Insert(int slot) => _slots.Insert(Find(slot), slot);

    internal void Remove(int slot) => _slots.RemoveAt(Find(slot));

    private int Find(int slot)
    {
        int low = 0;
        int high = _slots.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (order(_slots[middle], slot) < 0)
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
}
