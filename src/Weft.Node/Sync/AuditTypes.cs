using Weft.Primitives;
using Weft.Protocols.Audit;

namespace Weft.Node.Sync;

/// <summary>What <see cref="NodeSync.AuditAsync(PeerId, AuditRequest, CancellationToken)"/> shall compare, and how.</summary>
public sealed class AuditRequest
{
    /// <summary>What part of the graph. Default: all of it.</summary>
    public Scope Scope { get; set; } = Scope.All;

    /// <summary>
    /// 0 compares everything by fingerprints, and fields one by one where those differ. Above 0: so many places are drawn
    /// at random, and the fields there are read from both stores and compared, whatever fingerprints say. Up to 1,024.
    /// </summary>
    public int Samples { get; set; }

    /// <summary>Exchange what differs, and compare again. Default: false, nothing is changed.</summary>
    public bool Heals { get; set; }

    /// <summary>
    /// Compare once more what differs, after waiting until both sides have what was on its way: writes in flight are no
    /// inconsistency. Default: true.
    /// </summary>
    public bool Settles { get; set; } = true;

    /// <summary>Differences that are named, 0 to 10,000; all are counted. Default: 1,000.</summary>
    public int DifferencesMax { get; set; } = 1_000;

    /// <summary>How long with one peer, 1 s and up; what was found by then is the result. Default: 60 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Draws the samples; the same number draws the same places of the same graph. Default: a random one.</summary>
    public ulong? Seed { get; set; }
}

/// <summary>What an audit with one peer found.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Scope">What was compared.</param>
/// <param name="Error">Why it ended early; None when it did not.</param>
/// <param name="IsComplete">True when everything in the scope was compared (for a sampled audit: every sample).</param>
/// <param name="IsSampled">True when places were drawn.</param>
/// <param name="Tally">The counts of the last pass, and the differences that were named.</param>
/// <param name="Healed">Fields that differed in the first pass and no longer in the last one.</param>
/// <param name="Passes">How often it was compared.</param>
/// <param name="BytesIn">Bytes received for it, over all passes; healing is not in it.</param>
/// <param name="BytesOut">Bytes sent.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record AuditReport(
    PeerId Peer,
    Scope Scope,
    WeftError Error,
    bool IsComplete,
    bool IsSampled,
    AuditTally Tally,
    long Healed,
    int Passes,
    long BytesIn,
    long BytesOut,
    TimeSpan Elapsed)
{
    /// <summary>True when it is complete and nothing differs.</summary>
    public bool IsEqual => IsComplete && Tally.Different == 0;

    /// <summary>Fields that this node lacks, or has in an older state.</summary>
    public long BehindHere => Tally.OnlyThere + Tally.NewerThere;

    /// <summary>Fields that the peer lacks, or has in an older state.</summary>
    public long BehindThere => Tally.OnlyHere + Tally.NewerHere;
}
