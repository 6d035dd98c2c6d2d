using System.Runtime.CompilerServices;

namespace Weft.Storage.Memory;

/// <summary>
/// Memory that only grows, then goes back to the pool as a whole. A handle is chunk number and offset in one integer;
/// handle 0 is nothing.
/// </summary>
internal sealed class Arena(ChunkPool pool)
{
    public const int OffsetBits = 17;

    private const int OffsetMask = (1 << OffsetBits) - 1;
    private const int LargeBytes = 1 << (OffsetBits - 2); // Larger pieces get a chunk of their own.

    private byte[][] _chunks = new byte[4][];
    private int _count;
    private int _open = -1; // The chunk that small pieces go to.
    private int _at;

    /// <summary>Bytes held, unused ends included.</summary>
    public long Bytes { get; private set; }

    public int Allocate(int size)
    {
        if (size > LargeBytes)
        {
            int large = Add(new byte[size]);
            return large << OffsetBits;
        }

        size = (size + 3) & ~3;
        if (_open < 0 || _at + size > ChunkPool.ChunkBytes)
        {
            _open = Add(pool.Rent());
            _at = 8; // No handle is 0.
        }

        int handle = (_open << OffsetBits) | _at;
        _at += size;
        return handle;
    }

    public int Int(int handle) => Unsafe.ReadUnaligned<int>(ref Byte(handle));

    public void SetInt(int handle, int value) => Unsafe.WriteUnaligned(ref Byte(handle), value);

    public long Long(int handle) => Unsafe.ReadUnaligned<long>(ref Byte(handle));

    public void SetLong(int handle, long value) => Unsafe.WriteUnaligned(ref Byte(handle), value);

    public Span<byte> Span(int handle, int length) =>
        _chunks[handle >> OffsetBits].AsSpan(handle & OffsetMask, length);

    public ReadOnlyMemory<byte> Memory(int handle, int length) =>
        _chunks[handle >> OffsetBits].AsMemory(handle & OffsetMask, length);

    public void Drop()
    {
        for (int i = 0; i < _count; i++)
        {
            if (_chunks[i].Length == ChunkPool.ChunkBytes)
            {
                pool.Return(_chunks[i]);
            }
        }

        _chunks = new byte[4][];
        _count = 0;
        _open = -1;
        Bytes = 0;
    }

    private ref byte Byte(int handle) => ref _chunks[handle >> OffsetBits][handle & OffsetMask];

    private int Add(byte[] chunk)
    {
        if (_count == 0 && chunk.Length != ChunkPool.ChunkBytes)
        {
            Add(pool.Rent()); // A chunk of its own starts at offset 0; as chunk 0 that would be handle 0.
        }

        if (_count == _chunks.Length)
        {
            Array.Resize(ref _chunks, _count * 2);
        }

        _chunks[_count] = chunk;
        Bytes += chunk.Length;
        return _count++;
    }
}
