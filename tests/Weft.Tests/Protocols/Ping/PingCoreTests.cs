using Weft.Primitives;
using Weft.Protocols.Ping;

namespace Weft.Tests.Protocols.Ping;

public sealed class PingCoreTests
{
    private static readonly WeftInstant Start = new(1_000_000);

    private readonly Outbox<PingOutput> _outbox = new();
    private readonly PingCore _ping = new(new PingOptions { MissesMax = 3 }, new WeftRandom(7));

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(32)]
    public void The_round_trip_is_measured_whatever_the_pieces(int piece)
    {
        _ping.OnTimer(Start, _outbox);
        byte[] payload = _ping.Payload.ToArray();
        Assert.Equal(PingCore.PayloadLength, payload.Length);
        for (int at = 0; at < payload.Length; at += piece)
        {
            _ping.OnBytes(payload.AsSpan(at, Math.Min(piece, payload.Length - at)), Start + Ms(40), _outbox);
        }

        Assert.Equal(Ms(40), Take(PingOutputKind.Measured).RoundTrip);
        Assert.Equal(Ms(40), _ping.RoundTrip);
    }

    [Fact]
    public void One_ping_a_second_each_another()
    {
        _ping.OnTimer(Start, _outbox);
        byte[] first = _ping.Payload.ToArray();
        _ping.OnBytes(first, Start + Ms(1), _outbox);
        WeftInstant due = Take(PingOutputKind.StartTimer).Due;
        Assert.Equal(Start + Ms(1_000), due);

        _outbox.Clear();
        _ping.OnTimer(Start + Ms(500), _outbox); // Too early: harmless.
        Assert.Empty(_outbox.Items.ToArray());
        _ping.OnTimer(due, _outbox);
        Take(PingOutputKind.Send);
        Assert.NotEqual(first, _ping.Payload.ToArray());
    }

    [Fact]
    public void Peer_is_lost_at_the_third_miss_and_not_before()
    {
        WeftInstant now = Start;
        for (int tick = 0; tick < 3; tick++)
        {
            _outbox.Clear();
            _ping.OnTimer(now, _outbox);
            now = Take(PingOutputKind.StartTimer).Due;
        }

        Assert.Equal(2, _ping.Misses);
        _outbox.Clear();
        _ping.OnTimer(now, _outbox);
        Assert.Equal(PingOutputKind.PeerLost, Assert.Single(_outbox.Items.ToArray()).Kind);
    }

    [Fact]
    public void A_late_answer_ends_the_misses()
    {
        _ping.OnTimer(Start, _outbox);
        _ping.OnTimer(Start + Ms(1_000), _outbox);
        Assert.Equal(1, _ping.Misses);

        _ping.OnBytes(_ping.Payload.ToArray(), Start + Ms(1_500), _outbox);
        Assert.Equal(0, _ping.Misses);
        Assert.Equal(1, _ping.Missed);
        Assert.Equal(Ms(1_500), _ping.RoundTrip);
    }

    [Fact]
    public void A_forged_answer_breaks_the_protocol()
    {
        _ping.OnTimer(Start, _outbox);
        byte[] payload = _ping.Payload.ToArray();
        payload[31] ^= 1;
        _ping.OnBytes(payload, Start, _outbox);

        Take(PingOutputKind.Broken);
        Assert.Equal(TimeSpan.Zero, _ping.RoundTrip);
    }

    [Fact]
    public void An_answer_to_nothing_breaks_the_protocol()
    {
        _ping.OnBytes([1], Start, _outbox);
        Take(PingOutputKind.Broken);

        _outbox.Clear();
        _ping.OnTimer(Start, _outbox); // And it stays silent.
        Assert.Empty(_outbox.Items.ToArray());
    }

    private PingOutput Take(PingOutputKind kind) => Assert.Single(_outbox.Items.ToArray(), output => output.Kind == kind);

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
