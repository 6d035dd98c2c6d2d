using FsCheck;
using FsCheck.Fluent;
using Weft.Graph;

namespace Weft.Tests.Graph;

/// <summary>The three laws of a merge, and what each verdict means, on inputs that tie often.</summary>
public sealed class HamProperties
{
    private const double Now = 100;

    private static readonly Arbitrary<(HamField A, HamField B, HamField C)> Triples =
        (from a in Field()
         from b in Field()
         from c in Field()
         select (a, b, c)).ToArbitrary();

    [Fact]
    public void Merge_does_not_depend_on_order() => Holds(t => Merge(t.A, t.B) == Merge(t.B, t.A));

    [Fact]
    public void Merge_does_not_depend_on_grouping() =>
        Holds(t => Merge(Merge(t.A, t.B), t.C) == Merge(t.A, Merge(t.B, t.C)));

    [Fact]
    public void Merging_twice_changes_nothing() => Holds(t => Merge(Merge(t.A, t.B), t.B) == Merge(t.A, t.B));

    [Fact]
    public void A_merge_never_goes_back() =>
        Holds(t => Merge(t.A, t.B).State >= Math.Max(t.A.State, t.B.State));

    [Fact]
    public void The_verdict_names_the_reason() =>
        Holds(t =>
        {
            HamVerdict verdict = Ham.Judge(t.A.Value, t.A.State, t.B.Value, t.B.State, Now);
            int order = string.CompareOrdinal(t.A.Value.ToString(), t.B.Value.ToString());
            return verdict == (t.A.State > t.B.State ? HamVerdict.Incoming
                : t.A.State < t.B.State ? HamVerdict.KnownNewer
                : order > 0 ? HamVerdict.Incoming
                : order < 0 ? HamVerdict.KnownLarger
                : HamVerdict.Equal);
        });

    [Fact]
    public void Anything_beats_an_absent_field_but_the_state_that_stands_for_one()
    {
        double lowest = Math.BitIncrement(Ham.DroppedState);

        Assert.Equal(
            HamVerdict.Incoming, Ham.Judge(WeftValue.Null, lowest, WeftValue.Null, double.NegativeInfinity, Now));
        Assert.NotEqual(
            HamVerdict.Incoming, Ham.Judge("v", Ham.DroppedState, WeftValue.Null, double.NegativeInfinity, Now));
    }

    [Fact]
    public void A_state_at_the_clock_is_judged_and_one_step_beyond_it_is_held()
    {
        Assert.Equal(HamVerdict.Incoming, Ham.Judge("b", Now, "a", 1, Now));
        Assert.Equal(HamVerdict.Future, Ham.Judge("b", Math.BitIncrement(Now), "a", 1, Now));
        Assert.Equal(HamVerdict.Future, Ham.Judge("b", Now + 1, "b", Now + 2, Now));
    }

    [Fact]
    public void Any_order_of_any_history_with_repeats_ends_the_same() =>
        Prop.ForAll(
            Field().NonEmptyListOf().ToArbitrary(), ArbMap.Default.ArbFor<ulong>(), (history, seed) =>
            {
                HamField expected = history.Aggregate(Merge);
                var random = new Weft.Primitives.WeftRandom(seed);
                List<HamField> twice = [.. history, .. history];
                HamField actual = twice.OrderBy(_ => random.NextUInt64()).Aggregate(Merge);
                return actual == expected;
            }).QuickCheckThrowOnFailure();

    private static Gen<HamField> Field() =>
        from state in GraphGenerators.States
        from value in GraphGenerators.Values
        select new HamField(value, state);

    private static HamField Merge(HamField known, HamField incoming) =>
        Ham.Judge(incoming.Value, incoming.State, known.Value, known.State, Now) == HamVerdict.Incoming
            ? incoming
            : known;

    private static void Holds(Func<(HamField A, HamField B, HamField C), bool> law) =>
        Prop.ForAll(Triples, law).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    private readonly record struct HamField(WeftValue Value, double State);
}
