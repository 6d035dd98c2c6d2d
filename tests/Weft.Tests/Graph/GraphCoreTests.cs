using Weft.Graph;
using Weft.Primitives;

namespace Weft.Tests.Graph;

public sealed class GraphCoreTests
{
    private const double Now = 1_000_000;

    private readonly GraphOptions _options = new() { FutureMax = TimeSpan.FromSeconds(10) };
    private readonly GraphView _view = new();
    private readonly Outbox<GraphOutput> _outbox = new();

    [Fact]
    public void A_write_to_an_absent_field_is_persisted()
    {
        GraphOutput only = Assert.Single(Apply(null, Write("a", 5)));

        Assert.Equal((GraphOutputKind.Persist, HamVerdict.Incoming, false), (only.Kind, only.Verdict, only.HadKnown));
    }

    [Fact]
    public void A_newer_write_is_persisted_and_names_what_it_displaced()
    {
        GraphOutput only = Assert.Single(Apply(Known("a", 5), Write("b", 6)));

        Assert.Equal((GraphOutputKind.Persist, true), (only.Kind, only.HadKnown));
        Assert.Equal(("a", 5d), (only.Displaced.Value.AsText(), only.Displaced.State));
    }

    [Theory]
    [InlineData("z", 4, HamVerdict.KnownNewer)]
    [InlineData("a", 5, HamVerdict.KnownLarger)]
    [InlineData("m", 5, HamVerdict.Equal)]
    public void A_losing_write_is_kept_out_and_names_what_stays(string value, double state, HamVerdict reason)
    {
        GraphOutput only = Assert.Single(Apply(Known("m", 5), Write(value, state)));

        Assert.Equal((GraphOutputKind.Keep, reason, true), (only.Kind, only.Verdict, only.HadKnown));
        Assert.Equal("m", only.Displaced.Value.AsText());
    }

    [Fact]
    public void The_larger_text_wins_a_tie() =>
        Assert.Equal(GraphOutputKind.Persist, Assert.Single(Apply(Known("m", 5), Write("n", 5))).Kind);

    [Fact]
    public void A_tombstone_is_a_write_like_any_other()
    {
        Assert.Equal(GraphOutputKind.Persist, Assert.Single(Apply(Known("m", 5), Write(null, 6))).Kind);
        Assert.Equal(GraphOutputKind.Keep, Assert.Single(Apply(Known(null, 6), Write("m", 5))).Kind);
    }

    [Fact]
    public void The_near_future_is_held_and_the_far_future_refused()
    {
        double edge = Now + 10_000;

        GraphOutput held = Assert.Single(Apply(null, Write("a", edge)));
        GraphOutput refused = Assert.Single(Apply(null, Write("a", Math.BitIncrement(edge))));
        GraphOutput judged = Assert.Single(Apply(null, Write("a", Now)));

        Assert.Equal((GraphOutputKind.Defer, edge), (held.Kind, held.DueMs));
        Assert.Equal((GraphOutputKind.Refuse, WeftError.StateTooFarAhead), (refused.Kind, refused.Error));
        Assert.Equal(GraphOutputKind.Persist, judged.Kind);
    }

    [Fact]
    public void The_second_write_to_a_field_meets_the_first_of_the_same_delta()
    {
        GraphOutput[] outputs = Apply(Known("a", 1), Write("b", 5), Write("c", 4), Write("d", 6));

        Assert.Equal(
            [GraphOutputKind.Persist, GraphOutputKind.Keep, GraphOutputKind.Persist],
            outputs.Select(output => output.Kind));
        Assert.Equal(["a", "b", "b"], outputs.Select(output => output.Displaced.Value.AsText()));
        Assert.Equal([0, 1, 2], outputs.Select(output => output.Write));
    }

    [Fact]
    public void Fields_with_equal_names_in_different_nodes_are_different()
    {
        FieldWrite[] delta = [new("s", "f", "x", 5), new("t", "f", "y", 4), new("s", "g", "z", 3)];
        _view.Begin(delta);

        Assert.Equal(3, _view.Count);
        new GraphCore(_options).Apply(delta, _view, Now, _outbox);

        Assert.All(_outbox.Items.ToArray(), output => Assert.Equal(GraphOutputKind.Persist, output.Kind));
        Assert.Equal(new FieldKey("t", "f"), _view.Key(1));
    }

    [Fact]
    public void A_view_forgets_the_delta_before()
    {
        Apply(Known("a", 5), Write("b", 6));

        GraphOutput only = Assert.Single(Apply(null, Write("a", 1)));

        Assert.Equal((GraphOutputKind.Persist, false), (only.Kind, only.HadKnown));
    }

    [Fact]
    public void A_view_grows_with_the_delta()
    {
        FieldWrite[] delta = [.. Enumerable.Range(0, 1_000).Select(i => new FieldWrite("s", $"f{i % 700}", i, i))];
        _view.Begin(delta);

        new GraphCore(_options).Apply(delta, _view, Now, _outbox);

        Assert.Equal(700, _view.Count);
        Assert.Equal(1_000, _outbox.Items.ToArray().Count(output => output.Kind == GraphOutputKind.Persist));
        Assert.True(_view.TryGet(999, out StoredField last));
        Assert.Equal(999, last.State);
    }

    [Fact]
    public void A_merge_allocates_nothing()
    {
        FieldWrite[] delta = [new("s", "f", "new", 5), new("s", "g", "old", 1), new("s", "h", "early", Now + 1)];
        FieldWrite[] single = [new("s", "f", "new", 5)];
        var core = new GraphCore(_options);
        Merge(1_000);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Merge(1_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Merge(int times)
        {
            for (int i = 0; i < times; i++)
            {
                _view.Begin(delta);
                _view.Set(1, new StoredField("g", default, 2, 1));
                core.Apply(delta, _view, Now, _outbox);
                _outbox.Clear();
                _view.Begin(single);
                core.Apply(single, _view, Now, _outbox);
                _outbox.Clear();
            }
        }
    }

    private static FieldWrite Write(string? value, double state) => new("s", "f", value, state);

    private static StoredField Known(string? value, double state) => new("f", value, state, Sequence: 1);

    private GraphOutput[] Apply(StoredField? known, params FieldWrite[] delta)
    {
        _outbox.Clear();
        _view.Begin(delta);
        if (known is not null)
        {
            _view.Set(0, known.Value);
        }

        new GraphCore(_options).Apply(delta, _view, Now, _outbox);
        return _outbox.Items.ToArray();
    }
}
