using System.Text;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Tests.Protocols.Gossip;

namespace Weft.Tests.Libp2p.Gossip;

/// <summary>Real hosts over the in-memory transport.</summary>
public sealed class GossipServiceTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Messages_go_both_ways_signed_and_in_order()
    {
        await using Swarm swarm = await Swarm.StartAsync(2);
        await using GossipSubscription first = swarm[0].Subscribe("t");
        await using GossipSubscription second = swarm[1].Subscribe("t");
        await swarm.ConnectAsync(1, 0);
        await swarm.UntilKnownAsync("t");

        for (int i = 0; i < 200; i++)
        {
            await swarm[0].PublishAsync("t", Encoding.UTF8.GetBytes($"a{i}"));
        }

        await swarm[1].PublishAsync("t", "b"u8.ToArray());

        // An own message is delivered here, too.
        Assert.Equal([.. Enumerable.Range(0, 200).Select(i => $"a{i}")], await TakeAsync(first, 200, swarm.Id(0)));
        Assert.Equal([.. Enumerable.Range(0, 200).Select(i => $"a{i}")], await TakeAsync(second, 200, swarm.Id(0)));
        Assert.Equal(["b"], await TakeAsync(first, 1, from: swarm.Id(1)));
        Assert.Equal(200, swarm[1].Counts.Verified);
        Assert.Contains("gossip t", swarm.Host(0).ProtectionOf(swarm.Id(1)));
    }

    [Fact]
    public async Task Peers_that_are_not_linked_get_a_message_through_others()
    {
        await using Swarm swarm = await Swarm.StartAsync(5);
        GossipSubscription[] all = [.. Enumerable.Range(0, 5).Select(i => swarm[i].Subscribe("t"))];
        for (int i = 1; i < 5; i++)
        {
            await swarm.ConnectAsync(i, i - 1); // A line.
        }

        await swarm.UntilKnownAsync("t");
        await swarm[0].PublishAsync("t", "through"u8.ToArray());

        foreach (GossipSubscription one in all)
        {
            Assert.Equal(["through"], await TakeAsync(one, 1, swarm.Id(0)));
        }
    }

    [Fact]
    public async Task A_topic_is_published_to_without_joining_it()
    {
        await using Swarm swarm = await Swarm.StartAsync(2);
        await using GossipSubscription reader = swarm[0].Subscribe("t");
        await swarm.ConnectAsync(1, 0);
        await HostPair.UntilAsync(() => swarm[1].PeersOf("t") == 1);

        Assert.Equal(1, (await swarm[1].PublishAsync("t", "x"u8.ToArray())).Peers);

        Assert.Equal(["x"], await TakeAsync(reader, 1, swarm.Id(1)));
        Assert.Empty(swarm[1].ListTopics());
        Assert.Equal(new GossipTopicInfo("t", 0, 0, 1), Assert.Single(swarm[0].ListTopics()));
    }

    [Fact]
    public async Task Unsigned_and_forged_messages_are_refused_and_cost_their_bringer()
    {
        await using Swarm swarm = await Swarm.StartAsync(2);
        await using GossipSubscription reader = swarm[0].Subscribe("t");
        await swarm.ConnectAsync(1, 0);
        await HostPair.UntilAsync(() => swarm[1].PeersOf("t") == 1);
        GossipMessage real = GossipSigning.Sign(GossipRig.Key(9), GossipRig.Crypto, 5, "t", "real"u8);
        byte[] forged = real.Frame.ToArray();
        forged[forged.AsSpan().IndexOf("real"u8)] ^= 1;
        byte[] body = GossipRig.Fields(GossipRig.Rpc(real), GossipCodec.PublishField)[0];
        byte[] unsigned = GossipRig.Build(rpc => rpc.Bytes(GossipCodec.PublishField, GossipRig.Build(message =>
        {
            message.Bytes(1, GossipRig.Fields(body, 1)[0]);
            message.Bytes(2, "bare"u8);
            message.Bytes(3, GossipRig.Fields(body, 3)[0]);
            message.Text(4, "t");
        })));
        await using PeerStream stream = await swarm.Host(1).OpenStreamAsync(swarm.Id(0), ["/meshsub/1.1.0"]);

        await stream.WriteAsync(forged);
        await stream.WriteAsync(new byte[] { (byte)unsigned.Length });
        await stream.WriteAsync(unsigned);
        await HostPair.UntilAsync(() => swarm[0].Counts.Refused.Count == 2);
        Assert.True(swarm[0].ScoreOf(swarm.Id(1)) < 0);
        await stream.WriteAsync(real.Frame);

        Assert.Equal(1, swarm[0].Counts.Refused[GossipReason.BadSignature]);
        Assert.Equal(1, swarm[0].Counts.Refused[GossipReason.Malformed]);
        Assert.Equal(["real"], await TakeAsync(reader, 1, GossipRig.Key(9).PublicKey.ToPeerId()));
    }

    [Fact]
    public async Task A_message_that_a_validator_rejects_goes_no_further()
    {
        await using Swarm swarm = await Swarm.StartAsync(3);
        GossipSubscription[] all = [.. Enumerable.Range(0, 3).Select(i => swarm[i].Subscribe("t"))];
        swarm[1].SetValidator("t", async (message, token) =>
        {
            await Task.Yield();
            return message.Data.Span.SequenceEqual("bad"u8) ? GossipVerdict.Reject : GossipVerdict.Accept;
        });
        await swarm.ConnectAsync(1, 0);
        await swarm.ConnectAsync(2, 1);
        await swarm.UntilKnownAsync("t");

        await swarm[0].PublishAsync("t", "bad"u8.ToArray());
        await swarm[0].PublishAsync("t", "good"u8.ToArray());

        Assert.Equal(["good"], await TakeAsync(all[1], 1, swarm.Id(0)));
        Assert.Equal(["good"], await TakeAsync(all[2], 1, swarm.Id(0)));
        Assert.Equal(1, swarm[1].Counts.Refused[GossipReason.Rejected]);
    }

    [Fact]
    public async Task A_slow_subscriber_is_told_how_many_it_missed()
    {
        await using Swarm swarm = await Swarm.StartAsync(1, options => options.SubscriptionMax = 10);
        await using GossipSubscription slow = swarm[0].Subscribe("t");
        for (byte i = 0; i < 25; i++)
        {
            await swarm[0].PublishAsync("t", new[] { i });
        }

        Assert.True(slow.TryRead(out GossipDelivery gap));
        Assert.Equal(15, gap.Missed);
        Assert.True(slow.TryRead(out GossipDelivery next));
        Assert.Equal(15, next.Message!.Data.Span[0]);
    }

    [Fact]
    public async Task Garbage_ends_the_stream_and_a_peer_that_links_again_is_heard_again()
    {
        await using Swarm swarm = await Swarm.StartAsync(2);
        await using GossipSubscription reader = swarm[0].Subscribe("t");
        await swarm.ConnectAsync(1, 0);
        await HostPair.UntilAsync(() => swarm[1].PeersOf("t") == 1);
        await using PeerStream stream = await swarm.Host(1).OpenStreamAsync(swarm.Id(0), ["/meshsub/1.1.0"]);
        await stream.WriteAsync(new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff });
        await Assert.ThrowsAsync<PeerStreamException>(async () =>
        {
            using var late = new CancellationTokenSource(Patience);
            while (await stream.ReadAsync(new byte[1], late.Token) > 0)
            {
            }
        });

        // The stream that was given up for this one is opened anew.
        using var waiting = new CancellationTokenSource(Patience);
        while (!reader.TryRead(out GossipDelivery delivery))
        {
            await swarm[1].PublishAsync("t", "again"u8.ToArray(), waiting.Token);
            await Task.Delay(20, waiting.Token);
        }
    }

    [Fact]
    public async Task Leaving_and_stopping_end_what_hangs_on_them()
    {
        await using Swarm swarm = await Swarm.StartAsync(2);
        GossipSubscription first = swarm[0].Subscribe("t");
        GossipSubscription second = swarm[0].Subscribe("t");
        await swarm.ConnectAsync(1, 0);
        await HostPair.UntilAsync(() => swarm[1].PeersOf("t") == 1);
        await first.DisposeAsync();
        Assert.Equal(1, swarm[0].ListTopics()[0].Subscriptions);
        await second.DisposeAsync();
        await HostPair.UntilAsync(() => swarm[1].PeersOf("t") == 0);
        Assert.Empty(swarm[0].ListTopics());

        GossipSubscription last = swarm[0].Subscribe("u");
        Task<int> reading = CountAsync(last);
        await swarm[0].DisposeAsync();
        Assert.Equal(0, await reading.WaitAsync(Patience));
        Assert.Throws<ObjectDisposedException>(() => swarm[0].Subscribe("u"));
        await HostPair.UntilAsync(() => swarm[1].PeersOf("u") == 0);
    }

    private static async Task<int> CountAsync(GossipSubscription subscription)
    {
        int count = 0;
        await foreach (GossipDelivery _ in subscription.ReadAllAsync())
        {
            count++;
        }

        return count;
    }

    private static async Task<List<string>> TakeAsync(GossipSubscription subscription, int count, PeerId from)
    {
        using var late = new CancellationTokenSource(Patience);
        var texts = new List<string>();
        await foreach (GossipDelivery delivery in subscription.ReadAllAsync(late.Token))
        {
            Assert.NotNull(delivery.Message);
            if (delivery.Message.From == from)
            {
                texts.Add(Encoding.UTF8.GetString(delivery.Message.Data.Span));
                if (texts.Count == count)
                {
                    break;
                }
            }
        }

        return texts;
    }

    /// <summary>Some hosts that gossip.</summary>
    private sealed class Swarm : IAsyncDisposable
    {
        private readonly List<Libp2pHost> _hosts = [];
        private readonly List<GossipService> _services = [];

        public GossipService this[int number] => _services[number];

        public static async Task<Swarm> StartAsync(int count, Action<GossipServiceOptions>? change = null)
        {
            var transport = new InMemoryTransport();
            var swarm = new Swarm();
            for (int i = 0; i < count; i++)
            {
                var options = new GossipServiceOptions();
                options.Core.Heartbeat = TimeSpan.FromMilliseconds(100);
                change?.Invoke(options);
                Libp2pHost host = await HostPair.HostAsync(transport, isListening: true);
                var service = new GossipService(host, options);
                swarm._hosts.Add(host);
                swarm._services.Add(service);
                await service.StartAsync();
            }

            return swarm;
        }

        public Libp2pHost Host(int number) => _hosts[number];

        public PeerId Id(int number) => _hosts[number].Id;

        public Task ConnectAsync(int from, int to) => _hosts[from].DialAsync(_hosts[to].Addresses[0]);

        /// <summary>Waits until every host knows of a mesh link.</summary>
        public Task UntilKnownAsync(string topic) =>
            HostPair.UntilAsync(() => _services.All(service => service.MeshOf(topic).Count
                >= _hosts[_services.IndexOf(service)].Connections.Count));

        public async ValueTask DisposeAsync()
        {
            foreach (GossipService service in _services)
            {
                await service.DisposeAsync();
            }

            foreach (Libp2pHost host in _hosts)
            {
                await host.DisposeAsync();
            }
        }
    }
}
