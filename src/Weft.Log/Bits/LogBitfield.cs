using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Weft.Log.Encoding;

namespace Weft.Log;

/// <summary>Blocks that came or went together. What a bitfield is stored as: a few bytes for each change.</summary>
/// <param name="Start">The first block.</param>
/// <param name="Length">How many.</param>
/// <param name="IsSet">True when they came.</param>
public readonly record struct LogBitRange(long Start, long Length, bool IsSet);

/// <summary>
/// Which blocks of a log are here: one bit each, in pages that exist only where they hold both kinds.
/// </summary>
/// <remarks>A page without bits costs nothing, a full one a dictionary entry. Source: docs/spec/log.md, section
/// 9.</remarks>
public sealed class LogBitfield
{
    /// <summary>Bits of a page.</summary>
    public const int PageBits = 32_768;

    private const int PageWords = PageBits / 64;
    private const int PageBytes = PageBits / 8;
    private const int SnapshotRaw = 0;
    private const int SnapshotFull = 1;
    private const int SnapshotRuns = 2;

    private static readonly ulong[] Full = MakeFull(); // Shared: never written to.

    private readonly SortedDictionary<long, ulong[]> _pages = [];

    /// <summary>How many blocks are here.</summary>
    public long Count { get; private set; }

    /// <summary>Pages that hold at least one bit.</summary>
    public int PageCount => _pages.Count;

    /// <summary>True when the block is here.</summary>
    public bool this[long index] =>
        _pages.TryGetValue(index / PageBits, out ulong[]? page)
        && (page[index % PageBits / 64] >> (int)(index % 64) & 1) != 0;

    /// <summary>Takes in a change.</summary>
    public void Apply(in LogBitRange range)
    {
        long end = range.Start + range.Length;
        if (!range.IsSet && range.Length / PageBits > _pages.Count)
        {
            ClearFar(range.Start, end); // A peer may claim any length: what is not here costs nothing.
            return;
        }

        for (long at = range.Start; at < end;)
        {
            long number = at / PageBits;
            int first = (int)(at % PageBits);
            int count = (int)Math.Min(PageBits - first, end - at);
            ApplyToPage(number, first, count, range.IsSet);
            at += count;
        }
    }

    /// <summary>The first block at or after <paramref name="start"/> that is not here.</summary>
    public long FirstUnset(long start)
    {
        for (long at = start; ;)
        {
            if (!_pages.TryGetValue(at / PageBits, out ulong[]? page))
            {
                return at;
            }

            if (ReferenceEquals(page, Full))
            {
                at = ((at / PageBits) + 1) * PageBits;
                continue;
            }

            long found = FindInPage(page, at, isSet: false);
            if (found >= 0)
            {
                return found;
            }

            at = ((at / PageBits) + 1) * PageBits;
        }
    }

    /// <summary>
    /// The first block from <paramref name="start"/> up to <paramref name="end"/> that is here; -1 for none.
    /// </summary>
    public long FirstSet(long start, long end)
    {
        foreach ((long number, ulong[] page) in _pages)
        {
            long pageEnd = (number + 1) * PageBits;
            if (pageEnd <= start)
            {
                continue;
            }

            if (number * PageBits >= end)
            {
                break;
            }

            long found = FindInPage(page, Math.Max(start, number * PageBits), isSet: true);
            if (found >= 0)
            {
                return found < end ? found : -1;
            }
        }

        return -1;
    }

    /// <summary>Copies bits as 32-bit words, lowest bit first: the form on the wire.</summary>
    /// <param name="start">The first bit; a multiple of 32.</param>
    /// <param name="words">Takes 32 bits each.</param>
    public void CopyWords(long start, Span<uint> words)
    {
        for (int i = 0; i < words.Length; i++)
        {
            long bit = start + (32L * i);
            words[i] = _pages.TryGetValue(bit / PageBits, out ulong[]? page)
                ? (uint)(page[bit % PageBits / 64] >> (int)(bit % 64))
                : 0;
        }
    }

    /// <summary>Writes everything, so that the changes before it need not be kept.</summary>
    public void WriteSnapshot(IBufferWriter<byte> target)
    {
        foreach ((long number, ulong[] page) in _pages)
        {
            target.WriteUint(number);
            if (ReferenceEquals(page, Full))
            {
                target.WriteUint(SnapshotFull);
                continue;
            }

            var runs = new ArrayBufferWriter<byte>();
            WriteRuns(runs, page);
            if (runs.WrittenCount < PageBytes)
            {
                target.WriteUint(SnapshotRuns);
                target.WriteBuffer(runs.WrittenSpan);
                continue;
            }

            target.WriteUint(SnapshotRaw);
            Span<byte> bytes = target.GetSpan(PageBytes);
            for (int i = 0; i < PageWords; i++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bytes[(i * sizeof(ulong))..], page[i]);
            }

            target.Advance(PageBytes);
        }
    }

    /// <summary>Reads what <see cref="WriteSnapshot"/> wrote; null when it is damaged.</summary>
    public static LogBitfield? ReadSnapshot(ReadOnlySpan<byte> bytes)
    {
        var reader = new CompactReader(bytes);
        var bits = new LogBitfield();
        while (reader.Left > 0)
        {
            long start = reader.Uint(LogLimits.LengthMax / PageBits) * PageBits;
            switch (reader.Uint(SnapshotRuns))
            {
                case SnapshotFull:
                    bits.Apply(new LogBitRange(start, reader.IsBroken ? 0 : PageBits, true));
                    break;
                case SnapshotRuns:
                    ReadRuns(reader.Buffer(PageBytes), start, bits);
                    break;
                default:
                    ReadRaw(reader.Bytes(PageBytes), start, bits);
                    break;
            }
        }

        return reader.IsBroken ? null : bits;
    }

    private static ulong[] MakeFull()
    {
        ulong[] page = new ulong[PageWords];
        Array.Fill(page, ulong.MaxValue);
        return page;
    }

    private void ClearFar(long start, long end)
    {
        foreach (long number in _pages.Keys.ToArray())
        {
            long from = Math.Max(start, number * PageBits);
            long to = Math.Min(end, (number + 1) * PageBits);
            if (from < to)
            {
                ApplyToPage(number, (int)(from % PageBits), (int)(to - from), false);
            }
        }
    }

    private void ApplyToPage(long number, int first, int count, bool isSet)
    {
        bool exists = _pages.TryGetValue(number, out ulong[]? page);
        if (!exists && !isSet)
        {
            return;
        }

        if (count == PageBits)
        {
            Count += (isSet ? PageBits : 0) - (exists ? PopCount(page!) : 0);
            Replace(number, isSet ? Full : null);
            return;
        }

        if (!exists || ReferenceEquals(page, Full))
        {
            page = exists ? [.. Full] : new ulong[PageWords];
            _pages[number] = page;
        }

        int changed = Fill(page!, first, count, isSet);
        Count += isSet ? changed : -changed;
        if (changed > 0 && page!.AsSpan().IndexOfAnyExcept(isSet ? ulong.MaxValue : 0) < 0)
        {
            Replace(number, isSet ? Full : null);
        }
    }

    private void Replace(long number, ulong[]? page)
    {
        if (page is null)
        {
            _pages.Remove(number);
            return;
        }

        _pages[number] = page;
    }

    /// <summary>Sets or clears bits; gives how many changed.</summary>
    private static int Fill(ulong[] page, int first, int count, bool isSet)
    {
        int changed = 0;
        for (int at = first, end = first + count; at < end;)
        {
            int bit = at % 64;
            int here = Math.Min(64 - bit, end - at);
            ulong mask = (here == 64 ? ulong.MaxValue : (1UL << here) - 1) << bit;
            ulong word = page[at / 64];
            changed += BitOperations.PopCount((isSet ? ~word : word) & mask);
            page[at / 64] = isSet ? word | mask : word & ~mask;
            at += here;
        }

        return changed;
    }

    private static long PopCount(ulong[] page)
    {
        if (ReferenceEquals(page, Full))
        {
            return PageBits;
        }

        long count = 0;
        foreach (ulong word in page)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }

    private static long FindInPage(ulong[] page, long start, bool isSet)
    {
        int first = (int)(start % PageBits);
        ulong mask = ulong.MaxValue << (first % 64);
        for (int i = first / 64; i < PageWords; i++, mask = ulong.MaxValue)
        {
            ulong word = (isSet ? page[i] : ~page[i]) & mask;
            if (word != 0)
            {
                return start - first + (i * 64) + BitOperations.TrailingZeroCount(word);
            }
        }

        return -1;
    }

    private static void WriteRuns(ArrayBufferWriter<byte> target, ulong[] page)
    {
        for (long at = 0; at < PageBits && target.WrittenCount < PageBytes;)
        {
            long set = FindInPage(page, at, isSet: true);
            if (set < 0)
            {
                return;
            }

            long unset = FindInPage(page, set, isSet: false);
            unset = unset < 0 ? PageBits : unset;
            target.WriteUint(set - at);
            target.WriteUint(unset - set);
            at = unset;
        }
    }

    private static void ReadRuns(ReadOnlySpan<byte> bytes, long start, LogBitfield bits)
    {
        var reader = new CompactReader(bytes);
        long end = start + PageBits;
        for (long at = start; reader.Left > 0 && at < end;)
        {
            at += reader.Uint(PageBits);
            long length = Math.Max(0, Math.Min(reader.Uint(PageBits), end - at));
            bits.Apply(new LogBitRange(at, length, true));
            at += length;
        }
    }

    private static void ReadRaw(ReadOnlySpan<byte> bytes, long start, LogBitfield bits)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        ulong[] page = new ulong[PageWords];
        bytes.CopyTo(MemoryMarshal.AsBytes(page.AsSpan()));
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(page, page);
        }

        bits.Count += PopCount(page);
        bits._pages[start / PageBits] = page;
    }
}
