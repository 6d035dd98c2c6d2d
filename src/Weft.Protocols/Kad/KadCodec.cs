using System.Buffers;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Kad;

/// <summary>Messages of the DHT to bytes and back. Each has its length before it, as a varint.</summary>
/// <remarks>
/// What is beyond a ceiling of elements is left out; what is malformed makes the message malformed. Source: libp2p
/// specs,
/// kad-dht/README.md, "RPC messages".
/// </remarks>
public static class KadCodec
{
    /// <summary>Bytes of the longest message that is read: 64 KiB.</summary>
    public const int MessageBytesMax = 65_536;

    /// <summary>Bytes of the longest key.</summary>
    public const int KeyBytesMax = 1_024;

    /// <summary>Peers that are taken from one list.</summary>
    public const int PeersMax = 32;

    /// <summary>Addresses that are taken of one peer, and written.</summary>
    public const int AddressesMax = 16;

    private const int TypeField = 1;
    private const int KeyField = 2;
    private const int RecordField = 3;
    private const int CloserField = 8;
    private const int ProvidersField = 9;
    private const int PeerIdField = 1;
    private const int PeerAddressField = 2;
    private const int PeerConnectionField = 3;

    /// <summary>Looks whether a whole message stands at the start of what has come.</summary>
    /// <param name="bytes">What has come.</param>
    /// <param name="start">Where the message begins.</param>
    /// <param name="length">How long it is.</param>
    /// <returns>Done, NeedMoreData, or InvalidData when it is longer than the ceiling.</returns>
    public static OperationStatus ReadFrame(ReadOnlySpan<byte> bytes, out int start, out int length)
    {
        length = 0;
        OperationStatus status = Uvarint.Read(bytes, out ulong announced, out start);
        if (status != OperationStatus.Done)
        {
            return status;
        }

        if (announced > MessageBytesMax)
        {
            return OperationStatus.InvalidData; // Refused on the header: nothing is kept for it.
        }

        length = (int)announced;
        return bytes.Length - start >= length ? OperationStatus.Done : OperationStatus.NeedMoreData;
    }

    /// <summary>Reads a message, its length not included.</summary>
    /// <returns>False when it is malformed, of an unknown kind or beyond a ceiling.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out KadMessage message)
    {
        message = default;
        if (bytes.Length > MessageBytesMax)
        {
            return false;
        }

        ulong kind = 0;
        ReadOnlySpan<byte> key = default;
        KadRecord record = default;
        uint ttl = 0;
        List<KadPeer>? closer = null;
        List<KadPeer>? providers = null;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case TypeField:
                    kind = reader.Number;
                    break;
                case KeyField:
                    key = reader.Bytes;
                    break;
                case RecordField when reader.Wire == ProtobufWire.Bytes && !reader.Bytes.IsEmpty:
                    if (!KadRecord.TryRead(reader.Bytes, out record, out ttl))
                    {
                        return false;
                    }

                    break;
                case CloserField:
                    AddPeer(reader.Bytes, ref closer);
                    break;
                case ProvidersField:
                    AddPeer(reader.Bytes, ref providers);
                    break;
            }
        }

        if (!reader.IsWhole || kind > (ulong)KadMessageKind.Ping || key.Length > KeyBytesMax
            || record.Key.Length > KeyBytesMax)
        {
            return false;
        }

        message = new((KadMessageKind)kind, key.ToArray(), record, ttl, closer, providers);
        return true;
    }

    /// <summary>Writes a message with its length before it.</summary>
    public static void Write(in KadMessage message, IBufferWriter<byte> target)
    {
        var body = new ArrayBufferWriter<byte>(256);
        var writer = new ProtobufWriter(body);
        writer.Number(TypeField, (ulong)message.Kind);
        if (!message.Key.IsEmpty)
        {
            writer.Bytes(KeyField, message.Key.Span);
        }

        if (!message.Record.IsEmpty)
        {
            WriteRecord(message, body, writer);
        }

        var scratch = new ArrayBufferWriter<byte>(128);
        WritePeers(message.Closer, CloserField, scratch, writer);
        WritePeers(message.Providers, ProvidersField, scratch, writer);
        new ProtobufWriter(target).Varint((ulong)body.WrittenCount);
        target.Write(body.WrittenSpan);
    }

    /// <summary>The stored bytes go out as they are; the time that is left is one more field behind them.</summary>
    private static void WriteRecord(in KadMessage message, ArrayBufferWriter<byte> body, ProtobufWriter writer)
    {
        Span<byte> ttl = stackalloc byte[2 + Uvarint.BytesMax];
        int ttlLength = 0;
        if (message.RecordTtlSeconds > 0)
        {
            ttlLength = Uvarint.Write(ttl, (KadRecord.TtlField << 3) | (ulong)ProtobufWire.Varint);
            ttlLength += Uvarint.Write(ttl[ttlLength..], message.RecordTtlSeconds);
        }

        writer.Varint((RecordField << 3) | (ulong)ProtobufWire.Bytes);
        writer.Varint((ulong)(message.Record.Encoded.Length + ttlLength));
        body.Write(message.Record.Encoded.Span);
        body.Write(ttl[..ttlLength]);
    }

    private static void AddPeer(ReadOnlySpan<byte> bytes, ref List<KadPeer>? peers)
    {
        if (peers?.Count >= PeersMax)
        {
            return;
        }

        PeerId peer = default;
        ulong connection = 0;
        List<Multiaddr>? addresses = null;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case PeerIdField:
                    PeerId.TryRead(reader.Bytes, out peer);
                    break;
                case PeerAddressField when (addresses?.Count ?? 0) < AddressesMax
                    && Multiaddr.TryRead(reader.Bytes, out Multiaddr? address):
                    (addresses ??= []).Add(address); // One with parts nobody here knows is left out.
                    break;
                case PeerConnectionField:
                    connection = reader.Number;
                    break;
            }
        }

        if (reader.IsWhole && !peer.IsEmpty)
        {
            KadConnection known = connection > (ulong)KadConnection.CannotConnect ? 0 : (KadConnection)connection;
            (peers ??= []).Add(new(peer, (IReadOnlyList<Multiaddr>?)addresses ?? [], known));
        }
    }

    private static void WritePeers(
        IReadOnlyList<KadPeer>? peers, int field, ArrayBufferWriter<byte> scratch, ProtobufWriter writer)
    {
        for (int i = 0; i < (peers?.Count ?? 0); i++)
        {
            KadPeer peer = peers![i];
            scratch.ResetWrittenCount();
            var inner = new ProtobufWriter(scratch);
            inner.Bytes(PeerIdField, peer.Id.Span);
            for (int address = 0; address < Math.Min(peer.Addresses.Count, AddressesMax); address++)
            {
                inner.Bytes(PeerAddressField, peer.Addresses[address].Bytes);
            }

            inner.Number(PeerConnectionField, (ulong)peer.Connection);
            writer.Bytes(field, scratch.WrittenSpan);
        }
    }
}
