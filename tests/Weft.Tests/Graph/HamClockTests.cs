using FsCheck;
using FsCheck.Fluent;
using Weft.Graph;

namespace Weft.Tests.Graph;

public sealed class HamClockTests
{
    private const double Wall = 1_700_000_000_000;

    [Fact]
    public void States_rise_strictly_whatever_the_wall_clock_does() =>
        Prop.ForAll(Gen.Choose(-5, 5).ListOf().ToArbitrary(), steps =>
        {
            var clock = new HamClock();
            double wall = Wall;
            double last = double.NegativeInfinity;
            foreach (int step in steps)
            {
                wall += step * 0.4;
                double next = clock.Next(wall);
                if (next <= last || next != clock.High)
                {
                    return false;
                }

                last = next;
            }

            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_first_state_is_the_whole_millisecond_of_the_wall_clock() =>
        Assert.Equal(Wall, new HamClock().Next(Wall + 0.75));

    [Fact]
    public void A_thousand_states_fit_into_a_millisecond()
    {
        var clock = new HamClock();
        double first = clock.Next(Wall);
        double last = first;
        for (int i = 1; i < 999; i++)
        {
            last = clock.Next(Wall);
        }

        Assert.InRange(last, first, first + 1);
        Assert.Equal(Wall + 1, clock.Next(Wall + 1));
    }

    [Fact]
    public void A_wall_clock_that_steps_back_an_hour_does_not_take_the_states_with_it()
    {
        var clock = new HamClock();
        double before = clock.Next(Wall);

        double after = clock.Next(Wall - 3_600_000);

        Assert.InRange(after, before + (HamClock.Step / 2), before + (HamClock.Step * 2));
    }

    [Fact]
    public void A_restart_goes_on_above_the_saved_high_mark()
    {
        var first = new HamClock();
        first.Next(Wall);
        double last = first.Next(Wall);

        var second = new HamClock(first.High);

        Assert.True(second.Next(Wall - 60_000) > last);
    }

    [Fact]
    public void A_local_write_wins_over_everything_seen()
    {
        var clock = new HamClock();
        clock.Observe(Wall + 500.25);
        clock.Observe(Wall - 500);

        Assert.True(clock.Next(Wall) > Wall + 500.25);
    }

    [Theory]
    [InlineData(1e18)]
    [InlineData(1e300)]
    [InlineData(-1e300)]
    public void States_rise_even_where_the_step_rounds_away(double far)
    {
        var clock = new HamClock(far);

        double next = clock.Next(double.MinValue);

        Assert.True(next > far);
        Assert.True(clock.Next(double.MinValue) > next);
    }
}
