using Weft.Graph;
using Weft.Node.Commits;
using Weft.Protocols.Gun;
using Weft.Protocols.Sync;

namespace Weft.Simulation;

/// <summary>How a simulated node is built: the options of its cores, and what its drivers would be set to.</summary>
public sealed record SimNodeOptions
{
    /// <summary>Of the merge.</summary>
    public GraphOptions Graph { get; init; } = new();

    /// <summary>Of the commit log. Default: segments of 16 KiB, so that short runs meet their ends too.</summary>
    public CommitCoreOptions Commit { get; init; } = new() { SegmentBytes = 16 << 10, GroupBytesMax = 4 << 10 };

    /// <summary>Of the GUN core.</summary>
    public GunPeerOptions Gun { get; init; } = new();

    /// <summary>Of the GUN reader.</summary>
    public GunLimits Limits { get; init; } = new();

    /// <summary>Whom writes belong to; null, the default, for a node that judges nothing.</summary>
    public SimAccess? Access { get; init; }

    /// <summary>
    /// Of sessions of <c>/weft/sync/1</c>, which then run over the connections; null, the default, for GUN.
    /// </summary>
    public SyncOptions? Sync { get; init; }

    /// <summary>How often the log is taken over into the tier above it. Default: 2 s.</summary>
    public TimeSpan FlushEvery { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The first pause before a broken link is dialled again; it doubles. Default: 1 s.</summary>
    public TimeSpan RedialMin { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause. Default: 10 s.</summary>
    public TimeSpan RedialMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes on their way to one peer after which its driver reports it blocked. Default: 64 KiB.</summary>
    public int SendBufferBytes { get; init; } = 64 << 10;

    /// <summary>Writes that may wait; more are refused. Default: 4,096.</summary>
    public int WritesMax { get; init; } = 4_096;
}
