namespace Weft.Node;

/// <summary>How signatures of incoming writes are verified. Section "Weft:Verify" of the configuration.</summary>
public sealed class VerifyOptions
{
    /// <summary>
    /// Threads that verify: 1 to 64; 0 for one less than there are processors, at least 1. Default: 0.
    /// </summary>
    public int Workers { get; set; }

    /// <summary>Signatures of one source that may wait; more are refused: 1 to 1,000,000. Default: 16,384.</summary>
    public int WaitingPerSourceMax { get; set; } = 16_384;

    /// <summary>Signatures of all sources that may wait: 1 to 10,000,000. Default: 131,072.</summary>
    public int WaitingMax { get; set; } = 131_072;

    /// <summary>Imported P-256 keys kept: 1 to 1,000,000. Default: 4,096.</summary>
    public int KeysMax { get; set; } = 4_096;

    /// <summary>
    /// Signatures of batches and grants that are remembered as good: 2 to 1,000,000. Default: 16,384.
    /// </summary>
    public int VerifiedMax { get; set; } = 16_384;

    internal int WorkersOrDefault => Workers > 0 ? Workers : Math.Max(1, Environment.ProcessorCount - 1);
}
