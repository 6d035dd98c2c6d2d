using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Dialing;

public sealed class DialCoreTests
{
    private static readonly WeftInstant Start = new(1_000_000);
    private static readonly PeerId Peer = AddressBookTests.Peer(1);

    private readonly Outbox<DialOutput> _outbox = new();
    private readonly DialOptions _options = new();

    [Fact]
    public void The_next_address_joins_when_the_first_does_not_answer_soon_and_the_first_answer_wins()
    {
        var core = new DialCore(Peer, _options);
        core.Start([Entry(1), Entry(2), Entry(3)], AddressScope.Public, false, Start, _outbox);
        Assert.Equal([DialOutputKind.Dial, DialOutputKind.StartTimer], Kinds());
        Assert.Equal(_options.TimeoutMax, _outbox[0].Timeout);
        WeftInstant due = _outbox[1].Due;
        Assert.Equal(Start + _options.AttemptDelay, due);
        int first = _outbox[0].Attempt;

        Clear();
        core.OnTimer(Start, _outbox); // Too early: nothing but the timer again.
        Assert.Equal([DialOutputKind.StartTimer], Kinds());
        Clear();
        core.OnTimer(due, _outbox);
        Assert.Equal(Address(2), _outbox[0].Address);
        int second = _outbox[0].Attempt;
        Clear();
        Assert.True(core.OnConnected(second, _outbox));

        Assert.Equal([DialOutputKind.Cancel, DialOutputKind.Succeeded], Kinds());
        Assert.Equal((first, second), (_outbox[0].Attempt, _outbox[1].Attempt));
        Assert.False(core.OnConnected(first, _outbox)); // Too late: not wanted any more.
        Assert.True(core.IsOver);
    }

    [Fact]
    public void A_failure_holds_nobody_up_and_the_last_one_ends_the_dial()
    {
        var core = new DialCore(Peer, _options);
        core.Start([Entry(1), Entry(2)], AddressScope.Public, false, Start, _outbox);
        int first = _outbox[0].Attempt;
        Clear();
        core.OnFailed(first, Start, _outbox);
        Assert.Equal(Address(2), _outbox[0].Address);
        int second = _outbox[0].Attempt;
        Clear();
        core.OnFailed(second, Start, _outbox);

        Assert.Equal(DialFailure.AllFailed, Assert.Single(_outbox.Items.ToArray()).Failure);
    }

    [Fact]
    public void What_failed_a_short_while_ago_waits_unless_somebody_wants_it_now()
    {
        BookEntry late = Entry(1) with { RetryAt = Start + TimeSpan.FromSeconds(5), Failures = 1 };
        var core = new DialCore(Peer, _options);
        core.Start([late], AddressScope.Public, false, Start, _outbox);
        Assert.Equal((DialOutputKind.Failed, DialFailure.BackedOff, late.RetryAt), (_outbox[0].Kind, _outbox[0].Failure, _outbox[0].Due));

        Clear();
        new DialCore(Peer, _options).Start([late], AddressScope.Public, true, Start, _outbox);
        Assert.Equal(DialOutputKind.Dial, _outbox[0].Kind);
        Clear();
        new DialCore(Peer, _options).Start([], AddressScope.Public, true, Start, _outbox);
        Assert.Equal(DialFailure.NoAddress, _outbox[0].Failure);
    }

    [Fact]
    public void What_worked_goes_first_families_take_turns_and_relays_come_last()
    {
        BookEntry relay = Entry(9) with { Address = Multiaddr.Parse($"/ip4/11.1.1.1/tcp/1/p2p/{AddressBookTests.Peer(9)}/p2p-circuit"), HasWorked = true };
        BookEntry[] sixes = [.. Enumerable.Range(1, 3).Select(i => Entry(1) with { Address = Multiaddr.Parse($"/ip6/2606::{i}/tcp/1") })];
        BookEntry worked = Entry(4) with { HasWorked = true };
        var core = new DialCore(Peer, new DialOptions { ParallelMax = 1 });
        core.Start([relay, .. sixes, Entry(1), Entry(2), worked], AddressScope.Public, false, Start, _outbox);
        var order = new List<Multiaddr>();
        while (!core.IsOver)
        {
            DialOutput dial = _outbox.Items.ToArray().Single(output => output.Kind == DialOutputKind.Dial);
            order.Add(dial.Address!);
            Clear();
            core.OnFailed(dial.Attempt, Start, _outbox);
        }

        Assert.Equal(
            [worked.Address, sixes[0].Address, Address(1), sixes[1].Address, Address(2), sixes[2].Address, relay.Address], order);
    }

    [Fact]
    public void An_address_known_to_be_near_has_less_time_and_less_of_a_start()
    {
        BookEntry near = Entry(1) with { HasWorked = true, RoundTrip = TimeSpan.FromMilliseconds(30) };
        var core = new DialCore(Peer, _options);
        core.Start([near, Entry(2)], AddressScope.Public, false, Start, _outbox);

        Assert.Equal(_options.TimeoutMin, _outbox[0].Timeout);
        Assert.Equal(Start + TimeSpan.FromMilliseconds(90), _outbox[1].Due);
    }

    [Fact]
    public void Names_are_looked_up_and_lead_to_the_peer_that_was_asked_for_only()
    {
        BookEntry name = Entry(1) with { Address = Multiaddr.Parse("/dnsaddr/example.org") };
        var core = new DialCore(Peer, _options);
        core.Start([name], AddressScope.Public, false, Start, _outbox);
        Assert.Equal([DialOutputKind.Resolve], Kinds());
        int asked = _outbox[0].Attempt;
        Clear();
        core.OnResolved(
            asked,
            [
                Address(5).WithPeer(AddressBookTests.Peer(2)), Address(6).WithPeer(Peer), Multiaddr.Parse("/ip4/127.0.0.1/tcp/22"),
                Multiaddr.Parse("/ip4/0.0.0.0/tcp/22"),
            ],
            Start,
            _outbox);

        Assert.Equal(Address(6).WithPeer(Peer), Assert.Single(_outbox.Items.ToArray(), one => one.Kind == DialOutputKind.Dial).Address);
    }

    [Fact]
    public void Names_that_lead_to_names_for_ever_are_given_up()
    {
        var core = new DialCore(Peer, _options);
        core.Start([Entry(1) with { Address = Multiaddr.Parse("/dnsaddr/a.example.org") }], AddressScope.Public, false, Start, _outbox);
        int questions = 0;
        while (!core.IsOver)
        {
            DialOutput[] asked = [.. _outbox.Items.ToArray().Where(one => one.Kind == DialOutputKind.Resolve)];
            questions += asked.Length;
            Clear();
            foreach (DialOutput one in asked)
            {
                core.OnResolved(
                    one.Attempt, [.. Enumerable.Range(0, 100).Select(i => Multiaddr.Parse($"/dnsaddr/n{questions}x{i}.example.org"))],
                    Start, _outbox);
            }
        }

        Assert.InRange(questions, 2, _options.NamesMax);
        Assert.Equal(DialFailure.NoAddress, _outbox[_outbox.Count - 1].Failure);
    }

    [Fact]
    public void A_name_nobody_resolves_is_left_to_the_transport()
    {
        BookEntry name = Entry(1) with { Address = Multiaddr.Parse("/dns4/example.org/tcp/1") };
        var core = new DialCore(Peer, _options);
        core.Start([name], AddressScope.Public, false, Start, _outbox);
        int asked = _outbox[0].Attempt;
        Clear();
        core.OnResolved(asked, [name.Address], Start, _outbox);

        Assert.Equal((DialOutputKind.Dial, name.Address), (_outbox[0].Kind, _outbox[0].Address));
    }

    [Theory]
    [InlineData("/dns4/evil.example/tcp/8765/ws", "/ip4/127.0.0.1/tcp/8765/ws", "/ip4/9.9.9.9/tcp/8765/ws")]
    [InlineData("/dns/e.org/tcp/4/wss", "/ip4/10.0.0.1/tcp/4/ws", "/ip4/9.9.9.9/tcp/4/tls/sni/e.org/ws")]
    public void A_strangers_name_is_looked_up_before_any_transport_sees_it(string name, string near, string far)
    {
        var core = new DialCore(Peer, _options);
        core.Start(
            [Entry(1) with { Address = Multiaddr.Parse(name), Source = PeerSource.PeerExchange }], AddressScope.Public, false,
            Start, _outbox);
        Assert.Equal([DialOutputKind.Resolve], Kinds());
        int asked = _outbox[0].Attempt;
        Clear();
        core.OnResolved(asked, [Multiaddr.Parse(near), Multiaddr.Parse(far)], Start, _outbox);
        Assert.Equal(
            Multiaddr.Parse(far), Assert.Single(_outbox.Items.ToArray(), one => one.Kind == DialOutputKind.Dial).Address);

        Clear();
        var own = new DialCore(Peer, _options); // The operator's own names are the transport's, which tells the server.
        own.Start(
            [Entry(1) with { Address = Multiaddr.Parse(name), Source = PeerSource.Configured }], AddressScope.Public, false,
            Start, _outbox);
        Assert.Equal(DialOutputKind.Dial, _outbox[0].Kind);
    }

    [Fact]
    public void However_many_addresses_there_are_only_so_many_are_tried_and_at_once()
    {
        var core = new DialCore(Peer, _options);
        core.Start([.. Enumerable.Range(1, 1_000).Select(i => Entry((uint)i))], AddressScope.Public, false, Start, _outbox);
        WeftInstant now = Start;
        int dials = 0;
        int open = 0;
        var running = new Queue<int>();
        while (!core.IsOver)
        {
            foreach (DialOutput output in _outbox.Items.ToArray().Where(one => one.Kind == DialOutputKind.Dial))
            {
                dials++;
                running.Enqueue(output.Attempt);
            }

            open = Math.Max(open, running.Count);
            Clear();
            now += _options.AttemptDelay;
            if (running.Count == _options.ParallelMax || dials == _options.AttemptsMax)
            {
                core.OnFailed(running.Dequeue(), now, _outbox);
            }
            else
            {
                core.OnTimer(now, _outbox);
            }
        }

        Assert.Equal((_options.AttemptsMax, _options.ParallelMax), (dials, open));
    }

    private static BookEntry Entry(uint number) =>
        new(Address(number), PeerSource.Identify, WeftInstant.Never, HasWorked: false, 0, default, default);

    private static Multiaddr Address(uint number) => AddressBookTests.Public(number);

    private DialOutputKind[] Kinds() => [.. _outbox.Items.ToArray().Select(output => output.Kind)];

    private void Clear() => _outbox.Clear();
}
