using System.Security.Cryptography;
using Weft.Protocols.Gossip;

namespace Weft.Tests.Protocols.Gossip;

public sealed class GossipMessageIdTests
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(47, true)]
    [InlineData(48, false)]
    public void An_id_has_1_to_47_bytes(int length, bool fits)
    {
        byte[] bytes = [.. Enumerable.Range(1, length).Select(number => (byte)number)];

        Assert.Equal(fits, GossipMessageId.TryRead(bytes, out GossipMessageId id));

        Assert.Equal(fits ? bytes : [], id.Span.ToArray());
        Assert.Equal(!fits, id.IsEmpty);
    }

    [Fact]
    public void Ids_of_other_lengths_differ_even_when_the_rest_is_zero()
    {
        GossipMessageId.TryRead([1], out GossipMessageId one);
        GossipMessageId.TryRead([1, 0], out GossipMessageId two);

        Assert.NotEqual(one, two);
        Assert.True(one != two);
    }

    [Fact]
    public void The_rules_give_what_the_specification_says()
    {
        GossipMessage message = GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, 258, "t", "hello"u8);
        byte[] from = message.From.Span.ToArray();
        byte[] sequence = [0, 0, 0, 0, 0, 0, 1, 2];

        Assert.Equal([.. from, .. sequence], Id(GossipIdRule.FromSequence));
        Assert.Equal([.. from[2..], .. sequence], Id(GossipIdRule.KeySequence));
        Assert.Equal(SHA256.HashData("hello"u8), Id(GossipIdRule.DataSha256));
        Assert.Equal(SHA256.HashData([.. from, .. sequence]), Id(GossipIdRule.FromSequenceSha256));

        byte[] Id(GossipIdRule rule) => GossipIds.Of(rule, GossipRig.Crypto, message.View).Span.ToArray();
    }
}
