using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Relay;

namespace Weft.Tests.Protocols.Relay;

public sealed class RelayCoreTests
{
    private static readonly WeftInstant Start = new(1_000_000);

    private readonly RelayOptions _options = new();
    private readonly Outbox<RelayOutput> _outbox = new();
    private readonly RelayCore _relay;

    public RelayCoreTests() => _relay = new(_options);

    [Fact]
    public void A_circuit_needs_a_place_of_the_peer_at_its_end()
    {
        Assert.Equal(RelayStatus.NoReservation, Connect(1, 2, out _));
        Assert.Equal(RelayStatus.Ok, Reserve(2));
        Assert.Equal(RelayStatus.Ok, Connect(1, 2, out long circuit));
        Assert.NotEqual(0, circuit);
        Assert.Equal(RelayStatus.NoReservation, Connect(2, 1, out _));
    }

    [Fact]
    public void A_place_ends_with_its_time_and_asking_again_prolongs_it()
    {
        Reserve(2);
        WeftInstant later = Start + (_options.ReservationTime / 2);
        Assert.Equal(RelayStatus.Ok, _relay.OnReserve(Peer(2), default, false, later, _outbox));

        _relay.OnTimer(Start + _options.ReservationTime, _outbox);
        Assert.Equal(1, _relay.Reservations);
        Assert.Equal(RelayStatus.NoReservation, _relay.OnConnect(
            Peer(1), Peer(2), false, later + _options.ReservationTime, out _)); // Also when the timer is late.
        _outbox.Clear();
        _relay.OnTimer(later + _options.ReservationTime, _outbox);
        Assert.Equal(0, _relay.Reservations);
        Assert.Equal(Peer(2), Assert.Single(_outbox.Items.ToArray()).Peer);
    }

    [Fact]
    public void A_place_ends_with_the_last_connection_of_its_peer()
    {
        Reserve(2);
        _relay.OnPeerGone(Peer(2), _outbox);

        Assert.Equal(RelayStatus.NoReservation, Connect(1, 2, out _));
    }

    [Fact]
    public void Places_have_a_ceiling_and_those_who_have_one_keep_it()
    {
        for (int i = 0; i < _options.ReservationsMax; i++)
        {
            Assert.Equal(RelayStatus.Ok, Reserve(i));
        }

        Assert.Equal(RelayStatus.ReservationRefused, Reserve(1_000));
        Assert.Equal(RelayStatus.Ok, Reserve(5));
        Assert.Equal(_options.ReservationsMax, _relay.Reservations);
    }

    [Theory]
    [InlineData("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2", "/ip4/192.0.2.2/tcp/1")]
    [InlineData("/ip6/2001:db8::1/tcp/1", "/ip6/2001:db8::ffff:1/tcp/1", "/ip6/2001:db8:0:1::1/tcp/1")]
    public void Places_of_one_address_have_a_ceiling_of_their_own(string first, string same, string other)
    {
        for (int i = 0; i < _options.ReservationsPerAddressMax; i++)
        {
            Assert.Equal(RelayStatus.Ok, Reserve(i, i % 2 == 0 ? first : same));
        }

        Assert.Equal(RelayStatus.ReservationRefused, Reserve(100, same));
        Assert.Equal(RelayStatus.Ok, Reserve(1, same)); // Has one already.
        Assert.Equal(RelayStatus.Ok, Reserve(100, other));
        Assert.Equal(RelayStatus.ReservationRefused, Reserve(100, first)); // Nor by moving there.
    }

    [Fact]
    public void Who_comes_through_a_relay_gets_neither_place_nor_circuit()
    {
        Assert.Equal(RelayStatus.PermissionDenied, _relay.OnReserve(Peer(1), default, true, Start, _outbox));
        Reserve(2);
        Assert.Equal(RelayStatus.PermissionDenied, _relay.OnConnect(Peer(1), Peer(2), true, Start, out _));
        Assert.Equal(RelayStatus.PermissionDenied, Connect(2, 2, out _));
    }

    [Fact]
    public void Circuits_of_one_peer_to_one_peer_and_at_all_have_ceilings()
    {
        Reserve(2);
        for (int i = 0; i < _options.CircuitsPerPeerMax; i++)
        {
            Assert.Equal(RelayStatus.Ok, Connect(10 + i, 2, out _)); // To one peer.
        }

        Assert.Equal(RelayStatus.ResourceLimitExceeded, Connect(99, 2, out _));
        var circuits = new List<long>();
        for (int i = 0; i < _options.CircuitsPerPeerMax; i++)
        {
            Reserve(200 + i);
            Assert.Equal(RelayStatus.Ok, Connect(1, 200 + i, out long circuit)); // From one peer.
            circuits.Add(circuit);
        }

        Reserve(300);
        Assert.Equal(RelayStatus.ResourceLimitExceeded, Connect(1, 300, out _));
        _relay.OnClosed(circuits[0]);
        _relay.OnClosed(circuits[0]); // Harmless.
        Assert.Equal(RelayStatus.Ok, Connect(1, 300, out _));

        _options.CircuitsMax = _relay.Circuits;
        Assert.Equal(RelayStatus.ResourceLimitExceeded, Connect(50, 300, out _));
    }

    [Fact]
    public void Bytes_are_counted_each_way_and_the_circuit_is_cut_at_the_first_beyond()
    {
        _options.CircuitBytes = 1_000;
        long circuit = Open();
        Assert.Equal(1_000, _relay.OnBytes(circuit, true, 1_000, _outbox));
        Assert.Equal(600, _relay.OnBytes(circuit, false, 600, _outbox));
        Assert.DoesNotContain(_outbox.Items.ToArray(), one => one.Kind == RelayOutputKind.EndCircuit);

        Assert.Equal(400, _relay.OnBytes(circuit, false, 500, _outbox));
        RelayOutput end = Assert.Single(_outbox.Items.ToArray(), one => one.Kind == RelayOutputKind.EndCircuit);
        Assert.Equal((circuit, RelayCut.Bytes), (end.Circuit, end.Cut));
        Assert.Equal(0, _relay.OnBytes(circuit, true, 1, _outbox));
        Assert.Equal(0, _relay.Circuits);
        Assert.Equal(2_000, _relay.Bytes);
    }

    [Fact]
    public void A_circuit_is_cut_when_its_time_is_over_and_not_before()
    {
        long circuit = Open();
        _outbox.Clear();
        _relay.OnTimer(Start + (_options.CircuitTime - TimeSpan.FromTicks(10)), _outbox);
        Assert.Equal(RelayOutputKind.StartTimer, Assert.Single(_outbox.Items.ToArray()).Kind);

        _relay.OnTimer(Start + _options.CircuitTime, _outbox);
        RelayOutput end = Assert.Single(_outbox.Items.ToArray(), one => one.Kind == RelayOutputKind.EndCircuit);
        Assert.Equal((circuit, RelayCut.Time), (end.Circuit, end.Cut));
    }

    [Fact]
    public void Without_limits_nothing_is_cut()
    {
        _options.CircuitBytes = 0;
        _options.CircuitTime = TimeSpan.Zero;
        long circuit = Open();
        Assert.Equal(int.MaxValue, _relay.OnBytes(circuit, true, int.MaxValue, _outbox));
        Assert.Equal(int.MaxValue, _relay.OnBytes(circuit, true, int.MaxValue, _outbox));
        Assert.False(_options.Limit.IsSet);
    }

    [Fact]
    public void Any_sequence_keeps_every_table_within_its_ceiling_and_two_runs_are_the_same()
    {
        List<RelayOutput> first = Storm(seed: 11);
        Assert.Equal(first, Storm(seed: 11));
        Assert.NotEmpty(first);
    }

    private static List<RelayOutput> Storm(ulong seed)
    {
        var options = new RelayOptions { ReservationsMax = 10, CircuitsMax = 12, CircuitsPerPeerMax = 3, CircuitBytes = 500 };
        var relay = new RelayCore(options);
        var random = new WeftRandom(seed);
        var outbox = new Outbox<RelayOutput>();
        var all = new List<RelayOutput>();
        WeftInstant now = Start;
        for (int i = 0; i < 20_000; i++)
        {
            now += TimeSpan.FromSeconds(random.Next(3));
            switch (random.Next(6))
            {
                case 0:
                    relay.OnReserve(Peer(random.Next(30)), Range($"/ip4/10.0.0.{random.Next(3)}/tcp/1"), false, now, outbox);
                    break;
                case 1 when relay.OnConnect(
                    Peer(random.Next(30)), Peer(random.Next(30)), false, now, out long circuit) == RelayStatus.Ok:
                    relay.OnOpened(circuit, now, outbox);
                    break;
                case 2:
                    relay.OnBytes(random.Next(i + 1), random.Chance(0.5), random.Next(400), outbox);
                    break;
                case 3:
                    relay.OnClosed(random.Next(i + 1));
                    break;
                case 4 when random.Chance(0.2):
                    relay.OnPeerGone(Peer(random.Next(30)), outbox);
                    break;
                default:
                    relay.OnTimer(now, outbox);
                    break;
            }

            Assert.InRange(relay.Reservations, 0, options.ReservationsMax);
            Assert.InRange(relay.Circuits, 0, options.CircuitsMax);
            all.AddRange(outbox.Items.ToArray());
            outbox.Clear();
        }

        return all;
    }

    private static PeerId Peer(int number)
    {
        byte[] key = new byte[32];
        BitConverter.TryWriteBytes(key, number + 1);
        return PeerId.FromEd25519(key);
    }

    private static NetworkRange Range(string address) => NetworkRange.Of(Multiaddr.Parse(address));

    private RelayStatus Reserve(int peer, string? from = null) =>
        _relay.OnReserve(Peer(peer), from is null ? default : Range(from), false, Start, _outbox);

    private RelayStatus Connect(int source, int target, out long circuit) =>
        _relay.OnConnect(Peer(source), Peer(target), false, Start, out circuit);

    private long Open()
    {
        Reserve(2);
        Connect(1, 2, out long circuit);
        Assert.True(_relay.OnOpened(circuit, Start, _outbox));
        return circuit;
    }
}
