using Weft.Primitives;
using Weft.Protocols.Relay;

namespace Weft.Tests.Protocols.Relay;

public sealed class RelayClientCoreTests
{
    private static readonly WeftInstant Start = new(1_000_000);
    private static readonly PeerId Relay = PeerId.FromEd25519(Enumerable.Repeat((byte)1, 32).ToArray());
    private static readonly PeerId Other = PeerId.FromEd25519(Enumerable.Repeat((byte)2, 32).ToArray());

    private readonly Outbox<RelayClientOutput> _outbox = new();
    private readonly RelayClientCore _client = new(new(), new WeftRandom(3));

    [Fact]
    public void A_relay_is_asked_at_once_and_again_at_half_of_the_time()
    {
        Assert.True(_client.Add(Relay, _outbox));
        Assert.Equal(RelayClientOutputKind.Ask, Only().Kind);

        _outbox.Clear();
        _client.OnReserved(Relay, TimeSpan.FromHours(1), Start, _outbox);
        Assert.Equal([RelayClientOutputKind.Reserved, RelayClientOutputKind.StartTimer], Kinds());
        Assert.Equal([Relay], _client.Reserved);
        WeftInstant due = _outbox.Items[1].Due;
        Assert.Equal(Start + TimeSpan.FromMinutes(30), due);

        _outbox.Clear();
        _client.OnTimer(due, _outbox);
        Assert.Equal([RelayClientOutputKind.Ask, RelayClientOutputKind.StartTimer], Kinds());
        _outbox.Clear();
        _client.OnReserved(Relay, TimeSpan.FromHours(1), due, _outbox);
        Assert.DoesNotContain(RelayClientOutputKind.Reserved, Kinds()); // Nothing new to announce.
        Assert.Equal([Relay], _client.Reserved);
    }

    [Fact]
    public void A_refused_refresh_keeps_the_place_until_it_ends()
    {
        Reserve();
        WeftInstant half = Start + TimeSpan.FromMinutes(30);
        _client.OnTimer(half, _outbox);
        _outbox.Clear();
        _client.OnRefused(Relay, half, _outbox);
        Assert.DoesNotContain(RelayClientOutputKind.Lost, Kinds());

        _client.OnTimer(Start + TimeSpan.FromHours(1), _outbox);
        Assert.Contains(RelayClientOutputKind.Lost, Kinds());
        Assert.Contains(RelayClientOutputKind.Ask, Kinds());
        Assert.Empty(_client.Reserved);
    }

    [Fact]
    public void Pauses_grow_with_each_refusal_up_to_the_ceiling()
    {
        _client.Add(Relay, _outbox);
        WeftInstant now = Start;
        TimeSpan last = TimeSpan.Zero;
        for (int i = 0; i < 20; i++)
        {
            _outbox.Clear();
            _client.OnRefused(Relay, now, _outbox);
            WeftInstant due = Only().Due;
            Assert.InRange(due - now, TimeSpan.FromSeconds(3), new RelayClientOptions().RetryMax);
            last = due - now;
            now = due;
            _client.OnTimer(now, _outbox);
        }

        Assert.Equal(new RelayClientOptions().RetryMax, last);
    }

    [Fact]
    public void A_relay_that_goes_takes_the_place_along_and_is_asked_again()
    {
        Reserve();
        _outbox.Clear();
        _client.OnRelayGone(Relay, Start, _outbox);
        Assert.Contains(RelayClientOutputKind.Lost, Kinds());

        WeftInstant due = _outbox.Items.ToArray().Single(one => one.Kind == RelayClientOutputKind.StartTimer).Due;
        _outbox.Clear();
        _client.OnTimer(due, _outbox);
        Assert.Contains(RelayClientOutputKind.Ask, Kinds());
    }

    [Theory]
    [InlineData(-1_000, 60)]
    [InlineData(0, 60)]
    [InlineData(1_000_000_000, 86_400)]
    public void A_relay_with_a_wrong_clock_is_asked_neither_all_the_time_nor_never(double told, double kept)
    {
        _client.Add(Relay, _outbox);
        _outbox.Clear();
        _client.OnReserved(Relay, TimeSpan.FromSeconds(told), Start, _outbox);
        Assert.Equal(Start + TimeSpan.FromSeconds(kept / 2), _outbox.Items[1].Due);
    }

    [Fact]
    public void Relays_have_a_ceiling_and_answers_nobody_waits_for_change_nothing()
    {
        var few = new RelayClientCore(new() { RelaysMax = 1 }, new WeftRandom(1));
        Assert.True(few.Add(Relay, _outbox));
        Assert.True(few.Add(Relay, _outbox));
        Assert.False(few.Add(Other, _outbox));
        few.OnReserved(Other, TimeSpan.FromHours(1), Start, _outbox);
        Assert.Empty(few.Reserved);
        few.OnReserved(Relay, TimeSpan.FromHours(1), Start, _outbox);
        _outbox.Clear();
        few.OnReserved(Relay, TimeSpan.FromHours(9), Start, _outbox);
        few.OnRefused(Relay, Start, _outbox);
        Assert.Empty(Kinds());

        few.Remove(Relay, _outbox);
        Assert.Equal(RelayClientOutputKind.Lost, Only().Kind);
        Assert.True(few.Add(Other, _outbox));
    }

    private RelayClientOutputKind[] Kinds() => [.. _outbox.Items.ToArray().Select(one => one.Kind)];

    private RelayClientOutput Only() => Assert.Single(_outbox.Items.ToArray());

    private void Reserve()
    {
        _client.Add(Relay, _outbox);
        _client.OnReserved(Relay, TimeSpan.FromHours(1), Start, _outbox);
    }
}
