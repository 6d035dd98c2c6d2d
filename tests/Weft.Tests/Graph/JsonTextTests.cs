using System.Buffers;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Weft.Graph;

namespace Weft.Tests.Graph;

public sealed class JsonTextTests
{
    [Theory]
    [InlineData(0d, "0")]
    [InlineData(1d, "1")]
    [InlineData(-1d, "-1")]
    [InlineData(10d, "10")]
    [InlineData(0.1, "0.1")]
    [InlineData(0.1 + 0.2, "0.30000000000000004")]
    [InlineData(1.5, "1.5")]
    [InlineData(100.25, "100.25")]
    [InlineData(0.000001, "0.000001")]
    [InlineData(0.0000015, "0.0000015")]
    [InlineData(1e-7, "1e-7")]
    [InlineData(1.5e-7, "1.5e-7")]
    [InlineData(-1e-7, "-1e-7")]
    [InlineData(1e15, "1000000000000000")]
    [InlineData(999_999_999_999_999d, "999999999999999")]
    [InlineData(9_007_199_254_740_993d, "9007199254740992")]
    [InlineData(123_456_789_012_345_680_000d, "123456789012345680000")]
    [InlineData(1e20, "100000000000000000000")]
    [InlineData(-1e20, "-100000000000000000000")]
    [InlineData(999_999_999_999_999_900_000d, "999999999999999900000")]
    [InlineData(1e21, "1e+21")]
    [InlineData(1.5e21, "1.5e+21")]
    [InlineData(1.5e300, "1.5e+300")]
    [InlineData(1e100, "1e+100")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(2.2250738585072014e-308, "2.2250738585072014e-308")]
    [InlineData(double.MaxValue, "1.7976931348623157e+308")]
    [InlineData(double.MinValue, "-1.7976931348623157e+308")]
    [InlineData(1_700_000_000_411.001, "1700000000411.001")]
    [InlineData(1_700_000_000_027.0051, "1700000000027.0051")]
    [InlineData(4.35, "4.35")]
    [InlineData(0.00001, "0.00001")]
    [InlineData(12_345.678e-10, "0.0000012345678")]
    public void Number_text_is_that_of_JavaScript(double value, string expected)
    {
        Span<byte> target = stackalloc byte[25]; // The documented ceiling; a longer text would throw.

        int length = JsonText.FormatNumber(value, target);

        Assert.Equal(expected, Encoding.ASCII.GetString(target[..length]));
    }

    [Fact]
    public void Minus_zero_is_written_without_its_sign()
    {
        byte[] target = new byte[25];

        Assert.Equal(1, JsonText.FormatNumber(-0d, target));
        Assert.Equal((byte)'0', target[0]);
    }

    [Fact]
    public void Number_text_reads_back_as_the_same_double() =>
        Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), bits =>
        {
            double value = BitConverter.UInt64BitsToDouble(bits);
            if (!double.IsFinite(value) || value == 0)
            {
                return true;
            }

            byte[] target = new byte[25];
            string text = Encoding.ASCII.GetString(target, 0, JsonText.FormatNumber(value, target));
            return double.Parse(text, System.Globalization.CultureInfo.InvariantCulture) == value;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("", "\"\"")]
    [InlineData("plain", "\"plain\"")]
    [InlineData("\"\\/", "\"\\\"\\\\/\"")]
    [InlineData("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"")]
    [InlineData("\0\u001f\u007f", "\"\\u0000\\u001f\u007f\"")]
    [InlineData("\u2028\u2029\u00e9<&'", "\"\u2028\u2029\u00e9<&'\"")]
    [InlineData("\ud83d\ude00", "\"\ud83d\ude00\"")]
    [InlineData("__proto__", "\"__proto__\"")]
    public void Text_is_quoted_as_in_JavaScript(string text, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(JsonText.Quote(text)));

    [Fact]
    public void Lone_surrogates_are_escaped_in_small_letters_and_pairs_are_not()
    {
        (string Text, string Expected)[] table =
        [
            ("\ud83d", "\"\\ud83d\""),
            ("\ude00", "\"\\ude00\""),
            ("\ude00\ud83d", "\"\\ude00\\ud83d\""),
            ("\ud83d\ud83d\ude00", "\"\\ud83d\ud83d\ude00\""),
            ("a\udfffb", "\"a\\udfffb\""),
        ];

        Assert.All(table, row => Assert.Equal(row.Expected, Encoding.UTF8.GetString(JsonText.Quote(row.Text))));
    }

    [Fact]
    public void Quoted_text_comes_back_whole_and_a_JSON_parser_agrees() =>
        Prop.ForAll(GraphGenerators.Texts.ToArbitrary(), text =>
        {
            byte[] quoted = JsonText.Quote(text);
            var written = new ArrayBufferWriter<byte>();
            JsonText.WriteQuoted(written, text);
            bool wellFormed = text == Encoding.Unicode.GetString(Encoding.Unicode.GetBytes(text));
            return JsonText.Unescape(quoted.AsSpan(1, quoted.Length - 2)) == text
                && written.WrittenSpan.SequenceEqual(quoted)
                && JsonText.Canonical(quoted.AsSpan(1, quoted.Length - 2)).AsSpan().SequenceEqual(quoted)
                && (!wellFormed || JsonSerializer.Deserialize<string>(quoted) == text);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("\\u0041\\/\\u00E9", "\"A/\u00e9\"")]
    [InlineData("\\ud83d\\ude00", "\"\ud83d\ude00\"")]
    [InlineData("\\uD83D", "\"\\ud83d\"")]
    [InlineData("\\u000a\\u0022", "\"\\n\\\"\"")]
    public void Foreign_escapes_are_brought_into_the_one_form(string raw, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(JsonText.Canonical(Encoding.UTF8.GetBytes(raw))));

    [Theory]
    [InlineData("5", "\"x\"", 1)] // Each row was seen on gun.js.
    [InlineData("9", "10", 1)]
    [InlineData("true", "\"true\"", 1)]
    [InlineData("{\"#\":\"a\"}", "true", 1)]
    [InlineData("\"\uff5e\"", "\"\ud83d\ude00\"", 1)]
    [InlineData("null", "null", 0)]
    [InlineData("\"a\"", "\"aa\"", -1)]
    [InlineData("\"\"", "\"a\"", -1)]
    public void Order_is_that_of_JavaScript(string left, string right, int expected)
    {
        int order = JsonText.Compare(Encoding.UTF8.GetBytes(left), Encoding.UTF8.GetBytes(right));

        Assert.Equal(expected, Math.Sign(order));
    }

    [Fact]
    public void Order_equals_ordinal_order_of_the_UTF16_text() =>
        Prop.ForAll(GraphGenerators.Texts.ToArbitrary(), GraphGenerators.Texts.ToArbitrary(), (left, right) =>
        {
            byte[] a = JsonText.Quote(left);
            byte[] b = JsonText.Quote(right);
            int expected = string.CompareOrdinal(Encoding.UTF8.GetString(a), Encoding.UTF8.GetString(b));
            return Math.Sign(JsonText.Compare(a, b)) == Math.Sign(expected)
                && Math.Sign(JsonText.Compare(b, a)) == -Math.Sign(expected);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));
}
