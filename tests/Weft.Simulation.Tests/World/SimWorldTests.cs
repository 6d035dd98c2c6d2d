using Weft.Primitives;
using Weft.Simulation;

namespace Weft.Simulation.Tests.World;

public sealed class SimWorldTests
{
    [Fact]
    public void Events_run_in_the_order_of_their_times_and_then_of_their_making()
    {
        var world = new SimWorld(1);
        var ran = new List<string>();
        world.After(TimeSpan.FromSeconds(2), () => ran.Add("late"));
        world.After(TimeSpan.FromSeconds(1), () => ran.Add("first"));
        world.After(TimeSpan.FromSeconds(1), () =>
        {
            ran.Add("second");
            world.After(TimeSpan.Zero, () => ran.Add("made at once"));
        });

        world.RunFor(TimeSpan.FromSeconds(5));

        Assert.Equal(["first", "second", "made at once", "late"], ran);
        Assert.Equal(5_000_000, world.Now.Microseconds);
        Assert.Equal(4, world.Events);
    }

    [Fact]
    public void An_event_at_the_end_of_a_run_belongs_to_it_and_a_later_one_does_not()
    {
        var world = new SimWorld(1);
        int ran = 0;
        world.After(TimeSpan.FromSeconds(1), () => ran++);
        world.After(TimeSpan.FromSeconds(1.000001), () => ran++);

        world.RunFor(TimeSpan.FromSeconds(1));

        Assert.Equal(1, ran);
        Assert.Equal(1, world.Waiting);
    }

    [Fact]
    public void The_past_is_now()
    {
        var world = new SimWorld(1);
        world.RunFor(TimeSpan.FromSeconds(1));
        bool ran = false;

        world.At(new WeftInstant(5), () => ran = true);
        world.Step();

        Assert.True(ran);
        Assert.Equal(1_000_000, world.Now.Microseconds);
    }

    [Fact]
    public void The_trace_knows_what_happened_and_in_which_order()
    {
        Assert.Equal(Trace(1, 2), Trace(1, 2));
        Assert.NotEqual(Trace(1, 2), Trace(2, 1));

        static ulong Trace(byte first, byte second)
        {
            var world = new SimWorld(1);
            world.Trace(0, [first, 0, 0, 0, 0, 0, 0, 0, 1]);
            world.Trace(0, [second]);
            return world.TraceHash;
        }
    }

    [Fact]
    public void Violations_are_bounded_and_counted()
    {
        var world = new SimWorld(1);
        for (int i = 0; i < SimWorld.ViolationsMax + 5; i++)
        {
            world.Report("I1", 3, "lost");
        }

        Assert.Equal(SimWorld.ViolationsMax, world.Violations.Count);
        Assert.Equal(SimWorld.ViolationsMax + 5, world.ViolationCount);
        Assert.Equal("I1 at 0.000 s, n3: lost", world.Violations[0].ToString());
    }
}
