using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Gossip;

/// <summary>Signs messages, and verifies the signatures of others. Safe to call from many threads.</summary>
/// <remarks>
/// Signed is "libp2p-pubsub:" and the message without signature and key. Source: libp2p specs, pubsub/README.md,
/// "Message Signing".
/// </remarks>
public static class GossipSigning
{
    private static ReadOnlySpan<byte> Domain => "libp2p-pubsub:"u8;

    /// <summary>Makes a signed message.</summary>
    /// <param name="key">The author's.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="sequence">Higher than that of every message of this author before.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="data">What it says.</param>
    public static GossipMessage Sign(
        Ed25519KeyPair key, ICrypto crypto, ulong sequence, string topic, ReadOnlySpan<byte> data)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentException.ThrowIfNullOrEmpty(topic);
        GossipMessage message = GossipCodec.Draft(
            key.PublicKey.ToPeerId(), sequence, topic, data, out Memory<byte> signature);
        byte[] rented = Gather(message, out int length);
        key.Sign(crypto, rented.AsSpan(0, length), signature.Span);
        ArrayPool<byte>.Shared.Return(rented);
        return message;
    }

    /// <summary>True when the message was signed by the key of the peer it names as its author.</summary>
    public static bool Verify(GossipMessage message, ICrypto crypto)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(crypto);
        byte[] rented = Gather(message, out int length);
        bool fits = Verify(message, rented.AsSpan(0, length), crypto);
        ArrayPool<byte>.Shared.Return(rented);
        return fits;
    }

    private static bool Verify(GossipMessage message, ReadOnlySpan<byte> signed, ICrypto crypto)
    {
        // The usual case, without an allocation: the key stands in the peer id.
        if (message.FromBytes is [0, 36, 0x08, 0x01, 0x12, 32, .. { Length: 32 } key]
            && (message.Key.IsEmpty || message.Key.SequenceEqual(message.FromBytes[2..])))
        {
            return message.Signature.Length == Ed25519KeyPair.SignatureLength
                && crypto.VerifyEd25519(key, signed, message.Signature);
        }

        PeerPublicKey? author;
        bool isThere = message.Key.IsEmpty
            ? PeerPublicKey.TryFrom(message.From, out author)
            : PeerPublicKey.TryDecode(message.Key, out author);
        return isThere && author!.ToPeerId(crypto) == message.From && author.Verify(crypto, signed, message.Signature);
    }

    private static byte[] Gather(GossipMessage message, out int length)
    {
        ReadOnlySpan<byte> signed = message.Signed;
        length = Domain.Length + signed.Length;
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        Domain.CopyTo(rented);
        signed.CopyTo(rented.AsSpan(Domain.Length));
        return rented;
    }
}
