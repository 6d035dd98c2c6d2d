using Weft.Primitives;
using Weft.Protocols.Topics;

namespace Weft.Libp2p.Topics;

/// <summary>How a host keeps topics for others.</summary>
public sealed class TopicRelayOptions
{
    /// <summary>Topics to keep from the start.</summary>
    public IList<string> Topics { get; } = [];

    /// <summary>Join and keep topics that others ask for. Default: false.</summary>
    public bool KeepsWhatIsAsked { get; set; }

    /// <summary>Topics that are kept. Default: 256; more are refused.</summary>
    public int TopicsMax { get; set; } = 256;

    /// <summary>What is kept of each.</summary>
    public TopicRetention Retention { get; set; } = new();

    /// <summary>
    /// Relays whose topics are kept here, too, and with which this one compares itself first. Default: none; it compares
    /// itself with all relays it is connected with.
    /// </summary>
    public ISet<PeerId> Relays { get; } = new SortedSet<PeerId>();

    /// <summary>When it compares itself with other relays.</summary>
    public TopicPlanOptions Plan { get; set; } = new();

    /// <summary>How it compares itself with other relays.</summary>
    public TopicReconcileOptions Reconcile { get; set; } = new();

    /// <summary>How long a relay may take over one answer. Default: 30 s.</summary>
    public TimeSpan AnswerMax { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Streams that are served at once. Default: 1,024.</summary>
    public int StreamsMax { get; set; } = 1_024;

    /// <summary>Bytes of one batch. Default: 64 KiB.</summary>
    public int BatchBytesMax { get; set; } = 64 * 1024;

    /// <summary>How often what is too old is let go. Default: 1 min.</summary>
    public TimeSpan MaintainEvery { get; set; } = TimeSpan.FromMinutes(1);
}
