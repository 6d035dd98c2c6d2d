using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Dialing;

public sealed class ConnectionPlannerCoreTests
{
    private static readonly WeftInstant Start = new(1_000_000);

    private readonly AddressBook _book = new(new());
    private readonly Outbox<PlannerOutput> _outbox = new();
    private long _connection;

    [Fact]
    public void Nobody_is_dialled_unasked()
    {
        Know(50);
        ConnectionPlannerCore core = New(new());
        core.Start(Start, _outbox);

        Assert.Equal([PlannerOutputKind.StartTimer], _outbox.Items.ToArray().Select(one => one.Kind));
    }

    [Fact]
    public void Peers_of_the_book_are_dialled_until_the_target_is_met_and_again_when_one_goes()
    {
        Know(50);
        ConnectionPlannerCore core = New(new() { OutboundTarget = 6, DialsMax = 4 });
        core.Start(Start, _outbox);
        PeerId[] first = Dials();
        Assert.Equal(4, first.Length);
        Connect(core, first);
        core.OnTimer(Start, _outbox);
        PeerId[] second = Dials();
        Assert.Equal(2, second.Length);
        Connect(core, second);
        core.OnTimer(Start, _outbox);
        Assert.Empty(Dials());
        Assert.Equal((6, 6), (core.OutboundCount, first.Concat(second).Distinct().Count()));

        core.OnClosed(_connection, Start, _outbox);
        Assert.InRange(_outbox[0].Due - Start, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        core.OnTimer(Start, _outbox);
        Assert.DoesNotContain(Assert.Single(Dials()), first);
    }

    [Fact]
    public void A_dial_that_fails_makes_room_for_another()
    {
        Know(2);
        ConnectionPlannerCore core = New(new() { OutboundTarget = 1 });
        core.Start(Start, _outbox);
        PeerId first = Assert.Single(Dials());
        core.OnTimer(Start, _outbox);
        Assert.Empty(Dials());
        _book.OnUnreachable(first, Start, new WeftRandom(1));
        core.OnDialEnded(first, isConnected: false, Start, _outbox);
        core.OnTimer(Start, _outbox);

        Assert.NotEqual(first, Assert.Single(Dials()));
    }

    [Fact]
    public void One_network_gets_few_of_the_places_and_never_more_than_half()
    {
        for (uint i = 0; i < 100; i++)
        {
            _book.Add(AddressBookTests.Peer(i), [Multiaddr.Parse($"/ip4/8.8.{i}.1/tcp/1")], PeerSource.Dht, AddressScope.Public, Start);
        }

        ConnectionPlannerCore core = New(new() { OutboundTarget = 8, DialsMax = 8 });
        core.Start(Start, _outbox);
        PeerId[] crowd = Dials();
        Assert.Equal(4, crowd.Length); // All that there is lives in one network: half of the places stay free.
        Connect(core, crowd, _ => Multiaddr.Parse("/ip4/8.8.1.1/tcp/1"));

        for (uint i = 200; i < 210; i++)
        {
            _book.Add(AddressBookTests.Peer(i), [Multiaddr.Parse($"/ip4/{i}.8.1.1/tcp/1")], PeerSource.Dht, AddressScope.Public, Start);
        }

        core.OnTimer(Start, _outbox);
        Assert.All(Dials(), peer => Assert.True(peer.CompareTo(AddressBookTests.Peer(199)) > 0));
        Assert.Equal(4, core.DiallingCount);
    }

    [Fact]
    public void Who_dials_in_takes_no_place_of_this_hosts_own_choice_and_goes_first()
    {
        Know(10);
        var options = new PlannerOptions { OutboundTarget = 2, ConnectionsMax = 20, ConnectionsLow = 10 };
        ConnectionPlannerCore core = New(options);
        core.Start(Start, _outbox);
        Connect(core, Dials());
        for (uint i = 500; i < 540; i++)
        {
            core.OnConnected(++_connection, AddressBookTests.Peer(i), AddressBookTests.Public(i), true, false, Start, _outbox);
        }

        Assert.Equal(2, core.OutboundCount);
        _outbox.Clear();
        core.OnTimer(Start + TimeSpan.FromSeconds(1), _outbox);
        Assert.DoesNotContain(_outbox.Items.ToArray(), one => one.Kind == PlannerOutputKind.Trim); // All within their grace.
        _outbox.Clear();
        core.OnTimer(Start + options.Grace, _outbox);
        PlannerOutput[] trims = [.. _outbox.Items.ToArray().Where(one => one.Kind == PlannerOutputKind.Trim)];
        Assert.Equal(32, trims.Length);
        Assert.All(trims, one => Assert.True(one.Connection > 2));
    }

    [Fact]
    public void The_worst_go_and_the_protected_stay()
    {
        var options = new PlannerOptions { ConnectionsMax = 9, ConnectionsLow = 5 };
        ConnectionPlannerCore core = New(options);
        for (uint i = 0; i < 10; i++)
        {
            core.OnConnected(i, AddressBookTests.Peer(i), AddressBookTests.Public(i), true, false, Start, _outbox);
            core.OnRoundTrip(i, TimeSpan.FromMilliseconds(1 + (i * 100)));
        }

        core.Protect(AddressBookTests.Peer(9), true);
        core.OnBehaviour(AddressBookTests.Peer(0), -0.5, Start, _outbox);
        Assert.True(core.ScoreOf(1, Start) > core.ScoreOf(2, Start));
        Assert.True(core.ScoreOf(1, Start) > core.ScoreOf(0, Start));
        _outbox.Clear();
        core.OnTimer(Start + options.Grace, _outbox);

        Assert.Equal(
            [4, 5, 6, 7, 8], _outbox.Items.ToArray().Where(one => one.Kind == PlannerOutputKind.Trim).Select(one => one.Connection).Order());
    }

    [Fact]
    public void Bad_behaviour_ends_the_connection_and_is_forgiven_in_time()
    {
        ConnectionPlannerCore core = New(new());
        core.OnConnected(1, AddressBookTests.Peer(1), AddressBookTests.Public(1), true, false, Start, _outbox);
        core.OnBehaviour(AddressBookTests.Peer(1), -0.5, Start, _outbox);
        Assert.Equal(0, _outbox.Count);
        core.OnBehaviour(AddressBookTests.Peer(1), -0.5, Start, _outbox);
        Assert.Equal((PlannerOutputKind.Drop, 1L), (_outbox[0].Kind, _outbox[0].Connection));

        _outbox.Clear();
        core.OnClosed(1, Start, _outbox);
        WeftInstant later = Start + TimeSpan.FromMinutes(30);
        core.OnConnected(2, AddressBookTests.Peer(1), AddressBookTests.Public(1), true, false, later, _outbox);
        core.OnBehaviour(AddressBookTests.Peer(1), -0.5, later, _outbox);
        Assert.Equal(0, _outbox.Count);
    }

    [Fact]
    public void Anchors_are_dialled_first_and_are_the_longest_there()
    {
        Know(50);
        ConnectionPlannerCore core = New(new() { OutboundTarget = 4 });
        core.SetAnchors([AddressBookTests.Peer(33), AddressBookTests.Peer(44)]);
        core.Start(Start, _outbox);
        PeerId[] dials = Dials();
        Assert.Equal([AddressBookTests.Peer(33), AddressBookTests.Peer(44)], dials.Take(2));
        foreach (PeerId peer in dials)
        {
            Connect(core, [peer]);
        }

        Assert.Equal([AddressBookTests.Peer(33), AddressBookTests.Peer(44)], core.Anchors);
    }

    [Fact]
    public void A_region_gets_at_most_half_of_the_places_while_others_are_known()
    {
        Know(100);
        ConnectionPlannerCore core = New(new() { OutboundTarget = 8, DialsMax = 8 });
        for (uint i = 0; i < 90; i++)
        {
            core.OnRegion(AddressBookTests.Peer(i), "eu", Start);
        }

        core.Start(Start, _outbox);
        Assert.InRange(Dials().Count(peer => peer.CompareTo(AddressBookTests.Peer(90)) < 0), 1, 4);
    }

    [Fact]
    public void What_is_remembered_of_peers_has_a_ceiling()
    {
        ConnectionPlannerCore core = New(new() { RememberedMax = 100 });
        for (uint i = 0; i < 10_000; i++)
        {
            core.OnBehaviour(AddressBookTests.Peer(i), 0.1, Start + TimeSpan.FromMilliseconds(i), _outbox);
        }

        Assert.InRange(core.RememberedCount, 1, 100);
    }

    [Fact]
    public void Now_and_then_one_peer_is_exchanged_but_never_an_anchor()
    {
        Know(70);
        var options = new PlannerOptions { OutboundTarget = 4, DialsMax = 4 };
        ConnectionPlannerCore core = New(options);
        core.Start(Start, _outbox);
        Connect(core, Dials());
        IReadOnlyList<PeerId> anchors = core.Anchors;
        var seen = new HashSet<PeerId>();
        WeftInstant now = Start;
        for (int i = 0; i < 2_000; i++)
        {
            now += TimeSpan.FromSeconds(10);
            core.OnTimer(now, _outbox);
            PlannerOutput[] outputs = [.. _outbox.Items];
            _outbox.Clear();
            foreach (PlannerOutput output in outputs)
            {
                if (output.Kind == PlannerOutputKind.Dial)
                {
                    seen.Add(output.Peer);
                    Connect(core, [output.Peer], now: now);
                }
                else if (output.Kind == PlannerOutputKind.Trim)
                {
                    core.OnClosed(output.Connection, now, _outbox);
                }
            }

            Assert.InRange(core.OutboundCount, 4, 5);
        }

        Assert.True(seen.Count > 10, $"{seen.Count} peers were tried");
        Assert.Equal(anchors, core.Anchors);
    }

    private ConnectionPlannerCore New(PlannerOptions options) =>
        new(options, _book, AddressBookTests.Peer(999_999), new WeftRandom(11));

    private void Know(uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            _book.Add(AddressBookTests.Peer(i), [AddressBookTests.Public(i)], PeerSource.Dht, AddressScope.Public, Start);
        }
    }

    private PeerId[] Dials()
    {
        PeerId[] dials = [.. _outbox.Items.ToArray().Where(one => one.Kind == PlannerOutputKind.Dial).Select(one => one.Peer)];
        _outbox.Clear();
        return dials;
    }

    private void Connect(
        ConnectionPlannerCore core, PeerId[] peers, Func<PeerId, Multiaddr>? where = null, WeftInstant? now = null)
    {
        foreach (PeerId peer in peers)
        {
            Multiaddr address = where?.Invoke(peer) ?? _book.Find(peer, Start)[0].Address;
            core.OnConnected(++_connection, peer, address, false, false, now ?? Start, _outbox);
            core.OnDialEnded(peer, isConnected: true, now ?? Start, _outbox);
        }

        _outbox.Clear();
    }
}
