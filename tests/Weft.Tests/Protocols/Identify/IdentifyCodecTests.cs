using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Identify;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Tests.Protocols.Identify;

public sealed class IdentifyCodecTests
{
    private static readonly IdentifyMessage Full = new()
    {
        ProtocolVersion = "ipfs/0.1.0",
        AgentVersion = "weft/0.1.0",
        Key = PeerPublicKey.FromEd25519(new Ed25519PublicKey(new byte[32])),
        ListenAddresses = [Multiaddr.Parse("/ip4/1.2.3.4/tcp/1"), Multiaddr.Parse("/ip6/::1/tcp/2/ws")],
        Protocols = ["/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"],
        ObservedAddress = Multiaddr.Parse("/ip4/5.6.7.8/tcp/9"),
        SignedRecord = new byte[] { 1, 2, 3 },
    };

    [Theory]
    [InlineData(1)]
    [InlineData(13)]
    [InlineData(10_000)]
    public void A_message_comes_back_whatever_the_pieces(int piece)
    {
        var output = new ArrayBufferWriter<byte>();
        IdentifyCodec.Write(Full, output);
        IdentifyMessage read = Read(output.WrittenSpan, piece)!;

        Same(Full, read);
    }

    [Fact]
    public void An_empty_message_is_read() => Same(new(), Read([0])!);

    [Fact]
    public void Nothing_at_all_is_no_message() => Assert.Null(new IdentifyReader().Build());

    [Fact]
    public void A_long_message_goes_out_in_parts_that_others_take_and_comes_back_whole()
    {
        IdentifyMessage large = Full with
        {
            Protocols = [.. Enumerable.Range(0, 200).Select(i => $"/some/rather/long/protocol/name/{i}/1.0.0")],
            SignedRecord = new byte[3_500],
        };
        var output = new ArrayBufferWriter<byte>();
        IdentifyCodec.Write(large, output);

        ReadOnlySpan<byte> rest = output.WrittenSpan;
        int parts = 0;
        for (; !rest.IsEmpty; parts++)
        {
            Assert.Equal(OperationStatus.Done, Uvarint.Read(rest, out ulong length, out int used));
            Assert.InRange(length, 1ul, 4_096ul);
            rest = rest[(used + (int)length)..];
        }

        Assert.InRange(parts, 3, IdentifyReader.MessagesMax);
        Same(large, Read(output.WrittenSpan, 100)!);
    }

    [Fact]
    public void Parts_are_put_together_lists_grow_and_single_values_are_replaced()
    {
        var output = new ArrayBufferWriter<byte>();
        IdentifyCodec.Write(new() { AgentVersion = "old", Protocols = ["/a"] }, output);
        IdentifyCodec.Write(new() { AgentVersion = "new", Protocols = ["/b"] }, output);

        IdentifyMessage read = Read(output.WrittenSpan)!;
        Assert.Equal("new", read.AgentVersion);
        Assert.Equal(["/a", "/b"], read.Protocols);
    }

    [Fact]
    public void Addresses_with_parts_nobody_knows_are_left_out_and_the_rest_stays()
    {
        byte[] message = Message(writer =>
        {
            writer.Bytes(2, [0xFF, 0x7F, 1, 2]);
            writer.Bytes(2, Multiaddr.Parse("/ip4/1.2.3.4/tcp/1").Bytes);
            writer.Text(6, new string('x', IdentifyReader.TextBytesMax + 1));
            writer.Bytes(3, [0xFF, 0xFE]); // No UTF-8.
        });

        IdentifyMessage read = Read(message)!;
        Assert.Single(read.ListenAddresses);
        Assert.Null(read.AgentVersion);
        Assert.Empty(read.Protocols);
    }

    [Fact]
    public void Ceilings_hold()
    {
        byte[] many = Message(writer =>
        {
            for (int i = 0; i <= IdentifyReader.AddressesMax; i++)
            {
                writer.Bytes(2, [0xDD, 0x03]);
            }

            for (int i = 0; i <= IdentifyReader.ProtocolsMax; i++)
            {
                writer.Bytes(3, []);
            }
        });
        IdentifyMessage read = Read(many)!;
        Assert.Equal(IdentifyReader.AddressesMax, read.ListenAddresses.Count);
        Assert.Equal(IdentifyReader.ProtocolsMax, read.Protocols.Count);

        var reader = new IdentifyReader();
        Assert.True(reader.TryRead(new byte[IdentifyReader.MessagesMax], out _));
        Assert.False(reader.TryRead(new byte[1], out _));
        Assert.True(new IdentifyReader().TryRead([0x80, 0x40], out _));  // 8,192: waited for.
        Assert.False(new IdentifyReader().TryRead([0x81, 0x40], out _)); // 8,193: refused on the length.
    }

    [Fact]
    public void No_bytes_ever_throw()
    {
        var random = new WeftRandom(29);
        var output = new ArrayBufferWriter<byte>();
        IdentifyCodec.Write(Full, output);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = output.WrittenSpan.ToArray();
            for (int change = random.Next(5); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var reader = new IdentifyReader();
            reader.TryRead(bytes.AsSpan(0, random.Next(bytes.Length + 1)), out int taken);
            Assert.InRange(taken, 0, bytes.Length);
            _ = reader.Build();
        }
    }

    private static IdentifyMessage? Read(ReadOnlySpan<byte> bytes, int piece = 10_000)
    {
        var reader = new IdentifyReader();
        int start = 0;
        for (int end = piece; start < bytes.Length && end < bytes.Length + piece; end += piece)
        {
            Assert.True(reader.TryRead(bytes[start..Math.Min(end, bytes.Length)], out int taken));
            start += taken;
        }

        Assert.Equal(bytes.Length, start);
        return reader.Build();
    }

    private static byte[] Message(Action<ProtobufWriter> write)
    {
        var inner = new ArrayBufferWriter<byte>();
        write(new ProtobufWriter(inner));
        var whole = new ArrayBufferWriter<byte>();
        new ProtobufWriter(whole).Varint((ulong)inner.WrittenCount);
        whole.Write(inner.WrittenSpan);
        return whole.WrittenSpan.ToArray();
    }

    private static void Same(IdentifyMessage expected, IdentifyMessage actual)
    {
        Assert.Equal(expected.ProtocolVersion, actual.ProtocolVersion);
        Assert.Equal(expected.AgentVersion, actual.AgentVersion);
        Assert.Equal(expected.Key, actual.Key);
        Assert.Equal(expected.ListenAddresses, actual.ListenAddresses);
        Assert.Equal(expected.Protocols, actual.Protocols);
        Assert.Equal(expected.ObservedAddress, actual.ObservedAddress);
        Assert.Equal(expected.SignedRecord.ToArray(), actual.SignedRecord.ToArray());
    }
}
