using Weft.Crypto;
using static Weft.Tests.Crypto.GrantKit;

namespace Weft.Tests.Crypto;

public sealed class GrantVerifierTests
{
    private static readonly Grant ForBob = Grant.Issue(Provider, Owner, Terms(Bob));

    [Fact]
    public void A_grant_allows_what_it_says() => Assert.Equal(GrantVerdict.Allowed, Verify(ForBob, Request(Bob)));

    [Theory]
    [InlineData(-1, GrantVerdict.Allowed)]
    [InlineData(0, GrantVerdict.Allowed)]
    [InlineData(0.001, GrantVerdict.Expired)]
    [InlineData(1, GrantVerdict.Expired)]
    [InlineData(double.PositiveInfinity, GrantVerdict.Expired)]
    [InlineData(double.NaN, GrantVerdict.NotYet)]
    public void A_grant_ends_at_its_last_millisecond(double afterMs, GrantVerdict expected) =>
        Assert.Equal(expected, Verify(ForBob, Request(Bob, atMs: End + afterMs)));

    [Theory]
    [InlineData(-1, GrantVerdict.NotYet)]
    [InlineData(-0.001, GrantVerdict.NotYet)]
    [InlineData(0, GrantVerdict.Allowed)]
    [InlineData(1, GrantVerdict.Allowed)]
    [InlineData(double.NegativeInfinity, GrantVerdict.NotYet)]
    public void A_grant_begins_at_its_first_millisecond(double afterMs, GrantVerdict expected) =>
        Assert.Equal(expected, Verify(ForBob, Request(Bob, atMs: Start + afterMs)));

    [Theory]
    [InlineData(59_999, GrantVerdict.Allowed)]
    [InlineData(60_000, GrantVerdict.Allowed)]
    [InlineData(60_001, GrantVerdict.Expired)]
    public void A_tolerance_moves_the_end_by_just_that(double afterMs, GrantVerdict expected) =>
        Assert.Equal(expected, Verify(ForBob, Request(Bob, atMs: End + afterMs) with { ToleranceMs = 60_000 }));

    [Fact]
    public void The_shortest_time_in_the_chain_counts()
    {
        Grant shorter = ForBob.Attenuate(
            Provider, Bob, Terms(Eve) with { Delegations = 0, NotBeforeMs = Start + 10, ExpiresMs = Start + 20 });

        Assert.Equal(GrantVerdict.NotYet, Verify(shorter, Request(Eve, atMs: Start + 9)));
        Assert.Equal(GrantVerdict.Allowed, Verify(shorter, Request(Eve, atMs: Start + 10)));
        Assert.Equal(GrantVerdict.Allowed, Verify(shorter, Request(Eve, atMs: Start + 20)));
        Assert.Equal(GrantVerdict.Expired, Verify(shorter, Request(Eve, atMs: Start + 21)));
    }

    [Fact]
    public void Another_network_owner_or_audience_is_refused()
    {
        Assert.Equal(GrantVerdict.OtherNetwork, Verify(ForBob, Request(Bob) with { Network = new byte[32] }));
        Assert.Equal(GrantVerdict.OtherNetwork, Verify(ForBob, Request(Bob) with { Network = default }));
        Assert.Equal(GrantVerdict.OtherOwner, Verify(ForBob, Request(Bob) with { Owner = Eve.PublicKey }));
        Assert.Equal(GrantVerdict.OtherAudience, Verify(ForBob, Request(Eve)));
        Assert.Equal(GrantVerdict.OtherAudience, Verify(ForBob, Request(Owner)));
    }

    [Theory]
    [InlineData("notes/", GrantVerdict.Allowed)]
    [InlineData("notes/a", GrantVerdict.Allowed)]
    [InlineData("notes/a/b/$x", GrantVerdict.Allowed)]
    [InlineData("notes", GrantVerdict.SoulOutside)]
    [InlineData("Notes/a", GrantVerdict.SoulOutside)]
    [InlineData(" notes/a", GrantVerdict.SoulOutside)]
    [InlineData("notes\u2215a", GrantVerdict.SoulOutside)]
    [InlineData("n\u00adotes/a", GrantVerdict.SoulOutside)]
    [InlineData("\u200dnotes/a", GrantVerdict.SoulOutside)]
    [InlineData("ｎotes/a", GrantVerdict.SoulOutside)]
    [InlineData("", GrantVerdict.SoulOutside)]
    public void A_prefix_is_compared_unit_by_unit(string soul, GrantVerdict expected) =>
        Assert.Equal(expected, Verify(ForBob, Request(Bob, soul)));

    [Theory]
    [InlineData("caf\u00e9", "caf\u00e9s", GrantVerdict.Allowed)]
    [InlineData("caf\u00e9", "cafe\u0301s", GrantVerdict.SoulOutside)]
    [InlineData("cafe\u0301", "caf\u00e9", GrantVerdict.SoulOutside)]
    [InlineData("i", "\u0130", GrantVerdict.SoulOutside)]
    [InlineData("ss", "\u00df", GrantVerdict.SoulOutside)]
    [InlineData("a", "a", GrantVerdict.Allowed)]
    [InlineData("a", "ab", GrantVerdict.Allowed)]
    [InlineData("ab", "a", GrantVerdict.SoulOutside)]
    [InlineData("", "anything", GrantVerdict.Allowed)]
    [InlineData("\ud83d\ude00", "\ud83d\ude00x", GrantVerdict.Allowed)]
    [InlineData("\ud83d\ude00", "\ud83d\ude01", GrantVerdict.SoulOutside)]
    public void Texts_that_look_alike_are_different(string prefix, string soul, GrantVerdict expected) =>
        Assert.Equal(expected, Verify(Grant.Issue(Provider, Owner, Terms(Bob, prefix)), Request(Bob, soul)));

    [Theory]
    [InlineData("text", "text", GrantVerdict.Allowed)]
    [InlineData("text", "texts", GrantVerdict.FieldOutside)]
    [InlineData("text", "Text", GrantVerdict.FieldOutside)]
    [InlineData("text*", "text", GrantVerdict.Allowed)]
    [InlineData("text*", "texts", GrantVerdict.Allowed)]
    [InlineData("text*", "tex", GrantVerdict.FieldOutside)]
    [InlineData("*", "anything", GrantVerdict.Allowed)]
    [InlineData("*", null, GrantVerdict.Allowed)]
    [InlineData("text*", null, GrantVerdict.FieldOutside)]
    [InlineData("text", null, GrantVerdict.FieldOutside)]
    public void A_field_needs_a_pattern_that_covers_it(string pattern, string? field, GrantVerdict expected) =>
        Assert.Equal(
            expected,
            Verify(Grant.Issue(Provider, Owner, Terms(Bob) with { Fields = [pattern] }), Request(Bob, field: field)));

    [Fact]
    public void No_right_contains_another()
    {
        foreach (GrantRights right in new[] { GrantRights.Read, GrantRights.Write, GrantRights.Admin })
        {
            Grant grant = Grant.Issue(Provider, Owner, Terms(Bob) with { Rights = right });
            foreach (GrantRights wanted in Enumerable.Range(0, 8).Select(bits => (GrantRights)bits))
            {
                Assert.Equal(
                    wanted == right ? GrantVerdict.Allowed : GrantVerdict.RightMissing,
                    Verify(grant, Request(Bob, right: wanted)));
            }
        }
    }

    [Fact]
    public void A_block_signed_by_a_stranger_is_refused()
    {
        GrantTerms terms = Terms(Mallory) with { Delegations = 0 };

        Assert.Equal(GrantVerdict.OtherOwner, Verify(Forge(null, Mallory, terms), Request(Mallory)));
        Assert.Equal(GrantVerdict.ChainBroken, Verify(Forge(ForBob, Mallory, terms), Request(Mallory)));
        Assert.Equal(
            GrantVerdict.ChainBroken, Verify(Forge(ForBob, Bob, terms, parent: new byte[32]), Request(Mallory)));
        Assert.Equal(
            GrantVerdict.ChainBroken, Verify(Forge(null, Owner, terms, parent: Bytes(32, 5)), Request(Mallory)));
    }

    [Fact]
    public void A_block_that_claims_another_issuer_has_a_wrong_signature()
    {
        Grant real = Grant.Issue(Provider, Owner, Terms(Bob));
        byte[] bytes = real.Bytes.ToArray();
        int signed = bytes.Length - 64;
        Mallory.Sign(Provider, [.. GrantCodec.Domain, .. bytes.AsSpan(0, signed)], bytes.AsSpan(signed));

        Assert.Equal(GrantVerdict.SignatureWrong, GrantVerifier.Verify(bytes, Provider, Request(Bob)));
    }

    [Fact]
    public void A_signature_over_the_bare_block_is_no_signature_of_a_grant()
    {
        byte[] bytes = Grant.Issue(Provider, Owner, Terms(Bob)).Bytes.ToArray();
        int signed = bytes.Length - 64;
        Owner.Sign(Provider, bytes.AsSpan(0, signed), bytes.AsSpan(signed));

        Assert.Equal(GrantVerdict.SignatureWrong, GrantVerifier.Verify(bytes, Provider, Request(Bob)));
    }

    [Fact]
    public void A_block_that_hands_on_too_often_is_refused()
    {
        Grant once = Grant.Issue(Provider, Owner, Terms(Bob) with { Delegations = 1 });
        Grant twice = once.Attenuate(Provider, Bob, Terms(Eve) with { Delegations = 0 });

        Assert.Equal(GrantVerdict.Allowed, Verify(twice, Request(Eve)));
        Assert.Throws<ArgumentException>(() => twice.Attenuate(Provider, Eve, Terms(Mallory) with { Delegations = 0 }));
        Assert.Equal(
            GrantVerdict.HandedOnTooOften,
            Verify(Forge(twice, Eve, Terms(Mallory) with { Delegations = 0 }), Request(Mallory)));
        Assert.Equal(
            GrantVerdict.HandedOnTooOften, Verify(Forge(once, Bob, Terms(Eve) with { Delegations = 1 }), Request(Eve)));
    }

    [Fact]
    public void A_block_that_widens_anything_is_refused()
    {
        Grant narrow = Grant.Issue(Provider, Owner, Terms(Bob, "notes/a") with { Fields = ["ab", "c*"] });
        GrantTerms same = Terms(Eve, "notes/a") with { Fields = ["ab"], Delegations = 2 };
        GrantTerms[] wider =
        [
            same with { Rights = GrantRights.All },
            same with { Prefixes = ["notes/"] },
            same with { Prefixes = ["notes/a", "notes/b"] },
            same with { Prefixes = [""] },
            same with { Prefixes = ["notes/A"] },
            same with { Fields = [] },
            same with { Fields = ["*"] },
            same with { Fields = ["a*"] },
            same with { Fields = ["ab*"] },
            same with { Fields = ["c*", "d"] },
            same with { NotBeforeMs = Start - 1 },
            same with { ExpiresMs = End + 1 },
        ];

        Assert.Equal(GrantVerdict.Allowed, Verify(Forge(narrow, Bob, same), Request(Eve, field: "ab")));
        foreach (GrantTerms terms in wider)
        {
            Grant forged = Forge(narrow, Bob, terms with { Prefixes = GrantCodec.Sorted(terms.Prefixes) });

            Assert.Equal(GrantVerdict.Widened, Verify(forged, Request(Eve, "notes/a", "ab")));
            Assert.Throws<ArgumentException>(() => narrow.Attenuate(Provider, Bob, terms));
        }
    }

    [Fact]
    public void A_pattern_that_only_looks_covered_is_refused()
    {
        // "a**" covers fields that begin with "a*". The text "a*" begins so too, but as a pattern it covers "abc".
        Grant starred = Grant.Issue(Provider, Owner, Terms(Bob) with { Fields = ["a**"] });

        Assert.Equal(
            GrantVerdict.Widened,
            Verify(
                Forge(starred, Bob, Terms(Eve) with { Fields = ["a*"], Delegations = 0 }),
                Request(Eve, field: "a*b")));
        Assert.Equal(
            GrantVerdict.Allowed,
            Verify(
                starred.Attenuate(Provider, Bob, Terms(Eve) with { Fields = ["a*b*"], Delegations = 0 }),
                Request(Eve, field: "a*bc")));
    }

    [Fact]
    public void A_block_of_another_network_cannot_be_hung_on()
    {
        Grant forged = Forge(ForBob, Bob, Terms(Eve) with { Network = Bytes(32, 3), Delegations = 0 });

        Assert.Equal(GrantVerdict.OtherNetwork, Verify(forged, Request(Eve)));
        Assert.Equal(GrantVerdict.OtherNetwork, Verify(forged, Request(Eve) with { Network = Bytes(32, 3) }));
    }

    [Fact]
    public void Who_was_handed_a_grant_can_use_the_first_part_no_more_than_others()
    {
        Grant forEve = ForBob.Attenuate(Provider, Bob, Terms(Eve, "notes/eve") with { Delegations = 0 });
        ReadOnlyMemory<byte> first = forEve.Bytes[..ForBob.Bytes.Length];

        Assert.Equal(GrantVerdict.OtherAudience, GrantVerifier.Verify(first.Span, Provider, Request(Eve)));
        Assert.Equal(GrantVerdict.SoulOutside, Verify(forEve, Request(Eve, "notes/bob")));
    }

    [Fact]
    public void A_revoked_block_ends_what_hangs_on_it_from_its_state_on()
    {
        Grant forEve = ForBob.Attenuate(Provider, Bob, Terms(Eve) with { Delegations = 0 });
        const double revokedAt = Start + 100;

        foreach ((Ed25519KeyPair issuer, Grant block) in new[] { (Owner, ForBob), (Owner, forEve), (Bob, forEve) })
        {
            var revocations = new Revocations(issuer.PublicKey, block.Id, revokedAt);
            Assert.Equal(GrantVerdict.Allowed, Verify(forEve, Request(Eve, atMs: revokedAt), revocations));
            Assert.Equal(GrantVerdict.Revoked, Verify(forEve, Request(Eve, atMs: revokedAt + 0.001), revocations));
        }
    }

    [Fact]
    public void Nobody_revokes_what_stands_before_him()
    {
        Grant forEve = ForBob.Attenuate(Provider, Bob, Terms(Eve) with { Delegations = 0 });

        foreach ((Ed25519KeyPair issuer, Grant block) in new[] { (Bob, ForBob), (Eve, forEve), (Mallory, forEve) })
        {
            var revocations = new Revocations(issuer.PublicKey, block.Id, 0);
            Assert.Equal(GrantVerdict.Allowed, Verify(forEve, Request(Eve), revocations));
        }
    }

    private sealed class Revocations(Ed25519PublicKey key, ReadOnlyMemory<byte> block, double state) : IGrantRevocations
    {
        public double? RevokedAtMs(in Ed25519PublicKey issuer, ReadOnlySpan<byte> blockId) =>
            issuer == key && blockId.SequenceEqual(block.Span) ? state : null;
    }
}
