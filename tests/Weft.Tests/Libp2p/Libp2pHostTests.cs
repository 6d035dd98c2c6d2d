using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Identify;
using Weft.Protocols.Peers;
using Weft.Protocols.Ping;

namespace Weft.Tests.Libp2p;

public sealed class Libp2pHostTests
{
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Two_hosts_prove_who_they_are_and_tell_each_other(bool listenerNames, bool diallerNames)
    {
        await using HostPair pair = await HostPair.StartAsync(
            options => options.EarlyMuxer = listenerNames, options => options.EarlyMuxer = diallerNames);
        PeerConnection connection = await pair.DialAsync();
        Assert.Equal(pair.Listener.Id, connection.Remote);
        Assert.False(connection.IsInbound);
        await HostPair.UntilAsync(() => connection.Identity is not null && pair.Listener.Connections is [{ Identity: not null }]);

        Assert.Equal(pair.Dialler.Id, pair.Listener.Connections[0].Remote);
        Assert.Contains(IdentifyMessage.PushProtocol, connection.Identity!.Protocols);
        Assert.Equal(connection.LocalAddress, connection.Identity.ObservedAddress);
        Assert.Equal(pair.Listener.Addresses.Select(address => address.WithoutPeer()), connection.Identity.ListenAddresses);
        Assert.True(await pair.Dialler.PingAsync(pair.Listener.Id) > TimeSpan.Zero);
        Assert.Same(connection, await pair.DialAsync()); // The peer is connected already.
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_managed_primitives_do_as_well(bool isManaged)
    {
        await using HostPair pair = await HostPair.StartAsync(
            options => options.Crypto = isManaged ? new BouncyCastleCrypto() : options.Crypto);
        await pair.DialAsync();

        Assert.True(await pair.Dialler.PingAsync(pair.Listener.Id) > TimeSpan.Zero);
    }

    [Fact]
    public async Task Events_tell_of_the_whole_life_of_a_connection()
    {
        await using HostPair pair = await HostPair.StartAsync();
        IAsyncEnumerable<PeerEvent> feed = pair.Listener.WatchAsync();
        PeerConnection connection = await pair.DialAsync();
        var seen = new List<PeerEvent>();
        using var late = new CancellationTokenSource(Late);
        await foreach (PeerEvent happened in feed.WithCancellation(late.Token))
        {
            seen.Add(happened);
            if (happened.Kind == PeerEventKind.Identified)
            {
                await connection.DisposeAsync();
            }
            else if (happened.Kind == PeerEventKind.Disconnected)
            {
                break;
            }
        }

        Assert.Equal(
            [PeerEventKind.Connected, PeerEventKind.Identified, PeerEventKind.Disconnected], seen.Select(one => one.Kind));
        Assert.All(seen, one => Assert.Equal(pair.Dialler.Id, one.Peer));
        Assert.Equal(ConnectionEnd.Remote, seen[^1].End);
        Assert.Equal(ConnectionEnd.Local, await connection.Closed);
        Assert.Equal(default, pair.Dialler.Use);
        await HostPair.UntilAsync(() => pair.Listener.Use == default);
    }

    [Fact]
    public async Task Protocols_that_come_and_go_are_pushed()
    {
        await using HostPair pair = await HostPair.StartAsync();
        PeerConnection connection = await pair.DialAsync();
        await HostPair.UntilAsync(() => connection.Identity is not null && pair.Listener.Connections is [{ Identity: not null }]);

        pair.Listener.Handle("/new/1", (_, _) => Task.CompletedTask);
        await HostPair.UntilAsync(() => connection.Identity!.Protocols.Contains("/new/1"));
        pair.Listener.Unhandle("/new/1");
        await HostPair.UntilAsync(() => !connection.Identity!.Protocols.Contains("/new/1"));
    }

    [Fact]
    public async Task Another_peer_than_the_one_dialled_is_refused()
    {
        await using HostPair pair = await HostPair.StartAsync();
        using Ed25519KeyPair other = KeyGenerator.NewEd25519(new BouncyCastleCrypto());
        Libp2pException wrong = await Assert.ThrowsAsync<Libp2pException>(
            () => pair.Dialler.DialAsync(pair.Listener.Addresses[0].WithPeer(other.PublicKey.ToPeerId())));

        Assert.Equal(WeftError.PeerWrong, wrong.Error);
        Assert.Equal(default, pair.Dialler.Use);
        await HostPair.UntilAsync(() => pair.Listener.Use == default);
    }

    [Fact]
    public async Task A_host_does_not_connect_to_itself()
    {
        await using HostPair pair = await HostPair.StartAsync();
        Libp2pException self = await Assert.ThrowsAsync<Libp2pException>(
            () => pair.Listener.DialAsync(pair.Listener.Addresses[0].WithoutPeer()!));

        Assert.Equal(WeftError.PeerWrong, self.Error);
    }

    [Fact]
    public async Task Nobody_there_no_transport_and_no_connection_are_told_apart()
    {
        await using HostPair pair = await HostPair.StartAsync();
        Assert.Equal(WeftError.PeerUnreachable, await ErrorOf(() => pair.Dialler.DialAsync(Multiaddr.Parse("/memory/999"))));
        Assert.Equal(WeftError.AddressInvalid, await ErrorOf(() => pair.Dialler.DialAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/1"))));
        Assert.Equal(WeftError.PeerUnreachable, await ErrorOf(() => pair.Dialler.OpenStreamAsync(pair.Listener.Id, ["/echo/1.0.0"])));
        await pair.DialAsync();
        Assert.Equal(WeftError.ProtocolUnsupported, await ErrorOf(() => pair.Dialler.OpenStreamAsync(pair.Listener.Id, ["/no/1"])));
    }

    [Fact]
    public async Task A_peer_that_says_nothing_is_given_up()
    {
        await using HostPair pair = await HostPair.StartAsync(
            options => options.HandshakeTimeout = TimeSpan.FromMilliseconds(50),
            options => options.HandshakeTimeout = TimeSpan.FromMilliseconds(50));
        await using ITransportConnection silent = await pair.Transport.DialAsync(pair.Listener.Addresses[0], default);
        await HostPair.UntilAsync(() => pair.Listener.Use.InboundHandshakes == 1);
        await HostPair.UntilAsync(() => pair.Listener.Use == default);

        await using ITransportListener mute = await pair.Transport.ListenAsync(Multiaddr.Parse("/memory/77"), default);
        Assert.Equal(WeftError.DeadlinePassed, await ErrorOf(() => pair.Dialler.DialAsync(Multiaddr.Parse("/memory/77"))));
        Assert.Equal(default, pair.Dialler.Use);
    }

    [Fact]
    public async Task Ceilings_of_connections_hold_and_give_way_again()
    {
        await using HostPair pair = await HostPair.StartAsync(
            options =>
            {
                options.Limits.InboundConnectionsMax = 3;
                options.Limits.PeerConnectionsMax = 2;
            },
            options => options.Limits.PeerConnectionsMax = 10);
        Multiaddr address = pair.Listener.Addresses[0].WithoutPeer()!;
        PeerConnection first = await pair.Dialler.DialAsync(address);
        await pair.Dialler.DialAsync(address);
        await HostPair.UntilAsync(() => pair.Listener.Connections.Count == 2); // The dialler is done before the listener.
        PeerConnection third = await pair.Dialler.DialAsync(address); // The peer's third: closed by the listener.
        Assert.Contains(await third.Closed.WaitAsync(Late), new[] { ConnectionEnd.Remote, ConnectionEnd.Broken });

        await using Libp2pHost second = await HostPair.HostAsync(pair.Transport, isListening: false);
        await using Libp2pHost fourth = await HostPair.HostAsync(pair.Transport, isListening: false);
        await second.DialAsync(address);
        Assert.Equal(WeftError.PeerUnreachable, await ErrorOf(() => fourth.DialAsync(address)));

        await first.DisposeAsync();
        await HostPair.UntilAsync(() => pair.Listener.Use.InboundConnections == 2);
        await fourth.DialAsync(address);
    }

    [Fact]
    public async Task Outbound_connections_have_a_ceiling_of_their_own()
    {
        await using HostPair pair = await HostPair.StartAsync(dialler: options => options.Limits.OutboundConnectionsMax = 1);
        Multiaddr address = pair.Listener.Addresses[0].WithoutPeer()!;
        await pair.Dialler.DialAsync(address);

        Assert.Equal(WeftError.ConnectionLimit, await ErrorOf(() => pair.Dialler.DialAsync(address)));
    }

    [Fact]
    public async Task Ceilings_of_streams_hold_and_give_way_again()
    {
        await using HostPair pair = await HostPair.StartAsync(options => options.Limits.PeerInboundStreamsMax = 4);
        PeerConnection connection = await pair.DialAsync();
        await HostPair.UntilAsync(() => connection.Identity is not null && connection.StreamCount == 0);
        var open = new List<PeerStream>();
        for (int i = 0; i < 4; i++)
        {
            open.Add(await pair.Dialler.OpenStreamAsync(connection, ["/echo/1.0.0"]));
        }

        Assert.Equal(4, pair.Listener.Use.InboundStreams);
        Assert.Equal(WeftError.PeerUnreachable, await ErrorOf(() => pair.Dialler.OpenStreamAsync(connection, ["/echo/1.0.0"])));
        open[0].Abort();
        await HostPair.UntilAsync(() => pair.Listener.Use.InboundStreams == 3);
        await pair.Dialler.OpenStreamAsync(connection, ["/echo/1.0.0"]);
    }

    [Fact]
    public async Task A_stream_that_never_names_its_protocol_is_reset()
    {
        await using HostPair pair = await HostPair.StartAsync(options => options.NegotiationTimeout = TimeSpan.FromMilliseconds(50));
        PeerConnection connection = await pair.DialAsync();
        PeerStream mute = connection.TryOpen()!;
        await HostPair.UntilAsync(() => pair.Listener.Use.TransientStreams > 0 || mute.HasRemoteEnded || connection.StreamCount == 0);
        await Assert.ThrowsAsync<PeerStreamException>(async () =>
        {
            while (await mute.ReadAsync(new byte[100]) > 0)
            {
            }
        });

        await HostPair.UntilAsync(() => pair.Listener.Use.TransientStreams == 0);
    }

    [Fact]
    public async Task A_heartbeat_goes_on_while_the_peer_answers_and_ends_the_connection_when_it_stops()
    {
        int answers = 0;
        await using HostPair pair = await HostPair.StartAsync(dialler: options => options.Heartbeat = new PingOptions
        {
            Interval = TimeSpan.FromMilliseconds(50),
            MissesMax = 10,
        });
        pair.Listener.Handle(PingCore.Protocol, async (stream, token) =>
        {
            byte[] ping = new byte[PingCore.PayloadLength];
            while (answers < 5)
            {
                await stream.ReadExactlyAsync(ping, token);
                await stream.WriteAsync(ping, token);
                answers++;
            }

            await Task.Delay(Timeout.Infinite, token);
        });
        PeerConnection connection = await pair.DialAsync();

        Assert.Equal(ConnectionEnd.Silent, await connection.Closed.WaitAsync(Late));
        Assert.Equal(5, answers);
        Assert.True(connection.RoundTrip > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_host_that_stops_leaves_nothing_open()
    {
        HostPair pair = await HostPair.StartAsync();
        PeerStream stream = await pair.OpenAsync("/echo/1.0.0");
        Task<int> read = stream.ReadAsync(new byte[1]).AsTask();
        await pair.Dialler.DisposeAsync();
        Assert.Equal(default, pair.Dialler.Use);
        Assert.Equal(StreamEnd.ConnectionLost, (await Assert.ThrowsAsync<PeerStreamException>(() => read)).End);
        await HostPair.UntilAsync(() => pair.Listener.Use == default);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pair.DialAsync());
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task An_address_taken_already_fails_the_start_and_leaves_nothing()
    {
        await using HostPair pair = await HostPair.StartAsync();
        Multiaddr taken = pair.Listener.Addresses[0].WithoutPeer()!;

        Assert.Equal(WeftError.PortTaken, await ErrorOf(() => HostPair.HostAsync(
            pair.Transport, isListening: false, options => options.Listen.Add(taken))));
    }

    private static async Task<WeftError> ErrorOf<T>(Func<Task<T>> act) =>
        (await Assert.ThrowsAsync<Libp2pException>(act)).Error;
}
