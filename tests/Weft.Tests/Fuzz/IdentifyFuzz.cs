using System.Buffers;
using Weft.Crypto;
using Weft.Fuzz;
using Weft.Protocols.Identify;
using Weft.Protocols.Peers;

namespace Weft.Tests.Fuzz;

/// <summary>What a peer says of itself: what is read is written again, and reads as the same.</summary>
internal sealed class IdentifyFuzz : FuzzTarget
{
    public override string Name => "identify";

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            var output = new ArrayBufferWriter<byte>();
            IdentifyCodec.Write(
                new()
                {
                    AgentVersion = "weft",
                    ProtocolVersion = "ipfs/0.1.0",
                    Key = PeerPublicKey.FromEd25519(new Ed25519PublicKey(new byte[32])),
                    Protocols = ["/a", "/b"],
                    ListenAddresses = [Multiaddr.Parse("/ip4/1.2.3.4/tcp/1")],
                    ObservedAddress = Multiaddr.Parse("/ip6/::1/tcp/1"),
                    SignedRecord = new byte[] { 1, 2 },
                },
                output);
            yield return output.WrittenSpan.ToArray();
            yield return [0];
        }
    }

    public override int LengthMax => 2_048;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        var reader = new IdentifyReader();
        bool isRead = reader.TryRead(input.Span, out int taken);
        FuzzFailure.Unless(taken >= 0 && taken <= input.Length, "no more is taken than there is");
        if (!isRead || reader.Build() is not { } message)
        {
            return isRead ? 1ul : 0;
        }

        var output = new ArrayBufferWriter<byte>();
        IdentifyCodec.Write(message, output);
        var second = new IdentifyReader();
        FuzzFailure.Unless(
            second.TryRead(output.WrittenSpan, out int all) && all == output.WrittenCount, "what is written is read");
        IdentifyMessage again = second.Build()!;
        FuzzFailure.Unless(
            again.Protocols.SequenceEqual(message.Protocols)
            && again.ListenAddresses.SequenceEqual(message.ListenAddresses)
            && Equals(again.ObservedAddress, message.ObservedAddress)
            && Equals(again.Key, message.Key), "it comes back the same");
        return 2 + (ulong)(message.Protocols.Count % 8) + ((ulong)(message.ListenAddresses.Count % 8) << 3)
            + (message.Key is null ? 0ul : 64) + (message.ObservedAddress is null ? 0ul : 128)
            + (message.AgentVersion is null ? 0ul : 256) + (message.SignedRecord.IsEmpty ? 0ul : 512);
    }
}
