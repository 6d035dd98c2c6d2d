using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Peers;

/// <summary>
/// The addresses a peer says it can be reached at, signed by itself. A higher number replaces a lower one.
/// </summary>
/// <param name="Peer">Whose.</param>
/// <param name="Sequence">Rises with every record of the peer. It is no time.</param>
/// <param name="Addresses">
/// At most <see cref="AddressesMax"/>; those with parts Weft does not know are left out.
/// </param>
/// <remarks>
/// Source: libp2p specs, RFC/0003-routing-records.md, with the names in use: "libp2p-peer-record", 0x0301.
/// </remarks>
public sealed record PeerRecord(PeerId Peer, ulong Sequence, IReadOnlyList<Multiaddr> Addresses)
{
    /// <summary>Addresses that are kept of one record.</summary>
    public const int AddressesMax = 64;

    private const string Domain = "libp2p-peer-record";
    private const int PeerField = 1;
    private const int SequenceField = 2;
    private const int AddressesField = 3;
    private const int AddressField = 1;

    private static ReadOnlySpan<byte> PayloadType => [0x03, 0x01];

    /// <summary>Opens a signed record: the signature fits, and the signer is the peer it speaks of.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> envelope, ICrypto crypto, [NotNullWhen(true)] out PeerRecord? record)
    {
        record = null;
        return SignedEnvelope.TryOpen(envelope, Domain, PayloadType, crypto, out SignedEnvelope? opened)
            && TryRead(opened.Payload, out record)
            && record.Peer == opened.Key.ToPeerId(crypto);
    }

    /// <summary>Signs the record.</summary>
    /// <param name="key">The peer's own key.</param>
    /// <param name="crypto">The primitives.</param>
    public byte[] Seal(Ed25519KeyPair key, ICrypto crypto)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfNotEqual(Peer, key.PublicKey.ToPeerId());
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(buffer);
        writer.Bytes(PeerField, Peer.Span);
        writer.Number(SequenceField, Sequence);
        foreach (Multiaddr address in Addresses.Take(AddressesMax))
        {
            var inner = new ArrayBufferWriter<byte>();
            new ProtobufWriter(inner).Bytes(AddressField, address.Bytes);
            writer.Bytes(AddressesField, inner.WrittenSpan);
        }

        return SignedEnvelope.Seal(key, crypto, Domain, PayloadType, buffer.WrittenSpan);
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out PeerRecord? record)
    {
        PeerId peer = default;
        ulong sequence = 0;
        var addresses = new List<Multiaddr>();
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case PeerField when !PeerId.TryRead(reader.Bytes, out peer):
                    record = null;
                    return false;
                case SequenceField:
                    sequence = reader.Number;
                    break;
                case AddressesField when addresses.Count < AddressesMax && TryAddress(reader.Bytes) is { } address:
                    addresses.Add(address);
                    break;
            }
        }

        record = reader.IsWhole && !peer.IsEmpty ? new(peer, sequence, addresses) : null;
        return record is not null;
    }

    private static Multiaddr? TryAddress(ReadOnlySpan<byte> info)
    {
        Multiaddr? address = null;
        var reader = new ProtobufReader(info);
        while (reader.TryRead())
        {
            if (reader.Field == AddressField)
            {
                Multiaddr.TryRead(reader.Bytes, out address);
            }
        }

        return reader.IsWhole ? address : null;
    }
}
