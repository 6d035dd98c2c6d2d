using System.Text;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Transport;
using Weft.Protocols.Yamux;

namespace Weft.Integration.Tests.Libp2p;

/// <summary>
/// Peers that break the rules, over real TCP: each is cut off, the host serves honest peers meanwhile, and nothing of the
/// hostile one is left. The byte strings are those of published advisories where one is named.
/// </summary>
public sealed class HostilePeerTests
{
    private static readonly byte[] OpenOne = RawPeer.Frame(YamuxType.WindowUpdate, YamuxFlags.Syn, 1, 0);

    public static TheoryData<string, ConnectionEnd> Breaches => new()
    {
        // DATA with SYN and a body one byte beyond the first window: CVE-2026-32314 of rust-yamux.
        { "000000010000000100040001", ConnectionEnd.ProtocolError },
        // Window updates that overflow the window: GHSA-4w32-2493-32g7 of rust-yamux.
        { "000100010000000100000000" + "0001000000000001ffffffff", ConnectionEnd.ProtocolError },
        // More data than the window allows; a frame of 4 GiB on a stream that is not there.
        { "000100010000000100000000" + "000000000000000100040001", ConnectionEnd.ProtocolError },
        { "0000000000000009ffffffff", ConnectionEnd.ProtocolError },
        // A stream number of the wrong side, one used twice, stream 0; another version, type and flag.
        { "000100010000000200000000", ConnectionEnd.ProtocolError },
        { "000100010000000100000000" + "000100010000000100000000", ConnectionEnd.ProtocolError },
        { "000100010000000000000000", ConnectionEnd.ProtocolError },
        { "010100010000000100000000", ConnectionEnd.ProtocolError },
        { "000900010000000100000000", ConnectionEnd.ProtocolError },
        { "000101000000000100000000", ConnectionEnd.ProtocolError },
    };

    [Theory]
    [MemberData(nameof(Breaches))]
    public async Task A_breach_of_the_muxers_rules_ends_the_connection(string hex, ConnectionEnd expected)
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync();
        await using RawPeer raw = await RawPeer.ConnectAsync(host);
        await raw.SendAsync(Convert.FromHexString(hex));

        Assert.Equal(expected, await raw.EndAsync());
        await RawPeer.ServesAsync(host);
    }

    [Theory]
    [InlineData(YamuxType.Ping, YamuxFlags.Syn, 0u)]
    [InlineData(YamuxType.WindowUpdate, YamuxFlags.None, 1u)]
    [InlineData(YamuxType.WindowUpdate, YamuxFlags.Rst, 9u)]
    [InlineData(YamuxType.GoAway, YamuxFlags.None, 0u)]
    public async Task A_flood_of_frames_without_data_is_cut_off(YamuxType type, YamuxFlags flags, uint stream)
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync();
        await using RawPeer raw = await RawPeer.ConnectAsync(host);
        await raw.SendAsync(OpenOne); // So that a goodbye does not simply end the connection.
        byte[] flood = Repeat(1_000, _ => RawPeer.Frame(type, flags, stream, 0));
        Task flooding = FloodAsync(raw, flood);

        Assert.Equal(ConnectionEnd.Flood, await raw.EndAsync());
        await flooding;
        await RawPeer.ServesAsync(host);
    }

    [Fact]
    public async Task A_flood_of_new_streams_is_refused_then_cut_off_and_leaves_no_stream()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync();
        await using RawPeer raw = await RawPeer.ConnectAsync(host);
        uint next = 1;
        int most = 0;
        while (await raw.SendAsync(Repeat(500, i => RawPeer.Frame(YamuxType.WindowUpdate, YamuxFlags.Syn, next + (2 * (uint)i), 0))))
        {
            next += 1_000;
            most = Math.Max(most, host.Use.InboundStreams);
            if (raw.Connection.Closed.IsCompleted)
            {
                break;
            }
        }

        Assert.Equal(ConnectionEnd.Flood, await raw.EndAsync());
        Assert.InRange(most, 0, new Libp2pLimits().PeerInboundStreamsMax);
        await RawPeer.ServesAsync(host);
    }

    [Fact]
    public async Task Streams_are_refused_at_the_ceiling_and_the_connection_lives()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(options => options.Limits.PeerInboundStreamsMax = 10);
        await using RawPeer raw = await RawPeer.ConnectAsync(host);
        await raw.SendAsync(Repeat(50, i => RawPeer.Frame(YamuxType.WindowUpdate, YamuxFlags.Syn, 1 + (2 * (uint)i), 0)));
        await RawPeer.UntilAsync(() => host.Use.InboundStreams == 10);
        await RawPeer.ServesAsync(host);

        Assert.False(raw.Connection.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_peer_that_makes_the_host_answer_and_does_not_read_is_cut_off()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(
            options => options.Yamux = new YamuxOptions { ControlFramesPerSecond = 100_000_000 });
        await using RawPeer raw = await RawPeer.ConnectAsync(host);
        byte[] pings = Repeat(5_000, _ => RawPeer.Frame(YamuxType.Ping, YamuxFlags.Syn, 0, 7));
        Task flooding = FloodAsync(raw, pings);

        Assert.Equal(ConnectionEnd.NotReading, await raw.EndAsync());
        await flooding;
        await RawPeer.ServesAsync(host);
    }

    [Fact]
    public async Task Data_that_no_handler_reads_is_held_up_to_the_window_and_no_further()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync();
        host.Handle("/deaf/1", (_, token) => Task.Delay(Timeout.Infinite, token));
        await using RawPeer raw = await RawPeer.ConnectAsync(host);
        byte[] names = RawPeer.Names("/deaf/1");
        await raw.SendAsync(OpenOne, RawPeer.Frame(YamuxType.Data, YamuxFlags.None, 1, (uint)names.Length), names);
        int room = YamuxOptions.FirstWindow - names.Length;
        await raw.SendAsync(RawPeer.Frame(YamuxType.Data, YamuxFlags.None, 1, (uint)room, room));
        await RawPeer.ServesAsync(host);
        Assert.False(raw.Connection.Closed.IsCompleted); // Everything so far was allowed.

        await raw.SendAsync(RawPeer.Frame(YamuxType.Data, YamuxFlags.None, 1, 1_000, 1_000));
        Assert.Equal(ConnectionEnd.ProtocolError, await raw.EndAsync());
    }

    [Theory]
    [InlineData("ffff")]
    [InlineData("0010")]
    [InlineData("0000")]
    public async Task A_frame_that_does_not_open_ends_the_connection(string prefix)
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync();
        await using RawPeer raw = await RawPeer.ConnectAsync(host);
        await raw.SendRawAsync([.. Convert.FromHexString(prefix), .. new byte[65_535]]);

        Assert.Equal(ConnectionEnd.Undecryptable, await raw.EndAsync());
        await RawPeer.ServesAsync(host);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\x13/multistream/9.0.0\n")]
    [InlineData("\x13/multistream/1.0.0\n\x0d/plaintext/2\n")]
    [InlineData("\u007f\u007f\u007f")]
    public async Task Who_speaks_something_else_is_closed(string text)
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(
            options => options.HandshakeTimeout = TimeSpan.FromSeconds(2)); // The last two could still become right.
        await using ITransportConnection stranger = await RawPeer.DialAsync(host);
        await stranger.WriteAsync(Encoding.Latin1.GetBytes(text), default);

        Assert.True(await RawPeer.IsClosedAsync(stranger));
        await RawPeer.UntilAsync(() => host.Use == default);
        await RawPeer.ServesAsync(host);
    }

    [Fact]
    public async Task A_handshake_message_beyond_the_ceiling_is_closed_on_its_length()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync();
        await using ITransportConnection stranger = await RawPeer.DialAsync(host);
        await stranger.WriteAsync((byte[])[.. RawPeer.Names("/noise"), 0xFF, 0xFF], default);

        Assert.True(await RawPeer.IsClosedAsync(stranger)); // Long before the deadline of ten seconds.
        await RawPeer.UntilAsync(() => host.Use == default);
    }

    [Fact]
    public async Task Silent_and_slow_peers_are_closed_at_the_deadline_of_the_handshake()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(
            options => options.HandshakeTimeout = TimeSpan.FromMilliseconds(300));
        await using ITransportConnection silent = await RawPeer.DialAsync(host);
        await using ITransportConnection slow = await RawPeer.DialAsync(host);
        Task trickle = TrickleAsync(slow, RawPeer.Names("/noise"));

        Assert.True(await RawPeer.IsClosedAsync(silent));
        Assert.True(await RawPeer.IsClosedAsync(slow)); // A byte now and then does not move the deadline.
        await trickle;
        await RawPeer.UntilAsync(() => host.Use == default);
        await RawPeer.ServesAsync(host);
    }

    private static async Task FloodAsync(RawPeer raw, byte[] flood)
    {
        for (int i = 0; i < 2_000 && !raw.Connection.Closed.IsCompleted && await raw.SendAsync(flood); i++)
        {
        }
    }

    private static async Task TrickleAsync(ITransportConnection slow, byte[] bytes)
    {
        try
        {
            foreach (byte one in bytes)
            {
                await slow.WriteAsync(new[] { one }, default);
                await Task.Delay(20);
            }
        }
        catch (IOException)
        {
            // Closed meanwhile, as it should be.
        }
    }

    private static byte[] Repeat(int count, Func<int, byte[]> frame) =>
        [.. Enumerable.Range(0, count).SelectMany(frame)];
}
