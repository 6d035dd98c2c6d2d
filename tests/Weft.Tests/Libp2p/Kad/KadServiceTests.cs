using System.Buffers;
using System.Text;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Kad;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Rules;

namespace Weft.Tests.Libp2p.Kad;

/// <summary>The driver over real hosts in memory.</summary>
public sealed class KadServiceTests
{
    private static readonly byte[] Key = Encoding.UTF8.GetBytes("/open/tea");

    [Fact]
    public async Task Values_providers_and_peers_are_found_over_streams()
    {
        await using var net = await KadNet.StartAsync(6);
        KadResult put = await net[1].PutAsync(KadRecord.Make(Key, "five"u8), KadQuorum.All);
        KadResult get = await net[5].GetAsync(Key, KadQuorum.Majority, skipsLocal: true);
        byte[] content = Encoding.UTF8.GetBytes("content");
        KadResult provide = await net[2].ProvideAsync(content);
        KadResult providers = await net[4].FindProvidersAsync(content, 1);
        KadResult found = await net[1].FindPeerAsync(net.Hosts[5].Id);

        Assert.Equal((KadStatus.Done, 6), (put.Status, put.Copies));
        Assert.Equal(KadStatus.Done, get.Status);
        Assert.Equal("five"u8.ToArray(), get.Record.Value.ToArray());
        Assert.Equal(KadStatus.Done, provide.Status);
        Assert.Equal(net.Hosts[2].Id, Assert.Single(providers.Providers).Id);
        Assert.Equal(net.Hosts[5].Id, found.Peers[0].Id);
        Assert.NotEmpty(found.Peers[0].Addresses);
    }

    [Fact]
    public async Task Several_questions_on_one_stream_are_answered_in_their_order()
    {
        await using var net = await KadNet.StartAsync(2);
        await net[0].PutAsync(KadRecord.Make(Key, "v"u8));
        await using PeerStream stream = await net.Hosts[1].OpenStreamAsync(net.Hosts[0].Id, [net[0].Protocol]);
        var all = new ArrayBufferWriter<byte>();
        KadMessageKind[] kinds = [KadMessageKind.FindNode, KadMessageKind.GetValue, KadMessageKind.Ping];
        foreach (KadMessageKind kind in kinds)
        {
            KadCodec.Write(new(kind, Key), all);
        }

        await stream.WriteAsync(all.WrittenMemory);
        var buffer = new ArrayBufferWriter<byte>();
        foreach (KadMessageKind kind in kinds)
        {
            KadMessage? answer = await KadStreams.ReadAsync(stream, buffer, CancellationToken.None);
            Assert.Equal(kind, answer!.Value.Kind);
            Assert.Equal(kind == KadMessageKind.GetValue, !answer.Value.Record.IsEmpty);
        }
    }

    [Fact]
    public async Task Only_a_server_names_the_protocol_and_enters_tables()
    {
        await using var net = await KadNet.StartAsync(2, KadMode.Client);

        Assert.DoesNotContain(KadOptions.WeftProtocol, net.Hosts[1].Protocols);
        Assert.Contains(KadOptions.WeftProtocol, net.Hosts[0].Protocols);
        await HostPair.UntilAsync(() => net[1].ReadRoutesAsync().Result.Count == 1);
        Assert.Empty(await net[0].ReadRoutesAsync());
        Assert.Equal(KadStatus.Done, (await net[1].PutAsync(KadRecord.Make(Key, "v"u8))).Status);
    }

    [Fact]
    public async Task A_malformed_message_and_one_that_is_too_long_end_the_stream_and_nothing_else()
    {
        await using var net = await KadNet.StartAsync(2);
        foreach (byte[] bad in new byte[][] { [3, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F] })
        {
            await using PeerStream stream = await net.Hosts[1].OpenStreamAsync(net.Hosts[0].Id, [net[0].Protocol]);
            await stream.WriteAsync(bad);
            await Assert.ThrowsAnyAsync<IOException>(async () =>
                await stream.ReadExactlyAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(20)));
        }

        Assert.Equal(KadStatus.Done, (await net[1].PutAsync(KadRecord.Make(Key, "v"u8))).Status);
    }

    [Fact]
    public async Task A_forged_signed_value_is_refused_by_who_should_keep_it()
    {
        await using var net = await KadNet.StartAsync(2);
        ICrypto crypto = PlatformCrypto.Create();
        using Ed25519KeyPair owner = KeyGenerator.NewEd25519(crypto);
        byte[] key = SignedValue.KeyOf(owner.PublicKey.ToPeerId(), "profile");
        byte[] value = SignedValue.Seal(owner, crypto, key, 1, "me"u8);
        Assert.Equal(2, (await net[1].PutAsync(KadRecord.Make(key, value), KadQuorum.All)).Copies);

        value[^1] ^= 1;
        Assert.Equal(KadStatus.Refused, (await net[1].PutAsync(KadRecord.Make(key, value))).Status);
        await using PeerStream stream = await net.Hosts[1].OpenStreamAsync(net.Hosts[0].Id, [net[0].Protocol]);
        await KadStreams.WriteAsync(
            stream, new(KadMessageKind.PutValue, key, KadRecord.Make(key, value)), CancellationToken.None);
        await Assert.ThrowsAnyAsync<IOException>(async () =>
            await stream.ReadExactlyAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task A_command_to_nobody_ends_and_disposing_leaves_nobody_waiting()
    {
        await using var net = await KadNet.StartAsync(1);
        Assert.Equal(KadStatus.NoPeers, (await net[0].GetAsync(Key)).Status);
        await net[0].DisposeAsync();
        await Assert.ThrowsAnyAsync<ObjectDisposedException>(() => net[0].GetAsync(Key));
    }

    /// <summary>Hosts in memory with a DHT each; the first is everybody's contact.</summary>
    internal sealed class KadNet : IAsyncDisposable
    {
        private readonly List<KadService> _services = [];

        public List<Libp2pHost> Hosts { get; } = [];

        public KadService this[int index] => _services[index];

        public static async Task<KadNet> StartAsync(int count, KadMode others = KadMode.Server)
        {
            var net = new KadNet();
            var transport = new InMemoryTransport();
            for (int i = 0; i < count; i++)
            {
                Libp2pHost host = await HostPair.HostAsync(transport, isListening: true);
                var rules = RecordRules.Default(PlatformCrypto.Create());
                rules.Add("open", new OpenRule());
                var options = new KadServiceOptions { Rules = rules };
                options.Kad.KeepsLoopback = true;
                options.Kad.Mode = i == 0 ? KadMode.Server : others;
                var service = new KadService(host, options);
                net.Hosts.Add(host);
                net._services.Add(service);
                await service.StartAsync();
                if (i > 0)
                {
                    await host.ConnectAsync(net.Hosts[0].Addresses[0]);
                    await HostPair.UntilAsync(() => service.ReadRoutesAsync().Result.Count > 0);
                }
            }

            if (others == KadMode.Server && count > 1)
            {
                foreach (KadService service in net._services)
                {
                    await service.BootstrapAsync();
                    await HostPair.UntilAsync(() => service.ReadRoutesAsync().Result.Count == count - 1);
                }
            }

            return net;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (KadService service in _services)
            {
                await service.DisposeAsync();
            }

            foreach (Libp2pHost host in Hosts)
            {
                await host.DisposeAsync();
            }
        }
    }
}
