using System.Text;
using System.Text.Json;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Tests.Graph;

public sealed class WeftValueReaderTests
{
    [Theory]
    [InlineData("null", "null")]
    [InlineData("true", "true")]
    [InlineData("-0", "0")]
    [InlineData("007", null)]
    [InlineData("12", "12")]
    [InlineData("-12", "-12")]
    [InlineData("1.50", "1.5")]
    [InlineData("1E21", "1e+21")]
    [InlineData("123456789012345678", "123456789012345680")]
    [InlineData("\"a\\u0041\\/\"", "\"aA/\"")]
    [InlineData("\"\\ud800\"", "\"\\ud800\"")]
    [InlineData("\"\\ud83d\\ude00\"", "\"\ud83d\ude00\"")]
    [InlineData("{\"#\":\"bob\"}", "{\"#\":\"bob\"}")]
    [InlineData("{\"#\":\"a\",\"#\":\"b\"}", "{\"#\":\"b\"}")]
    public void Value_is_brought_into_javascripts_form(string json, string? expected)
    {
        if (expected is null)
        {
            Assert.ThrowsAny<JsonException>(() => Read(json));
            return;
        }

        (WeftError error, WeftValue value) = Read(json);

        Assert.Equal((WeftError.None, expected), (error, value.ToString()));
    }

    [Theory]
    [InlineData("1e999", WeftError.ValueInvalid)]
    [InlineData("[1]", WeftError.ValueInvalid)]
    [InlineData("{}", WeftError.ValueInvalid)]
    [InlineData("{\"#\":1}", WeftError.ValueInvalid)]
    [InlineData("{\"#\":\"a\",\"x\":1}", WeftError.ValueInvalid)]
    [InlineData("{\"#\":{\"#\":\"a\"}}", WeftError.ValueInvalid)]
    [InlineData("{\"#\":\"\"}", WeftError.SoulInvalid)]
    public void What_no_field_can_hold_is_refused(string json, WeftError expected) => Assert.Equal(expected, Read(json).Error);

    [Theory]
    [InlineData(0, WeftError.None)]
    [InlineData(1, WeftError.TooLarge)]
    public void Text_has_a_bound(int over, WeftError expected) =>
        Assert.Equal(expected, Read($"\"{new string('a', FieldRules.TextBytesMax + over)}\"").Error);

    [Fact]
    public void Reader_stands_on_the_last_token_afterwards()
    {
        var reader = new Utf8JsonReader("{\"a\":{\"#\":\"x\"},\"b\":[[1],{}],\"c\":3}"u8);
        reader.Read();
        int values = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            reader.Read();
            WeftValueReader.Read(ref reader, out _);
            values++;
        }

        Assert.Equal((3, JsonTokenType.EndObject), (values, reader.TokenType));
    }

    private static (WeftError Error, WeftValue Value) Read(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        reader.Read();
        WeftError error = WeftValueReader.Read(ref reader, out WeftValue value);
        return (error, value);
    }
}
