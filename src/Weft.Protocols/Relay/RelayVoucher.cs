using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Relay;

/// <summary>A relay's signed word that a peer has a place with it.</summary>
/// <param name="Relay">The relay; the signature is its own.</param>
/// <param name="Peer">Who has the place.</param>
/// <param name="ExpiresAt">When it ends, in seconds since 1970-01-01 UTC.</param>
/// <remarks>
/// Nobody asks for vouchers when circuits are opened: they are advice. Source: libp2p specs, relay/circuit-v2.md,
/// "Reservation Vouchers".
/// </remarks>
public sealed record RelayVoucher(PeerId Relay, PeerId Peer, long ExpiresAt)
{
    private const string Domain = "libp2p-relay-rsvp";
    private const int RelayField = 1;
    private const int PeerField = 2;
    private const int ExpirationField = 3;

    private static ReadOnlySpan<byte> PayloadType => [0x03, 0x02];

    /// <summary>Opens a voucher: the signature fits, and the signer is the relay it names.</summary>
    public static bool TryOpen(
        ReadOnlySpan<byte> envelope, ICrypto crypto, [NotNullWhen(true)] out RelayVoucher? voucher)
    {
        voucher = null;
        return SignedEnvelope.TryOpen(envelope, Domain, PayloadType, crypto, out SignedEnvelope? opened)
            && TryRead(opened.Payload, out voucher)
            && voucher.Relay == opened.Key.ToPeerId(crypto);
    }

    /// <summary>Signs the voucher.</summary>
    /// <param name="key">The relay's own key.</param>
    /// <param name="crypto">The primitives.</param>
    public byte[] Seal(Ed25519KeyPair key, ICrypto crypto)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfNotEqual(Relay, key.PublicKey.ToPeerId());
        var buffer = new ArrayBufferWriter<byte>(96);
        var writer = new ProtobufWriter(buffer);
        writer.Bytes(RelayField, Relay.Span);
        writer.Bytes(PeerField, Peer.Span);
        writer.Number(ExpirationField, (ulong)ExpiresAt);
        return SignedEnvelope.Seal(key, crypto, Domain, PayloadType, buffer.WrittenSpan);
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out RelayVoucher? voucher)
    {
        voucher = null;
        PeerId relay = default;
        PeerId peer = default;
        ulong expiration = 0;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case RelayField when !PeerId.TryRead(reader.Bytes, out relay):
                case PeerField when !PeerId.TryRead(reader.Bytes, out peer):
                    return false;
                case ExpirationField:
                    expiration = reader.Number;
                    break;
            }
        }

        if (!reader.IsWhole || relay.IsEmpty || peer.IsEmpty || expiration > long.MaxValue)
        {
            return false;
        }

        voucher = new(relay, peer, (long)expiration);
        return true;
    }
}
