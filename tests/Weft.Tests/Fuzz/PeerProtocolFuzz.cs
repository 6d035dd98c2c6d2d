using System.Buffers;
using System.Text;
using Weft.Fuzz;
using Weft.Primitives;
using Weft.Protocols.Mdns;
using Weft.Protocols.Peers;
using Weft.Protocols.Pex;
using Weft.Protocols.Relay;
using Weft.Protocols.Rendezvous;
using Xunit.Abstractions;

namespace Weft.Tests.Fuzz;

/// <summary>Two seconds of fuzz for each decoder of relay, rendezvous, peer exchange and mDNS.</summary>
public sealed class PeerProtocolFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void Relay_rendezvous_and_exchange_survive_any_bytes() => FuzzRun.Check(new PeerProtocolFuzz(), output);

    [Fact]
    public void Dns_survives_any_bytes() => FuzzRun.Check(new DnsFuzz(), output);
}

/// <summary>What is read is written again, and reads as the same. The first byte says which protocol it is.</summary>
internal sealed class PeerProtocolFuzz : FuzzTarget
{
    public override string Name => "peer-protocols";

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            var peer = PeerId.FromEd25519(new byte[32]);
            Multiaddr address = Multiaddr.Parse("/ip4/192.0.2.1/tcp/1");
            yield return With(0, Hop(new(HopKind.Connect) { Peer = peer }));
            yield return With(0, Hop(new(HopKind.Status)
            {
                Status = RelayStatus.Ok,
                Limit = new(TimeSpan.FromSeconds(5), 7),
                Reservation = new(5, [address], new byte[4]),
            }));
            yield return With(1, Stop(new(StopKind.Connect) { Peer = peer, Limit = new(TimeSpan.FromSeconds(5), 7) }));
            yield return With(2, Rendezvous(new(RendezvousKind.Register) { Registrations = [new("n", new byte[3], default)] }));
            yield return With(2, Rendezvous(new(RendezvousKind.Discover) { Namespace = "n", Limit = 3, Cookie = new byte[2] }));
            yield return With(2, Rendezvous(
                new(RendezvousKind.DiscoverResponse) { Registrations = [new("n", new byte[3], TimeSpan.FromSeconds(1))] }));
            yield return With(3, Exchange(new(true, 5, [])));
            yield return With(3, Exchange(new(false, 0, [new byte[3], new byte[4]])));
        }
    }

    public override int LengthMax => 2_048;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            return 0;
        }

        ReadOnlySpan<byte> bytes = input.Span[1..];
        switch (input.Span[0] & 3)
        {
            case 0 when RelayCodec.TryReadHop(bytes, out HopMessage? hop):
                byte[] hopBytes = Hop(hop);
                Same(RelayCodec.TryReadHop(hopBytes, out HopMessage? hopAgain) && hopBytes.AsSpan().SequenceEqual(Hop(hopAgain)));
                return 16 + (ulong)hop.Kind + (hop.Peer.IsEmpty ? 0ul : 4) + (hop.Reservation is null ? 0ul : 8);
            case 1 when RelayCodec.TryReadStop(bytes, out StopMessage? stop):
                byte[] stopBytes = Stop(stop);
                Same(RelayCodec.TryReadStop(stopBytes, out StopMessage? stopAgain) && stopAgain == stop);
                return 32 + (ulong)stop.Kind + (stop.Peer.IsEmpty ? 0ul : 4) + (stop.Limit.IsSet ? 8ul : 0);
            case 2 when RendezvousCodec.TryRead(bytes, out RendezvousMessage? message):
                byte[] messageBytes = Rendezvous(message);
                Same(RendezvousCodec.TryRead(messageBytes, out RendezvousMessage? again)
                    && messageBytes.AsSpan().SequenceEqual(Rendezvous(again)));
                return 64 + ((ulong)message.Kind * 8) + (ulong)Math.Min(message.Registrations.Count, 7);
            case 3 when PexCodec.TryRead(bytes, out PexMessage? exchange):
                byte[] exchangeBytes = Exchange(exchange);
                Same(PexCodec.TryRead(exchangeBytes, out PexMessage? exchangeAgain)
                    && exchangeBytes.AsSpan().SequenceEqual(Exchange(exchangeAgain)));
                return 128 + (exchange.IsQuestion ? 8ul : 0) + (ulong)Math.Min(exchange.Records.Count, 7);
            default:
                return 1 + (ulong)(input.Span[0] & 3);
        }
    }

    private static void Same(bool isSame) => FuzzFailure.Unless(isSame, "what is read is written again, and reads the same");

    private static byte[] With(byte first, byte[] rest) => [first, .. rest];

    private static byte[] Hop(HopMessage message) => Bytes(target => RelayCodec.Write(message, target));

    private static byte[] Stop(StopMessage message) => Bytes(target => RelayCodec.Write(message, target));

    private static byte[] Rendezvous(RendezvousMessage message) => Bytes(target => RendezvousCodec.Write(message, target));

    private static byte[] Exchange(PexMessage message) => Bytes(target => PexCodec.Write(message, target));

    private static byte[] Bytes(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenSpan.ToArray();
    }
}

/// <summary>Multicast DNS: anybody in the network may send anything.</summary>
internal sealed class DnsFuzz : FuzzTarget
{
    public override string Name => "mdns";

    public override IReadOnlyList<byte[]> Words => [[0xC0, 0x0C], [0, 12, 0, 1], [0, 16, 0, 1], "dnsaddr="u8.ToArray()];

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            var output = new ArrayBufferWriter<byte>();
            DnsCodec.Write(new(false, [new("_p2p._udp.local", (int)DnsType.Ptr)], [], []), output);
            yield return output.WrittenSpan.ToArray();
            output.ResetWrittenCount();
            string address = $"dnsaddr=/ip4/10.0.0.1/tcp/1/p2p/{PeerId.FromEd25519(new byte[32])}";
            DnsCodec.Write(
                new(
                    true, [],
                    [new("_p2p._udp.local", (int)DnsType.Ptr, 120, "abc._p2p._udp.local", [])],
                    [new("abc._p2p._udp.local", (int)DnsType.Txt, 120, "", [Encoding.ASCII.GetBytes(address)])]),
                output);
            yield return output.WrittenSpan.ToArray();
        }
    }

    public override int LengthMax => 1_024;

    public override int AllocationFactor => 64; // Names grow by pointers: up to 255 bytes for two.

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        var core = new MdnsCore(new(), PeerId.FromEd25519(Enumerable.Repeat((byte)1, 32).ToArray()), new WeftRandom(1));
        var outbox = new Outbox<MdnsOutput>();
        core.OnMessage(input.Span, new WeftInstant(1), outbox);
        ulong found = (ulong)Math.Min(outbox.Items.ToArray().Count(one => one.Kind == MdnsOutputKind.Found), 3);
        if (!DnsCodec.TryRead(input.Span, out DnsMessage? message))
        {
            FuzzFailure.Unless(found == 0, "what cannot be read finds nobody");
            return 0;
        }

        FuzzFailure.Unless(
            message.Questions.Count + message.Answers.Count + message.Additional.Count <= DnsCodec.EntriesMax,
            "counts have a ceiling");
        return 1 + (message.IsAnswer ? 2ul : 0) + (found << 2) + ((ulong)Math.Min(message.Questions.Count, 3) << 4)
            + ((ulong)Math.Min(message.Answers.Count, 3) << 6) + ((ulong)Math.Min(message.Additional.Count, 3) << 8);
    }
}
