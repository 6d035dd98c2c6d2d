using System.Text;
using Weft.Cli.App;
using Weft.Cli.Bench;
using Weft.Cli.Commands;
using Weft.Cli.Import;
using Weft.Cli.Output;

namespace Weft.Integration.Tests.Cli;

public sealed class CliPartsTests
{
    [Theory]
    [InlineData("250ms", 250)]
    [InlineData("5s", 5_000)]
    [InlineData("5", 5_000)]
    [InlineData("1.5m", 90_000)]
    [InlineData("2h", 7_200_000)]
    [InlineData("7d", 604_800_000)]
    public void Durations_are_read(string text, double milliseconds)
    {
        Assert.True(Units.TryDuration(text, out TimeSpan duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("5 s")]
    [InlineData("1e999s")]
    [InlineData("99999999999999d")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(Units.TryDuration(text, out _));

    [Theory]
    [InlineData("128B", 128)]
    [InlineData("128", 128)]
    [InlineData("64KiB", 65_536)]
    [InlineData("2GB", 2_000_000_000)]
    public void Sizes_are_read(string text, long bytes)
    {
        Assert.True(Units.TrySize(text, out long read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("name=Ada", "name", "\"Ada\"")]
    [InlineData("name=", "name", "\"\"")]
    [InlineData("t=a=b:=c:@d", "t", "\"a=b:=c:@d\"")]
    [InlineData("born:=1815", "born", "1815")]
    [InlineData("gone:=null", "gone", "null")]
    [InlineData("boss:@mark", "boss", "{\"#\":\"mark\"}")]
    [InlineData("boss:@a=b", "boss", "{\"#\":\"a=b\"}")]
    [InlineData("__proto__=x", "__proto__", "\"x\"")]
    [InlineData("q=say \"hi\"\n", "q", "\"say \\\"hi\\\"\\n\"")]
    public void Fields_are_read(string word, string name, string json) =>
        Assert.Equal(new FieldPair(name, json), FieldPair.Parse(word));

    [Fact]
    public void Control_characters_of_a_value_never_reach_the_terminal() =>
        Assert.Equal("a\\u001b[2Jb\\tc\\nd\\u202e", PlainText.OneLine("a\e[2Jb\tc\nd\u202e"));

    [Fact]
    public void Histogram_is_right_to_two_percent()
    {
        var histogram = new LatencyHistogram();
        for (int i = 1; i <= 100_000; i++)
        {
            histogram.Add(TimeSpan.FromMicroseconds(i));
        }

        Assert.InRange(histogram.At(0.5).TotalMicroseconds, 50_000, 51_000);
        Assert.InRange(histogram.At(0.99).TotalMicroseconds, 99_000, 100_000);
        Assert.Equal(100_000, histogram.At(1).TotalMicroseconds);
    }

    [Fact]
    public void Merged_histograms_count_as_one()
    {
        var left = new LatencyHistogram();
        var right = new LatencyHistogram();
        left.Add(TimeSpan.FromMilliseconds(1));
        right.Add(TimeSpan.FromMilliseconds(9));

        left.Add(right);

        Assert.Equal(2, left.Count);
        Assert.Equal(9, left.At(1).TotalMilliseconds);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(4_096)]
    public async Task Batches_hold_whole_lines_and_every_byte(int batchBytes)
    {
        string text = string.Concat(
            Enumerable.Range(0, 200).Select(i => $"{{\"soul\":\"{new string('x', i % 90)}\"}}\n"));
        byte[] bytes = Encoding.UTF8.GetBytes(text.TrimEnd('\n'));
        var batcher = new LineBatcher(new MemoryStream(bytes), batchBytes, firstLine: 1, offset: 0);
        var joined = new MemoryStream();
        long line = 1;
        while (await batcher.ReadAsync(default) is { } batch)
        {
            Assert.Equal(line, batch.FirstLine);
            line += batch.Lines;
            joined.Write(batch.Bytes.Span);
            Assert.Equal(joined.Length, batch.EndOffset);
        }

        Assert.Equal(201, line);
        Assert.Equal(bytes, joined.ToArray());
    }

    [Fact]
    public async Task Line_that_is_no_object_is_named()
    {
        var lines = new MemoryStream("{\"soul\":\"a\"}\n\n[1]\n"u8.ToArray());
        var batcher = new LineBatcher(lines, 4_096, firstLine: 1, offset: 0);

        CliException error = await Assert.ThrowsAsync<CliException>(() => batcher.ReadAsync(default));

        Assert.Contains("line 3 ", error.Message, StringComparison.Ordinal);
    }
}
