using System.Diagnostics.CodeAnalysis;

namespace Weft.Graph.Policy;

/// <summary>
/// A pattern that a whole text must fit. A small language with one meaning on every machine, matched in one pass over
/// the text without going back: the steps are at most its length times the parts of the pattern.
/// </summary>
/// <remarks>
/// Works on Unicode scalar values (a lone surrogate counts as one). Language: characters, ".", [a-z] and [^a-z], \d \w
/// \s and \D \W \S of ASCII, \n \r \t, "\" before punctuation, ( ), |, *, +, ?, {m}, {m,}, {m,n}. No culture, no case
/// rules, no look-around. Source: docs/spec/policy.md, section 3.
/// </remarks>
public sealed class TextPattern
{
    private readonly Part[] _parts;
    private readonly int _start;

    private TextPattern(string text, Part[] parts, int start)
    {
        Text = text;
        _parts = parts;
        _start = start;
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>Parts it is made of, counts written out.</summary>
    public int Parts => _parts.Length;

    /// <summary>Reads a pattern.</summary>
    /// <param name="text">At most <see cref="PolicyLimits.PatternCharsMax"/> characters.</param>
    /// <param name="pattern">The pattern; null unless true.</param>
    /// <returns>False when it is outside the language or over a bound.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out TextPattern? pattern)
    {
        pattern = null;
        if (text.Length > PolicyLimits.PatternCharsMax || PatternParser.Parse(text) is not { } root)
        {
            return false;
        }

        var parts = new List<Part> { new(PartKind.Done) };
        int start = Compile(root, 0, parts);
        if (start < 0)
        {
            return false;
        }

        pattern = new(text, [.. parts], start);
        return true;
    }

    /// <summary>True when the whole text fits.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="steps">What may still be spent; falls by what was. Negative when it did not suffice; then
    /// false.</param>
    public bool Fits(ReadOnlySpan<char> text, ref int steps)
    {
        var now = new PartSet(_parts.Length);
        var next = new PartSet(_parts.Length);
        int[] stack = new int[_parts.Length];
        Enter(now, _start, stack, ref steps);
        for (int i = 0; i < text.Length && steps >= 0; i++)
        {
            int scalar = text[i];
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                scalar = char.ConvertToUtf32(text[i], text[++i]);
            }

            foreach (int at in now.Items)
            {
                steps--;
                ref readonly Part part = ref _parts[at];
                if (part.Kind == PartKind.One && part.Class!.Contains(scalar, ref steps))
                {
                    Enter(next, part.Next, stack, ref steps);
                }
            }

            (now, next) = (next, now);
            next.Clear();
            if (now.Items.IsEmpty)
            {
                return false;
            }
        }

        return steps >= 0 && now.Has(0);
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>Adds a part, and through forks all that can be reached from it without a character.</summary>
    private void Enter(PartSet set, int first, int[] stack, ref int steps)
    {
        int waiting = 0;
        if (set.Add(first))
        {
            stack[waiting++] = first;
        }

        while (waiting > 0)
        {
            steps--;
            ref readonly Part part = ref _parts[stack[--waiting]];
            if (part.Kind != PartKind.Fork)
            {
                continue;
            }

            if (set.Add(part.Next))
            {
                stack[waiting++] = part.Next;
            }

            if (set.Add(part.Other))
            {
                stack[waiting++] = part.Other;
            }
        }
    }

    /// <summary>Writes the parts of a node in front of part <paramref name="after"/>.</summary>
    /// <returns>The part to begin with; -1 when there are too many.</returns>
    private static int Compile(PatternNode node, int after, List<Part> parts)
    {
        switch (node.Kind)
        {
            case PatternNodeKind.One:
                return Add(parts, new(PartKind.One, after, Class: node.Class));
            case PatternNodeKind.Sequence:
                for (int i = node.Inner.Count - 1; i >= 0 && after >= 0; i--)
                {
                    after = Compile(node.Inner[i], after, parts);
                }

                return after;
            case PatternNodeKind.Choice:
                int choice = Compile(node.Inner[^1], after, parts);
                for (int i = node.Inner.Count - 2; i >= 0 && choice >= 0; i--)
                {
                    int branch = Compile(node.Inner[i], after, parts);
                    choice = branch < 0 ? -1 : Add(parts, new(PartKind.Fork, branch, choice));
                }

                return choice;
            default:
                return CompileRepeat(node, after, parts);
        }
    }

    private static int CompileRepeat(PatternNode node, int after, List<Part> parts)
    {
        int end = after;
        if (node.Most < 0)
        {
            // A loop: the fork stands before its own body, so it is made first and filled in afterwards.
            int fork = Add(parts, new(PartKind.Fork, after, after));
            int body = fork < 0 ? -1 : Compile(node.Inner[0], fork, parts);
            if (body < 0)
            {
                return -1;
            }

            parts[fork] = new(PartKind.Fork, body, after);
            end = fork;
        }

        for (int i = node.Least; i < node.Most && end >= 0; i++)
        {
            int body = Compile(node.Inner[0], end, parts);
            end = body < 0 ? -1 : Add(parts, new(PartKind.Fork, body, after));
        }

        for (int i = 0; i < node.Least && end >= 0; i++)
        {
            int body = Compile(node.Inner[0], end, parts);
            if (body == end)
            {
                break; // An empty body: a thousand of them nested in a thousand would only burn time.
            }

            end = body;
        }

        return end;
    }

    private static int Add(List<Part> parts, in Part part)
    {
        if (parts.Count == PolicyLimits.PatternPartsMax)
        {
            return -1;
        }

        parts.Add(part);
        return parts.Count - 1;
    }

    private enum PartKind
    {
        Done,
        One,
        Fork,
    }

    private readonly record struct Part(PartKind Kind, int Next = 0, int Other = 0, PatternClass? Class = null);

    /// <summary>A set of parts: membership and members, cleared in the time of its members.</summary>
    private sealed class PartSet(int parts)
    {
        private readonly bool[] _has = new bool[parts];
        private readonly int[] _items = new int[parts];
        private int _count;

        public ReadOnlySpan<int> Items => _items.AsSpan(0, _count);

        public bool Has(int part) => _has[part];

        public bool Add(int part)
        {
            if (_has[part])
            {
                return false;
            }

            _has[part] = true;
            _items[_count++] = part;
            return true;
        }

        public void Clear()
        {
            foreach (int part in Items)
            {
                _has[part] = false;
            }

            _count = 0;
        }
    }
}
