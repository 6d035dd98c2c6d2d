using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>
/// The query of a request, read strictly: bytes that are no UTF-8 are refused. A reader that repairs or keeps them
/// would let two different queries name the same soul.
/// </summary>
internal readonly struct QueryValues
{
    private const int ValuesMax = 32;

    private readonly List<KeyValuePair<string, string>>? _values;

    private QueryValues(List<KeyValuePair<string, string>> values) => _values = values;

    /// <summary>The value of a parameter; null when it is not there.</summary>
    public string? this[string name]
    {
        get
        {
            if (_values is not null)
            {
                foreach ((string key, string value) in _values)
                {
                    if (key == name)
                    {
                        return value;
                    }
                }
            }

            return null;
        }
    }

    /// <summary>Reads a query with or without its question mark.</summary>
    /// <exception cref="ApiException">RequestMalformed.</exception>
    public static QueryValues Parse(string? query)
    {
        if (string.IsNullOrEmpty(query) || query == "?")
        {
            return default;
        }

        var values = new List<KeyValuePair<string, string>>(4);
        ReadOnlySpan<char> rest = query.AsSpan(query[0] == '?' ? 1 : 0);
        foreach (Range part in rest.Split('&'))
        {
            ReadOnlySpan<char> pair = rest[part];
            if (pair.IsEmpty)
            {
                continue;
            }

            int equals = pair.IndexOf('=');
            string name = Decode(equals < 0 ? pair : pair[..equals]);
            string value = equals < 0 ? "" : Decode(pair[(equals + 1)..]);
            foreach ((string known, _) in values)
            {
                if (known == name)
                {
                    throw Malformed($"The query gives \"{LogText.Clean(name)}\" twice.");
                }
            }

            if (values.Count == ValuesMax)
            {
                throw Malformed($"The query has more than {ValuesMax} parameters.");
            }

            values.Add(new(name, value));
        }

        return new(values);
    }

    /// <summary>A whole number.</summary>
    public long Whole(string name, long otherwise, long min, long max) =>
        this[name] is not { } text ? otherwise
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            && value >= min && value <= max
            ? value
        : throw Malformed($"{name} is \"{LogText.Clean(text)}\"; allowed: {min} to {max}.");

    /// <summary>True or false; the name alone means true.</summary>
    public bool Flag(string name) => this[name] switch
    {
        null or "false" or "0" => false,
        "" or "true" or "1" => true,
        string text => throw Malformed($"{name} is \"{LogText.Clean(text)}\"; allowed: true or false."),
    };

    /// <summary>A duration such as 250ms, 2s, or plain milliseconds.</summary>
    public TimeSpan Duration(string name, TimeSpan otherwise, TimeSpan max)
    {
        if (this[name] is not { } text)
        {
            return otherwise;
        }

        TimeSpan? value = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : WeftOptionsReader.ParseDuration(text);
        return value <= max
            ? value.Value
            : throw Malformed(
                $"{name} is \"{LogText.Clean(text)}\"; allowed: 0 to {max.TotalSeconds} s, such as 250ms or 2s.");
    }

    private static string Decode(ReadOnlySpan<char> text)
    {
        if (text.IndexOfAny('%', '+') < 0 && Ascii.IsValid(text))
        {
            return text.ToString();
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(text.Length * 3);
        try
        {
            int length = 0;
            for (int i = 0; i < text.Length; i++)
            {
                char unit = text[i];
                if (unit == '+')
                {
                    rented[length++] = (byte)' ';
                }
                else if (unit < 0x80 && unit != '%')
                {
                    rented[length++] = (byte)unit;
                }
                else if (unit == '%' && i + 2 < text.Length
                    && byte.TryParse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, null, out byte value))
                {
                    rented[length++] = value;
                    i += 2;
                }
                else
                {
                    throw Malformed("The query is not percent-encoded UTF-8.");
                }
            }

            return Utf8.IsValid(rented.AsSpan(0, length))
                ? Encoding.UTF8.GetString(rented, 0, length)
                : throw Malformed("The query holds bytes that are no UTF-8.");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static ApiException Malformed(string detail) => new(WeftError.RequestMalformed, detail);
}
