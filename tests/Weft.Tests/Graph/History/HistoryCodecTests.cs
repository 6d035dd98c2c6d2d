using System.Text;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Primitives;

namespace Weft.Tests.Graph.History;

public sealed class HistoryCodecTests
{
    [Fact]
    public void A_version_reads_back_from_a_block_and_from_a_row()
    {
        var version = new HistoryVersion(
            "docs/\"ü\U0001F600", 7, 1_763_640_000_123.25,
            [
                new("status", "Final", 5.5, new FieldExtras(new byte[32], new byte[] { 1, 2 }, 9), true, "Review", 4),
                new("next", WeftValue.Link("docs/8"), 6, null, true, WeftValue.Null, -double.MaxValue),
                new("gone", WeftValue.Null, 7, null, true, 3.5, 1),
                new("new", true, 8, null, false, default, 0),
            ]);

        HistoryVersion? block = HistoryCodec.Read(HistoryCodec.Write(version));
        WeftValue row = HistoryCodec.ToRow(version);
        HistoryVersion? stored = HistoryCodec.ReadRow(row);

        Assert.Equal(WeftValueKind.Number, row.Kind); // No link: the index of links must not see it.
        foreach (HistoryVersion? read in (HistoryVersion?[])[block, stored])
        {
            Assert.Equal((version.Soul, 7L, version.TimeMs), (read!.Soul, read.Number, read.TimeMs));
            Assert.Equal(version.Changes, read.Changes);
        }

        Assert.False(HistoryCodec.TryReadPointer(row, out _, out _, out _));
        WeftValue pointer = HistoryCodec.ToRow(12.5, new string('a', 64), 99);
        Assert.True(HistoryCodec.TryReadPointer(pointer, out double time, out string log, out long at));
        Assert.Equal((12.5, new string('a', 64), 99L), (time, log, at));
        Assert.Null(HistoryCodec.ReadRow(pointer));
    }

    [Fact]
    public void Heads_and_names_of_versions_read_back_and_stand_in_order()
    {
        var head = new HistoryHead(long.MaxValue, 3, 1.5, -2.25);

        Assert.True(HistoryCodec.TryReadHead(HistoryCodec.ToRow(head), out HistoryHead read));
        Assert.Equal(head, read);
        long[] numbers = [1, 9, 10, 255, 256, long.MaxValue];
        string[] names = [.. numbers.Select(HistoryCodec.FieldOf)];
        Assert.Equal(names, names.Order(StringComparer.Ordinal));
        Assert.Equal(numbers, names.Select(HistoryCodec.NumberOf));
        Assert.Equal(0, HistoryCodec.NumberOf(HistoryCodec.HeadField));
    }

    [Fact]
    public void Whatever_the_bytes_are_nothing_throws()
    {
        var random = new WeftRandom(11);
        byte[] good = HistoryCodec.Write(new HistoryVersion("s", 1, 2, [new("f", "v", 3, null, true, 4, 5)]));
        for (int round = 0; round < 3_000; round++)
        {
            byte[] bytes = [.. good];
            for (int change = random.Next(1, 5); change > 0; change--)
            {
                bytes[random.Next(0, bytes.Length)] = (byte)random.Next(0, 256);
            }

            byte[] cut = bytes[..random.Next(0, bytes.Length + 1)];
            _ = HistoryCodec.Read(cut);
            WeftValue row = WeftValue.FromCanonicalJson([(byte)'[', .. cut, (byte)']']);
            _ = HistoryCodec.ReadRow(row);
            _ = HistoryCodec.TryReadHead(row, out _);
            _ = HistoryCodec.TryReadPointer(row, out _, out _, out _);
        }

        Assert.Null(HistoryCodec.Read("{}"u8));
        Assert.Null(HistoryCodec.Read(Encoding.UTF8.GetBytes("{\"soul\":\"s\",\"version\":1,\"changes\":[]}")));
    }
}
