using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Relay;

/// <summary>
/// Reads and writes the messages of circuit relay v2. On a stream each stands behind its length, a varint.
/// </summary>
/// <remarks>
/// What a relay says of the addresses of the peer to be reached is not read: a relay that dials for others would be a
/// weapon. Source: libp2p specs, relay/circuit-v2.md.
/// </remarks>
public static class RelayCodec
{
    /// <summary>The protocol between a peer and a relay.</summary>
    public const string HopProtocol = "/libp2p/circuit/relay/0.2.0/hop";

    /// <summary>The protocol between a relay and the peer at the end of a circuit.</summary>
    public const string StopProtocol = "/libp2p/circuit/relay/0.2.0/stop";

    /// <summary>Bytes of the longest message, its length not counted.</summary>
    public const int MessageBytesMax = 4_096;

    /// <summary>Addresses that are read of one reservation.</summary>
    public const int AddressesMax = 16;

    private const int KindField = 1;
    private const int PeerField = 2;
    private const int PeerIdField = 1;

    private const int HopReservationField = 3;
    private const int HopLimitField = 4;
    private const int HopStatusField = 5;

    private const int StopLimitField = 3;
    private const int StopStatusField = 4;

    private const int ExpireField = 1;
    private const int AddressField = 2;
    private const int VoucherField = 3;

    private const int DurationField = 1;
    private const int DataField = 2;

    /// <summary>Writes a message to or from a relay, without its length.</summary>
    public static void Write(HopMessage message, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(message);
        var writer = new ProtobufWriter(target);
        writer.Number(KindField, (ulong)message.Kind);
        WritePeer(writer, message.Peer);
        if (message.Reservation is { } reservation)
        {
            writer.Bytes(HopReservationField, Encode(reservation));
        }

        WriteLimit(writer, HopLimitField, message.Limit);
        WriteStatus(writer, HopStatusField, message.Status);
    }

    /// <summary>Writes a message to or from the peer at the end of a circuit, without its length.</summary>
    public static void Write(StopMessage message, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(message);
        var writer = new ProtobufWriter(target);
        writer.Number(KindField, (ulong)message.Kind);
        WritePeer(writer, message.Peer);
        WriteLimit(writer, StopLimitField, message.Limit);
        WriteStatus(writer, StopStatusField, message.Status);
    }

    /// <summary>Reads a message to or from a relay.</summary>
    /// <returns>False when it is malformed, too long, or of an unknown kind.</returns>
    public static bool TryReadHop(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out HopMessage? message)
    {
        message = null;
        ulong kind = ulong.MaxValue;
        ulong status = 0;
        PeerId peer = default;
        RelayReservation? reservation = null;
        RelayLimit limit = default;
        var reader = new ProtobufReader(bytes);
        while (bytes.Length <= MessageBytesMax && reader.TryRead())
        {
            bool isRead = reader.Field switch
            {
                KindField => Take(reader, ref kind),
                PeerField => TryPeer(reader.Bytes, out peer),
                HopReservationField => reservation is null && TryReservation(reader.Bytes, out reservation),
                HopLimitField => TryLimit(reader.Bytes, out limit),
                HopStatusField => Take(reader, ref status),
                _ => true,
            };
            if (!isRead)
            {
                return false;
            }
        }

        if (!reader.IsWhole || kind > (ulong)HopKind.Status || status > int.MaxValue)
        {
            return false;
        }

        message = new((HopKind)kind)
        {
            Peer = peer,
            Reservation = reservation,
            Limit = limit,
            Status = (RelayStatus)status,
        };
        return true;
    }

    /// <summary>Reads a message to or from the peer at the end of a circuit.</summary>
    /// <returns>False when it is malformed, too long, or of an unknown kind.</returns>
    public static bool TryReadStop(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out StopMessage? message)
    {
        message = null;
        ulong kind = ulong.MaxValue;
        ulong status = 0;
        PeerId peer = default;
        RelayLimit limit = default;
        var reader = new ProtobufReader(bytes);
        while (bytes.Length <= MessageBytesMax && reader.TryRead())
        {
            bool isRead = reader.Field switch
            {
                KindField => Take(reader, ref kind),
                PeerField => TryPeer(reader.Bytes, out peer),
                StopLimitField => TryLimit(reader.Bytes, out limit),
                StopStatusField => Take(reader, ref status),
                _ => true,
            };
            if (!isRead)
            {
                return false;
            }
        }

        if (!reader.IsWhole || kind > (ulong)StopKind.Status || status > int.MaxValue)
        {
            return false;
        }

        message = new((StopKind)kind) { Peer = peer, Limit = limit, Status = (RelayStatus)status };
        return true;
    }

    private static void WritePeer(ProtobufWriter writer, PeerId peer)
    {
        if (!peer.IsEmpty)
        {
            var inner = new ArrayBufferWriter<byte>(PeerId.LengthMax + 2);
            new ProtobufWriter(inner).Bytes(PeerIdField, peer.Span);
            writer.Bytes(PeerField, inner.WrittenSpan);
        }
    }

    private static void WriteLimit(ProtobufWriter writer, int field, RelayLimit limit)
    {
        if (limit.IsSet)
        {
            var inner = new ArrayBufferWriter<byte>(16);
            var innerWriter = new ProtobufWriter(inner);
            innerWriter.Number(DurationField, (ulong)limit.Duration.TotalSeconds);
            innerWriter.Number(DataField, (ulong)limit.Bytes);
            writer.Bytes(field, inner.WrittenSpan);
        }
    }

    private static void WriteStatus(ProtobufWriter writer, int field, RelayStatus status)
    {
        if (status != RelayStatus.None)
        {
            writer.Number(field, (ulong)status);
        }
    }

    private static ReadOnlySpan<byte> Encode(RelayReservation reservation)
    {
        var inner = new ArrayBufferWriter<byte>(256);
        var writer = new ProtobufWriter(inner);
        writer.Number(ExpireField, (ulong)reservation.ExpiresAt);
        foreach (Multiaddr address in reservation.Addresses.Take(AddressesMax))
        {
            writer.Bytes(AddressField, address.Bytes);
        }

        if (!reservation.Voucher.IsEmpty)
        {
            writer.Bytes(VoucherField, reservation.Voucher.Span);
        }

        return inner.WrittenSpan;
    }

    private static bool Take(in ProtobufReader reader, ref ulong number)
    {
        number = reader.Number;
        return reader.Wire == ProtobufWire.Varint;
    }

    private static bool TryPeer(ReadOnlySpan<byte> bytes, out PeerId peer)
    {
        peer = default;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            if (reader.Field == PeerIdField && !PeerId.TryRead(reader.Bytes, out peer))
            {
                return false;
            }
        }

        return reader.IsWhole && !peer.IsEmpty;
    }

    private static bool TryReservation(ReadOnlySpan<byte> bytes, out RelayReservation? reservation)
    {
        reservation = null;
        ulong expire = 0;
        byte[] voucher = [];
        var addresses = new List<Multiaddr>();
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case ExpireField:
                    expire = reader.Number;
                    break;
                case AddressField
                    when addresses.Count < AddressesMax && Multiaddr.TryRead(reader.Bytes, out Multiaddr? address):
                    addresses.Add(address);
                    break;
                case VoucherField:
                    voucher = reader.Bytes.ToArray();
                    break;
            }
        }

        if (!reader.IsWhole || expire > long.MaxValue)
        {
            return false;
        }

        reservation = new((long)expire, addresses, voucher);
        return true;
    }

    private static bool TryLimit(ReadOnlySpan<byte> bytes, out RelayLimit limit)
    {
        ulong duration = 0;
        ulong data = 0;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case DurationField:
                    duration = reader.Number;
                    break;
                case DataField:
                    data = reader.Number;
                    break;
            }
        }

        // More seconds than 32 bits hold, or more bytes than 63, is as good as no limit.
        limit = new(
            TimeSpan.FromSeconds(duration > uint.MaxValue ? uint.MaxValue : (uint)duration),
            (long)Math.Min(data, long.MaxValue));
        return reader.IsWhole;
    }
}
