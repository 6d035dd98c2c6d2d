using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Weft.Graph;

/// <summary>Writes and compares JSON text exactly as JavaScript's <c>JSON.stringify</c> makes it, in UTF-8.</summary>
/// <remarks>
/// HAM breaks ties by this text and signatures are made over it, so one byte of difference makes peers diverge.
/// Source: ECMA-262, sections 25.5.2 (JSON.stringify, QuoteJSONString) and 6.1.6.1.20 (Number::toString).
/// </remarks>
public static class JsonText
{
    private static readonly SearchValues<byte> MustEscape =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(code => (byte)code), (byte)'"', (byte)'\\']);

    private static readonly SearchValues<char> MustEscapeChars =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(code => (char)code), '"', '\\',
            .. Enumerable.Range(0xD800, 0x800).Select(code => (char)code)]);

    /// <summary>The text of <paramref name="value"/> in quotes. Lone surrogates become \udXXX, as in JavaScript.</summary>
    public static byte[] Quote(ReadOnlySpan<char> value)
    {
        if (value.IndexOfAny(MustEscapeChars) < 0)
        {
            byte[] plain = new byte[Encoding.UTF8.GetByteCount(value) + 2];
            plain[0] = (byte)'"';
            plain[^1] = (byte)'"';
            Encoding.UTF8.GetBytes(value, plain.AsSpan(1));
            return plain;
        }

        var writer = new ArrayBufferWriter<byte>(value.Length + 16);
        WriteQuoted(writer, value);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Writes <paramref name="value"/> in quotes.</summary>
    public static void WriteQuoted(IBufferWriter<byte> writer, ReadOnlySpan<char> value)
    {
        Put(writer, (byte)'"');
        while (!value.IsEmpty)
        {
            int run = value.IndexOfAny(MustEscapeChars);
            if (run < 0)
            {
                run = value.Length;
            }

            if (run > 0)
            {
                Span<byte> target = writer.GetSpan(run * 3);
                writer.Advance(Encoding.UTF8.GetBytes(value[..run], target));
                value = value[run..];
                continue;
            }

            if (value.Length > 1 && char.IsSurrogatePair(value[0], value[1]))
            {
                Span<byte> target = writer.GetSpan(4);
                writer.Advance(Encoding.UTF8.GetBytes(value[..2], target));
                value = value[2..];
                continue;
            }

            WriteEscape(writer, value[0]);
            value = value[1..];
        }

        Put(writer, (byte)'"');
    }

    /// <summary>Writes <paramref name="value"/> in quotes where no character of it needs an escape.</summary>
    /// <param name="value">Any text.</param>
    /// <param name="target">Has room for three bytes a character and the quotes.</param>
    /// <param name="at">Where to write; moves behind what was written.</param>
    /// <returns>False when something needs an escape: then nothing was written.</returns>
    internal static bool TryQuotePlain(ReadOnlySpan<char> value, Span<byte> target, ref int at)
    {
        if (value.IndexOfAny(MustEscapeChars) >= 0)
        {
            return false;
        }

        target[at++] = (byte)'"';
        at += Encoding.UTF8.GetBytes(value, target[at..]);
        target[at++] = (byte)'"';
        return true;
    }

    /// <summary>Brings the inside of a JSON string, escapes and all, into the form JavaScript writes, in quotes.</summary>
    /// <param name="raw">The bytes between the quotes; valid JSON and valid UTF-8.</param>
    public static byte[] Canonical(ReadOnlySpan<byte> raw)
    {
        if (IsCanonical(raw))
        {
            byte[] plain = new byte[raw.Length + 2];
            plain[0] = (byte)'"';
            plain[^1] = (byte)'"';
            raw.CopyTo(plain.AsSpan(1));
            return plain;
        }

        return Quote(Unescape(raw));
    }

    // True where every escape is one that JavaScript writes itself; \u is looked at by the long way.
    private static bool IsCanonical(ReadOnlySpan<byte> raw)
    {
        while (true)
        {
            int escape = raw.IndexOf((byte)'\\');
            if (escape < 0)
            {
                return true;
            }

            if (escape + 1 == raw.Length || !"\"\\bfnrt"u8.Contains(raw[escape + 1]))
            {
                return false;
            }

            raw = raw[(escape + 2)..];
        }
    }

    /// <summary>The characters of the inside of a JSON string; lone surrogates stay as they are.</summary>
    /// <param name="raw">The bytes between the quotes; valid JSON and valid UTF-8.</param>
    public static string Unescape(ReadOnlySpan<byte> raw)
    {
        if (!raw.Contains((byte)'\\'))
        {
            return Encoding.UTF8.GetString(raw);
        }

        var text = new StringBuilder(raw.Length);
        while (!raw.IsEmpty)
        {
            int run = raw.IndexOf((byte)'\\');
            if (run < 0)
            {
                run = raw.Length;
            }

            text.Append(Encoding.UTF8.GetString(raw[..run]));
            raw = raw[run..];
            if (raw.Length < 2)
            {
                break;
            }

            byte kind = raw[1];
            if (kind == (byte)'u' && raw.Length >= 6
                && Utf8Parser.TryParse(raw.Slice(2, 4), out ushort unit, out int used, 'x') && used == 4)
            {
                text.Append((char)unit);
                raw = raw[6..];
                continue;
            }

            text.Append(kind switch
            {
                (byte)'b' => '\b',
                (byte)'f' => '\f',
                (byte)'n' => '\n',
                (byte)'r' => '\r',
                (byte)'t' => '\t',
                _ => (char)kind,
            });
            raw = raw[2..];
        }

        return text.ToString();
    }

    /// <summary>The text of a finite number, for example <c>1.5e+300</c>, <c>0.000001</c>, <c>1e+21</c>; -0 is <c>0</c>.</summary>
    /// <returns>The bytes written to <paramref name="target"/>, at most 25.</returns>
    public static int FormatNumber(double value, Span<byte> target)
    {
        Debug.Assert(double.IsFinite(value), "Only finite numbers have a JSON text.");
        if (value == 0)
        {
            target[0] = (byte)'0';
            return 1;
        }

        if (Math.Abs(value) < 1e15 && value == Math.Floor(value))
        {
            Utf8Formatter.TryFormat((long)value, target, out int whole);
            return whole;
        }

        // "R" gives the shortest digits that read back as the same double, as JavaScript does.
        Span<byte> shortest = stackalloc byte[32];
        value.TryFormat(shortest, out int length, "R", CultureInfo.InvariantCulture);
        Span<byte> digits = stackalloc byte[32];
        int count = 0;
        int point = 0;
        bool afterPoint = false;
        int exponent = 0;
        bool negative = false;
        for (int i = 0; i < length; i++)
        {
            byte symbol = shortest[i];
            switch (symbol)
            {
                case (byte)'-':
                    negative = true;
                    break;
                case (byte)'.':
                    afterPoint = true;
                    break;
                case (byte)'E':
                    Utf8Parser.TryParse(shortest[(i + (shortest[i + 1] == '+' ? 2 : 1))..length], out exponent, out _);
                    i = length;
                    break;
                default:
                    if (count > 0 || symbol != '0')
                    {
                        digits[count++] = symbol;
                        point += afterPoint ? 0 : 1;
                    }
                    else if (afterPoint)
                    {
                        point--; // A zero between the point and the first digit.
                    }

                    break;
            }
        }

        while (count > 1 && digits[count - 1] == '0')
        {
            count--;
        }

        return Layout(digits[..count], point + exponent, negative, target);
    }

    /// <summary>Compares two texts by UTF-16 code units, as JavaScript's <c>&gt;</c> does, without leaving UTF-8.</summary>
    /// <returns>Below 0, 0 or above 0 as <paramref name="left"/> is smaller, equal or larger.</returns>
    public static int Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        int common = left.CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
        {
            return left.Length - right.Length;
        }

        // UTF-8 sorts by code point. UTF-16 differs in one place only: characters beyond U+FFFF (lead byte F0 and
        // up) are written with surrogates (D800-DFFF) and so sort before U+E000-U+FFFF (lead bytes EE and EF).
        byte a = left[common];
        byte b = right[common];
        return a >= 0xEE && b >= 0xEE && (a >= 0xF0) != (b >= 0xF0) ? b - a : a - b;
    }

    private static int Layout(ReadOnlySpan<byte> digits, int point, bool negative, Span<byte> target)
    {
        int at = 0;
        if (negative)
        {
            target[at++] = (byte)'-';
        }

        int count = digits.Length;
        if (point > 0 && point <= 21)
        {
            for (int i = 0; i < Math.Max(count, point); i++)
            {
                if (i == point)
                {
                    target[at++] = (byte)'.';
                }

                target[at++] = i < count ? digits[i] : (byte)'0';
            }

            return at;
        }

        if (point > -6 && point <= 0)
        {
            target[at++] = (byte)'0';
            target[at++] = (byte)'.';
            for (int i = point; i < 0; i++)
            {
                target[at++] = (byte)'0';
            }

            digits.CopyTo(target[at..]);
            return at + count;
        }

        target[at++] = digits[0];
        if (count > 1)
        {
            target[at++] = (byte)'.';
            digits[1..].CopyTo(target[at..]);
            at += count - 1;
        }

        target[at++] = (byte)'e';
        int power = point - 1;
        target[at++] = power < 0 ? (byte)'-' : (byte)'+';
        Utf8Formatter.TryFormat(Math.Abs(power), target[at..], out int powerLength);
        return at + powerLength;
    }

    private static void WriteEscape(IBufferWriter<byte> writer, char unit)
    {
        Span<byte> target = writer.GetSpan(6);
        target[0] = (byte)'\\';
        byte letter = unit switch
        {
            '"' => (byte)'"',
            '\\' => (byte)'\\',
            '\b' => (byte)'b',
            '\f' => (byte)'f',
            '\n' => (byte)'n',
            '\r' => (byte)'r',
            '\t' => (byte)'t',
            _ => (byte)'u',
        };
        target[1] = letter;
        if (letter != (byte)'u')
        {
            writer.Advance(2);
            return;
        }

        Utf8Formatter.TryFormat((ushort)unit, target[2..], out _, new StandardFormat('x', 4));
        writer.Advance(6);
    }

    private static void Put(IBufferWriter<byte> writer, byte symbol)
    {
        writer.GetSpan(1)[0] = symbol;
        writer.Advance(1);
    }
}
