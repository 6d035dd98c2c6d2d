using Weft.Crypto;
using Weft.Primitives;
using static Weft.Tests.Crypto.GrantKit;

namespace Weft.Tests.Crypto;

/// <summary>What holds for every grant: it only shrinks, and not one bit of it can be changed.</summary>
public sealed class GrantProperties
{
    private static readonly string[] Souls =
        ["", "a", "ab", "abc", "b", "A", "a*", "a/", "a/b", "\u00e9", "e\u0301", "ab\ud83d\ude00"];

    private static readonly string?[] Fields = [null, "a", "ab", "abc", "a*", "a*b", "b", "B", "*"];
    private static readonly string[] Patterns = ["a", "a*", "ab", "ab*", "a**", "*", "b", "a*b", "**"];

    [Fact]
    public void Tampering_with_any_byte_is_refused()
    {
        Grant grant = Grant.Issue(Provider, Owner, Terms(Bob) with { Fields = ["text"] })
            .Attenuate(Provider, Bob, Terms(Eve, "notes/a") with { Fields = ["text"], Delegations = 0 });
        Assert.Equal(GrantVerdict.Allowed, Verify(grant, Request(Eve)));
        byte[] bytes = grant.Bytes.ToArray();

        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 0x01;
            Assert.NotEqual(GrantVerdict.Allowed, GrantVerifier.Verify(bytes, Provider, Request(Eve)));
            bytes[i] ^= 0x01;
        }
    }

    [Fact]
    public void Ten_thousand_flipped_bits_are_refused()
    {
        var random = new WeftRandom(seed: 11);
        int accepted = 0;
        var verdicts = new HashSet<GrantVerdict>();
        for (int i = 0; i < 10_000; i++)
        {
            byte[] bytes = Issued[i % Issued.Length].Bytes.ToArray();
            int bit = random.Next(bytes.Length * 8);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            GrantVerdict verdict = GrantVerifier.Verify(bytes, Provider, Request(Bob));
            accepted += verdict == GrantVerdict.Allowed ? 1 : 0;
            verdicts.Add(verdict);
        }

        Assert.Equal(0, accepted);
        Assert.Contains(GrantVerdict.SignatureWrong, verdicts);
    }

    [Fact]
    public void Cut_joined_and_random_bytes_are_refused_and_never_throw()
    {
        var random = new WeftRandom(seed: 12);
        byte[] whole = Issued[0].Bytes.ToArray();
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Equal(GrantVerdict.Malformed, GrantVerifier.Verify(whole.AsSpan(0, length), Provider, Request(Bob)));
        }

        Assert.NotEqual(
            GrantVerdict.Allowed, GrantVerifier.Verify([.. whole, .. Issued[1].Bytes.Span], Provider, Request(Bob)));
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = i % 2 == 0 ? new byte[random.Next(400)] : (byte[])whole.Clone();
            random.Fill(i % 2 == 0 ? bytes : bytes.AsSpan(98 + random.Next(30)));
            Assert.NotEqual(GrantVerdict.Allowed, GrantVerifier.Verify(bytes, Provider, Request(Bob)));
        }
    }

    [Fact]
    public void A_grant_handed_on_allows_nothing_that_the_one_before_does_not()
    {
        int handedOn = 0;
        int refused = 0;
        for (ulong seed = 1; seed <= 4_000; seed++)
        {
            var random = new WeftRandom(seed);
            GrantTerms parent = RandomTerms(random) with { Delegations = 3 };
            GrantTerms child = RandomTerms(random) with { Delegations = 2 };
            bool within = GrantScope.IsWithin(child, parent);
            bool less = EveryRequest().All(request => !Allows(child, request) || Allows(parent, request));

            // Sound: what passes is truly less. (Not complete: two prefixes that together make a third are not joined.)
            Assert.True(!within || less, $"seed {seed}: {child} in {parent}");
            handedOn += within ? 1 : 0;
            refused += less ? 0 : 1;
        }

        Assert.True(handedOn > 50, $"{handedOn} of 4,000 pairs were within");
        Assert.True(refused > 500, $"{refused} of 4,000 pairs were wider");
    }

    [Fact]
    public void A_chain_covers_what_all_its_blocks_cover()
    {
        int covered = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new WeftRandom(seed);
            GrantTerms first = RandomTerms(random) with { Audience = Bob.PublicKey, Delegations = 3 };
            GrantTerms second = RandomTerms(random) with { Audience = Eve.PublicKey, Delegations = 0 };
            Grant forged = Forge(Forge(null, Owner, Canonical(first)), Bob, Canonical(second));
            foreach ((GrantRights right, string soul, string? field, double at) in EveryRequest())
            {
                bool truth = Allows(first, (right, soul, field, at)) && Allows(second, (right, soul, field, at));
                var request = new GrantRequest(Network, Owner.PublicKey, Eve.PublicKey, right, soul, field, at);
                bool allowed = GrantVerifier.Judge(forged, request) == GrantVerdict.Allowed;
                Assert.True(truth || !allowed, $"seed {seed}: {right} {soul} {field} {at}");
                covered += allowed ? 1 : 0;
            }
        }

        Assert.NotEqual(0, covered);
    }

    private static readonly Grant[] Issued =
    [
        Grant.Issue(Provider, Owner, Terms(Bob)),
        Grant.Issue(Provider, Owner, Terms(Bob, "") with { Delegations = 0 }),
        Grant.Issue(Provider, Owner, Terms(Bob, "notes/", "x", "y") with { Fields = ["*", "text"] }),
        Grant.Issue(Provider, Owner, Terms(Eve)).Attenuate(Provider, Eve, Terms(Bob) with { Delegations = 0 }),
    ];

    private static GrantTerms Canonical(GrantTerms terms) =>
        terms with { Prefixes = GrantCodec.Sorted(terms.Prefixes), Fields = GrantCodec.Sorted(terms.Fields) };

    private static GrantTerms RandomTerms(WeftRandom random) => Terms(Bob) with
    {
        Rights = (GrantRights)random.Next(1, 8),
        Prefixes = Some(random, Souls, 1),
        Fields = Some(random, Patterns, 0),
        NotBeforeMs = random.Next(3),
        ExpiresMs = 3 + random.Next(3),
    };

    private static string[] Some(WeftRandom random, string[] of, int countMin) =>
        [.. Enumerable.Range(0, random.Next(countMin, 3)).Select(_ => of[random.Next(of.Length)]).Distinct()];

    private static IEnumerable<(GrantRights Right, string Soul, string? Field, double AtMs)> EveryRequest() =>
        from right in new[] { GrantRights.Read, GrantRights.Write, GrantRights.Admin }
        from soul in Souls
        from field in Fields
        from at in new[] { 0.0, 1, 2.5, 4, 5, 6 }
        select (right, soul, field, at);

    /// <summary>The meaning of one block, written down a second time and as plainly as possible.</summary>
    private static bool Allows(
        GrantTerms terms, (GrantRights Right, string Soul, string? Field, double AtMs) request) =>
        terms.Rights.HasFlag(request.Right)
        && terms.Prefixes.Any(prefix => request.Soul.Length >= prefix.Length && request.Soul[..prefix.Length] == prefix)
        && (terms.Fields.Count == 0 || terms.Fields.Any(pattern => FieldAllowed(pattern, request.Field)))
        && request.AtMs >= terms.NotBeforeMs
        && request.AtMs <= terms.ExpiresMs;

    private static bool FieldAllowed(string pattern, string? field) =>
        pattern == "*"
        || (field is not null && pattern[^1] == '*' && field.Length >= pattern.Length - 1
            && field[..(pattern.Length - 1)] == pattern[..^1])
        || (field == pattern && pattern[^1] != '*');
}
