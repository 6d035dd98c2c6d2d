using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Weft.Graph;

namespace Weft.Tests.Graph;

public sealed class WeftValueTests
{
    [Fact]
    public void Each_kind_gives_itself_back_and_nothing_else()
    {
        (WeftValue Value, WeftValueKind Kind, string Json)[] table =
        [
            (default, WeftValueKind.Null, "null"),
            (WeftValue.Null, WeftValueKind.Null, "null"),
            ((string?)null, WeftValueKind.Null, "null"),
            (true, WeftValueKind.Boolean, "true"),
            (false, WeftValueKind.Boolean, "false"),
            (-0d, WeftValueKind.Number, "0"),
            (1e21, WeftValueKind.Number, "1e+21"),
            ("null", WeftValueKind.Text, "\"null\""),
            ("", WeftValueKind.Text, "\"\""),
            (WeftValue.Link("a\"b"), WeftValueKind.Link, "{\"#\":\"a\\\"b\"}"),
        ];

        Assert.All(table, row =>
        {
            Assert.Equal(row.Kind, row.Value.Kind);
            Assert.Equal(row.Json, row.Value.ToString());
            Assert.Equal(row.Json, Encoding.UTF8.GetString(row.Value.JsonMemory.Span));
            Assert.Equal(row.Kind == WeftValueKind.Null, row.Value.IsNull);
            Assert.Equal(row.Kind == WeftValueKind.Boolean, row.Value.AsBoolean() is not null);
            Assert.Equal(row.Kind == WeftValueKind.Number, row.Value.AsNumber() is not null);
            Assert.Equal(row.Kind == WeftValueKind.Text, row.Value.AsText() is not null);
            Assert.Equal(row.Kind == WeftValueKind.Link, row.Value.AsLink() is not null);
        });
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void A_number_is_finite(double value) => Assert.Throws<ArgumentException>(() => WeftValue.Number(value));

    [Fact]
    public void A_link_names_a_soul() => Assert.Throws<ArgumentException>(() => WeftValue.Link(""));

    [Fact]
    public void Text_link_and_number_come_back_whole() =>
        Prop.ForAll(GraphGenerators.Texts.ToArbitrary(), ArbMap.Default.ArbFor<double>(), (text, number) =>
            WeftValue.Text(text).AsText() == text
            && (text.Length == 0 || WeftValue.Link(text).AsLink() == text)
            && (!double.IsFinite(number) || WeftValue.Number(number).AsNumber() == number)).QuickCheckThrowOnFailure();

    [Fact]
    public void Canonical_JSON_is_taken_as_it_is()
    {
        Assert.Equal(WeftValue.Null, WeftValue.FromCanonicalJson("null"u8.ToArray()));
        Assert.Equal(WeftValue.Text("a"), WeftValue.FromCanonicalJson("\"a\""u8.ToArray()));
        Assert.Equal(WeftValue.Link("s"), WeftValue.FromCanonicalJson("{\"#\":\"s\"}"u8.ToArray()));
    }

    [Fact]
    public void Equality_hash_and_order_agree() =>
        Prop.ForAll(GraphGenerators.Values.ToArbitrary(), GraphGenerators.Values.ToArbitrary(), (left, right) =>
        {
            bool equal = left.ToString() == right.ToString();
            return left.Equals(right) == equal
                && (left == right) == equal
                && (left != right) == !equal
                && (left.CompareTo(right) == 0) == equal
                && (!equal || left.GetHashCode() == right.GetHashCode())
                && left.Equals((object)right) == equal
                && !left.Equals((object)"a");
        }).QuickCheckThrowOnFailure();
}
