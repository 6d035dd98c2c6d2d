using Weft.Graph;
using Weft.Node.Lanes;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

public sealed class DeltaPlanTests
{
    private const double Now = 1_000_000;

    private readonly GraphOptions _options = new() { FutureMax = TimeSpan.FromSeconds(10), DeferredMax = 2 };
    private readonly HamClock _clock = new();
    private readonly DeferredQueue _deferred;

    public DeltaPlanTests() => _deferred = new DeferredQueue(_options);

    [Fact]
    public void Winners_and_early_writes_go_into_one_batch_and_losers_do_not()
    {
        DeltaOutcome plan = Make(false, new("s", "f", "new", 5), new("s", "g", "old", 1), new("s", "h", "soon", Now + 1));

        Assert.Equal((1, 1, 1), (plan.Applied, plan.Kept, plan.Deferred));
        Assert.Equal("new", Assert.Single(plan.Batch.Fields).Write.Value.AsText());
        Assert.Equal("soon", Assert.Single(plan.Batch.Deferred).Value.AsText());
        Assert.Equal((5d, 5d, Now + 1), (_clock.High, plan.Batch.ClockHigh, plan.StateMax));
        Assert.Equal(1, _deferred.Count);
    }

    [Fact]
    public void One_refusal_refuses_everything_and_leaves_no_trace()
    {
        DeltaOutcome plan = Make(false, new("s", "f", "new", 5), new("s", "h", "soon", Now + 1), new("s", "i", "x", Now * 2));

        Assert.Equal((WeftError.StateTooFarAhead, 2), (plan.Error, plan.RefusedWrite));
        Assert.Same(CommitBatch.Empty, plan.Batch);
        Assert.Equal(0, _deferred.Count);
        Assert.Equal(double.NegativeInfinity, _clock.High);
    }

    [Fact]
    public void A_full_queue_refuses_early_writes_and_takes_exactly_what_fits()
    {
        DeltaOutcome fits = Make(false, new("s", "a", 1, Now + 1), new("s", "b", 1, Now + 1));
        DeltaOutcome full = Make(false, new FieldWrite("s", "c", 1, Now + 1));

        Assert.Equal(WeftError.None, fits.Error);
        Assert.Equal(WeftError.DeferredQueueFull, full.Error);
        Assert.Equal(2, _deferred.Count);
    }

    [Fact]
    public void A_field_that_wins_twice_is_stored_once_over_what_was_there_before_both()
    {
        DeltaOutcome plan = Make(false, new("s", "g", "first", 5), new("s", "f", "other", 5), new("s", "g", "second", 6));

        Assert.Equal(["second", "other"], plan.Batch.Fields.Select(field => field.Write.Value.AsText()));
        Assert.Equal("known", plan.Batch.Fields[0].Displaced.AsText());
        Assert.True(plan.Batch.Fields[0].HadKnown);
    }

    [Fact]
    public void A_delta_that_changes_nothing_logs_nothing() =>
        Assert.Same(CommitBatch.Empty, Make(false, new FieldWrite("s", "g", "old", 1)).Batch);

    [Fact]
    public void A_held_write_is_let_go_once_it_is_judged_even_when_it_loses()
    {
        DeltaOutcome wins = Make(true, new FieldWrite("s", "f", "due", 5));
        DeltaOutcome loses = Make(true, new FieldWrite("s", "g", "due", 1));

        Assert.Equal("due", Assert.Single(wins.Batch.Released).Value.AsText());
        Assert.Equal("due", Assert.Single(loses.Batch.Released).Value.AsText());
        Assert.Empty(loses.Batch.Fields);
        Assert.Empty(wins.Batch.Deferred);
    }

    [Fact]
    public void A_held_write_that_is_early_again_is_held_on_without_a_second_record()
    {
        DeltaOutcome plan = Make(true, new FieldWrite("s", "f", "soon", Now + 1));

        Assert.Same(CommitBatch.Empty, plan.Batch);
        Assert.Equal(1, _deferred.Count);
    }

    private DeltaOutcome Make(bool isRelease, params FieldWrite[] delta)
    {
        var view = new GraphView();
        var outbox = new Outbox<GraphOutput>();
        view.Begin(delta);
        for (int slot = 0; slot < view.Count; slot++)
        {
            if (view.Key(slot).Field == "g")
            {
                view.Set(slot, new StoredField("g", "known", 3, Sequence: 7));
            }
        }

        new GraphCore(_options).Apply(delta, view, Now, outbox);
        return DeltaPlan.Make(delta, outbox.Items, isRelease, _clock, _deferred, origin: 4);
    }
}
