using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Protobuf;

namespace Weft.Tests.Protocols.Gossip;

public sealed class GossipCodecTests
{
    private static readonly GossipOptions Options = new();

    [Fact]
    public void What_was_signed_is_read_back_and_verified()
    {
        GossipMessage message = GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 77, "täglich", "hallo"u8);

        Assert.True(GossipCodec.TryRead(Body(message), Options, out GossipMessageView view));
        GossipMessage read = GossipCodec.Store(view, "täglich");

        Assert.Equal(message.Frame.ToArray(), read.Frame.ToArray());
        Assert.Equal("hallo"u8.ToArray(), read.Data.ToArray());
        Assert.Equal(77UL, read.Sequence);
        Assert.Equal(GossipRig.Key(1).PublicKey.ToPeerId(), read.From);
        Assert.True(GossipSigning.Verify(read, GossipRig.Crypto));
    }

    [Fact]
    public void Any_changed_byte_is_no_message_or_one_that_is_not_signed()
    {
        GossipMessage message = GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 77, "t", "hello"u8);
        byte[] body = Body(message);
        for (int i = 0; i < body.Length; i++)
        {
            byte[] changed = [.. body];
            changed[i] ^= 0x20;
            bool isTaken = GossipCodec.TryRead(changed, Options, out GossipMessageView view)
                && GossipSigning.Verify(GossipCodec.Store(view, "t"), GossipRig.Crypto);
            Assert.False(isTaken, $"byte {i}");
        }
    }

    [Fact]
    public void A_message_cut_short_anywhere_is_refused()
    {
        byte[] body = Body(GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 77, "t", "hello"u8));
        for (int length = 0; length < body.Length; length++)
        {
            Assert.False(GossipCodec.TryRead(body.AsSpan(0, length), Options, out _), $"length {length}");
        }
    }

    [Theory]
    [InlineData(1)] // Author.
    [InlineData(3)] // Sequence number.
    [InlineData(4)] // Topic.
    [InlineData(5)] // Signature.
    public void Without_a_part_of_strict_signing_it_is_refused(int missing)
    {
        byte[] body = Body(GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 77, "t", "hello"u8));

        Assert.False(GossipCodec.TryRead(Rewrite(body, missing, 0), Options, out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_field_that_is_there_twice_is_refused(int twice)
    {
        byte[] body = Body(GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 77, "t", "hello"u8));

        Assert.False(GossipCodec.TryRead(Rewrite(body, twice, 2), Options, out _));
    }

    [Fact]
    public void Unknown_fields_go_no_further()
    {
        GossipMessage message = GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 77, "t", "hello"u8);
        byte[] body = [.. Body(message), .. GossipRig.Build(writer => writer.Text(99, "extra"))];

        Assert.True(GossipCodec.TryRead(body, Options, out GossipMessageView view));

        Assert.Equal(message.Frame.ToArray(), GossipCodec.Store(view, "t").Frame.ToArray());
    }

    [Fact]
    public void A_field_of_data_that_is_empty_differs_from_none()
    {
        byte[] body = Body(GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 77, "t", []));
        Assert.True(GossipCodec.TryRead(body, Options, out GossipMessageView empty));
        Assert.True(GossipSigning.Verify(GossipCodec.Store(empty, "t"), GossipRig.Crypto));

        Assert.True(GossipCodec.TryRead(Rewrite(body, 2, 0), Options, out GossipMessageView none));
        Assert.False(GossipSigning.Verify(GossipCodec.Store(none, "t"), GossipRig.Crypto));
    }

    [Fact]
    public void Data_and_topic_are_bounded()
    {
        var small = new GossipOptions { DataBytesMax = 5, TopicBytesMax = 3 };
        Assert.True(GossipCodec.TryRead(Signed("abc", 5), small, out _));
        Assert.False(GossipCodec.TryRead(Signed("abc", 6), small, out _));
        Assert.False(GossipCodec.TryRead(Signed("abcd", 5), small, out _));
    }

    [Fact]
    public void Random_bytes_never_throw()
    {
        var random = new WeftRandom(seed: 5);
        byte[] body = Signed("t", 40);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] changed = [.. body];
            for (int hits = random.Next(1, 6); hits > 0; hits--)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            if (GossipCodec.TryRead(changed, Options, out GossipMessageView view))
            {
                Assert.True(GossipCodec.Store(view, "t").Frame.Length <= changed.Length + 8);
            }
        }
    }

    private static byte[] Signed(string topic, int size) =>
        Body(GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 1, topic, new byte[size]));

    private static byte[] Body(GossipMessage message) =>
        GossipRig.Fields(GossipRig.Rpc(message), GossipCodec.PublishField)[0];

    private static byte[] Rewrite(byte[] body, int field, int times) => GossipRig.Build(writer =>
    {
        var reader = new ProtobufReader(body);
        while (reader.TryRead())
        {
            for (int i = reader.Field == field ? times : 1; i > 0; i--)
            {
                writer.Bytes(reader.Field, reader.Bytes);
            }
        }
    });
}
