using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;

namespace Weft.Libp2p.Kad;

/// <summary>How a <see cref="KadService"/> runs.</summary>
public sealed class KadServiceOptions
{
    /// <summary>The DHT itself: protocol, times, ceilings.</summary>
    public KadOptions Kad { get; set; } = new();

    /// <summary>Ceilings of the record store that is made when <see cref="Records"/> is null.</summary>
    public RecordStoreOptions Store { get; set; } = new();

    /// <summary>Keeps the records; null for a store in memory.</summary>
    public IRecordStore? Records { get; set; }

    /// <summary>
    /// Completes when everything put into <see cref="Records"/> before is durable; null when nothing ever is.
    /// </summary>
    public Func<CancellationToken, ValueTask>? FlushAsync { get; set; }

    /// <summary>What is valid, by namespace; null for "pk" and "weft".</summary>
    public RecordRules? Rules { get; set; }

    /// <summary>
    /// Streams to others at once, all of them together: 1 to 4,096. Default: 256; more questions wait.
    /// </summary>
    public int StreamsMax { get; set; } = 256;

    /// <summary>Streams kept open to one peer between two questions. Default: 2.</summary>
    public int IdleStreamsMax { get; set; } = 2;

    /// <summary>How long a stream is kept open between two questions. Default: 5 s.</summary>
    public TimeSpan IdleStreamTime { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a peer may leave a stream without a question, or take to send one. Default: 60 s.</summary>
    public TimeSpan QuestionTimeout { get; set; } = TimeSpan.FromSeconds(60);
}
