using Weft.Graph;
using Weft.Primitives;

namespace Weft.Tests.Graph;

public sealed class FieldRulesTests
{
    [Theory]
    [InlineData('a', 1)]
    [InlineData('\u00e9', 2)]
    [InlineData('\u20ac', 3)]
    public void Names_are_bounded_in_bytes_of_UTF8(char unit, int bytes)
    {
        int soulFits = FieldRules.SoulBytesMax / bytes;
        int fieldFits = FieldRules.FieldBytesMax / bytes;

        Assert.Equal(WeftError.None, FieldRules.CheckSoul(new string(unit, soulFits)));
        Assert.Equal(WeftError.SoulInvalid, FieldRules.CheckSoul(new string(unit, soulFits + 1)));
        Assert.Equal(WeftError.None, FieldRules.CheckField(new string(unit, fieldFits)));
        Assert.Equal(WeftError.FieldInvalid, FieldRules.CheckField(new string(unit, fieldFits + 1)));
    }

    [Fact]
    public void A_pair_of_surrogates_counts_four_bytes()
    {
        string fits = string.Concat(Enumerable.Repeat("\ud83d\ude00", FieldRules.FieldBytesMax / 4));

        Assert.Equal(WeftError.None, FieldRules.CheckField(fits));
        Assert.Equal(WeftError.FieldInvalid, FieldRules.CheckField(fits + "a"));
    }

    [Fact]
    public void Names_are_well_formed_and_not_empty()
    {
        string?[] bad = [null, "", "\ud800", "a\udc00b", "\udc00\ud800", "end\ud83d"];

        Assert.All(bad, name => Assert.Equal(WeftError.SoulInvalid, FieldRules.CheckSoul(name)));
        Assert.All(bad, name => Assert.Equal(WeftError.FieldInvalid, FieldRules.CheckField(name)));
    }

    [Theory]
    [InlineData("__proto__")]
    [InlineData("constructor")]
    [InlineData("10")]
    [InlineData(" ")]
    [InlineData("a/b\"c")]
    [InlineData("\0")]
    public void Unusual_names_are_ordinary_names(string name)
    {
        Assert.Equal(WeftError.None, FieldRules.CheckSoul(name));
        Assert.Equal(WeftError.None, FieldRules.CheckField(name));
    }

    [Fact]
    public void The_metadata_name_is_no_field_but_may_be_a_soul()
    {
        Assert.Equal(WeftError.FieldInvalid, FieldRules.CheckField("_"));
        Assert.Equal(WeftError.None, FieldRules.CheckField("__"));
        Assert.Equal(WeftError.None, FieldRules.CheckSoul("_"));
    }

    [Theory]
    [InlineData("a", 1)]
    [InlineData("\u00e9", 2)]
    [InlineData("\n", 1)]
    [InlineData("\ud83d\ude00", 4)]
    public void Text_is_bounded_by_its_own_bytes_not_by_its_escapes(string unit, int bytes)
    {
        string fits = string.Concat(Enumerable.Repeat(unit, FieldRules.TextBytesMax / bytes));

        Assert.Equal(WeftError.None, FieldRules.CheckValue(fits));
        Assert.Equal(WeftError.TooLarge, FieldRules.CheckValue(fits + "a"));
    }

    [Fact]
    public void A_link_points_to_a_valid_soul()
    {
        Assert.Equal(WeftError.None, FieldRules.CheckValue(WeftValue.Link(new string('s', FieldRules.SoulBytesMax))));
        Assert.Equal(WeftError.None, FieldRules.CheckValue(WeftValue.Link("a\"b\\c")));
        Assert.Equal(
            WeftError.SoulInvalid,
            FieldRules.CheckValue(WeftValue.Link(new string('s', FieldRules.SoulBytesMax + 1))));
        Assert.Equal(WeftError.SoulInvalid, FieldRules.CheckValue(WeftValue.Link("\ud800")));
        Assert.Equal(
            WeftError.SoulInvalid, FieldRules.CheckValue(WeftValue.FromCanonicalJson("{\"#\":\"\"}"u8.ToArray())));
    }

    [Theory]
    [InlineData(0d, WeftError.None)]
    [InlineData(-1d, WeftError.None)]
    [InlineData(double.MaxValue, WeftError.None)]
    [InlineData(double.NaN, WeftError.StateInvalid)]
    [InlineData(double.PositiveInfinity, WeftError.StateInvalid)]
    [InlineData(double.NegativeInfinity, WeftError.StateInvalid)]
    public void A_state_is_finite(double state, WeftError expected) =>
        Assert.Equal(expected, FieldRules.Check(new FieldWrite("s", "f", "v", state)));

    [Fact]
    public void The_first_broken_bound_is_named()
    {
        Assert.Equal(WeftError.SoulInvalid, FieldRules.Check(new FieldWrite("", "_", default, double.NaN)));
        Assert.Equal(WeftError.FieldInvalid, FieldRules.Check(new FieldWrite("s", "_", default, double.NaN)));
    }

    [Fact]
    public void A_caller_is_told_which_argument_broke_which_bound()
    {
        FieldRules.ThrowIfInvalid("s", "f", default);

        Assert.Equal("soul", Assert.Throws<ArgumentException>(() => FieldRules.ThrowIfInvalid("", "f", 1)).ParamName);
        Assert.Equal("field", Assert.Throws<ArgumentException>(() => FieldRules.ThrowIfInvalid("s", "_", 1)).ParamName);
        Assert.Equal("soul", Assert.Throws<ArgumentException>(() => FieldRules.ThrowIfInvalidSoul("")).ParamName);
        ArgumentException large = Assert.Throws<ArgumentException>(
            () => FieldRules.ThrowIfInvalid("s", "f", new string('x', FieldRules.TextBytesMax + 1)));
        Assert.Equal("value", large.ParamName);
        Assert.StartsWith("W5101", large.Message);
    }
}
