namespace Weft.Protocols.Gossip;

/// <summary>How a peer gossips. Every table, queue and message has its ceiling here.</summary>
/// <remarks>
/// Defaults are those of the gossipsub 1.0 to 1.2 specifications where they name one. Source: docs/spec/gossip.md.
/// </remarks>
public sealed class GossipOptions
{
    /// <summary>Mesh links wanted for each topic. Default: 6.</summary>
    public int Degree { get; set; } = 6;

    /// <summary>Mesh links below which more are made. Default: 4.</summary>
    public int DegreeLow { get; set; } = 4;

    /// <summary>Mesh links above which some are cut. Default: 12.</summary>
    public int DegreeHigh { get; set; } = 12;

    /// <summary>Peers outside of the mesh that are told message ids, at least. Default: 6.</summary>
    public int DegreeLazy { get; set; } = 6;

    /// <summary>Links that are kept by score when some are cut; the others are drawn. Default: 4.</summary>
    public int DegreeScore { get; set; } = 4;

    /// <summary>
    /// Links over connections that this side opened, at least; less than DegreeLow, at most Degree / 2. Default: 2.
    /// </summary>
    public int DegreeOut { get; set; } = 2;

    /// <summary>Time between two heartbeats. Default: 1 s.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Heartbeats for which a message is kept to be asked for. Default: 5.</summary>
    public int HistoryLength { get; set; } = 5;

    /// <summary>Heartbeats for which its id is told to others; at most HistoryLength. Default: 3.</summary>
    public int HistoryGossip { get; set; } = 3;

    /// <summary>How long an id is remembered as seen. Default: 2 min.</summary>
    public TimeSpan SeenTtl { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long the peers for a topic that is published to, but not joined, are kept. Default: 60 s.</summary>
    public TimeSpan FanoutTtl { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long two peers stay apart after a link was cut. Default: 1 min.</summary>
    public TimeSpan PruneBackoff { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The same after this peer left the topic. Default: 10 s.</summary>
    public TimeSpan UnsubscribeBackoff { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest time apart that another peer may ask for. Default: 1 h.</summary>
    public TimeSpan BackoffMax { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Share of the peers outside of the mesh that are told message ids, 0 to 1. Default: 0.25.</summary>
    public double GossipFactor { get; set; } = 0.25;

    /// <summary>Own messages go to every peer of the topic that is good enough. Default: true.</summary>
    public bool FloodPublish { get; set; } = true;

    /// <summary>
    /// Ids of one IHAVE that are sent or looked at, and asked of one peer in a heartbeat. Default: 5,000.
    /// </summary>
    public int IHaveIdsMax { get; set; } = 5_000;

    /// <summary>IHAVE messages of one peer that are looked at in a heartbeat. Default: 10.</summary>
    public int IHaveMessagesMax { get; set; } = 10;

    /// <summary>IWANT messages of one peer that are answered in a heartbeat. Default: 10.</summary>
    public int IWantMessagesMax { get; set; } = 10;

    /// <summary>Times that one message is sent to one peer that asks for it. Default: 3.</summary>
    public int Retransmissions { get; set; } = 3;

    /// <summary>How long a peer may take to send what it announced. Default: 3 s.</summary>
    public TimeSpan PromiseTime { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Within this time after a cut link a new one counts as a flood. Default: 10 s.</summary>
    public TimeSpan GraftFlood { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Heartbeats between two looks for better peers than those in the mesh. Default: 60.</summary>
    public int OpportunisticTicks { get; set; } = 60;

    /// <summary>Better peers that are linked at such a look. Default: 2.</summary>
    public int OpportunisticPeers { get; set; } = 2;

    /// <summary>
    /// Other peers that are named to a peer whose link is cut, and taken from such a list. Default: 16.
    /// </summary>
    public int ExchangePeersMax { get; set; } = 16;

    /// <summary>Bytes of data from which peers are told that a message need not be sent again. Default: 512.</summary>
    public int IDontWantBytesMin { get; set; } = 512;

    /// <summary>Such ids of one peer that are remembered in a heartbeat. Default: 512.</summary>
    public int IDontWantIdsMax { get; set; } = 512;

    /// <summary>Heartbeats for which they are remembered. Default: 3.</summary>
    public int IDontWantTicks { get; set; } = 3;

    /// <summary>Bytes of the data of one message. Default: 1 MiB.</summary>
    public int DataBytesMax { get; set; } = 1024 * 1024;

    /// <summary>Bytes of one RPC that are read; larger ones end the stream. Default: 2 MiB.</summary>
    public int RpcBytesMax { get; set; } = 2 * 1024 * 1024;

    /// <summary>Bytes of the UTF-8 of a topic's name. Default: 256.</summary>
    public int TopicBytesMax { get; set; } = 256;

    /// <summary>Peers that take part. Default: 1,024.</summary>
    public int PeersMax { get; set; } = 1_024;

    /// <summary>Topics this peer has joined. Default: 1,024.</summary>
    public int JoinedMax { get; set; } = 1_024;

    /// <summary>Topics that are known, joined or only named by others. Default: 8,192.</summary>
    public int TopicsMax { get; set; } = 8_192;

    /// <summary>Topics of one peer that are known. Default: 512.</summary>
    public int TopicsPerPeerMax { get; set; } = 512;

    /// <summary>Ids remembered as seen; the oldest go. Default: 65,536.</summary>
    public int SeenMax { get; set; } = 65_536;

    /// <summary>Bytes of the messages kept to be asked for; the oldest go. Default: 32 MiB.</summary>
    public int CacheBytesMax { get; set; } = 32 * 1024 * 1024;

    /// <summary>
    /// Messages whose verdict is awaited. Default: 8,192; more are dropped and may be asked for later.
    /// </summary>
    public int PendingMax { get; set; } = 8_192;

    /// <summary>Bytes of those. Default: 32 MiB.</summary>
    public int PendingBytesMax { get; set; } = 32 * 1024 * 1024;

    /// <summary>Messages of one peer among those. Default: 4,096.</summary>
    public int PendingPerPeerMax { get; set; } = 4_096;

    /// <summary>Different messages under one id whose verdict is awaited. Default: 4.</summary>
    public int CandidatesMax { get; set; } = 4;

    /// <summary>Peers that are gone and whose bad score is remembered. Default: 4,096; the oldest go.</summary>
    public int RetainedMax { get; set; } = 4_096;

    /// <summary>
    /// Bytes of control frames in line for one peer; a peer that reads too slowly for that is dropped. Default: 1 MiB.
    /// </summary>
    public int ControlQueueBytesMax { get; set; } = 1024 * 1024;

    /// <summary>Bytes of messages in line for one peer; the oldest are dropped. Default: 4 MiB.</summary>
    public int DataQueueBytesMax { get; set; } = 4 * 1024 * 1024;

    /// <summary>How a message is named. Default: <see cref="GossipIdRule.FromSequence"/>.</summary>
    public GossipIdRule IdRule { get; set; } = GossipIdRule.FromSequence;

    /// <summary>Names a message instead of <see cref="IdRule"/>. Pure and total; null, the default, for none.</summary>
    public GossipIdFunction? IdFunction { get; set; }

    /// <summary>How peers are judged.</summary>
    public GossipScoreOptions Score { get; set; } = new();

    /// <summary>Refuses what cannot work.</summary>
    /// <exception cref="ArgumentException">Says which.</exception>
    public void Validate()
    {
        if (DegreeLow > Degree || Degree > DegreeHigh || DegreeLow < 1 || DegreeScore > Degree)
        {
            throw new ArgumentException("1 ≤ DegreeLow ≤ Degree ≤ DegreeHigh and DegreeScore ≤ Degree must hold.");
        }

        if (DegreeOut >= DegreeLow || DegreeOut > Degree / 2 || DegreeOut < 0)
        {
            throw new ArgumentException("DegreeOut must be less than DegreeLow and at most Degree / 2.");
        }

        if (HistoryGossip < 1 || HistoryGossip > HistoryLength || Heartbeat <= TimeSpan.Zero)
        {
            throw new ArgumentException("1 ≤ HistoryGossip ≤ HistoryLength must hold, and Heartbeat be more than 0.");
        }

        Score.Validate();
    }
}
