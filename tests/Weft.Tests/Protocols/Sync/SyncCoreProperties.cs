using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Tests.Protocols.Sync;

public sealed class SyncCoreProperties
{
    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    [InlineData(4UL)]
    [InlineData(5UL)]
    [InlineData(6UL)]
    public void Two_random_stores_end_equal_however_often_the_session_breaks(ulong seed)
    {
        var random = new WeftRandom(seed);
        var options = new SyncOptions
        {
            ChunkBytes = 200 + random.Next(2_000),
            FieldsMax = 1 + random.Next(50),
            WindowBytes = 500 + random.Next(20_000),
            ItemsMax = 1 + random.Next(32),
            Parts = 2 + random.Next(15),
            CompareMax = 40 + random.Next(500),
            RangeBytesMax = 200 + random.Next(4_000),
            PushesMax = 16 + random.Next(100),
        };
        var rig = new SyncRig(options, seed);
        for (int i = 0; i < 1_500; i++)
        {
            FieldWrite write = Random(random);
            int where = random.Next(10);
            if (where != 0)
            {
                rig.A.Store.Merge(write, 0);
            }

            if (where != 1)
            {
                rig.B.Store.Merge(write, 0);
            }
        }

        for (int life = 0; life < 5; life++)
        {
            rig.Connect();
            rig.Run(random.Next(60));
            for (int i = 0; i < 20; i++)
            {
                rig.Write(random.Next(2) == 0 ? rig.A : rig.B, Random(random));
            }

            rig.Run(random.Next(60));
            rig.Break();
        }

        rig.Connect();
        rig.Run();
        rig.Wait(TimeSpan.FromSeconds(1));

        Assert.Equal(rig.A.Store.All, rig.B.Store.All);
        Assert.True(rig.A.Core!.IsCaughtUp && rig.B.Core!.IsCaughtUp, $"seed {seed}");
        Assert.Equal(rig.A.Store.Sequence, rig.A.Core.AckedCursor);
    }

    [Theory]
    [InlineData(5_000, 0, 700)]
    [InlineData(5_000, 1, 5_000)]
    [InlineData(5_000, 20, 60_000)]
    [InlineData(5_000, 200, 400_000)]
    public void Bytes_grow_with_the_difference_and_not_with_the_stores(int fields, int differences, int bytesMax)
    {
        var random = new WeftRandom(9);
        var rig = new SyncRig();
        for (int i = 0; i < fields; i++)
        {
            FieldWrite write = SyncRig.Field($"users/{random.Next(1_000):0000}", $"field{i}", i, 1_000 + i);
            rig.A.Store.Merge(write, 0);
            if (i % (fields / Math.Max(1, differences)) != 0 || differences == 0)
            {
                rig.B.Store.Merge(write, 0);
            }
        }

        rig.Connect();
        rig.Run();

        Assert.Equal(rig.A.Store.All, rig.B.Store.All);
        Assert.Equal(differences, (int)rig.A.Core!.FieldsOut);
        Assert.Equal(0, rig.B.Core!.FieldsOut);
        Assert.InRange(rig.Bytes, 1, bytesMax);
    }

    [Fact]
    public void An_empty_peer_gets_everything()
    {
        var rig = new SyncRig();
        for (int i = 0; i < 20_000; i++)
        {
            rig.B.Store.Merge(SyncRig.Field($"s/{i / 10}", $"f{i % 10}", i, 1_000), 0);
        }

        rig.Connect();
        rig.Run();

        Assert.Equal(20_000, rig.A.Store.All.Count());
        Assert.Equal(20_000, rig.B.Core!.FieldsOut);
    }

    [Fact]
    public void Sums_do_not_depend_on_the_order_and_carry()
    {
        var high = new FieldHash(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue);
        var one = new FieldHash(0, 0, 0, 1);
        var other = new FieldHash(1, 2, 3, ulong.MaxValue);

        Assert.Equal(new RangeSum(0, 0, 0, 0, 2), default(RangeSum).Plus(high).Plus(one));
        Assert.Equal(
            default(RangeSum).Plus(high).Plus(one).Plus(other), default(RangeSum).Plus(other).Plus(high).Plus(one));
    }

    [Fact]
    public void A_bound_between_two_places_is_after_the_first_and_not_after_the_second()
    {
        var random = new WeftRandom(3);
        for (int i = 0; i < 5_000; i++)
        {
            SyncKey[] two = [Key(random), Key(random)];
            Array.Sort(two);
            if (two[0] == two[1])
            {
                continue;
            }

            SyncKey between = SyncKey.Between(two[0], two[1]);
            Assert.True(between > two[0] && between <= two[1], $"{two[0]} {between} {two[1]}");
        }
    }

    private static SyncKey Key(WeftRandom random)
    {
        string[] parts = ["a", "b", "é", "\uFFFD", "😀", "😁", "\uE000"];
        string text = string.Concat(Enumerable.Range(0, 1 + random.Next(3)).Select(_ => parts[random.Next(parts.Length)]));
        return new(text, random.Next(2) == 0 ? "" : parts[random.Next(parts.Length)]);
    }

    private static FieldWrite Random(WeftRandom random) => SyncRig.Field(
        $"{(char)('a' + random.Next(4))}/{random.Next(200)}", $"f{random.Next(4)}", random.Next(50),
        1_000 + random.Next(100));
}
