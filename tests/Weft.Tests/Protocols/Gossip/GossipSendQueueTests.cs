using Weft.Protocols.Gossip;

namespace Weft.Tests.Protocols.Gossip;

public sealed class GossipSendQueueTests
{
    private readonly GossipSendQueue _queue = new(new() { ControlQueueBytesMax = 100, DataQueueBytesMax = 100 });

    [Fact]
    public void Control_goes_before_messages_each_in_order()
    {
        _queue.Add(new byte[] { 1 }, isControl: false);
        _queue.Add(new byte[] { 2 }, isControl: true);
        _queue.Add(new byte[] { 3 }, isControl: false);
        _queue.Add(new byte[] { 4 }, isControl: true);

        Assert.Equal([2, 4, 1, 3], Drain());
        Assert.True(_queue.IsEmpty);
        Assert.Equal(0, _queue.ControlBytes + _queue.DataBytes);
    }

    [Fact]
    public void A_slow_peer_loses_its_oldest_messages_and_they_are_counted()
    {
        Assert.Equal(GossipQueued.Queued, _queue.Add(new byte[60], isControl: false));
        Assert.Equal(GossipQueued.Queued, _queue.Add(new byte[40], isControl: false));
        Assert.Equal(GossipQueued.DroppedOlder, _queue.Add(new byte[41], isControl: false));

        Assert.Equal(81, _queue.DataBytes);
        Assert.Equal(1, _queue.Dropped);
    }

    [Fact]
    public void Too_much_control_says_that_the_peer_should_go()
    {
        Assert.Equal(GossipQueued.Queued, _queue.Add(new byte[100], isControl: true));
        Assert.Equal(GossipQueued.Full, _queue.Add(new byte[1], isControl: true));
        Assert.Equal(100, _queue.ControlBytes);
    }

    [Fact]
    public void One_frame_larger_than_the_line_is_let_through_alone()
    {
        _queue.Add(new byte[10], isControl: false);
        _queue.Add(new byte[500], isControl: false);

        Assert.Equal(500, _queue.DataBytes);
        Assert.Equal(1, _queue.Dropped);
    }

    private List<byte> Drain()
    {
        var all = new List<byte>();
        while (_queue.TryTake(out ReadOnlyMemory<byte> frame))
        {
            all.Add(frame.Span[0]);
        }

        return all;
    }
}
