using Weft.Crypto;
using Weft.Graph.Access;

namespace Weft.Tests.Graph.Access;

public sealed class OwnershipTests
{
    // 43 characters of base64url; the last one has no spare bits set, so it is the text of a key.
    private const string Key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";
    private const string Other = "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE"; // Spare bits 00 as well.
    private const string Sea = Key + "." + Other;

    [Theory]
    [InlineData("plain")]
    [InlineData("$short/profile")]
    [InlineData("$" + Key + "x")]                      // A run of 44 is an ordinary name.
    [InlineData("$" + Key + "-")]
    [InlineData("＄" + Key)]                            // A full-width dollar is another character.
    [InlineData("price$5")]
    [InlineData("a~b")]                                // One part only: gun.js takes it for no key.
    [InlineData("~")]
    [InlineData("~~" + Sea)]                           // Between the first and the second "~" there is nothing.
    [InlineData("foo~@alice.x")]
    [InlineData("Weft:policy/x")]
    [InlineData("weft")]
    public void Ordinary_souls_belong_to_everybody(string soul) =>
        Assert.True(Ownership.Of(soul).IsOrdinary);

    [Theory]
    [InlineData("$" + Key)]
    [InlineData("$" + Key + "/profile")]
    [InlineData("chat/$" + Key + "/messages")]
    [InlineData("$$" + Key)]
    [InlineData("$short$" + Key + ".x")]
    [InlineData("$" + Key + "é")]                      // No character of base64url: the key ends here.
    [InlineData("$" + Key + "$" + Other)]              // The first key owns.
    [InlineData("$" + Key + "/~" + Sea)]
    [InlineData("foo~@bar/$" + Key)]
    [InlineData("$" + Key + "/a#b")]
    [InlineData("weft:key/" + Key)]
    [InlineData("weft:revoked/" + Key)]
    [InlineData("weft:group/" + Key + "/family")]
    [InlineData("weft:policy/prefix/$" + Key + "/")]
    [InlineData("weft:policy/node/$" + Key + "/profile")]
    public void Souls_with_a_native_key_belong_to_it(string soul)
    {
        SoulOwner owner = Ownership.Of(soul);

        Assert.Equal(SoulOwnerKind.Native, owner.Kind);
        Assert.Equal(Key, owner.Key.ToString());
    }

    [Theory]
    [InlineData("~" + Sea)]
    [InlineData("~" + Sea + "/profile")]
    [InlineData("foo~" + Sea)]
    [InlineData("~" + Sea + "~" + Other + "." + Key)]
    [InlineData("~" + Sea + "/$" + Key)]
    [InlineData("~" + Key + "/" + Other)]              // Any cut will do, as in gun.js.
    [InlineData("~" + Sea + "/a#b")]
    [InlineData("weft:policy/prefix/~" + Sea)]
    public void Souls_with_a_SEA_key_belong_to_it(string soul)
    {
        SoulOwner owner = Ownership.Of(soul);

        Assert.Equal(SoulOwnerKind.Sea, owner.Kind);
        Assert.Equal(Sea, owner.Sea);
    }

    [Theory]
    [InlineData("$AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB/x")] // 43 characters that no encoder writes.
    [InlineData("~hello/world")]                       // Two parts, so gun.js looks for a key and finds none.
    [InlineData("~" + Key + ".x")]
    [InlineData("weft:")]
    [InlineData("weft:anything")]
    [InlineData("weft:key/" + Key + "/x")]
    [InlineData("weft:key/$" + Key)]
    [InlineData("weft:group/" + Key)]
    [InlineData("weft:group/" + Key + "/")]
    [InlineData("weft:policy/")]
    [InlineData("weft:policy/prefix/weft:key/" + Key)]
    [InlineData("weft:policy/node/weft:policy/prefix/a")]
    public void Reserved_souls_and_keys_that_are_none_belong_to_nobody(string soul) =>
        Assert.Equal(SoulOwnerKind.Nobody, Ownership.Of(soul).Kind);

    [Theory]
    [InlineData("weft:policy/prefix/")]
    [InlineData("weft:policy/prefix/chat/")]
    [InlineData("weft:policy/node/chat/general")]
    [InlineData("weft:policy/prefix/$" + Key + "x")]
    public void Policies_of_what_nobody_owns_belong_to_the_network(string soul) =>
        Assert.Equal(SoulOwnerKind.Network, Ownership.Of(soul).Kind);

    [Theory]
    [InlineData("~@", SoulOwnerKind.AliasList)]
    [InlineData("~@alice", SoulOwnerKind.Alias)]
    [InlineData("~@alice.bob/$" + Key, SoulOwnerKind.Alias)]
    [InlineData("docs#", SoulOwnerKind.Content)]
    [InlineData("#", SoulOwnerKind.Content)]
    public void Names_and_content_have_rules_of_their_own(string soul, SoulOwnerKind kind) =>
        Assert.Equal(kind, Ownership.Of(soul).Kind);

    [Theory]
    [InlineData("log<?9", 9_000)]
    [InlineData("log<?1.5e1x", 15_000)]
    [InlineData("log<? .5", 500)]
    [InlineData("log<?-1", -1_000)]
    [InlineData("log<?Infinity", double.PositiveInfinity)]
    [InlineData("log<?x", 0)]
    [InlineData("log<?", 0)]
    [InlineData("log<?0<?5", 0)]
    [InlineData("log<5", 0)]
    public void A_soul_may_bound_the_age_of_writes(string soul, double ageMaxMs) =>
        Assert.Equal(ageMaxMs, Ownership.Of(soul).AgeMaxMs);

    [Fact]
    public void The_keys_of_this_table_are_keys()
    {
        Assert.True(Ed25519PublicKey.TryParse(Key, out _));
        Assert.True(Ed25519PublicKey.TryParse(Other, out _));
    }

    [Theory]
    [InlineData('x')]
    [InlineData('_')]
    [InlineData('9')]
    public void What_looks_like_a_key_and_is_none_belongs_to_nobody_and_never_throws(char unit)
    {
        string part = new(unit, 43); // Spare bits are set: no 32 bytes have this text.

        Assert.Equal(SoulOwnerKind.Nobody, Ownership.Of($"~{part}.{part}").Kind);
        Assert.Equal(SoulOwnerKind.Nobody, Ownership.Of($"x~{part}.{part}/deeper").Kind);
        Assert.Equal(SoulOwnerKind.Nobody, Ownership.Of($"a${part}/b").Kind);
    }

    [Fact]
    public void An_ordinary_soul_costs_no_memory()
    {
        const string Soul = "chat/general/2026-11-20T12:00:00Z";
        Assert.True(Ownership.Of(Soul).IsOrdinary);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000; i++)
        {
            Ownership.Of(Soul);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
