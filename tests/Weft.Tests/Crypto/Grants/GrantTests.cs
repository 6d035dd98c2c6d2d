using System.Text;
using Weft.Crypto;
using static Weft.Tests.Crypto.GrantKit;

namespace Weft.Tests.Crypto;

public sealed class GrantTests
{
    [Fact]
    public void Bytes_and_text_come_back_as_the_same_grant()
    {
        Grant grant = Grant
            .Issue(Provider, Owner, Terms(Bob, "notes/b", "notes/a", "ü/") with { Fields = ["text", "tag*"] })
            .Attenuate(Provider, Bob, Terms(Eve, "notes/ab") with { Fields = ["tag-x"], Delegations = 1 });

        Assert.True(Grant.TryDecode(grant.Bytes.Span, Provider, out Grant? fromBytes));
        Assert.True(Grant.TryParse(grant.ToText(), Provider, out Grant? fromText));

        Assert.StartsWith("wg1.", grant.ToText());
        Assert.Equal(grant.ToText(), fromBytes.ToText());
        Assert.Equal(grant.ToText(), fromText.ToText());
        Assert.Equal(["notes/a", "notes/b", "ü/"], fromText.Blocks[0].Terms.Prefixes);
        Assert.Equal(Eve.PublicKey, fromText.Audience);
        Assert.Equal(Owner.PublicKey, fromText.FirstIssuer);
        Assert.True(grant.Id.Span.SequenceEqual(fromText.Id.Span));
    }

    [Fact]
    public void Text_has_one_form_only()
    {
        string text = Grant.Issue(Provider, Owner, Terms(Bob)).ToText();

        foreach (string other in new[]
        {
            text + "=", text + "A", text + " ", text.Replace("wg1.", "wg1. "), text.Replace("wg1.", "WG1."), text[4..],
            text[..^1], "wg1.", "wg1.!", "", text[..40] + "\n" + text[40..], "wg2." + text[4..],
        })
        {
            Assert.False(Grant.TryParse(other, Provider, out _), other);
        }
    }

    [Fact]
    public void A_chain_of_four_blocks_is_read_and_one_of_five_is_not()
    {
        Grant four = Chain(4);
        var fifth = Terms(Bob) with { Delegations = 0 };

        Assert.Equal(4, four.Blocks.Count);
        Assert.Throws<ArgumentException>(() => four.Attenuate(Provider, Holder(4), fifth));
        Assert.False(Grant.TryDecode(
            [.. four.Bytes.Span, .. Grant.Issue(Provider, Owner, fifth).Bytes.Span], Provider, out _));
    }

    [Fact]
    public void A_chain_as_long_as_allowed_is_read_and_one_byte_more_is_not()
    {
        // A block takes 226 bytes and its prefixes; a prefix of 128 bytes and more has two bytes of length.
        Grant OfLength(int bytes)
        {
            int last = bytes - GrantOverhead - (2 * (2 + 1_024)) - 2;
            return Grant.Issue(Provider, Owner, Terms(Bob, new('a', 1_024), new('b', 1_024), new('c', last)));
        }

        Assert.Equal(3_000, OfLength(3_000).Bytes.Length);
        Assert.Equal(4_004, OfLength(3_000).ToText().Length);
        Assert.Throws<ArgumentException>(() => OfLength(3_001));
        Assert.False(Grant.TryDecode(new byte[3_001], Provider, out _));
        Assert.False(Grant.TryParse("wg1." + new string('A', 1_000_000), Provider, out _));
    }

    public static TheoryData<string> Broken =>
    [
        "no prefix", "nine prefixes", "prefix twice", "prefix too long", "lone surrogate", "nine fields", "empty field",
        "field too long", "no right", "unknown right", "ends before it begins", "begins before 1970", "too late",
        "negative delegations", "four delegations", "short network", "short nonce",
    ];

    [Theory]
    [MemberData(nameof(Broken))]
    public void Terms_out_of_bounds_are_refused_when_issued(string what)
    {
        GrantTerms good = Terms(Bob);
        GrantTerms bad = what switch
        {
            "no prefix" => good with { Prefixes = [] },
            "nine prefixes" => good with { Prefixes = [.. Enumerable.Range(0, 9).Select(i => $"{i}")] },
            "prefix twice" => good with { Prefixes = ["a", "a"] },
            "prefix too long" => good with { Prefixes = [new('a', 1_025)] },
            "lone surrogate" => good with { Prefixes = ["a\ud800"] },
            "nine fields" => good with { Fields = [.. Enumerable.Range(0, 9).Select(i => $"{i}")] },
            "empty field" => good with { Fields = [""] },
            "field too long" => good with { Fields = [new('a', 257)] },
            "no right" => good with { Rights = GrantRights.None },
            "unknown right" => good with { Rights = (GrantRights)8 },
            "ends before it begins" => good with { ExpiresMs = Start - 1 },
            "begins before 1970" => good with { NotBeforeMs = -1 },
            "too late" => good with { ExpiresMs = long.MaxValue },
            "negative delegations" => good with { Delegations = -1 },
            "four delegations" => good with { Delegations = 4 },
            "short network" => good with { Network = new byte[31] },
            "short nonce" => good with { Nonce = new byte[15] },
            _ => throw new ArgumentException(what),
        };

        Assert.Throws<ArgumentException>(() => Grant.Issue(Provider, Owner, bad));
    }

    [Fact]
    public void Only_the_audience_hands_a_grant_on_and_only_less_of_it()
    {
        Grant grant = Grant.Issue(Provider, Owner, Terms(Bob) with { Fields = ["a*"] });
        GrantTerms less = Terms(Eve) with { Delegations = 2, Fields = ["ab"] };

        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Mallory, less));
        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Bob, less with { Delegations = 3 }));
        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Bob, less with { Fields = [] }));
        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Bob, less with { Fields = ["*"] }));
        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Bob, less with { Prefixes = ["note"] }));
        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Bob, less with { ExpiresMs = End + 1 }));
        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Bob, less with { NotBeforeMs = Start - 1 }));
        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Bob, less with { Rights = GrantRights.All }));
        Assert.Throws<ArgumentException>(() => grant.Attenuate(Provider, Bob, less with { Network = new byte[32] }));
        Assert.Equal(2, grant.Attenuate(Provider, Bob, less).Blocks.Count);
    }

    [Fact]
    public void A_grant_shows_its_text_only_when_asked()
    {
        Grant grant = Grant.Issue(Provider, Owner, Terms(Bob));

        Assert.DoesNotContain(grant.ToText()[20..60], grant.ToString());
    }

    private static int GrantOverhead =>
        Grant.Issue(Provider, Owner, Terms(Bob, "")).Bytes.Length - 1;

    private static Ed25519KeyPair Holder(int block) => Pair(100 + (ulong)block);

    private static Grant Chain(int blocks)
    {
        Grant grant = Grant.Issue(Provider, Owner, Terms(Holder(1)));
        for (int i = 2; i <= blocks; i++)
        {
            grant = grant.Attenuate(Provider, Holder(i - 1), Terms(Holder(i)) with { Delegations = 4 - i });
        }

        return grant;
    }
}
