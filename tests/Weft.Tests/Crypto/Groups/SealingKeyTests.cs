using Weft.Crypto;
using Weft.Primitives;
using static Weft.Tests.Crypto.GroupKit;

namespace Weft.Tests.Crypto;

public sealed class SealingKeyTests
{
    [Fact]
    public void What_is_published_reads_back_and_is_the_same_each_time()
    {
        string text = SealingKey.Publish(Provider, Bob, Network);
        var key = new byte[32];

        Assert.True(SealingKey.TryRead(text, Provider, Bob.PublicKey, Network, key));
        Assert.Equal(text, SealingKey.Publish(Provider, Bob, Network));
        Assert.Contains(key, part => part != 0);
        Assert.Equal($"weft:key/{Bob.PublicKey}", SealingKey.SoulOf(Bob.PublicKey));
    }

    [Fact]
    public void Nobody_publishes_for_another_and_not_for_another_network()
    {
        var key = new byte[32];

        Assert.False(SealingKey.TryRead(
            SealingKey.Publish(Provider, Eve, Network), Provider, Bob.PublicKey, Network, key));
        Assert.False(SealingKey.TryRead(
            SealingKey.Publish(Provider, Bob, new byte[32]), Provider, Bob.PublicKey, Network, key));
        Assert.All(key, part => Assert.Equal(0, part));
    }

    [Fact]
    public void A_changed_text_is_no_key()
    {
        char[] text = SealingKey.Publish(Provider, Bob, Network).ToCharArray();
        var random = new WeftRandom(seed: 5);
        var key = new byte[32];
        for (int i = 0; i < 2_000; i++)
        {
            int at = random.Next(text.Length);
            char was = text[at];
            text[at] = (char)(was ^ (1 << random.Next(7)));
            Assert.False(SealingKey.TryRead(text, Provider, Bob.PublicKey, Network, key));
            text[at] = was;
        }

        Assert.True(SealingKey.TryRead(text, Provider, Bob.PublicKey, Network, key));
        Assert.False(SealingKey.TryRead("", Provider, Bob.PublicKey, Network, key));
        Assert.False(SealingKey.TryRead(new string('A', 132), Provider, Bob.PublicKey, Network, key));
    }
}
