namespace Weft.Graph;

/// <summary>Exactly the fields that one delta touches, as they are known now. Filled by the driver, used by the core.</summary>
/// <remarks>Reused from batch to batch: it allocates nothing once it has grown.</remarks>
public sealed class GraphView
{
    private readonly Dictionary<FieldKey, int> _slots = [];
    private FieldKey[] _keys = new FieldKey[16];
    private StoredField[] _known = new StoredField[16];
    private bool[] _found = new bool[16];
    private int[] _slotOf = new int[16];
    private int _writes;

    /// <summary>How many different fields are touched.</summary>
    public int Count { get; private set; }

    /// <summary>Starts a new delta and names the fields it touches.</summary>
    public void Begin(ReadOnlySpan<FieldWrite> delta)
    {
        Array.Clear(_keys, 0, Count);
        Array.Clear(_known, 0, Count);
        Array.Clear(_found, 0, Count);
        _slots.Clear();
        Count = 0;
        _writes = delta.Length;
        if (_slotOf.Length < _writes)
        {
            int size = Math.Max(_writes, _slotOf.Length * 2);
            Array.Resize(ref _slotOf, size);
            Array.Resize(ref _keys, size);
            Array.Resize(ref _known, size);
            Array.Resize(ref _found, size);
        }

        for (int i = 0; i < delta.Length; i++)
        {
            var key = new FieldKey(delta[i].Soul, delta[i].Field);
            int slot = Count;
            if (_writes > 1 && !_slots.TryAdd(key, slot))
            {
                _slotOf[i] = _slots[key]; // The same field twice in one delta: the second meets the first.
                continue;
            }

            _slotOf[i] = slot;
            _keys[slot] = key;
            Count++;
        }
    }

    /// <summary>The field in a slot.</summary>
    /// <param name="slot">0 to <see cref="Count"/> - 1.</param>
    public FieldKey Key(int slot) => _keys[slot];

    /// <summary>Tells what is known about the field in a slot. A slot that is never set is an absent field.</summary>
    public void Set(int slot, in StoredField known)
    {
        _known[slot] = known;
        _found[slot] = true;
    }

    /// <summary>The known field that write number <paramref name="write"/> meets.</summary>
    /// <returns>False when nothing is known.</returns>
    public bool TryGet(int write, out StoredField known)
    {
        int slot = _slotOf[write];
        known = _known[slot];
        return _found[slot];
    }

    internal void Replace(int write, in FieldWrite winner) =>
        Set(_slotOf[write], new StoredField(winner.Field, winner.Value, winner.State, 0, winner.Extras));
}
