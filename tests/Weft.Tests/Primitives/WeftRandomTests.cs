using Weft.Primitives;

namespace Weft.Tests.Primitives;

public sealed class WeftRandomTests
{
    [Fact]
    public void Same_seed_gives_the_same_numbers()
    {
        var left = new WeftRandom(42);
        var right = new WeftRandom(42);

        for (int i = 0; i < 1_000; i++)
        {
            Assert.Equal(left.NextUInt64(), right.NextUInt64());
        }
    }

    [Fact]
    public void The_sequence_of_seed_0_is_fixed_for_ever()
    {
        // SplitMix64 of seed 0 starts with these four words (published with the algorithm); xoshiro256** makes the
        // first output from the second of them: rotl(s1 * 5, 7) * 9.
        ulong second = 0x6E789E6AA1B965F4;

        ulong first = new WeftRandom(0).NextUInt64();

        Assert.Equal(System.Numerics.BitOperations.RotateLeft(second * 5, 7) * 9, first);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(1_000)]
    public void Whole_numbers_stay_below_the_end_and_reach_all_of_a_small_range(int end)
    {
        var random = new WeftRandom(7);
        var seen = new HashSet<int>();

        for (int i = 0; i < 20_000; i++)
        {
            int next = random.Next(end);
            Assert.InRange(next, 0, end - 1);
            seen.Add(next);
        }

        Assert.Equal(end, seen.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void An_empty_range_is_the_callers_mistake(int end) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeftRandom(1).Next(end));

    [Fact]
    public void A_range_with_a_start_includes_the_start_and_not_the_end()
    {
        var random = new WeftRandom(9);
        var seen = new HashSet<int>();
        for (int i = 0; i < 1_000; i++)
        {
            seen.Add(random.Next(-3, 2));
        }

        Assert.Equal([-3, -2, -1, 0, 1], seen.Order());
    }

    [Fact]
    public void Chance_is_about_right_and_exact_at_both_ends()
    {
        var random = new WeftRandom(11);
        int hits = 0;
        for (int i = 0; i < 100_000; i++)
        {
            hits += random.Chance(0.25) ? 1 : 0;
            Assert.False(random.Chance(0));
            Assert.True(random.Chance(1));
        }

        Assert.InRange(hits, 24_000, 26_000);
    }

    [Fact]
    public void Doubles_lie_from_0_up_to_but_not_at_1()
    {
        var random = new WeftRandom(3);
        for (int i = 0; i < 10_000; i++)
        {
            double next = random.NextDouble();
            Assert.True(next is >= 0 and < 1, $"{next}");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(64)]
    public void Fill_writes_every_byte_of_any_length(int length)
    {
        var random = new WeftRandom(5);
        byte[] union = new byte[length];
        byte[] bytes = new byte[length];
        for (int i = 0; i < 100; i++)
        {
            random.Fill(bytes);
            for (int at = 0; at < length; at++)
            {
                union[at] |= bytes[at];
            }
        }

        Assert.All(union, value => Assert.Equal(0xFF, value));
    }

    [Fact]
    public void A_fork_goes_its_own_way()
    {
        var parent = new WeftRandom(1);
        WeftRandom child = parent.Fork();
        ulong next = new WeftRandom(1).NextUInt64();

        Assert.NotEqual(next, child.NextUInt64());
        Assert.NotEqual(parent.NextUInt64(), child.NextUInt64());
    }
}
