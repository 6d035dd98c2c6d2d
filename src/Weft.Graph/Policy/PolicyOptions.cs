namespace Weft.Graph.Policy;

/// <summary>
/// How much one node holds of other people's records. What the records say is bounded by <see cref="PolicyLimits"/>,
/// which is the same everywhere; these ceilings are a node's own, and reaching one refuses new records, never old ones.
/// Section "Weft:Policy" of the configuration.
/// </summary>
public sealed class PolicyOptions
{
    /// <summary>
    /// Records (versions, rotations, revocations) held of all keys but the network's: 0 to 10,000,000. Default:
    /// 100,000.
    /// </summary>
    public int RecordsMax { get; set; } = 100_000;

    /// <summary>Bytes of their text: 0 to 1 GiB. Default: 32 MiB.</summary>
    public long RecordBytesMax { get; set; } = 32L << 20;

    /// <summary>
    /// Records held of one owner, so that nobody takes the room of all: 1 to 100,000. Default: 4,096.
    /// </summary>
    public int RecordsPerOwnerMax { get; set; } = 4_096;

    /// <summary>
    /// Signed versions that lost a merge and are kept in case the winner is dropped: 0 to 1,000,000. Default: 4,096.
    /// </summary>
    public int OutdoneMax { get; set; } = 4_096;

    /// <summary>Bytes those may take together: 0 to 1 GiB. Default: 4 MiB.</summary>
    public long OutdoneBytesMax { get; set; } = 4L << 20;
}
