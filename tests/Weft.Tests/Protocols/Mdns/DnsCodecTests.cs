using System.Buffers;
using System.Text;
using Weft.Protocols.Mdns;

namespace Weft.Tests.Protocols.Mdns;

public sealed class DnsCodecTests
{
    [Fact]
    public void The_question_for_all_peers_has_the_bytes_of_the_specification()
    {
        byte[] bytes = Bytes(new(false, [new("_p2p._udp.local", (int)DnsType.Ptr)], [], []));

        Assert.Equal(
            "000000000001000000000000" + "045f703270" + "045f756470" + "056c6f63616c" + "00" + "000c" + "0001",
            Convert.ToHexStringLower(bytes));
    }

    [Fact]
    public void A_message_comes_back_as_it_was_written()
    {
        var message = new DnsMessage(
            true,
            [],
            [new("_p2p._udp.local", (int)DnsType.Ptr, 120, "abc._p2p._udp.local", [])],
            [new("abc._p2p._udp.local", (int)DnsType.Txt, 120, "", [Encoding.ASCII.GetBytes("dnsaddr=/x"), new byte[255]])]);

        Assert.True(DnsCodec.TryRead(Bytes(message), out DnsMessage? read));
        Assert.True(read.IsAnswer);
        DnsRecord pointer = Assert.Single(read.Answers);
        Assert.Equal(("_p2p._udp.local", 120u, "abc._p2p._udp.local"), (pointer.Name, pointer.TtlSeconds, pointer.Target));
        DnsRecord text = Assert.Single(read.Additional);
        Assert.Equal(["dnsaddr=/x"u8.ToArray(), new byte[255]], text.Texts.Select(one => one.ToArray()));
    }

    [Fact]
    public void Compressed_names_are_read()
    {
        // A PTR whose name is at 12, and whose target ends with a pointer to it; then a TXT whose name points at the
        // target.
        byte[] bytes = Convert.FromHexString(
            "000084000000000100000001" + "045f7032700001"[..10] + "00" + "000c0001" + "00000078" + "0006" + "036162" + "63" + "c00c"
            + "c01c" + "00100001" + "00000078" + "0002" + "0161");

        Assert.True(DnsCodec.TryRead(bytes, out DnsMessage? read));
        Assert.Equal("abc._p2p", Assert.Single(read.Answers).Target);
        Assert.Equal("abc._p2p", Assert.Single(read.Additional).Name);
    }

    [Theory]
    [InlineData("c00c")] // To itself.
    [InlineData("c010")] // Forward.
    [InlineData("c000")] // Into the header.
    [InlineData("0161c00c")] // To its own beginning: round and round.
    [InlineData("c0")] // Breaks off.
    [InlineData("40")] // A kind of label that does not exist.
    [InlineData("80")]
    [InlineData("05616161")] // Longer than the message.
    public void Names_that_never_end_or_lead_astray_are_refused(string name) =>
        Assert.False(DnsCodec.TryRead(Convert.FromHexString("000000000001000000000000" + name + "000c0001"), out _));

    [Fact]
    public void A_name_has_at_most_255_bytes_also_when_it_is_put_together_of_pointers()
    {
        // Each name is one label of 60 bytes and a pointer to the name before it.
        var bytes = new List<byte>(Convert.FromHexString("000000000006000000000000"));
        int last = 0;
        var ends = new List<bool>();
        for (int i = 0; i < 6; i++)
        {
            int at = bytes.Count;
            bytes.AddRange([60, .. Enumerable.Repeat((byte)'a', 60)]);
            bytes.AddRange(last == 0 ? [0] : [(byte)(0xC0 | (last >> 8)), (byte)last]);
            bytes.AddRange([0, 12, 0, 1]);
            last = at;
            byte[] copy = [.. bytes];
            copy[5] = (byte)(i + 1);
            ends.Add(DnsCodec.TryRead(copy, out _));
        }

        Assert.Equal([true, true, true, true, false, false], ends);
    }

    [Fact]
    public void Counts_have_ceilings_whatever_the_header_says()
    {
        Assert.False(DnsCodec.TryRead(Convert.FromHexString("0000840000000000ffff0000"), out _));
        Assert.False(DnsCodec.TryRead(Convert.FromHexString("000000000001000000000000"), out _));
        var many = new DnsMessage(
            false, [.. Enumerable.Repeat(new DnsQuestion("a", 12), DnsCodec.EntriesMax + 1)], [], []);
        Assert.False(DnsCodec.TryRead(Bytes(many), out _));
        Assert.False(DnsCodec.TryRead(new byte[DnsCodec.MessageBytesMax + 1], out _));
        var texts = new DnsMessage(
            true, [], [new("a", 16, 1, "", [.. Enumerable.Repeat(ReadOnlyMemory<byte>.Empty, DnsCodec.TextsMax + 1)])], []);
        Assert.False(DnsCodec.TryRead(Bytes(texts), out _));
    }

    [Fact]
    public void A_dot_within_a_label_does_not_look_like_one_between_labels()
    {
        byte[] bytes = Convert.FromHexString("000000000001000000000000" + "03612e62" + "00" + "000c0001");

        Assert.True(DnsCodec.TryRead(bytes, out DnsMessage? read));
        Assert.Equal("a\uFFFDb", read.Questions[0].Name);
    }

    private static byte[] Bytes(DnsMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        DnsCodec.Write(message, output);
        return output.WrittenSpan.ToArray();
    }
}
