using System.Globalization;
using System.Text;

namespace Weft.Server;

/// <summary>Makes text from outside harmless for logs, messages and terminals.</summary>
public static class LogText
{
    /// <summary>Characters of the longest text that is kept whole.</summary>
    public const int LengthMax = 200;

    /// <summary>
    /// The text with control characters, line separators, bidirectional marks and lone surrogates as \uXXXX, cut after
    /// <see cref="LengthMax"/> characters.
    /// </summary>
    public static string Clean(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        int length = Math.Min(text.Length, LengthMax);
        if (text.Length <= LengthMax && !text.Any(IsHarmful))
        {
            return text;
        }

        var clean = new StringBuilder(length + 16);
        for (int i = 0; i < length; i++)
        {
            char unit = text[i];
            if (char.IsHighSurrogate(unit) && i + 1 < length && char.IsLowSurrogate(text[i + 1]))
            {
                clean.Append(unit).Append(text[++i]);
            }
            else if (IsHarmful(unit))
            {
                clean.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
            }
            else
            {
                clean.Append(unit);
            }
        }

        return text.Length > length ? clean.Append('…').ToString() : clean.ToString();
    }

    private static bool IsHarmful(char unit) =>
        char.IsControl(unit) || char.IsSurrogate(unit)
        || char.GetUnicodeCategory(unit) is UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator;
}
