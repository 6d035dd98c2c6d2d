using Weft.Primitives;

namespace Weft.Tests.Primitives;

public sealed class WallClockTests
{
    [Theory]
    [InlineData(0d)]
    [InlineData(1_700_000_000_000.5d)]
    [InlineData(-1d)]
    public void A_moment_and_its_state_are_two_forms_of_one(double state) =>
        Assert.Equal(state, WallClock.ToState(WallClock.FromState(state)!.Value));

    [Fact]
    public void A_state_that_no_calendar_holds_is_no_moment_and_no_exception()
    {
        double[] beyond =
        [
            double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.MaxValue, double.MinValue,
            253_402_300_800_000d, -62_135_596_800_000d,
        ];

        Assert.All(beyond, state => Assert.Null(WallClock.FromState(state)));
    }

    [Fact]
    public void The_last_and_first_states_of_the_calendar_are_moments()
    {
        Assert.Equal(9_999, WallClock.FromState(Math.BitDecrement(253_402_300_800_000d))!.Value.Year);
        Assert.Equal(1, WallClock.FromState(Math.BitIncrement(-62_135_596_800_000d))!.Value.Year);
    }
}
