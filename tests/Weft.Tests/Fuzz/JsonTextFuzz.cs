using System.Text;
using System.Text.Json;
using Weft.Fuzz;
using Weft.Graph;

namespace Weft.Tests.Fuzz;

/// <summary>
/// JSON string tokens, as a reader hands them over: the one form is a fixed point and means the same text.
/// </summary>
internal sealed class JsonTextFuzz : FuzzTarget
{
    public override string Name => "json-text";

    public override IEnumerable<byte[]> Seeds =>
    [
        "\"\""u8.ToArray(), "\"plain\""u8.ToArray(), "\"\\u0041\\n\\ud83d\\ude00\\uD83D\""u8.ToArray(),
        "\"\u00e9\ud83d\ude00\u2028\""u8.ToArray(), "1.5e+300"u8.ToArray(), "-0"u8.ToArray(), "true"u8.ToArray(),
    ];

    public override IReadOnlyList<byte[]> Words =>
    [
        "\\u"u8.ToArray(), "\\ud800"u8.ToArray(), "\\udc00"u8.ToArray(), "\\\\"u8.ToArray(), "\\\""u8.ToArray(),
        "\\/"u8.ToArray(), "\\u0000"u8.ToArray(), [0xF0, 0x9F, 0x98, 0x80], [0xEE, 0x80, 0x80], [0xED, 0xA0, 0x80],
    ];

    public override int AllocationFactor => 64; // The checks below convert the text back and forth.

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        var reader = new Utf8JsonReader(input.Span);
        try
        {
            if (!reader.Read())
            {
                return 1;
            }
        }
        catch (JsonException)
        {
            return 2; // Not our decoder: what it refuses never reaches ours.
        }

        return reader.TokenType switch
        {
            JsonTokenType.String => Text(reader.ValueSpan),
            JsonTokenType.Number when reader.TryGetDouble(out double number) && double.IsFinite(number) => Number(number),
            _ => 3,
        };
    }

    private static ulong Text(ReadOnlySpan<byte> raw)
    {
        string text;
        try
        {
            text = Encoding.GetEncoding("utf-8", EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback)
                .GetString(raw);
        }
        catch (DecoderFallbackException)
        {
            return 4; // Callers check UTF-8 first.
        }

        byte[] canonical = JsonText.Canonical(raw);
        ReadOnlySpan<byte> inside = canonical.AsSpan(1, canonical.Length - 2);
        WeftValue value = WeftValue.FromCanonicalJson(canonical);
        FuzzFailure.Unless(JsonText.Canonical(inside).AsSpan().SequenceEqual(canonical),
            "the one form is a fixed point");
        FuzzFailure.Unless(value.AsText() == JsonText.Unescape(raw), "the one form means the same text");
        FuzzFailure.Unless(value.CompareTo(WeftValue.Text(value.AsText())) == 0, "text and form are two views of one value");
        return 5 + (ulong)Math.Min(inside.Length, 16) + (raw.SequenceEqual(inside) ? 100u : 0u);
    }

    private static ulong Number(double number)
    {
        WeftValue value = WeftValue.Number(number);
        FuzzFailure.Unless(value.AsNumber() == number, "a number reads back as itself");
        return 1_000 + (ulong)value.Json.Length;
    }
}
