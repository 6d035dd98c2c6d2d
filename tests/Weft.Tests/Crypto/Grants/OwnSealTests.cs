using Weft.Crypto;
using Weft.Primitives;
using static Weft.Tests.Crypto.GrantKit;

namespace Weft.Tests.Crypto;

public sealed class OwnSealTests
{
    private static readonly string Sealed = OwnSeal.Seal(Provider, Owner, Network, "s", "f", "a note", Bytes(24, 1));

    [Fact]
    public void What_an_identity_seals_it_opens_in_its_place_and_nobody_else_does()
    {
        Assert.Equal("a note", OwnSeal.Open(Provider, Owner, Network, "s", "f", Sealed));
        Assert.Null(OwnSeal.Open(Provider, Bob, Network, "s", "f", Sealed));
        Assert.Null(OwnSeal.Open(Provider, Owner, new byte[32], "s", "f", Sealed));
        Assert.Null(OwnSeal.Open(Provider, Owner, Network, "sf", "", Sealed));
        Assert.Null(OwnSeal.Open(Provider, Owner, Network, "s", "g", Sealed));
        Assert.DoesNotContain("note", Sealed);
    }

    [Fact]
    public void Changed_text_opens_to_nothing_and_never_throws()
    {
        var random = new WeftRandom(seed: 4);
        for (int i = 0; i < 2_000; i++)
        {
            char[] text = Sealed.ToCharArray();
            text[random.Next(text.Length)] ^= (char)(1 << random.Next(7));
            Assert.Null(OwnSeal.Open(Provider, Owner, Network, "s", "f", text));
        }

        Assert.Null(OwnSeal.Open(Provider, Owner, Network, "s", "f", ""));
        Assert.Null(OwnSeal.Open(Provider, Owner, Network, "s", "f", "ws1."));
        Assert.Null(OwnSeal.Open(Provider, Owner, Network, "s", "f", "ws1." + new string('A', 200_000)));
    }
}
