using System.Buffers;
using System.Text;

namespace Weft.Cli.Output;

/// <summary>
/// Makes text from the graph safe to print: a peer's value must neither break a line nor steer the terminal.
/// </summary>
internal static class PlainText
{
    private static readonly SearchValues<char> Control = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(code => (char)code), '\x7f',
            .. Enumerable.Range(0x80, 0x20).Select(code => (char)code),
            '\u2028', '\u2029', '\u202e', '\u2066', '\u2067']);

    /// <summary>The text with control characters written as escapes.</summary>
    public static string OneLine(string text)
    {
        if (text.AsSpan().IndexOfAny(Control) < 0)
        {
            return text;
        }

        var safe = new StringBuilder(text.Length + 8);
        foreach (char unit in text)
        {
            _ = unit switch
            {
                '\t' => safe.Append("\\t"),
                '\n' => safe.Append("\\n"),
                '\r' => safe.Append("\\r"),
                _ when Control.Contains(unit) => safe.Append($"\\u{(int)unit:x4}"),
                _ => safe.Append(unit),
            };
        }

        return safe.ToString();
    }

    /// <summary>At most so many characters, the rest as an ellipsis.</summary>
    public static string Cut(string text, int lengthMax) =>
        text.Length <= lengthMax ? text : text[..Math.Max(0, lengthMax - 1)] + "…";
}
