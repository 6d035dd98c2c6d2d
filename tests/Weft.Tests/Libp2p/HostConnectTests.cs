using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Tests.Libp2p;

public sealed class HostConnectTests
{
    [Fact]
    public async Task A_stream_dials_the_peer_by_the_book()
    {
        await using HostPair pair = await HostPair.StartAsync();
        pair.Dialler.Book.Add(pair.Listener.Id, pair.Listener.Addresses, PeerSource.Configured);
        await using PeerStream stream = await pair.Dialler.OpenStreamAsync(pair.Listener.Id, ["/echo/1.0.0"]);

        Assert.True(pair.Dialler.Book.Find(pair.Listener.Id)[0].HasWorked);
        Assert.Same(stream.Connection, await pair.Dialler.ConnectAsync(pair.Listener.Id));
        Assert.Same(stream.Connection, await pair.Dialler.ConnectAsync(pair.Listener.Addresses[0]));
    }

    [Fact]
    public async Task Who_asks_for_a_peer_that_is_being_dialled_joins_that_dial()
    {
        await using HostPair pair = await HostPair.StartAsync();
        pair.Dialler.Book.Add(pair.Listener.Id, pair.Listener.Addresses, PeerSource.Configured);
        PeerConnection[] all = await Task.WhenAll(
            Enumerable.Range(0, 50).Select(_ => Task.Run(() => pair.Dialler.ConnectAsync(pair.Listener.Id))));

        Assert.Single(all.Distinct());
        Assert.Single(pair.Dialler.Connections);
    }

    [Fact]
    public async Task Identify_fills_the_book_and_tells_of_the_peer()
    {
        await using HostPair pair = await HostPair.StartAsync();
        IAsyncEnumerable<PeerEvent> feed = pair.Dialler.WatchAsync();
        await pair.DialAsync();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (PeerEvent happened in feed.WithCancellation(late.Token))
        {
            if (happened.Kind == PeerEventKind.Identified)
            {
                Assert.Contains("/echo/1.0.0", happened.Identity!.Protocols);
                break;
            }
        }

        Assert.Equal(pair.Listener.Addresses.Select(one => one.WithoutPeer()), pair.Dialler.Book.Addresses(pair.Listener.Id));
    }

    [Fact]
    public async Task An_announced_address_is_pushed_and_can_be_taken_back()
    {
        await using HostPair pair = await HostPair.StartAsync();
        PeerConnection connection = await pair.DialAsync();
        await HostPair.UntilAsync(() => connection.Identity is not null && pair.Listener.Connections is [{ Identity: not null }]);
        Multiaddr extra = Multiaddr.Parse("/memory/4711");
        pair.Listener.Announce(extra);
        await HostPair.UntilAsync(() => connection.Identity!.ListenAddresses.Contains(extra));
        await HostPair.UntilAsync(() => pair.Dialler.Book.Addresses(pair.Listener.Id).Contains(extra));

        Assert.True(pair.Listener.Withdraw(extra));
        Assert.False(pair.Listener.Withdraw(extra));
        await HostPair.UntilAsync(() => !pair.Dialler.Book.Addresses(pair.Listener.Id).Contains(extra));
    }

    [Fact]
    public async Task A_protocol_runs_over_a_limited_connection_only_where_it_may()
    {
        var limited = new LimitedTransport();
        await using Libp2pHost listener = await HostPair.HostAsync(limited.Inner, isListening: false, options =>
        {
            options.Transports.Clear();
            options.Transports.Add(limited);
            options.Listen.Add(Multiaddr.Parse("/memory/0"));
        });
        await using Libp2pHost dialler = await HostPair.HostAsync(limited.Inner, isListening: false, options =>
        {
            options.Transports.Clear();
            options.Transports.Add(limited);
        });
        var rules = new StreamRules { AllowsLimited = true };
        listener.Handle("/may/1", (_, _) => Task.CompletedTask, rules);
        listener.Handle("/not/1", (_, _) => Task.CompletedTask);
        PeerConnection connection = await dialler.ConnectAsync(listener.Addresses[0]);
        Assert.True(connection.IsLimited);

        await using PeerStream stream = await dialler.OpenStreamAsync(listener.Id, ["/may/1"], rules);
        Libp2pException here = await Assert.ThrowsAsync<Libp2pException>(() => dialler.OpenStreamAsync(listener.Id, ["/not/1"]));
        Assert.Equal(WeftError.PeerUnreachable, here.Error);
        Libp2pException there = await Assert.ThrowsAsync<Libp2pException>(
            () => dialler.OpenStreamAsync(listener.Id, ["/not/1"], rules));
        Assert.Equal(WeftError.ProtocolUnsupported, there.Error);
        Assert.True(await dialler.PingAsync(listener.Id) > TimeSpan.Zero);
    }

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(false, false, false)]
    public async Task Another_protection_than_noise_can_be_added(bool diallerNoise, bool listenerNoise, bool namesMuxer)
    {
        await using HostPair pair = await HostPair.StartAsync(
            options =>
            {
                options.UseNoise = listenerNoise;
                options.Security.Add(new PlainSecurity(namesMuxer));
            },
            options =>
            {
                options.UseNoise = diallerNoise;
                options.Security.Add(new PlainSecurity(namesMuxer));
            });
        await using PeerStream stream = await pair.OpenAsync("/echo/1.0.0");
        byte[] data = new byte[300_000];
        new WeftRandom(5).Fill(data);
        Task writing = stream.WriteAsync(data).AsTask();
        byte[] back = new byte[data.Length];
        await stream.ReadExactlyAsync(back).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        await writing;

        Assert.Equal(data, back);
        Assert.Equal(pair.Listener.Id, stream.Remote);
        Libp2pException wrong = await Assert.ThrowsAsync<Libp2pException>(
            () => pair.Dialler.DialAsync(pair.Listener.Addresses[0].WithPeer(pair.Dialler.Id)));
        Assert.Equal(WeftError.PeerWrong, wrong.Error);
    }

    [Fact]
    public async Task A_connection_that_comes_another_way_is_taken_like_any_other()
    {
        await using HostPair pair = await HostPair.StartAsync();
        await using ITransportListener aside = await pair.Transport.ListenAsync(Multiaddr.Parse("/memory/88"), default);
        Task<PeerConnection> dialling = pair.Dialler.ConnectAsync(Multiaddr.Parse("/memory/88"));
        ITransportConnection raw = (await aside.AcceptAsync(default))!;
        PeerConnection? taken = await pair.Listener.AcceptAsync(raw);

        Assert.Equal(pair.Dialler.Id, taken!.Remote);
        Assert.Equal(pair.Listener.Id, (await dialling).Remote);
    }

    [Fact]
    public async Task An_address_that_does_not_answer_is_overtaken_by_the_next()
    {
        await using HostPair pair = await HostPair.StartAsync();
        await using ITransportListener mute = await pair.Transport.ListenAsync(Multiaddr.Parse("/memory/66"), default);
        pair.Dialler.Book.Add(
            pair.Listener.Id, [Multiaddr.Parse("/memory/66"), Multiaddr.Parse("/memory/67"), pair.Listener.Addresses[0]],
            PeerSource.Configured);
        PeerConnection connection = await pair.Dialler.ConnectAsync(pair.Listener.Id).WaitAsync(TimeSpan.FromSeconds(20));

        Assert.Equal(pair.Listener.Id, connection.Remote);
        await HostPair.UntilAsync(() => pair.Dialler.Use.OutboundConnections == 1); // What was given up leaves nothing.
    }

    [Fact]
    public async Task A_name_leads_to_the_peer()
    {
        var names = new FixedNames();
        await using HostPair pair = await HostPair.StartAsync(dialler: options => options.Names = names);
        names.Found = [pair.Listener.Addresses[0]];
        Multiaddr name = Multiaddr.Parse($"/dnsaddr/example.org/p2p/{pair.Listener.Id}");

        Assert.Equal(pair.Listener.Id, (await pair.Dialler.ConnectAsync(name)).Remote);
    }

    [Fact]
    public async Task A_peer_that_could_not_be_reached_is_not_dialled_again_at_once()
    {
        await using HostPair pair = await HostPair.StartAsync();
        pair.Dialler.Book.Add(pair.Listener.Id, [Multiaddr.Parse("/memory/999")], PeerSource.Configured);
        await Assert.ThrowsAsync<Libp2pException>(() => pair.Dialler.OpenStreamAsync(pair.Listener.Id, ["/echo/1.0.0"]));
        Libp2pException backedOff = await Assert.ThrowsAsync<Libp2pException>(
            () => pair.Dialler.OpenStreamAsync(pair.Listener.Id, ["/echo/1.0.0"]));
        Assert.Contains("a short while ago", backedOff.Message, StringComparison.Ordinal);

        pair.Dialler.Book.Add(pair.Listener.Id, pair.Listener.Addresses, PeerSource.Configured);
        await using PeerStream stream = await pair.Dialler.OpenStreamAsync(pair.Listener.Id, ["/echo/1.0.0"]);
        Assert.Equal(pair.Listener.Id, stream.Remote);
    }

    [Fact]
    public async Task Who_gives_up_leaves_the_dial_to_the_others_and_the_last_one_ends_it()
    {
        await using HostPair pair = await HostPair.StartAsync();
        await using ITransportListener mute = await pair.Transport.ListenAsync(Multiaddr.Parse("/memory/66"), default);
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        pair.Dialler.Book.Add(pair.Listener.Id, [Multiaddr.Parse("/memory/66")], PeerSource.Configured);
        Task<PeerConnection> one = pair.Dialler.ConnectAsync(pair.Listener.Id, first.Token);
        Task<PeerConnection> two = pair.Dialler.ConnectAsync(pair.Listener.Id, second.Token);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        Assert.False(two.IsCompleted);
        Assert.Equal(1, pair.Dialler.Use.OutboundConnections);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => two);
        await HostPair.UntilAsync(() => pair.Dialler.Use == default);
    }

    [Fact]
    public async Task A_connection_goes_through_its_phases_in_order()
    {
        await using HostPair pair = await HostPair.StartAsync();
        IAsyncEnumerable<PhaseChange> feed = pair.Dialler.WatchPhasesAsync();
        PeerConnection connection = await pair.Dialler.ConnectAsync(pair.Listener.Addresses[0]);
        var seen = new List<PhaseChange>();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (PhaseChange change in feed.WithCancellation(late.Token))
        {
            seen.Add(change);
            if (change.Phase == ConnectionPhase.Active)
            {
                connection.Abort();
            }
            else if (change.Phase == ConnectionPhase.Disconnect)
            {
                break;
            }
        }

        Assert.Equal(seen.Select(one => one.Phase).Order(), seen.Select(one => one.Phase));
        Assert.Equal(
            [
                ConnectionPhase.Discovery, ConnectionPhase.Handshake, ConnectionPhase.Authentication, ConnectionPhase.Sync,
                ConnectionPhase.Active, ConnectionPhase.Disconnect,
            ],
            seen.Select(one => one.Phase).Where(phase => phase != ConnectionPhase.Heartbeat));
        Assert.Equal("Local", seen[^1].Reason);
        Assert.Equal(ConnectionPhase.Disconnect, connection.Phase);
    }

    [Fact]
    public async Task Protection_of_a_peer_ends_with_its_last_tag()
    {
        await using HostPair pair = await HostPair.StartAsync();
        pair.Dialler.Protect(pair.Listener.Id, "kad");
        pair.Dialler.Protect(pair.Listener.Id, "anchor");
        Assert.Equal(["anchor", "kad"], pair.Dialler.ProtectionOf(pair.Listener.Id));
        Assert.True(pair.Dialler.Unprotect(pair.Listener.Id, "kad"));
        Assert.False(pair.Dialler.Unprotect(pair.Listener.Id, "anchor"));
        Assert.Empty(pair.Dialler.ProtectionOf(pair.Listener.Id));
    }

    private sealed class FixedNames : INameResolver
    {
        public IReadOnlyList<Multiaddr> Found { get; set; } = [];

        public ValueTask<IReadOnlyList<Multiaddr>> ResolveAsync(Multiaddr address, CancellationToken cancellationToken) =>
            new(Found);
    }

    /// <summary>Proves nothing: each side sends its key, and that is believed.</summary>
    private sealed class PlainSecurity(bool namesMuxer) : ISecurity
    {
        private SecurityIdentity? _self;

        public string Protocol => "/plain-for-tests/1";

        public void Start(SecurityIdentity self) => _self = self;

        public async ValueTask<SecuredConnection> SecureAsync(
            ITransportConnection connection, bool isInbound, PeerId expected, CancellationToken cancellationToken)
        {
            byte[] own = PeerPublicKey.FromEd25519(_self!.Key.PublicKey).Encoded.ToArray();
            await connection.WriteAsync(own, cancellationToken);
            byte[] theirs = new byte[own.Length];
            await new TransportStream(connection).ReadExactlyAsync(theirs, cancellationToken);
            PeerPublicKey.TryDecode(theirs, out PeerPublicKey? key);
            return new(connection, key!, namesMuxer ? _self.Muxers[0] : null);
        }
    }

    /// <summary>The in-memory transport, through a relay as it were.</summary>
    private sealed class LimitedTransport : ITransport
    {
        public InMemoryTransport Inner { get; } = new();

        public bool CanDial(Multiaddr address) => Inner.CanDial(address);

        public bool CanListen(Multiaddr address) => Inner.CanListen(address);

        public async ValueTask<ITransportConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken) =>
            new LimitedConnection(await Inner.DialAsync(address, cancellationToken));

        public async ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) =>
            new Listener(await Inner.ListenAsync(address, cancellationToken));

        private sealed class Listener(ITransportListener inner) : ITransportListener
        {
            public IReadOnlyList<Multiaddr> Addresses => inner.Addresses;

            public async ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken) =>
                await inner.AcceptAsync(cancellationToken) is { } one ? new LimitedConnection(one) : null;

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }

        private sealed class LimitedConnection(ITransportConnection inner) : ITransportConnection
        {
            public Multiaddr LocalAddress => inner.LocalAddress;

            public Multiaddr RemoteAddress => inner.RemoteAddress;

            public bool IsLimited => true;

            public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
                inner.ReadAsync(buffer, cancellationToken);

            public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
                inner.WriteAsync(bytes, cancellationToken);

            public void Abort() => inner.Abort();

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
