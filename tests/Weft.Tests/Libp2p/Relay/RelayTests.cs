using System.Buffers;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Relay;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Relay;

namespace Weft.Tests.Libp2p.Relay;

/// <summary>A relay, a peer that listens nowhere, and one that wants to reach it; all in one process.</summary>
public sealed class RelayTests : IAsyncLifetime
{
    private static readonly StreamRules Limited = new() { AllowsLimited = true };

    private readonly InMemoryTransport _transport = new();
    private readonly RelayOptions _options = new();
    private readonly List<IAsyncDisposable> _all = [];
    private Libp2pHost _relayHost = null!;
    private Libp2pHost _hidden = null!;
    private Libp2pHost _dialler = null!;
    private RelayService _relay = null!;
    private RelayClient _place = null!;

    private Multiaddr Hidden => Multiaddr.Parse($"{_relayHost.Addresses[0]}/p2p-circuit/p2p/{_hidden.Id}");

    public async Task InitializeAsync()
    {
        _relayHost = await HostAsync(isListening: true);
        _hidden = await HostAsync(isListening: false);
        _dialler = await HostAsync(isListening: false);
        _relay = new(_relayHost, _options);
        _all.Add(_relay);
        await _relay.StartAsync();
        _place = await ClientAsync(_hidden);
        await ClientAsync(_dialler);
    }

    public async Task DisposeAsync()
    {
        _all.Reverse();
        foreach (IAsyncDisposable one in _all)
        {
            await one.DisposeAsync();
        }
    }

    [Fact]
    public async Task Who_listens_nowhere_is_reached_through_a_relay_and_the_connection_is_limited()
    {
        await ReserveAsync();
        Assert.Contains(Hidden, _hidden.Addresses);
        PeerConnection connection = await _dialler.ConnectAsync(Hidden);

        Assert.Equal(_hidden.Id, connection.Remote);
        Assert.True(connection.IsLimited);
        Assert.Equal("hello"u8.ToArray(), await EchoAsync(connection, "hello"u8.ToArray()));
        Assert.True(await _dialler.PingAsync(_hidden.Id) > TimeSpan.Zero);
        PeerConnection other = await OtherEndAsync();
        Assert.True(other is { IsLimited: true, IsInbound: true });
        Assert.Equal(1, _relay.Circuits);
        Assert.True(_relay.Bytes > 0);
        await HostPair.UntilAsync(() => connection.Identity?.ListenAddresses.Contains(Hidden.WithoutPeer()!) == true);
    }

    [Fact]
    public async Task Protocols_that_do_not_opt_in_do_not_run_over_a_limited_connection()
    {
        await ReserveAsync();
        _hidden.Handle("/large/1", (_, _) => Task.CompletedTask);
        PeerConnection connection = await _dialler.ConnectAsync(Hidden);

        Libp2pException here = await Assert.ThrowsAsync<Libp2pException>(
            () => _dialler.OpenStreamAsync(connection, ["/large/1"]));
        Assert.Equal(WeftError.PeerUnreachable, here.Error);
        Libp2pException there = await Assert.ThrowsAsync<Libp2pException>(
            () => _dialler.OpenStreamAsync(connection, ["/large/1"], Limited));
        Assert.Equal(WeftError.ProtocolUnsupported, there.Error);
    }

    [Fact]
    public async Task Without_a_place_there_is_no_circuit()
    {
        Libp2pException refused = await Assert.ThrowsAsync<Libp2pException>(() => _dialler.ConnectAsync(Hidden));
        Assert.Contains("NoReservation", refused.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, _relay.Circuits);
    }

    [Fact]
    public async Task A_circuit_is_cut_when_its_bytes_are_used_up_and_nothing_is_left_of_it()
    {
        _options.CircuitBytes = 50_000;
        await ReserveAsync();
        PeerConnection connection = await _dialler.ConnectAsync(Hidden);
        PeerConnection other = await OtherEndAsync();
        Assert.Equal(30_000, (await EchoAsync(connection, new byte[30_000])).Length);

        await Assert.ThrowsAnyAsync<IOException>(() => EchoAsync(connection, new byte[30_000]));
        await connection.Closed.WaitAsync(TimeSpan.FromSeconds(20));
        await other.Closed.WaitAsync(TimeSpan.FromSeconds(20));
        await HostPair.UntilAsync(() => _relay.Circuits == 0);
        Assert.InRange(_relay.Bytes, 30_000, 2 * 50_000);
        await HostPair.UntilAsync(() => _relayHost.Use is { InboundStreams: 0, OutboundStreams: 0 });
        Assert.NotNull(await _dialler.ConnectAsync(Hidden)); // The place is still there.
    }

    [Fact]
    public async Task A_circuit_is_cut_when_its_time_is_over()
    {
        _options.CircuitTime = TimeSpan.FromSeconds(1);
        await ReserveAsync();
        PeerConnection connection = await _dialler.ConnectAsync(Hidden);

        await connection.Closed.WaitAsync(TimeSpan.FromSeconds(20));
        await HostPair.UntilAsync(() => _relay.Circuits == 0 && _hidden.Find(_dialler.Id) is null);
        Assert.Equal(1, _relay.Reservations);
    }

    [Fact]
    public async Task Circuits_beyond_the_limit_are_refused()
    {
        _options.CircuitsPerPeerMax = 1;
        await ReserveAsync();
        Libp2pHost second = await HostAsync(isListening: false);
        await ClientAsync(second);
        await _dialler.ConnectAsync(Hidden);

        Libp2pException refused = await Assert.ThrowsAsync<Libp2pException>(() => second.ConnectAsync(Hidden));
        Assert.Contains("ResourceLimitExceeded", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_relay_without_room_gives_no_place()
    {
        _options.ReservationsMax = 0;
        Assert.True(_place.AddRelay(_relayHost.Addresses[0]));
        HopMessage answer = await AskRelayAsync(_dialler, new(HopKind.Reserve));

        Assert.Equal(RelayStatus.ReservationRefused, answer.Status);
        Assert.Empty(_place.Reserved);
        Assert.Empty(_hidden.Addresses);
    }

    [Fact]
    public async Task A_place_comes_with_a_voucher_that_the_relay_has_signed()
    {
        HopMessage answer = await AskRelayAsync(_dialler, new(HopKind.Reserve));

        Assert.Equal(RelayStatus.Ok, answer.Status);
        Assert.Equal(new RelayOptions().Limit, answer.Limit);
        Assert.True(RelayVoucher.TryOpen(
            answer.Reservation!.Voucher.Span, Weft.Crypto.PlatformCrypto.Create(), out RelayVoucher? voucher));
        Assert.Equal((_relayHost.Id, _dialler.Id, answer.Reservation.ExpiresAt), (voucher.Relay, voucher.Peer, voucher.ExpiresAt));
        double left = voucher.ExpiresAt - DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Assert.InRange(left, 3_500, 3_600);
        Assert.Equal(_relayHost.Addresses, answer.Reservation.Addresses);
    }

    [Theory]
    [InlineData("0802", RelayStatus.UnexpectedMessage)]
    [InlineData("0801", RelayStatus.MalformedMessage)]
    [InlineData("ff", RelayStatus.MalformedMessage)]
    public async Task A_question_that_is_none_is_answered_so(string hex, RelayStatus expected)
    {
        PeerConnection connection = await _dialler.ConnectAsync(_relayHost.Addresses[0]);
        await using PeerStream stream = await _dialler.OpenStreamAsync(connection, [RelayCodec.HopProtocol]);
        byte[] body = Convert.FromHexString(hex);
        await stream.WriteAsync((byte[])[(byte)body.Length, .. body]);

        byte[]? answer = await StreamMessages.ReadAsync(stream, 4_096, CancellationToken.None);
        Assert.True(RelayCodec.TryReadHop(answer, out HopMessage? read));
        Assert.Equal((HopKind.Status, expected), (read.Kind, read.Status));
    }

    [Fact]
    public async Task A_relay_that_was_not_asked_may_bring_nobody()
    {
        PeerConnection connection = await _hidden.ConnectAsync(_relayHost.Addresses[0]);
        await HostPair.UntilAsync(() => _relayHost.Find(_hidden.Id) is not null); // The dialler is done first.
        StopMessage answer = await BringAsync(_relayHost, _relayHost.Find(_hidden.Id)!, _dialler.Id);

        Assert.Equal(RelayStatus.PermissionDenied, answer.Status);
        Assert.Single(_hidden.Connections);
        Assert.Same(connection, _hidden.Connections[0]);
    }

    [Fact]
    public async Task A_relay_that_lies_about_who_comes_is_found_out_by_the_handshake()
    {
        Libp2pHost liar = await LiarAsync(target => target, claimed: PeerId.FromEd25519(new byte[32]));
        Multiaddr address = Multiaddr.Parse($"{liar.Addresses[0]}/p2p-circuit/p2p/{_hidden.Id}");

        await Assert.ThrowsAsync<Libp2pException>(async () =>
        {
            PeerConnection connection = await _dialler.DialAsync(address);
            await connection.Closed.WaitAsync(TimeSpan.FromSeconds(20)); // The dialler may be done before it is refused.
            throw new Libp2pException(WeftError.PeerWrong, "Closed by the other end.");
        });
        Assert.Null(_hidden.Find(_dialler.Id));
        Assert.Null(_hidden.Find(PeerId.FromEd25519(new byte[32])));
    }

    [Fact]
    public async Task A_relay_that_leads_to_another_peer_is_found_out_by_the_handshake()
    {
        PeerId wanted = PeerId.FromEd25519(Enumerable.Repeat((byte)9, 32).ToArray());
        Libp2pHost liar = await LiarAsync(_ => _hidden.Id, claimed: _dialler.Id);

        Libp2pException wrong = await Assert.ThrowsAsync<Libp2pException>(
            () => _dialler.DialAsync(Multiaddr.Parse($"{liar.Addresses[0]}/p2p-circuit/p2p/{wanted}")));
        Assert.Equal(WeftError.PeerWrong, wrong.Error);
        Assert.Null(_dialler.Find(wanted));
    }

    [Fact]
    public async Task A_relay_that_goes_takes_the_addresses_along()
    {
        await ReserveAsync();
        Assert.Contains("relay", _hidden.ProtectionOf(_relayHost.Id));
        await _relayHost.DisposeAsync();

        await HostPair.UntilAsync(() => _hidden.Addresses.Count == 0);
        Assert.Empty(_place.Reserved);
        Assert.Empty(_hidden.ProtectionOf(_relayHost.Id));
    }

    [Fact]
    public async Task A_place_that_is_given_up_is_announced_no_more()
    {
        await ReserveAsync();
        _place.RemoveRelay(_relayHost.Id);

        Assert.Empty(_hidden.Addresses);
        Assert.False(_place.AddRelay(Multiaddr.Parse("/memory/1"))); // Names no peer.
        Assert.False(_place.AddRelay(Multiaddr.Parse($"{Hidden}/p2p-circuit"))); // A relay behind a relay.
    }

    [Fact]
    public async Task Circuits_through_circuits_are_not_given()
    {
        await ReserveAsync();
        PeerConnection limited = await _dialler.ConnectAsync(Hidden);
        await using RelayService second = new(_hidden);
        await second.StartAsync();

        Libp2pException refused = await Assert.ThrowsAsync<Libp2pException>(
            () => _dialler.OpenStreamAsync(limited, [RelayCodec.HopProtocol], Limited));
        Assert.Equal(WeftError.ProtocolUnsupported, refused.Error);
        Multiaddr twice = Multiaddr.Parse($"{Hidden}/p2p-circuit/p2p/{PeerId.FromEd25519(new byte[32])}");
        Libp2pException undialled = await Assert.ThrowsAsync<Libp2pException>(() => _dialler.DialAsync(twice));
        Assert.Equal(WeftError.AddressInvalid, undialled.Error);
    }

    [Fact]
    public void Of_the_addresses_a_relay_names_only_its_own_and_no_nearer_ones_are_announced()
    {
        PeerId relay = PeerId.FromEd25519(new byte[32]);
        PeerId other = PeerId.FromEd25519(Enumerable.Repeat((byte)1, 32).ToArray());
        IReadOnlyList<Multiaddr> announced = RelayAddress.Announced(
            relay,
            Multiaddr.Parse("/ip4/8.8.8.8/tcp/1"),
            wasDialled: true,
            [
                Multiaddr.Parse("/ip4/10.0.0.1/tcp/1"), Multiaddr.Parse("/ip4/127.0.0.1/tcp/1"),
                Multiaddr.Parse($"/ip4/9.9.9.9/tcp/1/p2p/{other}"), Multiaddr.Parse($"/ip4/9.9.9.9/tcp/2/p2p/{relay}"),
                Multiaddr.Parse("/ip4/9.9.9.9/tcp/3"), Multiaddr.Parse($"/ip4/9.9.9.9/tcp/4/p2p/{other}/p2p-circuit/p2p/{relay}"),
                Multiaddr.Parse("/ip4/9.9.9.9/tcp/5"), Multiaddr.Parse("/ip4/9.9.9.9/tcp/6"),
            ]);

        Assert.Equal(
            new[] { "/ip4/8.8.8.8/tcp/1", "/ip4/9.9.9.9/tcp/2", "/ip4/9.9.9.9/tcp/3", "/ip4/9.9.9.9/tcp/5" }
                .Select(one => $"{one}/p2p/{relay}/p2p-circuit"),
            announced.Select(one => one.ToString()));
    }

    private static async Task<byte[]> EchoAsync(Libp2pHost host, PeerConnection connection, byte[] data)
    {
        await using PeerStream stream = await host.OpenStreamAsync(connection, ["/echo/1.0.0"], Limited);
        await stream.WriteAsync(data);
        byte[] back = new byte[data.Length];
        await stream.ReadExactlyAsync(back).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        return back;
    }

    private static async Task<StopMessage> BringAsync(
        Libp2pHost relay, PeerConnection connection, PeerId claimed)
    {
        await using PeerStream stream = await relay.OpenStreamAsync(connection, [RelayCodec.StopProtocol]);
        var output = new ArrayBufferWriter<byte>();
        RelayCodec.Write(new StopMessage(StopKind.Connect) { Peer = claimed }, output);
        await StreamMessages.WriteAsync(stream, output, CancellationToken.None);
        byte[]? answer = await StreamMessages.ReadAsync(stream, 4_096, CancellationToken.None);
        Assert.True(RelayCodec.TryReadStop(answer, out StopMessage? read));
        return read;
    }

    private Task<byte[]> EchoAsync(PeerConnection connection, byte[] data) => EchoAsync(_dialler, connection, data);

    private async Task<Libp2pHost> HostAsync(bool isListening)
    {
        Libp2pHost host = await HostPair.HostAsync(_transport, isListening);
        host.Handle("/echo/1.0.0", async (stream, token) => await stream.CopyToAsync(stream, token), Limited);
        _all.Add(host);
        return host;
    }

    private async Task<RelayClient> ClientAsync(Libp2pHost host)
    {
        var client = new RelayClient(host);
        _all.Add(client);
        await client.StartAsync();
        return client;
    }

    /// <summary>The dialler's handshake is over a moment before the other end's is.</summary>
    private async Task<PeerConnection> OtherEndAsync()
    {
        await HostPair.UntilAsync(() => _hidden.Find(_dialler.Id) is not null);
        return _hidden.Find(_dialler.Id)!;
    }

    private async Task ReserveAsync()
    {
        Assert.True(_place.AddRelay(_relayHost.Addresses[0]));
        await HostPair.UntilAsync(() => _place.Reserved.Count == 1);
    }

    private async Task<HopMessage> AskRelayAsync(Libp2pHost host, HopMessage question)
    {
        PeerConnection connection = await host.ConnectAsync(_relayHost.Addresses[0]);
        await using PeerStream stream = await host.OpenStreamAsync(connection, [RelayCodec.HopProtocol]);
        var output = new ArrayBufferWriter<byte>();
        RelayCodec.Write(question, output);
        await StreamMessages.WriteAsync(stream, output, CancellationToken.None);
        byte[]? answer = await StreamMessages.ReadAsync(stream, 4_096, CancellationToken.None);
        Assert.True(RelayCodec.TryReadHop(answer, out HopMessage? read));
        return read;
    }

    /// <summary>A relay that gives places, but leads where it wants and says who comes as it likes.</summary>
    private async Task<Libp2pHost> LiarAsync(Func<PeerId, PeerId> leadsTo, PeerId claimed)
    {
        Libp2pHost liar = await HostAsync(isListening: true);
        liar.Handle(RelayCodec.HopProtocol, async (stream, token) =>
        {
            byte[]? bytes = await StreamMessages.ReadAsync(stream, 4_096, token);
            Assert.True(RelayCodec.TryReadHop(bytes, out HopMessage? question));
            var output = new ArrayBufferWriter<byte>();
            var granted = new HopMessage(HopKind.Status) { Status = RelayStatus.Ok };
            if (question.Kind == HopKind.Reserve)
            {
                granted = granted with { Reservation = new(DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 3_600, [], default) };
                RelayCodec.Write(granted, output);
                await StreamMessages.WriteAsync(stream, output, token);
                return;
            }

            PeerStream stop = await liar.OpenStreamAsync(
                liar.Find(leadsTo(question.Peer))!, [RelayCodec.StopProtocol], token);
            RelayCodec.Write(new StopMessage(StopKind.Connect) { Peer = claimed }, output);
            await StreamMessages.WriteAsync(stop, output, token);
            await StreamMessages.ReadAsync(stop, 4_096, token);
            output.ResetWrittenCount();
            RelayCodec.Write(granted, output);
            await StreamMessages.WriteAsync(stream, output, token);
            await Task.WhenAny(stream.CopyToAsync(stop, token), stop.CopyToAsync(stream, token));
            stop.Abort();
        });
        Assert.True(_place.AddRelay(liar.Addresses[0]));
        await HostPair.UntilAsync(() => _place.Reserved.Count == 1);
        return liar;
    }
}
