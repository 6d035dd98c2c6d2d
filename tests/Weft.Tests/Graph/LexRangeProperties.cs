using FsCheck;
using FsCheck.Fluent;
using Weft.Graph;

namespace Weft.Tests.Graph;

public sealed class LexRangeProperties
{
    private static readonly Gen<string?> Bounds =
        from key in GraphGenerators.Keys
        from present in Gen.Elements(true, false)
        select present ? key : null;

    private static readonly Arbitrary<(LexRange Range, List<string> Keys)> Cases =
        (from exact in Bounds
         from prefix in Bounds
         from start in Bounds
         from end in Bounds
         from only in Gen.Choose(0, 4)
         from keys in GraphGenerators.Keys.ListOf()
         select (Make(only, exact, prefix, start, end), keys.Distinct().Order(StringComparer.Ordinal).ToList()))
        .ToArbitrary();

    [Fact]
    public void A_range_holds_what_a_naive_filter_holds() =>
        Holds(t => t.Keys.Where(t.Range.Contains).SequenceEqual(t.Keys.Where(key => Naive(t.Range, key))));

    [Fact]
    public void A_walk_from_the_lowest_key_to_the_first_beyond_it_misses_nothing() =>
        Holds(t => t.Keys
            .SkipWhile(key => string.CompareOrdinal(key, t.Range.Lowest) < 0)
            .TakeWhile(key => !t.Range.IsBeyond(key))
            .Where(t.Range.Contains)
            .SequenceEqual(t.Keys.Where(key => Naive(t.Range, key))));

    [Fact]
    public void Beyond_means_that_all_later_keys_are_out_too() =>
        Holds(t => t.Keys.SkipWhile(key => !t.Range.IsBeyond(key)).All(key => !Naive(t.Range, key)));

    [Fact]
    public void A_range_without_bounds_is_all()
    {
        Assert.True(LexRange.All.IsAll);
        Assert.True(new LexRange(Prefix: "").IsAll);
        Assert.True(new LexRange(Reverse: true).IsAll);
        Assert.False(new LexRange(Exact: "").IsAll);
        Assert.False(new LexRange(From: "").IsAll);
        Assert.True(LexRange.All.Contains("anything"));
        Assert.False(LexRange.All.IsBeyond("\uffff"));
        Assert.Equal("", LexRange.All.Lowest);
    }

    [Fact]
    public void Both_bounds_are_inclusive()
    {
        var range = new LexRange(From: "b", To: "c");

        Assert.Equal(["b", "ba", "c"], new[] { "a", "b", "ba", "c", "ca" }.Where(range.Contains));
    }

    private static LexRange Make(int only, string? exact, string? prefix, string? start, string? end) => only switch
    {
        0 => new(Exact: exact),
        1 => new(Prefix: prefix),
        2 => new(From: start, To: end),
        3 => new(Prefix: prefix, From: start, To: end),
        _ => new(exact, prefix, start, end),
    };

    private static bool Naive(LexRange range, string key)
    {
        bool inside = range.Exact is null || key.SequenceEqual(range.Exact);
        inside &= range.Prefix is null || key.Take(range.Prefix.Length).SequenceEqual(range.Prefix);
        inside &= range.From is null || !IsSmaller(key, range.From);
        return inside && (range.To is null || !IsSmaller(range.To, key));
    }

    private static bool IsSmaller(string left, string right)
    {
        for (int i = 0; i < Math.Min(left.Length, right.Length); i++)
        {
            if (left[i] != right[i])
            {
                return left[i] < right[i];
            }
        }

        return left.Length < right.Length;
    }

    private static void Holds(Func<(LexRange Range, List<string> Keys), bool> law) =>
        Prop.ForAll(Cases, law).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));
}
