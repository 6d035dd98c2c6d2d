using System.Globalization;

namespace Weft.Graph.Policy;

internal enum PatternNodeKind
{
    One,
    Sequence,
    Choice,
    Repeat,
}

/// <summary>A piece of a pattern as it was written.</summary>
/// <param name="Kind">How the rest is read.</param>
/// <param name="Inner">What it is made of.</param>
/// <param name="Class">The characters of one place.</param>
/// <param name="Least">How often at least.</param>
/// <param name="Most">How often at most; -1 for no end.</param>
internal sealed record PatternNode(
    PatternNodeKind Kind, List<PatternNode> Inner, PatternClass? Class = null, int Least = 0, int Most = 0);

/// <summary>A set of scalar values, as ranges.</summary>
internal sealed class PatternClass
{
    private readonly List<(int From, int To)> _ranges = [];

    public bool IsNegated { get; set; }

    public static PatternClass Any { get; } = Of(0, 0x10FFFF);

    public static PatternClass Of(int from, int to)
    {
        var made = new PatternClass();
        made._ranges.Add((from, to));
        return made;
    }

    public void Add(int from, int to) => _ranges.Add((from, to));

    /// <summary>Adds \d, \w, \s or their opposites, of ASCII.</summary>
    /// <returns>False for another letter.</returns>
    public bool AddNamed(char letter)
    {
        (int From, int To)[] set = char.ToLowerInvariant(letter) switch
        {
            'd' => [('0', '9')],
            'w' => [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            's' => [('\t', '\r'), (' ', ' ')],
            _ => [],
        };
        if (char.IsAsciiLetterLower(letter))
        {
            _ranges.AddRange(set);
            return set.Length > 0;
        }

        int from = 0;
        foreach ((int first, int last) in set)
        {
            _ranges.Add((from, first - 1));
            from = last + 1;
        }

        _ranges.Add((from, 0x10FFFF));
        return set.Length > 0;
    }

    public bool Contains(int scalar, ref int steps)
    {
        foreach ((int from, int to) in _ranges)
        {
            steps--;
            if (scalar >= from && scalar <= to)
            {
                return !IsNegated;
            }
        }

        return IsNegated;
    }
}

/// <summary>Reads the language of <see cref="TextPattern"/>.</summary>
internal ref struct PatternParser
{
    private const int DepthMax = 16;
    private const int CountMax = 1_000;
    private const string Special = ".[](){}|*+?\\^$";

    private readonly ReadOnlySpan<char> _text;
    private int _at;
    private int _depth;

    private PatternParser(ReadOnlySpan<char> text) => _text = text;

    /// <summary>Reads a whole pattern.</summary>
    /// <returns>Null when it is outside the language.</returns>
    public static PatternNode? Parse(ReadOnlySpan<char> text)
    {
        var parser = new PatternParser(text);
        PatternNode? node = parser.Choice();
        return parser._at == text.Length ? node : null;
    }

    private readonly bool Sees(char symbol) => _at < _text.Length && _text[_at] == symbol;

    private bool Take(char symbol)
    {
        bool sees = Sees(symbol);
        _at += sees ? 1 : 0;
        return sees;
    }

    private PatternNode? Choice()
    {
        if (++_depth > DepthMax)
        {
            return null;
        }

        var branches = new List<PatternNode>();
        do
        {
            if (Sequence() is not { } branch)
            {
                return null;
            }

            branches.Add(branch);
        }
        while (Take('|'));

        _depth--;
        return branches.Count == 1 ? branches[0] : new(PatternNodeKind.Choice, branches);
    }

    private PatternNode? Sequence()
    {
        var items = new List<PatternNode>();
        while (_at < _text.Length && !Sees('|') && !Sees(')'))
        {
            if (Single() is not { } one || Repeat(one) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return new(PatternNodeKind.Sequence, items);
    }

    private PatternNode? Repeat(PatternNode one)
    {
        (int least, int most) = (1, 1);
        if (Take('*'))
        {
            (least, most) = (0, -1);
        }
        else if (Take('+'))
        {
            (least, most) = (1, -1);
        }
        else if (Take('?'))
        {
            (least, most) = (0, 1);
        }
        else if (Take('{'))
        {
            if (!Count(out least))
            {
                return null;
            }

            most = least;
            if (Take(','))
            {
                most = -1;
                if (!Sees('}') && (!Count(out most) || most < least))
                {
                    return null;
                }
            }

            if (!Take('}'))
            {
                return null;
            }
        }

        // A second sign of repetition would be another language's "lazy" or "possessive".
        return (least, most) == (1, 1) ? one
            : Sees('*') || Sees('+') || Sees('?') || Sees('{') ? null
            : new(PatternNodeKind.Repeat, [one], Least: least, Most: most);
    }

    private bool Count(out int count)
    {
        int start = _at;
        while (_at < _text.Length && char.IsAsciiDigit(_text[_at]))
        {
            _at++;
        }

        return int.TryParse(_text[start.._at], NumberStyles.None, CultureInfo.InvariantCulture, out count)
            && count <= CountMax;
    }

    private PatternNode? Single()
    {
        if (Take('('))
        {
            PatternNode? inner = Choice();
            return inner is not null && Take(')') ? inner : null;
        }

        if (Take('['))
        {
            return Set() is { } set ? new(PatternNodeKind.One, [], set) : null;
        }

        if (Take('.'))
        {
            return new(PatternNodeKind.One, [], PatternClass.Any);
        }

        if (!Sees('\\') && Special.Contains(_text[_at]))
        {
            return null;
        }

        var made = new PatternClass();
        return Character(made, out int scalar) && (scalar < 0 || AddOne(made, scalar))
            ? new(PatternNodeKind.One, [], made)
            : null;
    }

    private static bool AddOne(PatternClass to, int scalar)
    {
        to.Add(scalar, scalar);
        return true;
    }

    private PatternClass? Set()
    {
        var made = new PatternClass { IsNegated = Take('^') };
        bool any = false;
        while (_at < _text.Length && !Sees(']'))
        {
            any = true;
            if (Sees('[') || !Character(made, out int from))
            {
                return null;
            }

            if (from < 0)
            {
                continue;
            }

            int to = from;
            if (Sees('-') && _at + 1 < _text.Length && _text[_at + 1] != ']')
            {
                _at++;
                if (Sees('[') || !Character(made, out to) || to < from)
                {
                    return null; // Also when the end of a range is a whole class.
                }
            }

            made.Add(from, to);
        }

        return any && Take(']') ? made : null;
    }

    /// <summary>Reads one character, or a named class, which goes into <paramref name="into"/> and gives -1.</summary>
    private bool Character(PatternClass into, out int scalar)
    {
        scalar = -1;
        char unit = _text[_at++];
        if (unit == '\\')
        {
            if (_at == _text.Length)
            {
                return false;
            }

            unit = _text[_at++];
            scalar = unit switch { 'n' => '\n', 'r' => '\r', 't' => '\t', _ => unit };
            if (!char.IsAsciiLetterOrDigit(unit) || scalar != unit)
            {
                return unit < 0x80; // Before anything but ASCII the backslash has no meaning yet.
            }

            scalar = -1;
            return into.AddNamed(unit);
        }

        scalar = unit;
        if (char.IsHighSurrogate(unit) && _at < _text.Length && char.IsLowSurrogate(_text[_at]))
        {
            scalar = char.ConvertToUtf32(unit, _text[_at++]);
        }

        return true;
    }
}
