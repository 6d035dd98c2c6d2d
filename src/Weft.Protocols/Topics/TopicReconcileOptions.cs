namespace Weft.Protocols.Topics;

/// <summary>How two relays compare what they keep.</summary>
public sealed class TopicReconcileOptions
{
    /// <summary>Into how many parts a range is split. Default: 16.</summary>
    public int Split { get; set; } = 16;

    /// <summary>Ranges of at most so many messages are listed, not split. Default: 32.</summary>
    public int ListMax { get; set; } = 32;

    /// <summary>Ranges of one frame. Default: 64; 1,024 are read.</summary>
    public int RangesMax { get; set; } = 64;

    /// <summary>Points of one frame. Default: 16,384: 640 KiB.</summary>
    public int PointsMax { get; set; } = 16_384;

    /// <summary>Frames of one comparison; beyond, it is given up. Default: 1,024.</summary>
    public int RoundsMax { get; set; } = 1_024;

    /// <summary>Differences of one session, each way; the rest is left to the next. Default: 131,072.</summary>
    public int DifferencesMax { get; set; } = 131_072;

    /// <summary>Messages that are asked for at once. Default: 512.</summary>
    public int FetchMax { get; set; } = 512;

    /// <summary>Bytes of the messages of one frame. Default: 512 KiB, and one message more.</summary>
    public int BatchBytesMax { get; set; } = 512 * 1024;

    /// <summary>Heads that a relay tells. Default: 1,024, the newest.</summary>
    public int HeadsMax { get; set; } = 1_024;

    /// <summary>How old the index of a relay may be that answers, in milliseconds. Default: 1,000.</summary>
    public double IndexAgeMs { get; set; } = 1_000;
}
