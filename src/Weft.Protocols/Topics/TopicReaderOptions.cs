namespace Weft.Protocols.Topics;

/// <summary>How a reader of a topic brings together what relays and the mesh give.</summary>
public sealed class TopicReaderOptions
{
    /// <summary>Messages that are remembered, so that each is given once. Default: 262,144; 16 bytes each, and a set.</summary>
    public int RememberedMax { get; set; } = 262_144;

    /// <summary>
    /// Messages that wait for the one before them while a relay gives what it kept. Default: 4,096; beyond, they are given
    /// in the order of their authors' numbers.
    /// </summary>
    public int HeldMax { get; set; } = 4_096;

    /// <summary>Authors whose last record is remembered. Default: 10,000.</summary>
    public int AuthorsMax { get; set; } = 10_000;

    /// <summary>How long a live message's forerunner may be late before it is a gap. Default: 5 s.</summary>
    public TimeSpan LateMax { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Forerunners that are waited for. Default: 1,024.</summary>
    public int LateCountMax { get; set; } = 1_024;

    /// <summary>Points that are remembered to compare with a second relay. Default: 262,144; beyond, it is not asked.</summary>
    public int PointsMax { get; set; } = 262_144;
}
