namespace Weft.Graph;

/// <summary>The knobs of the merge. Section "Weft:Graph" of the configuration.</summary>
public sealed class GraphOptions
{
    /// <summary>How far ahead of this node's clock a state may lie; later ones are refused. Default: 10 minutes.</summary>
    public TimeSpan FutureMax { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How many writes of the near future are held: 0 to 1,000,000. Default: 10,000.</summary>
    public int DeferredMax { get; set; } = 10_000;

    /// <summary>Bytes those may take together: 0 to 1 GiB. Default: 16 MiB.</summary>
    public long DeferredBytesMax { get; set; } = 16L << 20;

    /// <summary>How many losing writes the journal holds; the oldest goes first: 0 to 1,000,000. Default: 10,000.</summary>
    public int JournalMax { get; set; } = 10_000;

    /// <summary>Bytes those may take together: 0 to 1 GiB. Default: 4 MiB. Longer values are cut.</summary>
    public long JournalBytesMax { get; set; } = 4L << 20;
}
