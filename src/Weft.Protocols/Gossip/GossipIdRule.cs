using Weft.Crypto;

namespace Weft.Protocols.Gossip;

/// <summary>
/// How a message is named. All peers of a topic must agree, else lazy gossip between them finds nothing.
/// </summary>
public enum GossipIdRule
{
    /// <summary>
    /// Peer id and sequence number, as the specification and go-libp2p have it. The form that js-libp2p makes of it by
    /// default (key and sequence number) is understood, and spoken to peers that speak it.
    /// </summary>
    FromSequence,

    /// <summary>
    /// Protobuf of the public key and sequence number: js-libp2p's default. For Ed25519 and secp256k1 keys.
    /// </summary>
    KeySequence,

    /// <summary>SHA-256 of the data: two messages with the same data are one.</summary>
    DataSha256,

    /// <summary>SHA-256 of peer id and sequence number.</summary>
    FromSequenceSha256,
}

/// <summary>Names a message.</summary>
/// <param name="message">The parts of the message; valid during the call.</param>
/// <returns>
/// An id that is the same at every peer; the default value when there is none, which refuses the message.
/// </returns>
public delegate GossipMessageId GossipIdFunction(in GossipMessageView message);

/// <summary>The names that the rules give.</summary>
internal static class GossipIds
{
    private const int MultihashHead = 2;

    // An Ed25519 key in Protobuf begins so; its peer id is the same behind two bytes.
    private static ReadOnlySpan<byte> Ed25519Key => [0x08, 0x01, 0x12, 0x20];

    internal static GossipMessageId Of(GossipIdRule rule, ICrypto crypto, in GossipMessageView message)
    {
        GossipMessageId id;
        switch (rule)
        {
            case GossipIdRule.FromSequence:
                GossipMessageId.TryRead(message.From, message.Sequence, out id);
                return id;
            case GossipIdRule.KeySequence:
                bool isInline = message.From is [0, _, ..];
                GossipMessageId.TryRead(isInline ? message.From[MultihashHead..] : [], message.Sequence, out id);
                return isInline ? id : default;
            case GossipIdRule.DataSha256:
                return Hash(crypto, message.Data, []);
            default:
                return Hash(crypto, message.From, message.Sequence);
        }
    }

    /// <summary>
    /// Reads an id as js-libp2p writes it by default: the key's Protobuf, without the head of a multihash.
    /// </summary>
    internal static bool TryReadKeyForm(ReadOnlySpan<byte> bytes, out GossipMessageId id)
    {
        id = default;
        return bytes.Length == 44 && bytes.StartsWith(Ed25519Key) && GossipMessageId.TryRead([0, 36], bytes, out id);
    }

    /// <summary>True when the id may be written without the head of the multihash.</summary>
    internal static bool HasKeyForm(ReadOnlySpan<byte> id) =>
        id.Length == 46 && id[MultihashHead..].StartsWith(Ed25519Key);

    private static GossipMessageId Hash(ICrypto crypto, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        Span<byte> digest = stackalloc byte[32];
        if (second.IsEmpty)
        {
            crypto.Sha256(first, digest);
        }
        else
        {
            Span<byte> both = stackalloc byte[64];
            first.CopyTo(both); // At most 44 bytes and 8: the codec has looked.
            second.CopyTo(both[first.Length..]);
            crypto.Sha256(both[..(first.Length + second.Length)], digest);
        }

        GossipMessageId.TryRead(digest, out GossipMessageId id);
        return id;
    }
}
