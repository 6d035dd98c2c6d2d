using System.Buffers;
using Weft.Primitives;

namespace Weft.Protocols.Gossip;

/// <summary>The protocol a peer speaks; a later one understands the earlier ones.</summary>
public enum GossipVersion
{
    /// <summary>"/floodsub/1.0.0": it takes and sends messages, and knows no mesh.</summary>
    Flood,

    /// <summary>"/meshsub/1.0.0".</summary>
    V10,

    /// <summary>"/meshsub/1.1.0": back-off and peer exchange.</summary>
    V11,

    /// <summary>"/meshsub/1.2.0": messages that are not wanted.</summary>
    V12,
}

/// <summary>What is known of a peer when it joins in.</summary>
/// <param name="Version">The protocol it speaks.</param>
/// <param name="IsOutbound">True when this side opened the connection.</param>
/// <param name="Ip">Where it is, in any form that is the same for one place; null when that is not known.</param>
/// <param name="UsesKeyIds">True to speak js-libp2p's default ids to it until it shows what it speaks.</param>
/// <param name="IsDirect">True for a peer that always gets everything, and is never part of a mesh.</param>
public readonly record struct GossipPeerInfo(
    GossipVersion Version, bool IsOutbound = false, string? Ip = null, bool UsesKeyIds = false, bool IsDirect = false);

/// <summary>
/// One peer that gossips, as long as it is there. The driver's handle; what is in it belongs to the core.
/// </summary>
public sealed class GossipPeer
{
    internal GossipPeer(PeerId id, in GossipPeerInfo info, GossipStanding standing, long order)
    {
        Id = id;
        Info = info;
        UsesKeyIds = info.UsesKeyIds;
        Standing = standing;
        Order = order;
    }

    /// <summary>Who it is.</summary>
    public PeerId Id { get; }

    /// <summary>What was known of it when it joined in.</summary>
    public GossipPeerInfo Info { get; }

    /// <summary>Whatever its driver wants to find again.</summary>
    public object? Tag { get; set; }

    /// <summary>Its messages whose verdict is awaited: a driver reads no more of a peer that has many.</summary>
    public int Pending { get; internal set; }

    /// <summary>True when it is gone.</summary>
    public bool IsGone { get; internal set; }

    internal long Order { get; }

    internal GossipStanding Standing { get; }

    /// <summary>The topics it has joined.</summary>
    internal List<GossipTopic> Topics { get; } = [];

    internal bool UsesKeyIds { get; set; }

    internal bool IsMesh => Info.Version != GossipVersion.Flood;

    internal byte[]? Record { get; set; }

    internal int IHaveMessages { get; set; }

    internal int IdsAsked { get; set; }

    internal int IWantMessages { get; set; }

    internal int DontWantIds { get; set; }

    /// <summary>What it does not want, and until which heartbeat.</summary>
    internal Dictionary<GossipMessageId, long>? DontWant { get; set; }

    /// <summary>What waits for the end of the call: subscriptions, and the body of the control message.</summary>
    internal ArrayBufferWriter<byte> Subscriptions { get; set; } = new(64);

    internal ArrayBufferWriter<byte> Control { get; set; } = new(64);

    internal bool IsTouched { get; set; }

    /// <inheritdoc/>
    public override string ToString() => Id.ToString();
}

/// <summary>What is held for and against a peer; it outlives its connection.</summary>
internal sealed class GossipStanding
{
    /// <summary>By topic. Enumerated in the order of insertion, whatever the hashes are.</summary>
    internal Dictionary<string, GossipTopicStanding> Topics { get; } = [];

    internal double Behaviour { get; set; }

    internal double Application { get; set; }

    internal double Score { get; set; }

    internal bool IsDirty { get; set; } = true;

    /// <summary>When it may be forgotten; it counts only for a peer that is gone.</summary>
    internal WeftInstant ForgetAt { get; set; }
}

/// <summary>The same, in one topic.</summary>
internal sealed class GossipTopicStanding(GossipTopicScore parameters)
{
    internal GossipTopicScore Parameters => parameters;

    internal bool IsInMesh { get; set; }

    internal WeftInstant GraftedAt { get; set; }

    internal TimeSpan MeshTime { get; set; }

    internal double First { get; set; }

    internal double Mesh { get; set; }

    internal double Failure { get; set; }

    internal double Invalid { get; set; }

    internal WeftInstant BackoffUntil { get; set; }

    internal WeftInstant PrunedAt { get; set; }

    internal bool IsBlank => !IsInMesh && First == 0 && Mesh == 0 && Failure == 0 && Invalid == 0;
}

/// <summary>One topic that was joined here, or by a peer.</summary>
internal sealed class GossipTopic(string name)
{
    internal string Name => name;

    internal bool IsJoined { get; set; }

    /// <summary>Who has joined it, in an order that depends on the events alone.</summary>
    internal List<GossipPeer> Peers { get; } = [];

    internal List<GossipPeer> Mesh { get; } = [];

    /// <summary>Whom own messages go to while the topic is not joined.</summary>
    internal List<GossipPeer> Fanout { get; } = [];

    internal WeftInstant PublishedAt { get; set; }

    /// <summary>Ids to tell, gathered anew at each heartbeat.</summary>
    internal List<GossipMessageId> ToTell { get; } = [];

    internal bool IsIdle => !IsJoined && Peers.Count == 0 && Fanout.Count == 0;
}
