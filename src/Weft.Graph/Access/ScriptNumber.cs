using System.Globalization;

namespace Weft.Graph.Access;

/// <summary>Numbers in text, read as JavaScript reads them.</summary>
/// <remarks>Source: ECMA-262, section 19.2.4 (parseFloat).</remarks>
internal static class ScriptNumber
{
    private const int DigitsMax = 400; // Longer than any double needs; what a peer sends beyond is not read.

    /// <summary>parseFloat: the longest prefix that is a decimal number.</summary>
    /// <returns>NaN when there is none.</returns>
    public static double ParseFloat(ReadOnlySpan<char> text)
    {
        text = text.TrimStart();
        text = text.Length > DigitsMax ? text[..DigitsMax] : text;
        int at = text.Length > 0 && text[0] is '+' or '-' ? 1 : 0;
        if (text[at..].StartsWith("Infinity", StringComparison.Ordinal))
        {
            return text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        }

        int whole = Digits(text[at..]);
        at += whole;
        int fraction = 0;
        if (at < text.Length && text[at] == '.')
        {
            fraction = Digits(text[(at + 1)..]);
            at += whole + fraction > 0 ? 1 + fraction : 0;
        }

        if (whole + fraction == 0)
        {
            return double.NaN;
        }

        if (at < text.Length && text[at] is 'e' or 'E')
        {
            int sign = at + 1 < text.Length && text[at + 1] is '+' or '-' ? 1 : 0;
            int power = Digits(text[(at + 1 + sign)..]);
            at += power > 0 ? 1 + sign + power : 0;
        }

        return double.TryParse(text[..at], NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : double.NaN;
    }

    private static int Digits(ReadOnlySpan<char> text)
    {
        int end = text.IndexOfAnyExceptInRange('0', '9');
        return end < 0 ? text.Length : end;
    }
}
