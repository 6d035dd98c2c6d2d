using Weft.Protocols.Sync;

namespace Weft.Protocols.Audit;

/// <summary>What an audit asks its driver to do.</summary>
public enum AuditOutputKind
{
    /// <summary>Send the message.</summary>
    Send = 0,

    /// <summary>Answer with OnSums: the sums of the ranges that begin at From and end at each of Bounds in turn.</summary>
    ReadSums,

    /// <summary>Answer with OnItems: fields From here To there, from the first one on.</summary>
    ReadItems,

    /// <summary>
    /// Exchange fields between From and To: send those of the ids in Give, ask for those of the ids in Take. The audit
    /// goes on meanwhile.
    /// </summary>
    Exchange,

    /// <summary>It is over: the tally is complete.</summary>
    Done,
}

/// <summary>One thing an audit asks for. Which members count is said by <see cref="AuditOutputKind"/>.</summary>
public readonly record struct AuditOutput(
    AuditOutputKind Kind,
    AuditMessage? Message = null,
    long Ticket = 0,
    SyncKey From = default,
    SyncKey To = default,
    IReadOnlyList<SyncKey>? Bounds = null,
    IReadOnlyCollection<UInt128>? Give = null,
    IReadOnlyCollection<UInt128>? Take = null);

/// <summary>What an audit is about.</summary>
/// <param name="Prefix">Souls that begin so; empty for all.</param>
/// <param name="From">Where the range begins.</param>
/// <param name="To">Where it ends.</param>
/// <param name="Samples">0 for everything; else how many places are drawn, whose fields are compared one by one.</param>
/// <param name="Heals">True to exchange what differs.</param>
public sealed record AuditPlan(string Prefix, SyncKey From, SyncKey To, int Samples = 0, bool Heals = false);
