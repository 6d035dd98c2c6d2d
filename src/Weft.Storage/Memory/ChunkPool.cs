namespace Weft.Storage.Memory;

/// <summary>
/// Reused blocks of memory for memory tables. They are allocated once and pinned, so that filling and dropping tables
/// costs the garbage collector nothing and the process's size does not swing.
/// </summary>
internal sealed class ChunkPool
{
    public const int ChunkBytes = 1 << Arena.OffsetBits;

    private readonly Lock _gate = new();
    private readonly Stack<byte[]> _free = new();

    public byte[] Rent()
    {
        lock (_gate)
        {
            if (_free.TryPop(out byte[]? chunk))
            {
                return chunk;
            }
        }

        return GC.AllocateUninitializedArray<byte>(ChunkBytes, pinned: true);
    }

    public void Return(byte[] chunk)
    {
        lock (_gate)
        {
            _free.Push(chunk);
        }
    }
}
