using System.Buffers;

namespace Weft.Storage.Log;

/// <summary>Collects one record's payload in pooled memory that the log keeps until the record is written.</summary>
internal sealed class PayloadWriter : IBufferWriter<byte>
{
    [ThreadStatic]
    private static PayloadWriter? _instance;

    private byte[] _buffer = [];
    private int _count;

    public static PayloadWriter Instance => _instance ??= new PayloadWriter();

    public void Begin()
    {
        if (_buffer.Length == 0)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(512);
        }

        _count = 0;
    }

    /// <summary>Hands the memory over; it goes back to <see cref="ArrayPool{T}.Shared"/> when the log is done with it.</summary>
    public byte[] Take(out int length)
    {
        byte[] taken = _buffer;
        length = _count;
        _buffer = [];
        return taken;
    }

    public void Advance(int count) => _count += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _buffer.AsMemory(_count);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _buffer.AsSpan(_count);
    }

    private void Ensure(int sizeHint)
    {
        int needed = _count + Math.Max(sizeHint, 1);
        if (needed <= _buffer.Length)
        {
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _buffer.Length * 2));
        _buffer.AsSpan(0, _count).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
