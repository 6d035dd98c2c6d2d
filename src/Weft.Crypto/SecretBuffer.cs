using System.Buffers;
using System.Security.Cryptography;

namespace Weft.Crypto;

/// <summary>
/// A growing buffer for text with secrets in it: what it outgrows and what it holds at the end is cleared.
/// </summary>
internal sealed class SecretBuffer : IBufferWriter<byte>, IDisposable
{
    private byte[] _bytes = new byte[1_024];
    private int _length;

    internal ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Grow(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_bytes);
        _length = 0;
    }

    private void Grow(int free)
    {
        if (_bytes.Length - _length >= free)
        {
            return;
        }

        byte[] larger = new byte[Math.Max(_bytes.Length * 2, _length + free)];
        Written.CopyTo(larger);
        CryptographicOperations.ZeroMemory(_bytes);
        _bytes = larger;
    }
}
