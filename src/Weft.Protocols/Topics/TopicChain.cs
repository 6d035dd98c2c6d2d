using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Protocols.Topics;

/// <summary>
/// Verifies many messages at once. A signature over a record covers its link to the author's record before it, and so
/// all of that record: of a chain, only the last signature has to be verified.
/// </summary>
/// <remarks>
/// Pure. For readers; a relay verifies every signature, so that nobody else finds one with it that does not fit. Source:
/// docs/spec/topics.md, "Verified".
/// </remarks>
public static class TopicChain
{
    /// <summary>Verifies messages.</summary>
    /// <param name="messages">In the order in which a relay gave them; each author's later ones come later.</param>
    /// <param name="crypto">Verifies.</param>
    /// <param name="hashes">The hash of each; none behind a message that nobody signed.</param>
    /// <param name="signatures">How many signatures were verified.</param>
    /// <returns>False when one of them is forged, or is no record though it begins as one.</returns>
    public static bool Verify(
        IReadOnlyList<GossipMessage> messages, ICrypto crypto, out GossipMessageId[] hashes, out int signatures)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(crypto);
        hashes = new GossipMessageId[messages.Count];
        signatures = 0;
        var vouched = new Dictionary<PeerId, List<GossipMessageId>>();
        for (int i = messages.Count - 1; i >= 0; i--)
        {
            GossipMessage message = messages[i];
            hashes[i] = TopicLogCore.HashOf(message, crypto);
            if (!TopicRecord.TryRead(message.Data.Span, out TopicRecord record))
            {
                return false;
            }

            bool isVouched = vouched.TryGetValue(message.From, out List<GossipMessageId>? links)
                && message.Key.IsEmpty && links.Remove(hashes[i]);
            if (!isVouched)
            {
                signatures++;
                if (!GossipSigning.Verify(message, crypto))
                {
                    return false;
                }
            }

            if (record.HasPrevious)
            {
                if (links is null)
                {
                    vouched[message.From] = links = [];
                }

                if (links.Count < LinksMax)
                {
                    GossipMessageId.TryRead(record.Previous, out GossipMessageId previous);
                    links.Add(previous);
                }
            }
        }

        return true;
    }

    private const int LinksMax = 64; // Of one author: one chain of events, and those of some keys.
}
