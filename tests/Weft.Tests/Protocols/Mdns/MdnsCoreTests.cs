using System.Buffers;
using System.Text;
using Weft.Primitives;
using Weft.Protocols.Mdns;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Mdns;

public sealed class MdnsCoreTests
{
    private static readonly WeftInstant Start = new(1_000_000);
    private static readonly PeerId Self = Peer(1);
    private static readonly PeerId Other = Peer(2);

    private readonly Outbox<MdnsOutput> _outbox = new();

    [Fact]
    public void Two_peers_find_each_other_with_one_question()
    {
        var bus = new Bus(new MdnsOptions(), Self, Other);
        bus.Run(Start);

        Assert.Equal(Other, Assert.Single(bus.FoundBy(0)).Peer);
        Assert.Equal(Self, Assert.Single(bus.FoundBy(1)).Peer);
        Assert.Equal([Multiaddr.Parse("/ip4/192.168.1.2/tcp/4001")], bus.FoundBy(0)[0].Addresses);
    }

    [Fact]
    public void A_hundred_peers_find_each_other_and_the_traffic_is_bounded()
    {
        var bus = new Bus(new MdnsOptions(), [.. Enumerable.Range(1, 100).Select(Peer)]);
        for (WeftInstant now = Start; now < Start + TimeSpan.FromSeconds(30); now += TimeSpan.FromMilliseconds(100))
        {
            bus.Run(now);
        }

        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(99, bus.FoundBy(i).Select(one => one.Peer).Distinct().Count());
        }

        // Questions at 0, 2, 6, 14 and 30 s; at most one answer a second of each peer.
        Assert.InRange(bus.Sent, 200, 100 * 40);
    }

    [Fact]
    public void Questions_come_at_growing_pauses_up_to_the_ceiling()
    {
        MdnsCore core = Core(Self);
        WeftInstant now = Start;
        var pauses = new List<double>();
        for (int i = 0; i < 8; i++)
        {
            _outbox.Clear();
            core.OnTimer(now, _outbox);
            WeftInstant due = _outbox.Items.ToArray().Last(one => one.Kind == MdnsOutputKind.StartTimer).Due;
            pauses.Add((due - now).TotalSeconds);
            now = due;
        }

        Assert.Equal([2, 4, 8, 16, 32, 60, 60, 60], pauses);
    }

    [Fact]
    public void Many_questions_within_a_second_get_one_answer()
    {
        MdnsCore core = Core(Self);
        byte[] question = Bytes(new(false, [new("_P2P._udp.LOCAL", (int)DnsType.Ptr)], [], []));
        for (int i = 0; i < 50; i++)
        {
            core.OnMessage(question, Start + TimeSpan.FromMilliseconds(i), _outbox);
        }

        Assert.Single(_outbox.Items.ToArray(), one => one.Kind == MdnsOutputKind.Send);
        _outbox.Clear();
        core.OnTimer(Start + TimeSpan.FromSeconds(1), _outbox);
        Assert.Equal(2, _outbox.Items.ToArray().Count(one => one.Kind == MdnsOutputKind.Send)); // A question, an answer.
    }

    [Fact]
    public void The_question_for_all_services_and_the_one_for_the_name_are_answered()
    {
        MdnsCore core = Core(Self);
        core.OnMessage(Bytes(new(false, [new("_services._dns-sd._udp.local", (int)DnsType.Ptr)], [], [])), Start, _outbox);
        Assert.True(DnsCodec.TryRead(Assert.Single(_outbox.Items.ToArray()).Message.Span, out DnsMessage? meta));
        Assert.Equal("_p2p._udp.local", Assert.Single(meta.Answers).Target);

        _outbox.Clear();
        core.OnMessage(
            Bytes(new(false, [new($"{core.Name}._p2p._udp.local", (int)DnsType.Txt)], [], [])), Start, _outbox);
        Assert.True(DnsCodec.TryRead(Assert.Single(_outbox.Items.ToArray()).Message.Span, out DnsMessage? text));
        Assert.Contains(
            $"dnsaddr=/ip4/192.168.1.2/tcp/4001/p2p/{Self}",
            text.Additional[0].Texts.Select(one => Encoding.ASCII.GetString(one.Span)));
    }

    [Theory]
    [InlineData("/ip4/192.168.1.9/tcp/4001", true)]
    [InlineData("/ip4/10.1.2.3/tcp/4001/ws", true)]
    [InlineData("/ip6/fe80::1/tcp/4001", true)]
    [InlineData("/ip4/127.0.0.1/tcp/4001", false)]
    [InlineData("/ip4/8.8.8.8/tcp/4001", false)]
    [InlineData("/ip4/224.0.0.251/tcp/5353", false)]
    [InlineData("/dns4/inside.example/tcp/80", false)]
    [InlineData("/ip4/192.168.1.9/tcp/4001/p2p/12D3KooWM6CgA9iBFZmcYAHA6A2qvbAxqfkmrYiRQuz3XEsk4Ksv/p2p-circuit", false)]
    public void Only_addresses_of_a_local_network_are_taken_and_told(string address, bool isTaken)
    {
        MdnsCore core = Core(Self);
        core.OnMessage(Answer($"{address}/p2p/{Other}"), Start, _outbox);
        Assert.Equal(isTaken, _outbox.Items.ToArray().Any(one => one.Kind == MdnsOutputKind.Found));

        core.SetAddresses([Multiaddr.Parse(address)]);
        _outbox.Clear();
        core.OnTimer(Start, _outbox);
        Assert.Equal(isTaken ? 2 : 1, _outbox.Items.ToArray().Count(one => one.Kind == MdnsOutputKind.Send));
    }

    [Fact]
    public void Loopback_is_used_when_that_is_asked_for()
    {
        var core = new MdnsCore(new() { UseLoopback = true }, Self, new WeftRandom(1));
        core.OnMessage(Answer($"/ip4/127.0.0.1/tcp/1/p2p/{Other}"), Start, _outbox);
        Assert.Equal(Other, Assert.Single(_outbox.Items.ToArray()).Peer);
    }

    [Fact]
    public void The_same_news_is_told_once_and_one_own_is_none()
    {
        MdnsCore core = Core(Self);
        core.OnMessage(Answer($"/ip4/10.0.0.1/tcp/1/p2p/{Other}"), Start, _outbox);
        core.OnMessage(Answer($"/ip4/10.0.0.1/tcp/1/p2p/{Other}"), Start, _outbox);
        core.OnMessage(Answer($"/ip4/10.0.0.1/tcp/1/p2p/{Self}"), Start, _outbox);
        Assert.Equal(1, _outbox.Count);

        core.OnMessage(Answer($"/ip4/10.0.0.1/tcp/2/p2p/{Other}"), Start, _outbox);
        Assert.Equal(2, _outbox.Count);
        core.OnMessage(Answer($"/ip4/10.0.0.1/tcp/2/p2p/{Other}"), Start + TimeSpan.FromSeconds(60), _outbox);
        Assert.Equal(3, _outbox.Count);
    }

    [Fact]
    public void Peers_are_remembered_up_to_the_ceiling_and_addresses_of_one_peer_too()
    {
        var core = new MdnsCore(new() { MessagesPerSecond = 1e9 }, Self, new WeftRandom(1));
        for (int i = 10; i < 2_000; i++)
        {
            core.OnMessage(Answer($"/ip4/10.0.0.1/tcp/1/p2p/{Peer(i)}"), Start, _outbox);
        }

        Assert.Equal(new MdnsOptions().PeersMax, core.Count);
        _outbox.Clear();
        core.OnMessage(
            Answer([.. Enumerable.Range(1, 60).Select(i => $"/ip4/10.0.0.1/tcp/{i}/p2p/{Other}")]), Start, _outbox);
        Assert.Equal(new MdnsOptions().AddressesMax, Assert.Single(_outbox.Items.ToArray()).Addresses!.Count);
    }

    [Fact]
    public void A_flood_of_messages_is_dropped_and_costs_no_waiting_afterwards()
    {
        MdnsCore core = Core(Self);
        for (int i = 0; i < 10_000; i++)
        {
            core.OnMessage(Answer($"/ip4/10.0.0.1/tcp/1/p2p/{Peer(i + 10)}"), Start, _outbox);
        }

        Assert.InRange(_outbox.Count, 100, 250);
        _outbox.Clear();
        core.OnMessage(Answer($"/ip4/10.0.0.1/tcp/1/p2p/{Peer(20_000)}"), Start + TimeSpan.FromSeconds(1), _outbox);
        Assert.Equal(1, _outbox.Count);
    }

    private static MdnsCore Core(PeerId self)
    {
        var core = new MdnsCore(new(), self, new WeftRandom((ulong)self.Span[^1]));
        core.SetAddresses([Multiaddr.Parse("/ip4/192.168.1.2/tcp/4001")]);
        return core;
    }

    private static PeerId Peer(int number)
    {
        byte[] key = new byte[32];
        BitConverter.TryWriteBytes(key, number);
        return PeerId.FromEd25519(key);
    }

    private static byte[] Answer(params string[] addresses) => Bytes(new(
        true, [], [],
        [new("x._p2p._udp.local", 16, 120, "", [.. addresses.Select(one => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes($"dnsaddr={one}"))])]));

    private static byte[] Bytes(DnsMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        DnsCodec.Write(message, output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>A network on which everyone hears everyone, himself included.</summary>
    private sealed class Bus
    {
        private readonly MdnsCore[] _cores;
        private readonly List<MdnsOutput>[] _found;
        private readonly WeftInstant[] _due;
        private readonly Outbox<MdnsOutput> _outbox = new();

        public Bus(MdnsOptions options, params PeerId[] peers)
        {
            options.MessagesPerSecond = 1_000;
            _cores = [.. peers.Select((peer, i) => new MdnsCore(options, peer, new WeftRandom((ulong)i)))];
            _found = [.. peers.Select(_ => new List<MdnsOutput>())];
            _due = new WeftInstant[peers.Length];
            Array.ForEach(_cores, core => core.SetAddresses([Multiaddr.Parse("/ip4/192.168.1.2/tcp/4001")]));
        }

        public int Sent { get; private set; }

        public List<MdnsOutput> FoundBy(int peer) => _found[peer];

        public void Run(WeftInstant now)
        {
            var waiting = new Queue<ReadOnlyMemory<byte>>();
            for (int i = 0; i < _cores.Length; i++)
            {
                if (now >= _due[i])
                {
                    _cores[i].OnTimer(now, _outbox);
                    Take(i, waiting);
                }
            }

            while (waiting.TryDequeue(out ReadOnlyMemory<byte> message))
            {
                for (int i = 0; i < _cores.Length; i++)
                {
                    _cores[i].OnMessage(message.Span, now, _outbox);
                    Take(i, waiting);
                }
            }
        }

        private void Take(int peer, Queue<ReadOnlyMemory<byte>> waiting)
        {
            foreach (MdnsOutput output in _outbox.Items)
            {
                switch (output.Kind)
                {
                    case MdnsOutputKind.Send:
                        Sent++;
                        waiting.Enqueue(output.Message);
                        break;
                    case MdnsOutputKind.Found:
                        _found[peer].Add(output);
                        break;
                    case MdnsOutputKind.StartTimer:
                        _due[peer] = output.Due;
                        break;
                }
            }

            _outbox.Clear();
        }
    }
}
