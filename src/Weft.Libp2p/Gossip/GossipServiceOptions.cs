using Weft.Protocols.Gossip;

namespace Weft.Libp2p.Gossip;

/// <summary>How a host gossips.</summary>
public sealed class GossipServiceOptions
{
    /// <summary>Mesh, ceilings, scores, message ids.</summary>
    public GossipOptions Core { get; set; } = new();

    /// <summary>
    /// Loops that verify signatures side by side; messages of one author stay in one. Default: one per processor.
    /// </summary>
    public int Verifiers { get; set; } = Math.Clamp(Environment.ProcessorCount, 1, 16);

    /// <summary>Time that a validator has; a message it does not judge in time is ignored. Default: 5 s.</summary>
    public TimeSpan ValidationTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Messages that wait for one subscriber; the oldest are dropped and counted. Default: 1,024.</summary>
    public int SubscriptionMax { get; set; } = 1_024;

    /// <summary>Bytes of those. Default: 16 MiB.</summary>
    public int SubscriptionBytesMax { get; set; } = 16 * 1024 * 1024;

    /// <summary>Subscriptions at once. Default: 4,096.</summary>
    public int SubscriptionsMax { get; set; } = 4_096;

    /// <summary>Connect with peers that others name when they cut a link. Default: true.</summary>
    public bool FollowsExchange { get; set; } = true;

    /// <summary>How long publishing waits at most for a peer that keeps up. Default: 1 s.</summary>
    public TimeSpan PublishPatience { get; set; } = TimeSpan.FromSeconds(1);
}

/// <summary>Judges a message after its signature, before it is handed over and sent on.</summary>
/// <param name="message">Signed by the author it names.</param>
/// <param name="cancellationToken">The time is over, or the service stops.</param>
public delegate ValueTask<GossipVerdict> GossipValidator(GossipMessage message, CancellationToken cancellationToken);

/// <summary>Counts since the start.</summary>
/// <param name="Published">Own messages.</param>
/// <param name="Delivered">Messages handed to subscribers of this host, own ones included.</param>
/// <param name="Sent">Copies put in line for peers.</param>
/// <param name="Dropped">Copies dropped because a peer was slow.</param>
/// <param name="Verified">Signatures looked at.</param>
/// <param name="Refused">What was not taken, by reason.</param>
public sealed record GossipCounts(
    long Published, long Delivered, long Sent, long Dropped, long Verified,
    IReadOnlyDictionary<GossipReason, long> Refused);

/// <summary>One topic, as it stands.</summary>
/// <param name="Topic">Its name.</param>
/// <param name="Peers">Peers that have joined it, as far as is known.</param>
/// <param name="Mesh">Mesh links.</param>
/// <param name="Subscriptions">Subscriptions of this host.</param>
public readonly record struct GossipTopicInfo(string Topic, int Peers, int Mesh, int Subscriptions);
