using System.Text;
using Weft.Node.Topics;
using Weft.Primitives;
using Weft.Protocols.Topics;

namespace ProfileRegistry;

/// <summary>
/// Usernames, each with a signed profile: the first valid claim counts, only its key updates it, the newest update wins.
/// Nobody runs it: whoever asks any relay comes to the same answer.
/// </summary>
/// <param name="topics">A peer that knows relays.</param>
/// <param name="self">That peer.</param>
/// <param name="pins">Owners that were seen before, by name: a claim that says it is older does not take their name.</param>
internal sealed class Registry(NodeTopics topics, PeerId self, IDictionary<string, PeerId> pins)
{
    private const string Topic = "profiles";

    /// <summary>Claims a name, or updates it.</summary>
    /// <param name="name">The name; it has no slash.</param>
    /// <param name="text">The profile.</param>
    /// <param name="relays">How many relays are to hold it.</param>
    /// <param name="now">The present.</param>
    /// <returns>How many hold it; null when the name is another's.</returns>
    internal async Task<int?> PublishAsync(string name, string text, int relays, DateTimeOffset now)
    {
        (PeerId Owner, Profile Profile)? known = await ResolveAsync(name);
        if (known is { } other && other.Owner != self)
        {
            return null;
        }

        var profile = new Profile(name, known?.Profile.Since ?? now.ToUnixTimeMilliseconds(), text);
        // A key that begins with a peer id is that peer's: no relay lets a stranger replace it.
        TopicReceipt receipt = await topics.PutAsync(
            Topic, Encoding.UTF8.GetBytes($"{self}/{name}"), profile.ToBytes(), relays);
        return receipt.Stored;
    }

    /// <summary>Finds who owns a name, and the newest profile; null when nobody has claimed it.</summary>
    internal async Task<(PeerId Owner, Profile Profile)?> ResolveAsync(string name)
    {
        var claims = new Dictionary<PeerId, (Profile Profile, double At)>();
        await foreach (TopicMessage message in topics.HistoryAsync(Topic, Replay.All))
        {
            // Every signature was verified, and two relays were asked. What is left is what the claim says of itself.
            if (message.Kind == TopicRecordKind.Latest
                && Encoding.UTF8.GetString(message.Key.Span) == $"{message.From}/{name}"
                && Profile.TryRead(message.Payload.Span, name) is { } profile && profile.Since <= message.TimeMs + 1
                && (!claims.TryGetValue(message.From, out (Profile, double At) before) || before.At < message.TimeMs))
            {
                claims[message.From] = (profile, message.TimeMs);
            }
        }

        if (claims.Count == 0)
        {
            return null;
        }

        PeerId owner = pins.TryGetValue(name, out PeerId pinned) && claims.ContainsKey(pinned)
            ? pinned
            : claims.OrderBy(claim => claim.Value.Profile.Since).ThenBy(claim => claim.Key).First().Key;
        pins[name] = owner;
        return (owner, claims[owner].Profile);
    }
}
