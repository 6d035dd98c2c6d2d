using System.Buffers;
using System.Text;
using Weft.Primitives;
using Weft.Protocols.Multistream;

namespace Weft.Tests.Protocols.Multistream;

public sealed class MultistreamCoreTests
{
    private const string HeaderLine = "\x13/multistream/1.0.0\n";

    [Fact]
    public void Dialler_sends_header_and_first_proposal_in_one_go()
    {
        var output = new ArrayBufferWriter<byte>();
        MultistreamCore.Dial(["/noise"], output);

        Assert.Equal(HeaderLine + "\x07/noise\n", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void Listener_says_nothing_before_it_is_spoken_to_and_then_all_at_once()
    {
        var output = new ArrayBufferWriter<byte>();
        MultistreamCore listener = MultistreamCore.Listen(_ => true);
        Assert.Equal(0, listener.OnBytes([0x13], output));
        Assert.Equal(0, output.WrittenCount);

        listener.OnBytes(Encoding.UTF8.GetBytes(HeaderLine + "\x07/noise\n"), output);
        Assert.Equal(HeaderLine + "\x07/noise\n", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Theory]
    [InlineData(new[] { "/a/1", "/b/1" }, "/b/1", "/b/1", MultistreamState.Agreed)]
    [InlineData(new[] { "/a/1", "/b/1" }, "/a/1", "/a/1", MultistreamState.Agreed)]
    [InlineData(new[] { "/a/1", "/b/1" }, "/c/1", null, MultistreamState.Refused)]
    public void Two_sides_agree_whatever_the_pieces(
        string[] offered, string served, string? expected, MultistreamState state)
    {
        for (int piece = 1; piece < 60; piece += 7)
        {
            var toListener = new ArrayBufferWriter<byte>();
            var toDialler = new ArrayBufferWriter<byte>();
            MultistreamCore dialler = MultistreamCore.Dial(offered, toListener);
            MultistreamCore listener = MultistreamCore.Listen(protocol => protocol == served);
            int listened = 0;
            int dialled = 0;
            for (int end = piece; end < 400; end += piece)
            {
                ReadOnlySpan<byte> forListener = toListener.WrittenSpan[listened..Math.Min(end, toListener.WrittenCount)];
                listened += listener.OnBytes(forListener, toDialler);
                ReadOnlySpan<byte> forDialler = toDialler.WrittenSpan[dialled..Math.Min(end, toDialler.WrittenCount)];
                dialled += dialler.OnBytes(forDialler, toListener);
            }

            Assert.Equal(state, dialler.State);
            Assert.Equal(expected, dialler.Protocol);
            Assert.Equal(expected, listener.Protocol);
        }
    }

    [Fact]
    public void What_follows_an_agreement_is_left_for_the_protocol()
    {
        var output = new ArrayBufferWriter<byte>();
        MultistreamCore listener = MultistreamCore.Listen(_ => true);
        byte[] bytes = Encoding.UTF8.GetBytes(HeaderLine + "\x05/x/1\ndata at once");
        int taken = listener.OnBytes(bytes, output);

        Assert.Equal("/x/1", listener.Protocol);
        Assert.Equal("data at once", Encoding.UTF8.GetString(bytes.AsSpan(taken)));
    }

    [Theory]
    [InlineData("\x13/multistream/2.0.0\n")]
    [InlineData("\x03abc")]
    [InlineData("\x00")]
    public void A_peer_that_speaks_something_else_is_refused(string text) => Refuses(Encoding.UTF8.GetBytes(text));

    [Fact]
    public void A_line_longer_than_the_ceiling_is_refused_on_its_length() => Refuses([0x81, 0x08]); // 1,025.

    [Fact]
    public void A_dialler_does_not_take_a_protocol_it_did_not_propose()
    {
        var output = new ArrayBufferWriter<byte>();
        MultistreamCore dialler = MultistreamCore.Dial(["/a/1"], output);
        dialler.OnBytes(Encoding.UTF8.GetBytes(HeaderLine + "\x05/b/1\n"), output);

        Assert.Equal(MultistreamState.Broken, dialler.State);
    }

    [Fact]
    public void A_peer_that_proposes_without_end_is_given_up()
    {
        var output = new ArrayBufferWriter<byte>();
        MultistreamCore listener = MultistreamCore.Listen(_ => false);
        string proposals = string.Concat(Enumerable.Repeat("\x05/x/1\n", MultistreamCore.ProposalsMax - 1));
        listener.OnBytes(Encoding.UTF8.GetBytes(HeaderLine + proposals), output);
        Assert.Equal(MultistreamState.Running, listener.State);

        listener.OnBytes("\x05/x/1\n"u8, output);
        Assert.Equal(MultistreamState.Broken, listener.State);
    }

    [Fact]
    public void No_bytes_ever_throw()
    {
        var random = new WeftRandom(3);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = new byte[random.Next(60)];
            random.Fill(bytes);
            if (round % 2 == 0)
            {
                bytes = [.. Encoding.UTF8.GetBytes(HeaderLine), .. bytes];
            }

            var output = new ArrayBufferWriter<byte>();
            MultistreamCore core = MultistreamCore.Listen(_ => false);
            int taken = core.OnBytes(bytes, output);
            Assert.InRange(taken, 0, bytes.Length);
        }
    }

    private static void Refuses(byte[] bytes)
    {
        var output = new ArrayBufferWriter<byte>();
        MultistreamCore listener = MultistreamCore.Listen(_ => true);
        listener.OnBytes(bytes, output);

        Assert.Equal(MultistreamState.Broken, listener.State);
    }
}
