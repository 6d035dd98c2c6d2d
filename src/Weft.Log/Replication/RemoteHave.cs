using System.Buffers.Binary;

namespace Weft.Log.Replication;

/// <summary>
/// What a peer says it has: a beginning without a gap, and bits beyond it. What does not fit its bound is forgotten, so
/// that a peer can make us ask it for less, and never make us hold more.
/// </summary>
internal sealed class RemoteHave(int pagesMax)
{
    private readonly LogBitfield _bits = new();

    /// <summary>Blocks from the start without a gap.</summary>
    public long Prefix { get; private set; }

    public int PageCount => _bits.PageCount;

    public bool Has(long index) => index < Prefix || _bits[index];

    /// <summary>
    /// The first block from <paramref name="start"/> up to <paramref name="end"/> that the peer has; -1 for none.
    /// </summary>
    public long First(long start, long end) =>
        start >= end ? -1 : start < Prefix ? start : _bits.FirstSet(start, end);

    public void Add(long start, long length)
    {
        long end = Math.Min(start + length, LogLimits.LengthMax);
        if (start <= Prefix)
        {
            Prefix = Math.Max(Prefix, end);
            Prefix = Math.Max(Prefix, _bits.FirstUnset(Prefix));
            return;
        }

        // Page by page, so that one message never makes more than the bound.
        for (long at = start; at < end && _bits.PageCount < pagesMax;)
        {
            long pageEnd = Math.Min(end, ((at / LogBitfield.PageBits) + 1) * LogBitfield.PageBits);
            _bits.Apply(new LogBitRange(at, pageEnd - at, true));
            at = pageEnd;
        }
    }

    public void Drop(long start, long length)
    {
        long end = Math.Min(start + length, LogLimits.LengthMax);
        if (start < Prefix)
        {
            long old = Prefix;
            Prefix = start;
            if (end < old)
            {
                Add(end, Math.Min(old - end, (long)pagesMax * LogBitfield.PageBits));
            }
        }

        long last = Math.Min(end, start + ((long)pagesMax * LogBitfield.PageBits));
        for (long at = _bits.FirstSet(start, last); at >= 0 && at < last; at = _bits.FirstSet(at, last))
        {
            long pageEnd = Math.Min(last, ((at / LogBitfield.PageBits) + 1) * LogBitfield.PageBits);
            _bits.Apply(new LogBitRange(at, pageEnd - at, false));
        }
    }

    /// <summary>Takes a bitfield message: 32-bit words, little-endian.</summary>
    public void AddWords(long start, ReadOnlySpan<byte> words)
    {
        for (int i = 0; i < words.Length; i += sizeof(uint))
        {
            uint word = BinaryPrimitives.ReadUInt32LittleEndian(words[i..]);
            long bit = start + (8L * i);
            while (word != 0)
            {
                int zeros = System.Numerics.BitOperations.TrailingZeroCount(word);
                int ones = System.Numerics.BitOperations.TrailingZeroCount(~(word >> zeros));
                Add(bit + zeros, ones);
                word = zeros + ones >= 32 ? 0 : word & (uint.MaxValue << (zeros + ones));
            }
        }
    }
}
