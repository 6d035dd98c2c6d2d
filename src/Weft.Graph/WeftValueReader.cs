using System.Text.Json;
using Weft.Primitives;

namespace Weft.Graph;

/// <summary>Reads one value from JSON, whoever sent it: wire, HTTP and import all judge by this.</summary>
/// <remarks>
/// Never throws on what a peer sends. The input must be valid UTF-8 (<see cref="System.Text.Unicode.Utf8.IsValid"/> tells;
/// the reader itself does not look). Source: docs/spec/graph.md, section 1.
/// </remarks>
public static class WeftValueReader
{
    // A whole number of at most so many digits fits a double exactly, and is already as JavaScript writes it.
    private const int ExactDigitsMax = 15;

    /// <summary>Reads the value at which <paramref name="reader"/> stands, and leaves it on the value's last token.</summary>
    /// <param name="reader">Stands on the first token of the value.</param>
    /// <param name="value">The value; null unless None is returned.</param>
    /// <returns>
    /// None; ValueInvalid for a list, an object that is no link, or a number that is not finite; TooLarge for a text over
    /// its bound; SoulInvalid for a link to no valid soul.
    /// </returns>
    /// <exception cref="JsonException">The JSON itself is broken, after the first token; callers wrap the whole walk.</exception>
    public static WeftError Read(ref Utf8JsonReader reader, out WeftValue value)
    {
        value = default;
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return WeftError.None;
            case JsonTokenType.True or JsonTokenType.False:
                value = WeftValue.Boolean(reader.TokenType == JsonTokenType.True);
                return WeftError.None;
            case JsonTokenType.String:
                WeftValue text = WeftValue.FromCanonicalJson(JsonText.Canonical(reader.ValueSpan));
                WeftError error = FieldRules.CheckValue(text);
                value = error == WeftError.None ? text : default;
                return error;
            case JsonTokenType.Number:
                return ReadNumber(ref reader, out value);
            case JsonTokenType.StartObject:
                return ReadLink(ref reader, out value);
            default:
                reader.Skip();
                return WeftError.ValueInvalid;
        }
    }

    private static WeftError ReadNumber(ref Utf8JsonReader reader, out WeftValue value)
    {
        ReadOnlySpan<byte> raw = reader.ValueSpan;
        ReadOnlySpan<byte> digits = raw[0] == (byte)'-' ? raw[1..] : raw;
        if (digits.Length <= ExactDigitsMax
            && digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0
            && !(raw.Length > 1 && digits[0] == (byte)'0'))
        {
            value = WeftValue.FromCanonicalJson(raw.ToArray());
            return WeftError.None;
        }

        if (reader.TryGetDouble(out double number) && double.IsFinite(number))
        {
            value = WeftValue.Number(number);
            return WeftError.None;
        }

        value = default;
        return WeftError.ValueInvalid;
    }

    private static WeftError ReadLink(ref Utf8JsonReader reader, out WeftValue value)
    {
        value = default;
        string? target = null;
        int members = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isLink = !reader.ValueIsEscaped ? reader.ValueSpan is [(byte)'#'] : JsonText.Unescape(reader.ValueSpan) == "#";
            members++;
            if (!reader.Read())
            {
                return WeftError.ValueInvalid;
            }

            if (isLink && reader.TokenType == JsonTokenType.String)
            {
                members -= target is null ? 0 : 1; // The same name again: the last one counts, as in JavaScript.
                target = JsonText.Unescape(reader.ValueSpan);
                continue;
            }

            members += isLink ? 1 : 0; // A "#" that is no text can never be a link.
            reader.Skip();
        }

        if (target is null || members != 1)
        {
            return WeftError.ValueInvalid;
        }

        WeftError error = FieldRules.CheckSoul(target);
        value = error == WeftError.None ? WeftValue.Link(target) : default;
        return error;
    }
}
