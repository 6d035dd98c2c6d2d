using System.Buffers;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Discovery;
using Weft.Libp2p.Rendezvous;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;
using Weft.Protocols.Pex;
using Weft.Protocols.Rendezvous;

namespace Weft.Tests.Libp2p;

/// <summary>Peer exchange and rendezvous between hosts of one process.</summary>
public sealed class DiscoveryTests : IAsyncLifetime
{
    private readonly InMemoryTransport _transport = new();
    private readonly List<IAsyncDisposable> _all = [];
    private Libp2pHost _middle = null!;
    private Libp2pHost _left = null!;
    private Libp2pHost _right = null!;

    public async Task InitializeAsync()
    {
        _middle = await HostAsync();
        _left = await HostAsync();
        _right = await HostAsync();
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
    public async Task A_peer_learns_of_another_from_one_that_both_know()
    {
        PexService middle = await ExchangeAsync(_middle);
        PexService right = await ExchangeAsync(_right);
        await _left.ConnectAsync(_middle.Addresses[0]);
        await _right.ConnectAsync(_middle.Addresses[0]);
        await HostPair.UntilAsync(() => middle.Count == 2);

        IReadOnlyList<PeerRecord> told = await right.AskAsync(_middle.Id);
        Assert.Equal(_left.Id, Assert.Single(told).Peer);
        Assert.Equal(PeerSource.PeerExchange, Assert.Single(_right.Book.Find(_left.Id)).Source);
        Assert.Equal(1, right.Found);
        Assert.Equal(_left.Id, (await _right.ConnectAsync(_left.Id)).Remote);
    }

    [Fact]
    public async Task Now_and_then_a_connected_peer_is_asked_without_being_told_to()
    {
        PexService middle = await ExchangeAsync(_middle);
        await _left.ConnectAsync(_middle.Addresses[0]);
        await _right.ConnectAsync(_middle.Addresses[0]);
        await HostPair.UntilAsync(() => middle.Count == 2);
        PexService right = await ExchangeAsync(_right, TimeSpan.FromMilliseconds(50));

        await HostPair.UntilAsync(() => right.Found > 0);
        Assert.NotEmpty(_right.Book.Addresses(_left.Id));
    }

    [Fact]
    public async Task A_peer_that_answers_with_lies_is_not_believed()
    {
        PexService right = await ExchangeAsync(_right);
        _middle.Handle(PexCodec.Protocol, async (stream, token) =>
        {
            byte[] bent = _left.SignedRecord.ToArray();
            bent[^1] ^= 1;
            var output = new ArrayBufferWriter<byte>();
            PexCodec.Write(new(false, 0, [bent, new byte[100]]), output);
            await StreamMessages.WriteAsync(stream, output, token);
        });
        await _right.ConnectAsync(_middle.Addresses[0]);

        Assert.Empty(await right.AskAsync(_middle.Id));
        Assert.Empty(_right.Book.Addresses(_left.Id));
    }

    [Theory]
    [InlineData(PexCodec.Protocol, "ff")]
    [InlineData(PexCodec.Protocol, "02120a")]
    [InlineData(PexCodec.Protocol, "021801")]
    [InlineData(RendezvousCodec.Protocol, "ffffff7f")]
    [InlineData(RendezvousCodec.Protocol, "020800")]
    [InlineData(RendezvousCodec.Protocol, "0408011a00")]
    public async Task What_is_no_question_resets_the_stream_and_nothing_else(string protocol, string hex)
    {
        await ExchangeAsync(_middle);
        await PointAsync();
        PeerConnection connection = await _left.ConnectAsync(_middle.Addresses[0]);
        await using PeerStream stream = await _left.OpenStreamAsync(connection, [protocol]);
        await stream.WriteAsync(Convert.FromHexString(hex));
        await stream.CompleteWritesAsync();

        byte[] buffer = new byte[1];
        int read = 0;
        Exception? error = await Record.ExceptionAsync(async () => read = await stream.ReadAsync(buffer));
        Assert.True(error is PeerStreamException || read == 0);
        Assert.True(await _left.PingAsync(_middle.Id) > TimeSpan.Zero);
    }

    [Fact]
    public async Task Who_registers_at_a_rendezvous_point_is_found_there_by_others()
    {
        RendezvousService point = await PointAsync();
        await _left.ConnectAsync(_middle.Addresses[0]);
        await _right.ConnectAsync(_middle.Addresses[0]);
        var left = new RendezvousClient(_left);
        var right = new RendezvousClient(_right);

        Assert.Equal(TimeSpan.FromHours(2), await left.RegisterAsync(_middle.Id, "my-app"));
        Assert.Equal(TimeSpan.FromHours(3), await left.RegisterAsync(_middle.Id, "other-app", TimeSpan.FromHours(3)));
        RendezvousFound found = await right.DiscoverAsync(_middle.Id, "my-app");
        PeerRecord record = Assert.Single(found.Peers);
        Assert.Equal(_left.Id, record.Peer);
        Assert.Equal(_left.Addresses, record.Addresses.Select(one => one.WithPeer(_left.Id)));
        Assert.Empty((await right.DiscoverAsync(_middle.Id, "my-app", cookie: found.Cookie)).Peers);
        Assert.Equal(2, (await right.DiscoverAsync(_middle.Id, "")).Peers.Count);
        Assert.Single((await right.DiscoverAsync(_middle.Id, "", limit: 1)).Peers);
        Assert.Empty((await left.DiscoverAsync(_middle.Id, "my-app")).Peers); // Nobody finds himself.

        await left.UnregisterAsync(_middle.Id, "my-app");
        await HostPair.UntilAsync(() => point.Count == 1);
        Assert.Empty((await right.DiscoverAsync(_middle.Id, "my-app")).Peers);
    }

    [Fact]
    public async Task What_a_rendezvous_point_refuses_is_told_with_its_reason()
    {
        await PointAsync();
        await _left.ConnectAsync(_middle.Addresses[0]);
        var left = new RendezvousClient(_left);

        Libp2pException refused = await Assert.ThrowsAsync<Libp2pException>(
            () => left.RegisterAsync(_middle.Id, "n", TimeSpan.FromHours(73)));
        Assert.Contains("InvalidTtl", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => left.RegisterAsync(_middle.Id, new string('n', 256)));
        Libp2pException none = await Assert.ThrowsAsync<Libp2pException>(() => left.DiscoverAsync(_right.Id, "n"));
        Assert.NotEqual(WeftError.None, none.Error);
    }

    [Fact]
    public async Task Several_questions_go_over_one_stream()
    {
        await PointAsync();
        PeerConnection connection = await _left.ConnectAsync(_middle.Addresses[0]);
        await using PeerStream stream = await _left.OpenStreamAsync(connection, [RendezvousCodec.Protocol]);
        for (int i = 0; i < 3; i++)
        {
            var output = new ArrayBufferWriter<byte>();
            RendezvousCodec.Write(new(RendezvousKind.Discover) { Namespace = "n" }, output);
            await StreamMessages.WriteAsync(stream, output, CancellationToken.None);
            byte[]? bytes = await StreamMessages.ReadAsync(stream, RendezvousCodec.MessageBytesMax, CancellationToken.None);
            Assert.True(RendezvousCodec.TryRead(bytes, out RendezvousMessage? answer));
            Assert.Equal(RendezvousKind.DiscoverResponse, answer.Kind);
        }
    }

    [Fact]
    public async Task Two_peers_find_each_other_by_a_point_alone_and_connect()
    {
        RendezvousService point = await PointAsync();
        TimeSpan often = TimeSpan.FromMilliseconds(50);
        var left = new RendezvousDiscovery(_left, [_middle.Addresses[0]], "n", often);
        var right = new RendezvousDiscovery(_right, [_middle.Addresses[0]], "n", often);
        await left.StartAsync();
        await right.StartAsync();
        await HostPair.UntilAsync(() => left.Found > 0 && right.Found > 0);

        Assert.Equal(PeerSource.Rendezvous, Assert.Single(_left.Book.Find(_right.Id)).Source);
        Assert.Equal(_right.Id, (await _left.ConnectAsync(_right.Id)).Remote);
        await left.DisposeAsync();
        await right.DisposeAsync();
        await HostPair.UntilAsync(() => point.Count == 0);
    }

    private async Task<Libp2pHost> HostAsync()
    {
        Libp2pHost host = await HostPair.HostAsync(_transport, isListening: true);
        _all.Add(host);
        return host;
    }

    private async Task<PexService> ExchangeAsync(Libp2pHost host, TimeSpan? interval = null)
    {
        var service = new PexService(host, new() { SharePrivate = true }, interval ?? TimeSpan.Zero);
        _all.Add(service);
        await service.StartAsync();
        return service;
    }

    private async Task<RendezvousService> PointAsync()
    {
        var point = new RendezvousService(_middle);
        _all.Add(point);
        await point.StartAsync();
        return point;
    }
}
