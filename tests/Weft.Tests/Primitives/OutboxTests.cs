using Weft.Primitives;

namespace Weft.Tests.Primitives;

public sealed class OutboxTests
{
    [Fact]
    public void Outputs_come_out_in_the_order_they_went_in()
    {
        var outbox = new Outbox<int>();
        for (int i = 0; i < 1_000; i++)
        {
            outbox.Add(i);
        }

        Assert.Equal(1_000, outbox.Count);
        Assert.Equal(Enumerable.Range(0, 1_000), outbox.Items.ToArray());
        Assert.Equal(999, outbox[999]);
    }

    [Fact]
    public void Clear_lets_go_of_what_the_outputs_refer_to()
    {
        var outbox = new Outbox<object>();
        WeakReference held = Fill(outbox);

        outbox.Clear();
        GC.Collect();

        Assert.Equal(0, outbox.Count);
        Assert.True(outbox.Items.IsEmpty);
        Assert.False(held.IsAlive);

        // Its own frame, so that no local of this test keeps the object alive.
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static WeakReference Fill(Outbox<object> target)
        {
            object item = new();
            target.Add(item);
            return new(item);
        }
    }

    [Fact]
    public void An_index_at_or_beyond_the_count_is_refused()
    {
        var outbox = new Outbox<int>();
        outbox.Add(1);
        outbox.Add(2);
        outbox.Clear();
        outbox.Add(3);

        Assert.Equal(3, outbox[0]);
        Assert.Throws<IndexOutOfRangeException>(() => outbox[1]);
    }

    [Fact]
    public void A_reused_outbox_allocates_nothing()
    {
        var outbox = new Outbox<long>();
        Use(outbox);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Use(outbox);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Use(Outbox<long> target)
        {
            for (int round = 0; round < 100; round++)
            {
                for (int i = 0; i < 500; i++)
                {
                    target.Add(i);
                }

                target.Clear();
            }
        }
    }
}
