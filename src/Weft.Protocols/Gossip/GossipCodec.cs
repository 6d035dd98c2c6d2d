using System.Buffers.Binary;
using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Gossip;

/// <summary>Reads and writes messages of the pubsub RPC.</summary>
/// <remarks>
/// What is kept and sent on is written anew from the known fields, in their order: unknown fields, which no signature
/// covers, go no further, and what is signed lies in one piece. Source: libp2p specs, pubsub/README.md.
/// </remarks>
internal static class GossipCodec
{
    internal const int SubscriptionField = 1;
    internal const int PublishField = 2;
    internal const int ControlField = 3;
    internal const int SequenceLength = 8;
    private const int SignatureBytesMax = 1_024; // RSA of 8,192 bits.

    private const int FromField = 1;
    private const int DataField = 2;
    private const int SequenceField = 3;
    private const int TopicField = 4;
    private const int SignatureField = 5;
    private const int KeyField = 6;

    /// <summary>Reads one message; strictly signed ones only, each field at most once.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> bytes, GossipOptions options, out GossipMessageView message)
    {
        ReadOnlySpan<byte> from = default, data = default, sequence = default;
        ReadOnlySpan<byte> topic = default, signature = default, key = default;
        int seen = 0;
        message = default;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            if (reader.Field > KeyField)
            {
                continue;
            }

            int bit = 1 << reader.Field;
            if (reader.Wire != ProtobufWire.Bytes || (seen & bit) != 0)
            {
                return false; // Readers differ in which of two they take: nobody may be told two things.
            }

            seen |= bit;
            switch (reader.Field)
            {
                case FromField: from = reader.Bytes; break;
                case DataField: data = reader.Bytes; break;
                case SequenceField: sequence = reader.Bytes; break;
                case TopicField: topic = reader.Bytes; break;
                case SignatureField: signature = reader.Bytes; break;
                default: key = reader.Bytes; break;
            }
        }

        bool fits = reader.IsWhole && IsPeerId(from) && sequence.Length == SequenceLength
            && topic.Length > 0 && topic.Length <= options.TopicBytesMax && data.Length <= options.DataBytesMax
            && signature.Length is > 0 and <= SignatureBytesMax && key.Length <= Peers.PeerPublicKey.EncodedBytesMax;
        if (fits)
        {
            message = new()
            {
                From = from, Data = data, Sequence = sequence, Topic = topic, Signature = signature, Key = key,
                HasData = (seen & (1 << DataField)) != 0,
            };
        }

        return fits;
    }

    /// <summary>Copies a message into a frame of its own.</summary>
    internal static GossipMessage Store(in GossipMessageView message, string topic)
    {
        int body = Size(message.From) + (message.HasData ? Size(message.Data) : 0) + Size(message.Sequence)
            + Size(message.Topic) + Size(message.Signature) + (message.Key.IsEmpty ? 0 : Size(message.Key));
        int rpc = 1 + Uvarint.Length((ulong)body) + body;
        byte[] frame = new byte[Uvarint.Length((ulong)rpc) + rpc];
        int at = Uvarint.Write(frame, (ulong)rpc);
        frame[at++] = (PublishField << 3) | (int)ProtobufWire.Bytes;
        at += Uvarint.Write(frame.AsSpan(at), (ulong)body);
        int start = at;
        GossipPart from = Write(frame, ref at, FromField, message.From);
        GossipPart data = message.HasData ? Write(frame, ref at, DataField, message.Data) : new(at, 0, IsAbsent: true);
        GossipPart sequence = Write(frame, ref at, SequenceField, message.Sequence);
        GossipPart name = Write(frame, ref at, TopicField, message.Topic);
        var signed = new GossipPart(start, at - start);
        GossipPart signature = Write(frame, ref at, SignatureField, message.Signature);
        GossipPart key = message.Key.IsEmpty ? new(at, 0) : Write(frame, ref at, KeyField, message.Key);
        return new(topic, frame, new(from, data, sequence, name, signature, key, signed));
    }

    /// <summary>True when the frame holds these parts: the same message, byte for byte.</summary>
    internal static bool IsSame(GossipMessage stored, in GossipMessageView message)
    {
        GossipMessageView other = stored.View;
        return other.Signature.SequenceEqual(message.Signature) && other.From.SequenceEqual(message.From)
            && other.Sequence.SequenceEqual(message.Sequence) && other.HasData == message.HasData
            && other.Data.SequenceEqual(message.Data) && other.Key.SequenceEqual(message.Key);
    }

    /// <summary>Makes room for a signature that is written into the frame afterwards.</summary>
    internal static GossipMessage Draft(
        PeerId from, ulong sequence, string topic, ReadOnlySpan<byte> data, out Memory<byte> signature)
    {
        Span<byte> number = stackalloc byte[SequenceLength];
        BinaryPrimitives.WriteUInt64BigEndian(number, sequence);
        Span<byte> room = stackalloc byte[Crypto.Ed25519KeyPair.SignatureLength];
        room.Clear();
        byte[] name = System.Text.Encoding.UTF8.GetBytes(topic);
        var view = new GossipMessageView
        {
            From = from.Span, Data = data, Sequence = number, Topic = name, Signature = room, HasData = true,
        };
        GossipMessage message = Store(view, topic);
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(message.Frame, out ArraySegment<byte> frame);
        signature = frame.Array.AsMemory(frame.Count - room.Length);
        return message;
    }

    private static bool IsPeerId(ReadOnlySpan<byte> from) =>
        from.Length > 2 && from.Length <= PeerId.LengthMax && from[1] == from.Length - 2
        && (from[0] == 0 || (from[0] == 0x12 && from[1] == 32));

    private static int Size(ReadOnlySpan<byte> value) => 1 + Uvarint.Length((ulong)value.Length) + value.Length;

    private static GossipPart Write(byte[] frame, ref int at, int field, ReadOnlySpan<byte> value)
    {
        frame[at++] = (byte)((field << 3) | (int)ProtobufWire.Bytes);
        at += Uvarint.Write(frame.AsSpan(at), (ulong)value.Length);
        value.CopyTo(frame.AsSpan(at));
        var part = new GossipPart(at, value.Length);
        at += value.Length;
        return part;
    }
}
