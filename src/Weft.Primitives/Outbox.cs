namespace Weft.Primitives;

/// <summary>What a core asks its driver to do, in order. Reused from call to call, so a core allocates nothing.</summary>
/// <typeparam name="T">The core's output: one readonly record struct with a kind.</typeparam>
public sealed class Outbox<T>
{
    private T[] _items = new T[16];
    private int _count;

    /// <summary>How many outputs wait.</summary>
    public int Count => _count;

    /// <summary>The outputs since the last <see cref="Clear"/>; valid until the next call on this outbox.</summary>
    public ReadOnlySpan<T> Items => _items.AsSpan(0, _count);

    /// <summary>One output by position. A driver that applies outputs while new ones arrive walks by index.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public ref readonly T this[int index] => ref _items.AsSpan(0, _count)[index];

    /// <summary>Adds one output.</summary>
    public void Add(in T item)
    {
        if (_count == _items.Length)
        {
            Array.Resize(ref _items, _count * 2);
        }

        _items[_count++] = item;
    }

    /// <summary>Forgets all outputs, and lets go of what they refer to.</summary>
    public void Clear()
    {
        Array.Clear(_items, 0, _count);
        _count = 0;
        if (_items.Length > 4_096)
        {
            _items = new T[16]; // One burst must not hold its memory for ever.
        }
    }
}
