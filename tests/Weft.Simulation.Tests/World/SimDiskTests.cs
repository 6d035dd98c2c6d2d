using Weft.Simulation;

namespace Weft.Simulation.Tests.World;

public sealed class SimDiskTests
{
    private readonly SimWorld _world = new(7);

    [Fact]
    public void What_was_flushed_survives_every_crash()
    {
        for (int round = 0; round < 100; round++)
        {
            var disk = new SimDisk(_world, new DiskProfile());
            byte[] synced = Bytes(3_000, round);
            disk.Append("log", synced);
            disk.BeginSync("log", () => { });
            _world.RunFor(TimeSpan.FromSeconds(1));
            disk.Append("log", Bytes(3_000, round + 1));

            disk.Crash();

            Assert.True(disk.Read("log").Span[..3_000].SequenceEqual(synced));
        }
    }

    [Fact]
    public void What_was_not_flushed_is_sometimes_there_sometimes_not_and_sometimes_torn()
    {
        int whole = 0;
        int gone = 0;
        int mixed = 0;
        for (int round = 0; round < 200; round++)
        {
            var disk = new SimDisk(_world, new DiskProfile());
            byte[] written = Bytes(1_024, round);
            disk.Append("log", written);

            disk.Crash();

            ReadOnlySpan<byte> left = disk.Read("log").Span;
            bool isZero = !left.ContainsAnyExcept((byte)0);
            whole += left.SequenceEqual(written) ? 1 : 0;
            gone += isZero ? 1 : 0;
            mixed += !isZero && !left.SequenceEqual(written) ? 1 : 0;
        }

        Assert.True(whole > 10 && gone > 10 && mixed > 10, $"whole {whole}, gone {gone}, mixed {mixed}");
    }

    [Fact]
    public void A_flush_covers_what_was_written_before_it_began_and_nothing_after()
    {
        int survived = 0;
        for (int round = 0; round < 50; round++)
        {
            var disk = new SimDisk(_world, new DiskProfile { Tearing = 0 });
            disk.Write("log", 0, Bytes(512, 1));
            disk.BeginSync("log", () => { });
            disk.Write("log", 512, Bytes(512, 2));
            _world.RunFor(TimeSpan.FromSeconds(1));

            disk.Crash();

            Assert.True(disk.Read("log").Span[..512].SequenceEqual(Bytes(512, 1)));
            survived += disk.Read("log").Span[512..].SequenceEqual(Bytes(512, 2)) ? 1 : 0;
        }

        Assert.InRange(survived, 5, 45);
    }

    [Fact]
    public void A_crash_during_a_flush_means_that_it_never_ends()
    {
        var disk = new SimDisk(_world, new DiskProfile());
        bool done = false;
        disk.Append("log", Bytes(10, 1));
        disk.BeginSync("log", () => done = true);

        disk.Crash();
        _world.RunFor(TimeSpan.FromSeconds(1));

        Assert.False(done);
        Assert.Equal(0, disk.Syncs);
    }

    [Fact]
    public void Allocated_space_reads_as_zeros_and_is_bounded_by_the_capacity()
    {
        var disk = new SimDisk(_world, new DiskProfile { Capacity = 10_000 });

        Assert.True(disk.TryAllocate("a", 6_000));
        Assert.True(disk.TryAllocate("a", 6_000));
        Assert.False(disk.TryAllocate("b", 4_001));
        Assert.True(disk.TryAllocate("b", 4_000));
        Assert.False(disk.Read("a").Span.ContainsAnyExcept((byte)0));
        Assert.Equal(10_000, disk.Length);
        Assert.Equal(["a", "b"], disk.Files);
    }

    [Fact]
    public void Files_are_renamed_deleted_and_damaged()
    {
        var disk = new SimDisk(_world, new DiskProfile());
        disk.Append("a", Bytes(100, 1));
        disk.Rename("a", "b");
        disk.FlipBit("b", 17);

        byte[] expected = Bytes(100, 1);
        expected[2] ^= 2;
        Assert.True(disk.Read("b").Span.SequenceEqual(expected));
        Assert.True(disk.Read("a").IsEmpty);

        disk.Delete("b");
        Assert.Empty(disk.Files);
    }

    private static byte[] Bytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Weft.Primitives.WeftRandom((ulong)seed).Fill(bytes);
        return bytes;
    }
}
