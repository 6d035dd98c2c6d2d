namespace Weft.Protocols.Gossip;

/// <summary>
/// How peers are judged: score = cap(sum over topics) + P5 + P6 + P7. Counters decay once in a heartbeat.
/// </summary>
/// <remarks>
/// Source: libp2p specs, gossipsub-v1.1.md, "Peer Scoring"; docs/spec/gossip.md says why each default is what it is.
/// </remarks>
public sealed class GossipScoreOptions
{
    /// <summary>
    /// Below this, no gossip goes to a peer, and its own is not looked at. Less than 0. Default: -10.
    /// </summary>
    public double GossipThreshold { get; set; } = -10;

    /// <summary>Below this, own messages do not go to a peer. At most GossipThreshold. Default: -50.</summary>
    public double PublishThreshold { get; set; } = -50;

    /// <summary>Below this, nothing of a peer is looked at. At most PublishThreshold. Default: -80.</summary>
    public double GraylistThreshold { get; set; } = -80;

    /// <summary>From this on, other peers that a peer names are tried. At least 0. Default: 10.</summary>
    public double ExchangeThreshold { get; set; } = 10;

    /// <summary>A mesh whose median is below this gets better peers. At least 0. Default: 20.</summary>
    public double OpportunisticThreshold { get; set; } = 20;

    /// <summary>The most that all topics together add; 0 for no cap. Default: 100.</summary>
    public double TopicCap { get; set; } = 100;

    /// <summary>P5: weight of the score that the application gives. Default: 1.</summary>
    public double ApplicationWeight { get; set; } = 1;

    /// <summary>
    /// P6: weight of the square of the peers at one IP beyond the threshold; 0 for none, at most 0. Default: -5.
    /// </summary>
    public double ColocationWeight { get; set; } = -5;

    /// <summary>P6: peers at one IP that are no reason to worry. Default: 10.</summary>
    public int ColocationThreshold { get; set; } = 10;

    /// <summary>P7: weight of the square of the misbehaviour beyond the threshold; at most 0. Default: -10.</summary>
    public double BehaviourWeight { get; set; } = -10;

    /// <summary>P7: misbehaviour that is forgiven. Default: 0.</summary>
    public double BehaviourThreshold { get; set; }

    /// <summary>P7: what is left of it after a heartbeat. Default: 0.99.</summary>
    public double BehaviourDecay { get; set; } = 0.99;

    /// <summary>A counter below this is 0. Default: 0.01.</summary>
    public double DecayToZero { get; set; } = 0.01;

    /// <summary>How long the bad score of a peer that is gone is remembered. Default: 1 h.</summary>
    public TimeSpan Retain { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How peers are judged in a topic that has no parameters of its own.</summary>
    public GossipTopicScore DefaultTopic { get; set; } = new();

    /// <summary>Parameters by topic.</summary>
    public IDictionary<string, GossipTopicScore> Topics { get; } = new Dictionary<string, GossipTopicScore>();

    internal void Validate()
    {
        if (GossipThreshold >= 0 || PublishThreshold > GossipThreshold || GraylistThreshold > PublishThreshold
            || ExchangeThreshold < 0 || OpportunisticThreshold < 0)
        {
            throw new ArgumentException(
                "GraylistThreshold ≤ PublishThreshold ≤ GossipThreshold < 0 must hold, and the others be at least 0.");
        }

        if (ColocationWeight > 0 || BehaviourWeight > 0)
        {
            throw new ArgumentException("The weights of penalties must be at most 0.");
        }
    }
}

/// <summary>How peers are judged in one topic.</summary>
public sealed class GossipTopicScore
{
    /// <summary>What the topic counts among others. Default: 1.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>P1: weight of the time in the mesh. Default: 0.05.</summary>
    public double TimeInMeshWeight { get; set; } = 0.05;

    /// <summary>P1: what counts as one. Default: 1 s.</summary>
    public TimeSpan TimeInMeshQuantum { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>P1: the most that counts. Default: 200.</summary>
    public double TimeInMeshCap { get; set; } = 200;

    /// <summary>P2: weight of messages that a peer brought first. Default: 1.</summary>
    public double FirstDeliveriesWeight { get; set; } = 1;

    /// <summary>P2: what is left of them after a heartbeat. Default: 0.9.</summary>
    public double FirstDeliveriesDecay { get; set; } = 0.9;

    /// <summary>P2: the most that count. Default: 50.</summary>
    public double FirstDeliveriesCap { get; set; } = 50;

    /// <summary>
    /// P3: weight of the square of the messages that a mesh peer brought too few; at most 0. Default: 0, because a
    /// quiet
    /// topic would punish everyone.
    /// </summary>
    public double MeshDeliveriesWeight { get; set; }

    /// <summary>P3: what is left after a heartbeat. Default: 0.9.</summary>
    public double MeshDeliveriesDecay { get; set; } = 0.9;

    /// <summary>P3: the most that count. Default: 100.</summary>
    public double MeshDeliveriesCap { get; set; } = 100;

    /// <summary>P3: how many there should be. Default: 5.</summary>
    public double MeshDeliveriesThreshold { get; set; } = 5;

    /// <summary>P3: a copy this late after the first still counts. Default: 10 ms.</summary>
    public TimeSpan MeshDeliveriesWindow { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>P3: time in the mesh after which it counts. Default: 5 s.</summary>
    public TimeSpan MeshDeliveriesActivation { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>P3b: weight of what was missing when links were cut; at most 0. Default: 0.</summary>
    public double MeshFailureWeight { get; set; }

    /// <summary>P3b: what is left after a heartbeat. Default: 0.95.</summary>
    public double MeshFailureDecay { get; set; } = 0.95;

    /// <summary>P4: weight of the square of refused messages; at most 0. Default: -20.</summary>
    public double InvalidWeight { get; set; } = -20;

    /// <summary>P4: what is left after a heartbeat. Default: 0.99.</summary>
    public double InvalidDecay { get; set; } = 0.99;
}
