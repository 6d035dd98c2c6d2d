using Weft.Simulation;

namespace Weft.Simulation.Tests.World;

public sealed class SimClockTests
{
    private readonly SimWorld _world = new(1);

    [Fact]
    public void A_good_clock_shows_true_time()
    {
        var clock = new SimClock(_world);
        _world.RunFor(TimeSpan.FromSeconds(10));

        Assert.Equal(SimWorld.EpochMs + 10_000, clock.WallMs);
        Assert.Equal(_world.Now, clock.Now);
    }

    [Fact]
    public void A_jump_moves_the_wall_clock_and_not_the_monotonic_one()
    {
        var clock = new SimClock(_world);
        _world.RunFor(TimeSpan.FromSeconds(10));

        clock.Jump(TimeSpan.FromHours(-1));

        Assert.Equal(SimWorld.EpochMs + 10_000 - 3_600_000, clock.WallMs);
        Assert.Equal(_world.Now, clock.Now);
    }

    [Fact]
    public void Drift_adds_up_at_the_rate_of_its_time()
    {
        var clock = new SimClock(_world) { DriftPpm = 200 };
        _world.RunFor(TimeSpan.FromSeconds(1_000));
        clock.DriftPpm = -100;
        _world.RunFor(TimeSpan.FromSeconds(1_000));

        Assert.Equal(SimWorld.EpochMs + 2_000_000 + 200 - 100, clock.WallMs, tolerance: 0.001);
        Assert.Equal(2_000_100_000, clock.Now.Microseconds);
    }
}
