using System.Buffers.Binary;
using Weft.Simulation;

namespace Weft.Simulation.Tests.World;

public sealed class SimNetworkTests
{
    private readonly SimWorld _world = new(3);

    [Fact]
    public void A_connection_keeps_order_and_loses_nothing_however_bad_the_line()
    {
        (SimNetwork network, Host a, Host b) = Pair(NetworkProfile.Internet with { Loss = 0.3, Spikes = 0.1 });
        for (int i = 0; i < 500; i++)
        {
            network.Send(a.Connection!, 0, Number(i));
        }

        _world.RunFor(TimeSpan.FromMinutes(10));

        Assert.Equal(Enumerable.Range(0, 500), b.Received);
        Assert.Equal(500, a.Sent);
        Assert.Equal(500, network.MessagesDelivered);
    }

    [Fact]
    public void Datagrams_are_lost_doubled_and_overtaken()
    {
        (SimNetwork network, Host a, Host b) =
            Pair(new NetworkProfile { IsOrdered = false, Loss = 0.1, Duplication = 0.1 });
        for (int i = 0; i < 1_000; i++)
        {
            network.Send(a.Connection!, 0, Number(i));
        }

        _world.RunFor(TimeSpan.FromSeconds(10));

        Assert.InRange(b.Received.Distinct().Count(), 850, 950);
        Assert.InRange(b.Received.Count - b.Received.Distinct().Count(), 50, 150);
        Assert.NotEqual(b.Received.Order(), b.Received);
    }

    [Fact]
    public void A_short_cut_only_delays_what_was_sent()
    {
        (SimNetwork network, Host a, Host b) = Pair(new NetworkProfile());
        network.Partition(host => host);
        network.Send(a.Connection!, 0, Number(1));
        _world.RunFor(TimeSpan.FromSeconds(5));
        Assert.Empty(b.Received);

        network.Heal();
        network.Send(a.Connection!, 0, Number(2));
        _world.RunFor(TimeSpan.FromSeconds(60));

        Assert.Equal([1, 2], b.Received);
        Assert.Equal(0, a.Closed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_long_cut_breaks_the_connection_at_both_ends_even_when_only_one_way_is_cut(bool bothWays)
    {
        (SimNetwork network, Host a, Host b) = Pair(new NetworkProfile());
        if (bothWays)
        {
            network.Partition(host => host);
        }
        else
        {
            network.CutOneWay(1, 0);
        }

        _world.RunFor(TimeSpan.FromSeconds(20));

        Assert.Equal((1, 1), (a.Closed, b.Closed));
        Assert.Empty(network.Open);
    }

    [Fact]
    public void A_dial_fails_while_the_other_is_cut_off_or_down()
    {
        (SimNetwork network, Host a, Host b) = Pair(new NetworkProfile());
        network.CutOneWay(1, 0);
        network.Dial(0, 1);
        _world.RunFor(TimeSpan.FromSeconds(6));
        network.Heal();
        b.IsUp = false;
        network.Dial(0, 1);
        _world.RunFor(TimeSpan.FromSeconds(6));

        Assert.Equal(2, a.DialsFailed);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 16)]
    public void A_host_that_goes_down_is_noticed_soon_or_late(bool silently, int seconds)
    {
        (SimNetwork network, Host a, Host b) = Pair(new NetworkProfile());
        b.IsUp = false;
        network.HostDown(1, silently);
        _world.RunFor(TimeSpan.FromSeconds(seconds / 2d));
        Assert.Equal(silently ? 0 : 1, a.Closed);

        _world.RunFor(TimeSpan.FromSeconds(seconds));

        Assert.Equal((1, 0), (a.Closed, b.Closed));
    }

    [Fact]
    public void What_was_sent_before_a_close_arrives_before_it()
    {
        (SimNetwork network, Host a, Host b) = Pair(new NetworkProfile { Loss = 0.5 });
        for (int i = 0; i < 50; i++)
        {
            network.Send(a.Connection!, 0, Number(i));
        }

        network.Close(a.Connection!, 0);
        network.Send(a.Connection!, 0, Number(99));
        _world.RunFor(TimeSpan.FromMinutes(5));

        Assert.Equal(Enumerable.Range(0, 50), b.Received);
        Assert.Equal((0, 1), (a.Closed, b.Closed));
    }

    private static byte[] Number(int number)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return bytes;
    }

    private (SimNetwork Network, Host A, Host B) Pair(NetworkProfile profile)
    {
        var network = new SimNetwork(_world, profile);
        var a = new Host();
        var b = new Host();
        network.Add(a);
        network.Add(b);
        network.Dial(0, 1);
        _world.RunFor(TimeSpan.FromSeconds(10));
        Assert.NotNull(a.Connection);
        Assert.Same(a.Connection, b.Connection);
        return (network, a, b);
    }

    private sealed class Host : ISimHost
    {
        public bool IsUp { get; set; } = true;

        public SimConnection? Connection { get; private set; }

        public List<int> Received { get; } = [];

        public int Sent { get; private set; }

        public int Closed { get; private set; }

        public int DialsFailed { get; private set; }

        public void OnOpened(SimConnection connection, bool dialled) => Connection = connection;

        public void OnDialFailed(int target) => DialsFailed++;

        public void OnMessage(SimConnection connection, ReadOnlyMemory<byte> message) =>
            Received.Add(BinaryPrimitives.ReadInt32LittleEndian(message.Span));

        public void OnSent(SimConnection connection, int bytes) => Sent++;

        public void OnClosed(SimConnection connection) => Closed++;
    }
}
