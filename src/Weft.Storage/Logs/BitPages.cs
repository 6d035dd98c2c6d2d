using System.Buffers;
using Weft.Log;
using Weft.Storage.Files;
using Weft.Storage.Tier;

namespace Weft.Storage.Logs;

/// <summary>The pages of a bitfield that one flush touches: read when needed, changed, written at the end.</summary>
/// <param name="read">Gives a page as it is kept; empty when it is not.</param>
/// <param name="removePages">Removes the pages from one number up to another, the last not included.</param>
internal sealed class BitPages(Func<long, ReadOnlyMemory<byte>> read, Action<long, long> removePages)
{
    private const int FarPages = 64;

    private readonly SortedDictionary<long, LogBitfield> _pages = [];

    /// <summary>Adds a page as it is kept to a whole bitfield.</summary>
    public static void AddTo(LogBitfield bits, ReadOnlySpan<byte> page)
    {
        LogBitfield kept = Parse(page);
        for (long start = kept.FirstSet(0, long.MaxValue); start >= 0;)
        {
            long end = kept.FirstUnset(start);
            bits.Apply(new LogBitRange(start, end - start, true));
            start = kept.FirstSet(end, long.MaxValue);
        }
    }

    public bool this[long block] => Page(LogRowKind.PageOf(block))[block];

    public void Apply(in LogBitRange range)
    {
        long end = range.Start + range.Length;
        long first = LogRowKind.PageOf(range.Start);
        long last = LogRowKind.PageOf(end - 1);
        if (!range.IsSet && last - first > FarPages)
        {
            removePages(first + 1, last);
            foreach (long number in _pages.Keys.Where(number => number > first && number < last).ToArray())
            {
                _pages[number] = new LogBitfield();
            }

            ApplyTo(first, range);
            ApplyTo(last, range);
            return;
        }

        for (long number = first; number <= last && range.Length > 0; number++)
        {
            ApplyTo(number, range);
        }
    }

    /// <summary>Gives each touched page with its bytes; none for one without a bit.</summary>
    public IEnumerable<(long Number, ReadOnlyMemory<byte> Bytes)> Written()
    {
        foreach ((long number, LogBitfield page) in _pages)
        {
            var target = new ArrayBufferWriter<byte>();
            page.WriteSnapshot(target);
            yield return (number, target.WrittenMemory);
        }
    }

    private static LogBitfield Parse(ReadOnlySpan<byte> page) => LogBitfield.ReadSnapshot(page)
        ?? throw StorageErrors.Damaged(SqliteTier.FileName, "a log's bitfield", "it cannot be read");

    private void ApplyTo(long number, in LogBitRange range)
    {
        long start = Math.Max(range.Start, number * LogBitfield.PageBits);
        long end = Math.Min(range.Start + range.Length, (number + 1) * LogBitfield.PageBits);
        Page(number).Apply(new LogBitRange(start, end - start, range.IsSet));
    }

    private LogBitfield Page(long number)
    {
        if (!_pages.TryGetValue(number, out LogBitfield? page))
        {
            page = Parse(read(number).Span);
            _pages.Add(number, page);
        }

        return page;
    }
}
