using System.Text.Json;
using Weft.Crypto;

namespace Weft.Tests.Crypto;

public sealed class Ed25519RuleTests
{
    // CCTV names every encoding of small order, canonical or not: the rule must refuse exactly those.
    [Fact]
    public void Points_of_small_order_and_in_another_form_are_refused_and_no_others()
    {
        HashSet<string> refused = [];
        HashSet<string> accepted = [];
        foreach (JsonElement one in Vectors.Read("cctv_ed25519vectors.json").EnumerateArray())
        {
            string[] flags = one.Flags();
            Check(one.Text("key"), flags.Contains("low_order_A") || flags.Contains("non_canonical_A"));
            Check(one.Text("sig")[..64], flags.Contains("low_order_R") || flags.Contains("non_canonical_R"));
        }

        Assert.Equal(14, refused.Count); // Eight points, and six more ways to write some of them.
        Assert.NotEmpty(accepted);

        void Check(string point, bool small)
        {
            Assert.Equal(!small, Ed25519Rule.AcceptsPoint(Convert.FromHexString(point)));
            _ = small ? refused.Add(point) : accepted.Add(point);
        }
    }

    [Theory]
    [InlineData("ECD3F55C1A631258D69CF7A2DEF9DE1400000000000000000000000000000010", true)] // The order less one.
    [InlineData("EDD3F55C1A631258D69CF7A2DEF9DE1400000000000000000000000000000010", false)] // The order.
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", true)]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", false)]
    public void S_stays_below_the_order_of_the_group(string s, bool accepted)
    {
        byte[] point = Convert.FromHexString("D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A");

        Assert.Equal(accepted, Ed25519Rule.Accepts(point, [.. point, .. Convert.FromHexString(s)]));
    }

    [Fact]
    public void Y_at_or_above_the_prime_is_refused_with_either_sign()
    {
        byte[] y = [.. Enumerable.Repeat((byte)0xff, 32)];
        for (int low = 0xed; low <= 0xff; low++)
        {
            y[0] = (byte)low;
            y[31] = 0x7f;
            Assert.False(Ed25519Rule.AcceptsPoint(y));
            y[31] = 0xff;
            Assert.False(Ed25519Rule.AcceptsPoint(y));
        }

        y[0] = 0xeb; // p - 2: canonical, and of large order where it is a point at all.
        Assert.True(Ed25519Rule.AcceptsPoint(y));
    }
}
