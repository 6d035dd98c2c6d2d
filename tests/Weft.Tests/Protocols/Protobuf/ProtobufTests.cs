using System.Buffers;
using System.Text;
using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Tests.Protocols.Protobuf;

public sealed class ProtobufTests
{
    [Fact]
    public void Fields_come_back_as_they_were_written()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(output);
        writer.Number(1, 150);
        writer.Bytes(2, [1, 2, 3]);
        writer.Text(3, "tea");
        writer.Number(4, ulong.MaxValue);

        // 150 as field 1 is the example of the specification: 08 96 01.
        Assert.Equal("089601", Convert.ToHexStringLower(output.WrittenSpan[..3]));
        var reader = new ProtobufReader(output.WrittenSpan);
        Assert.True(reader.TryRead());
        Assert.Equal((1, 150ul), (reader.Field, reader.Number));
        Assert.True(reader.TryRead());
        Assert.Equal([1, 2, 3], reader.Bytes.ToArray());
        Assert.True(reader.TryRead());
        Assert.Equal("tea", Encoding.UTF8.GetString(reader.Bytes));
        Assert.True(reader.TryRead());
        Assert.Equal(ulong.MaxValue, reader.Number);
        Assert.False(reader.TryRead());
        Assert.True(reader.IsWhole);
    }

    [Theory]
    [InlineData("08", "a field without its value")]
    [InlineData("0a05616263", "fewer bytes than promised")]
    [InlineData("0affffffffffffffff7f", "a length of exabytes")]
    [InlineData("08ffffffffffffffffff02", "a number of more than 64 bits")]
    [InlineData("0b0c", "a group")]
    [InlineData("00", "field 0")]
    [InlineData("0d0102", "half a fixed number")]
    public void What_is_broken_is_not_whole(string hex, string what)
    {
        var reader = new ProtobufReader(Convert.FromHexString(hex));
        while (reader.TryRead())
        {
        }

        Assert.False(reader.IsWhole, what);
    }

    [Fact]
    public void Numbers_of_fixed_size_and_unknown_fields_are_stepped_over()
    {
        var reader = new ProtobufReader(Convert.FromHexString("0d01000000" + "110200000000000000" + "f23f0161"));
        var seen = new List<(int, ulong, string)>();
        while (reader.TryRead())
        {
            seen.Add((reader.Field, reader.Number, Encoding.UTF8.GetString(reader.Bytes)));
        }

        Assert.True(reader.IsWhole);
        Assert.Equal([(1, 1, ""), (2, 2, ""), (1022, 0, "a")], seen);
    }

    [Fact]
    public void No_bytes_ever_throw()
    {
        var random = new WeftRandom(5);
        byte[] bytes = new byte[40];
        for (int round = 0; round < 50_000; round++)
        {
            Span<byte> message = bytes.AsSpan(0, random.Next(bytes.Length));
            random.Fill(message);
            var reader = new ProtobufReader(message);
            int fields = 0;
            while (reader.TryRead())
            {
                fields++;
            }

            Assert.True(fields <= message.Length / 2);
        }
    }
}
