using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Policy;

public sealed class TextPatternTests
{
    [Theory]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("abc", "abc", true)]
    [InlineData("abc", "abcd", false)]
    [InlineData("a.c", "a\ud83d\ude00c", true)]
    [InlineData("a..c", "a\ud83d\ude00c", false)]
    [InlineData("[a-c]+", "abcabc", true)]
    [InlineData("[^a-c]+", "xyz", true)]
    [InlineData("[^a-c]+", "xaz", false)]
    [InlineData("[\\d\\-]+", "12-34", true)]
    [InlineData("[a-]", "-", true)]
    [InlineData("\\d{4}-\\d\\d", "2026-11", true)]
    [InlineData("\\d", "\u0663", false)]
    [InlineData("\\w+", "aZ_9", true)]
    [InlineData("\\w", "\u00e9", false)]
    [InlineData("\\W\\S\\D", "\u00e9xy", true)]
    [InlineData("\\s", "\u00a0", false)]
    [InlineData("(ab|cd)*e?", "abcdab", true)]
    [InlineData("(ab|cd)*e?", "abcda", false)]
    [InlineData("a|", "", true)]
    [InlineData("a{2,3}", "a", false)]
    [InlineData("a{2,3}", "aaa", true)]
    [InlineData("a{2,3}", "aaaa", false)]
    [InlineData("a{2,}", "aaaaaa", true)]
    [InlineData("a{0}", "", true)]
    [InlineData("(a*)*b", "aaab", true)]
    [InlineData("(|a)+b", "aab", true)]
    [InlineData("\\.\\*\\\\", ".*\\", true)]
    [InlineData("\\n\\t", "\n\t", true)]
    [InlineData("[\ud83d\ude00-\ud83d\ude02]", "\ud83d\ude01", true)]
    public void Whole_text_fits_or_not(string pattern, string text, bool fits) => Assert.Equal(fits, Fits(pattern,
        text, out _));

    [Fact]
    public void Lone_surrogate_counts_as_one_character()
    {
        Assert.True(Fits("a.c", "a\ud83dc", out _));
        Assert.True(Fits("..", "\ude00\ud83d", out _));
        Assert.False(Fits(".", "\ude00\ud83d", out _));
    }

    [Theory]
    [InlineData("(")]
    [InlineData(")")]
    [InlineData("a)")]
    [InlineData("[")]
    [InlineData("[]")]
    [InlineData("[b-a]")]
    [InlineData("[a-\\d]")]
    [InlineData("[[a]]")]
    [InlineData("*")]
    [InlineData("a**")]
    [InlineData("a*?")]
    [InlineData("a{2")]
    [InlineData("a{3,2}")]
    [InlineData("a{1001}")]
    [InlineData("a{x}")]
    [InlineData("^a$")]
    [InlineData("\\")]
    [InlineData("\\b")]
    [InlineData("\\1")]
    [InlineData("\\p")]
    [InlineData("(?=a)")]
    [InlineData("a]")]
    [InlineData("a}")]
    public void What_is_outside_the_language_is_no_pattern(string pattern) => Assert.False(TextPattern.TryParse(
        pattern, out _));

    [Fact]
    public void Bounds_are_kept()
    {
        Assert.True(TextPattern.TryParse(new string('a', PolicyLimits.PatternCharsMax), out _));
        Assert.False(TextPattern.TryParse(new string('a', PolicyLimits.PatternCharsMax + 1), out _));
        Assert.True(TextPattern.TryParse("a{1000}", out TextPattern? long1000));
        Assert.InRange(long1000.Parts, 1_000, PolicyLimits.PatternPartsMax);
        Assert.False(TextPattern.TryParse("(a{100}){11}", out _));
        Assert.False(TextPattern.TryParse(new string('(', 17) + new string(')', 17), out _));
        Assert.True(TextPattern.TryParse("((((((){1000}){1000}){1000}){1000}){1000}){1000}", out _));
    }

    [Theory]
    [InlineData("(a*)*b")]
    [InlineData("(a|a)*b")]
    [InlineData("(a|b|ab)*c")]
    [InlineData("(.*)(.*)(.*)(.*)(.*)x")]
    [InlineData("(a?){200}a{200}")]
    public void Patterns_that_explode_elsewhere_cost_text_times_parts(string pattern)
    {
        Assert.True(TextPattern.TryParse(pattern, out TextPattern? parsed));
        const int Length = 2_000;
        int steps = int.MaxValue;

        Assert.False(parsed.Fits(new string('a', Length), ref steps));

        Assert.InRange(int.MaxValue - steps, 1, 3L * (Length + 1) * parsed.Parts);
    }

    [Fact]
    public void Running_out_of_steps_is_no_fit()
    {
        Assert.True(TextPattern.TryParse("a*", out TextPattern? parsed));
        int few = 100;
        int enough = 10_000;

        Assert.False(parsed.Fits(new string('a', 1_000), ref few));
        Assert.True(few < 0);
        Assert.True(parsed.Fits(new string('a', 1_000), ref enough));
        Assert.True(enough >= 0);
    }

    [Fact]
    public void Random_patterns_fit_as_those_of_the_platform()
    {
        var random = new WeftRandom(seed: 11);
        int compared = 0;
        for (int i = 0; i < 3_000; i++)
        {
            string pattern = Pattern(random, depth: 3);
            if (!TextPattern.TryParse(pattern, out TextPattern? own))
            {
                continue;
            }

            var theirs = new System.Text.RegularExpressions.Regex(
                $@"\A(?:{pattern})\z", System.Text.RegularExpressions.RegexOptions.NonBacktracking);
            for (int t = 0; t < 8; t++)
            {
                string text = string.Concat(Enumerable.Range(0, random.Next(7)).Select(_ => "abc"[random.Next(3)]));
                int steps = int.MaxValue;
                Assert.True(theirs.IsMatch(text) == own.Fits(text, ref steps), $"pattern {pattern}, text {text}");
                compared++;
            }
        }

        Assert.InRange(compared, 10_000, 24_000);
    }

    private static string Pattern(WeftRandom random, int depth) => random.Next(depth == 0 ? 4 : 8) switch
    {
        0 => "a",
        1 => "b",
        2 => ".",
        3 => "[ab]",
        4 => Pattern(random, depth - 1) + Pattern(random, depth - 1),
        5 => $"({Pattern(random, depth - 1)}|{Pattern(random, depth - 1)})",
        6 => $"({Pattern(random, depth - 1)}){"*+?"[random.Next(3)]}",
        _ => $"({Pattern(random, depth - 1)}){{{random.Next(3)},{2 + random.Next(2)}}}",
    };

    private static bool Fits(string pattern, string text, out int used)
    {
        Assert.True(TextPattern.TryParse(pattern, out TextPattern? parsed));
        int steps = 100_000;
        bool fits = parsed.Fits(text, ref steps);
        used = 100_000 - steps;
        return fits;
    }
}
